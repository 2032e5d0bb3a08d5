"""What nothing refers to can be deleted; a refusal names what does."""

from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Select, select

from chassis.database import Session
from chassis.errors import FailedPrecondition
from chassis.referrers import describe_referrers
from services.forum.model import Conclusion, SubjectNode, WorkingGroup

Linking = TypeVar("Linking", SubjectNode, WorkingGroup, Conclusion)


async def delete_unused(session: Session, row: SubjectNode | WorkingGroup, *uses: Select[Any]) -> None:
    """
    Delete a row, which is locked, so that nothing begins to refer to it.

    Args:
        uses: Statements for the rows that refer to it, each of one kind.

    Raises:
        FailedPrecondition: Something does; reason IN_USE, and the metadata names what.
    """
    if referrers := await describe_referrers(session, uses, attrgetter("title")):
        raise FailedPrecondition(
            f"{row.name} is in use: {referrers['referrers']} others of the forum refer to it.",
            reason="IN_USE",
            metadata={"resource": row.name, **referrers},
        )
    await session.delete(row)
    await session.flush()


def select_linked(model: type[Linking], attribute: str, row: SubjectNode | WorkingGroup) -> Select[Linking]:
    """Return the statement for the others of its forum that refer to a row by an attribute with ids, oldest first."""
    own, other = model.LINKS[attribute]
    linked = select(own).where(own.class_.forum_id == row.forum_id, other == row.id)
    return (
        select(model)
        .where(model.forum_id == row.forum_id, model.id.in_(linked), model.id != row.id)
        .order_by(model.create_time, model.id)
    )
