"""What the database's constraints refuse, in words for people."""

from sqlalchemy.exc import IntegrityError

from chassis.database import Session
from chassis.errors import AlreadyExists, FailedPrecondition
from chassis.model import Resource

TAKEN = {
    "ix_subject_nodes_forum_id_code": "Another node of this forum has this code.",
    "ix_panelists_forum_id_account": "This account sits on the panel already.",
    "pk_ownerships": "Another working group owns one of these nodes.",
}
"""Unique key → what it means that a value is taken; any other unique key is that of an id."""

UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"


async def store(session: Session) -> None:
    """
    Write what is pending in the session, so that the database judges it now.

    Raises:
        AlreadyExists: An id, a code, an account or a node is taken.
        FailedPrecondition: Something that is referred to was deleted meanwhile; reason REFERENCE_GONE.
    """
    try:
        await session.flush()
    except IntegrityError as error:
        code, constraint = _violation(error)
        if code == UNIQUE_VIOLATION:
            raise AlreadyExists(TAKEN.get(constraint, "This id is taken.")) from error
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
            raise FailedPrecondition(message, reason="IN_USE") from error
        raise


def _violation(error: IntegrityError) -> tuple[str, str]:
    """Return the SQLSTATE and the name of the violated constraint."""
    cause = getattr(error.orig, "__cause__", None)
    return str(getattr(cause, "sqlstate", "")), str(getattr(cause, "constraint_name", ""))
