"""What a caller is told of an error that no rule of the domain raised: of the database's, or of time."""

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
            return _database_away()
        case DBAPIError(connection_invalidated=True):
            return _database_away()
        case DBAPIError(orig=BaseException(__cause__=ValueError())):
            # asyncpg's own DataError: a value that no parameter of the statement's type can hold.
            return InvalidArgument("", "A value can't be stored.", reason="VALUE_NOT_STORABLE")
        case DBAPIError():
            return _read_sqlstate(sqlstate(error))
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


def _ask_driver(error: DBAPIError, attribute: str) -> str:
    # SQLAlchemy wraps asyncpg's error, which alone knows the constraint.
    cause = error.orig and error.orig.__cause__
    return str(getattr(cause, attribute, None) or "")


def _read_sqlstate(state: str) -> DomainError:
    """Read an SQLSTATE (PostgreSQL, appendix A): what a repeat can mend, and what the input caused."""
    match state:
        case "57014":
            return _too_slow()
        case "25006":
            # A standby, or a server that was made read-only: another one takes the writes, or soon will.
            return _database_away()
        case "40001" | "40P01" | "55P03":
            return Aborted("Two changes met at the same moment; try again.", reason="CONCURRENT_CHANGE")
        case "23505" | "23P01":
            return AlreadyExists("Something else is in the way.", reason="SOMETHING_IN_THE_WAY")
        case "23503":
            return FailedPrecondition(
                "What it refers to does not exist, or something still refers to it.", reason="REFERENCE_BROKEN"
            )
    match state[:2]:
        case "08" | "53" | "57":
            return _database_away()
        case "22":
            return InvalidArgument("", "A value can't be stored.", reason="VALUE_NOT_STORABLE")
    return _defect()


def _database_away() -> DomainError:
    return Unavailable("The database does not answer at the moment; try again.", reason="DATABASE_AWAY")


def _too_slow() -> DomainError:
    return DeadlineExceeded("It took too long; try again.", reason="TOO_SLOW")


def _defect() -> DomainError:
    return Internal()
