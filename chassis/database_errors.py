"""What a caller is told of an error that no rule of the domain raised: of the database's, or of time."""

from asyncpg.exceptions import TargetServerAttributeNotMatched
from sqlalchemy import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from chassis.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    DomainError,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    Unavailable,
)


def as_domain_error(error: Exception) -> DomainError:
    """Return what a caller is told; an error that is not foreseen becomes `Internal`, without its text."""
    match error:
        case DomainError():
            return error
        case StaleDataError():
            return Aborted("Someone else changed it at the same moment; read it again.", reason="ETAG_MISMATCH")
        case TimeoutError():
            return _too_slow()
        case PoolTimeout() | OSError():
            return database_away()
        case DBAPIError(orig=BaseException(__cause__=TargetServerAttributeNotMatched())):
            return read_only()
        case DBAPIError(orig=BaseException(__cause__=ValueError())):
            # asyncpg's own DataError: a value that no parameter of the statement's type can hold.
            return InvalidArgument("", "A value can't be stored.", reason="VALUE_NOT_STORABLE")
        case DBAPIError():
            told = _read_sqlstate(sqlstate(error))
            return database_away() if error.connection_invalidated and isinstance(told, Internal) else told
        case _:
            return _defect()


def constraint_name(error: IntegrityError) -> str:
    """Return the name of the constraint that the database upheld."""
    return _ask_driver(error, "constraint_name")


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE (PostgreSQL, appendix A); "" where the database said none."""
    return _ask_driver(error, "sqlstate")


def is_conflict(error: BaseException) -> bool:
    """Return whether two transactions met, and PostgreSQL ended this one: serialization failure or deadlock."""
    return isinstance(error, DBAPIError) and sqlstate(error) in ("40001", "40P01")


def drop_demoted(context: ExceptionContext) -> None:
    """
    Have a pool open its connections anew once a server refuses changes: another one is the primary by now.

    A listener of SQLAlchemy's ``handle_error``. A transaction that we began for reading only is no sign of that.
    """
    options = context.connection.get_execution_options() if context.connection is not None else {}
    if not options.get("postgresql_readonly") and find_sqlstate(context.original_exception) == "25006":
        context.is_disconnect = True


def find_sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of a driver's error, or of SQLAlchemy's adapter for it; "" where the database said none."""
    return _find_attribute(error, "sqlstate")


def _ask_driver(error: DBAPIError, attribute: str) -> str:
    return _find_attribute(error.orig, attribute)


def _find_attribute(error: BaseException | None, attribute: str) -> str:
    # SQLAlchemy wraps asyncpg's error, which alone knows the constraint; psycopg's it passes on.
    for source in (error and error.__cause__, error, getattr(error, "diag", None)):
        if found := getattr(source, attribute, None):
            return str(found)
    return ""


def _read_sqlstate(state: str) -> DomainError:
    """Read an SQLSTATE (PostgreSQL, appendix A): what a repeat can mend, and what the input caused."""
    match state:
        case "57014":
            return _too_slow()
        case "40001" | "40P01" | "55P03":
            return Aborted("Two changes met at the same moment; try again.", reason="CONCURRENT_CHANGE")
        case "23505" | "23P01":
            return AlreadyExists("Something else is in the way.", reason="SOMETHING_IN_THE_WAY")
        case "23503":
            return FailedPrecondition(
                "What it refers to does not exist, or something still refers to it.", reason="REFERENCE_BROKEN"
            )
        case "25006":
            return read_only()
        case "53100":
            return Unavailable("The disk of the database is full; nothing was changed.", reason="DATABASE_DISK_FULL")
    match state[:2]:
        case "08" | "53" | "57":
            return database_away()
        case "22":
            return InvalidArgument("", "A value can't be stored.", reason="VALUE_NOT_STORABLE")
    return _defect()


def read_only() -> Unavailable:
    """Return that the database answers, and takes no changes: it became a standby, or is being replaced by one."""
    return Unavailable("The database takes no changes at the moment; try again.", reason="DATABASE_READ_ONLY")


def database_away() -> Unavailable:
    """Return that the database does not answer."""
    return Unavailable("The database does not answer at the moment; try again.", reason="DATABASE_AWAY")


def _too_slow() -> DomainError:
    return DeadlineExceeded("It took too long; try again.", reason="TOO_SLOW")


def _defect() -> DomainError:
    return Internal()
