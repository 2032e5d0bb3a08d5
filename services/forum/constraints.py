"""What the database's constraints refuse, in words for people."""

from sqlalchemy.exc import IntegrityError

from chassis.database import Session
from chassis.errors import AlreadyExists, FailedPrecondition
from chassis.model import Resource

UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"


async def store(session: Session) -> None:
    """
    Write what is pending in the session, so that the database judges it now.

    Raises:
        AlreadyExists: An id (reason NAME_TAKEN), a code (CODE_TAKEN), an account (ACCOUNT_ON_PANEL) or a node
            (NODE_OWNED) is taken.
        FailedPrecondition: Something that is referred to was deleted meanwhile; reason REFERENCE_GONE.
    """
    try:
        await session.flush()
    except IntegrityError as error:
        code, constraint = _violation(error)
        if code == UNIQUE_VIOLATION:
            raise _taken(constraint) from error
        if code == FOREIGN_KEY_VIOLATION:
            message = "Something that this refers to was deleted meanwhile."
            raise FailedPrecondition(message, reason="REFERENCE_GONE") from error
        raise


async def erase(session: Session, row: Resource) -> None:
    """
    Delete a row for good.

    Raises:
        FailedPrecondition: Something else refers to it; reason IN_USE.
    """
    name = row.name
    await session.delete(row)
    try:
        await session.flush()
    except IntegrityError as error:
        if _violation(error)[0] == FOREIGN_KEY_VIOLATION:
            message = f"{name} is in use: something else of the forum refers to it."
            raise FailedPrecondition(message, reason="IN_USE", metadata={"resource": name}) from error
        raise


def _taken(constraint: str) -> AlreadyExists:
    """Return what it means that a value of a unique key is taken."""
    match constraint:
        case "ix_subject_nodes_forum_id_code":
            return AlreadyExists("Another node of this forum has this code.", reason="CODE_TAKEN")
        case "ix_panelists_forum_id_account":
            return AlreadyExists("This account sits on the panel already.", reason="ACCOUNT_ON_PANEL")
        case "pk_ownerships":
            return AlreadyExists("Another working group owns one of these nodes.", reason="NODE_OWNED")
        case _:  # any other unique key is that of an id
            return AlreadyExists("This id is taken.", reason="NAME_TAKEN")


def _violation(error: IntegrityError) -> tuple[str, str]:
    """Return the SQLSTATE and the name of the violated constraint."""
    cause = getattr(error.orig, "__cause__", None)
    return str(getattr(cause, "sqlstate", "")), str(getattr(cause, "constraint_name", ""))
