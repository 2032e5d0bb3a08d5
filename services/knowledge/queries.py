"""Rows as servicers need them: those that the caller may see."""

from sqlalchemy import Select, or_

from chassis.database import Session
from chassis.errors import NotFound
from chassis.identity import identity
from services.knowledge import rights
from services.knowledge.model import Learning, Visibility


async def get_visible(session: Session, name: str, *, lock: bool = False) -> Learning:
    """
    Return a learning that the caller may see, locked if asked to.

    Raises:
        NotFound: There is none of that name, or the caller may not see it.
    """
    learning = await (session.get_for_update if lock else session.get_by_name)(Learning, name)
    if not rights.may_see(identity(), learning):
        raise NotFound(name)
    return learning


def filter_visible(statement: Select[Learning]) -> Select[Learning]:
    """Return the statement, limited to the learnings that the caller may see."""
    caller = identity()
    if rights.get_audience(caller) is None:
        return statement
    is_shared = Learning.visibility.in_([Visibility.PARTNERS, Visibility.PUBLIC])
    return statement.where(or_(is_shared, Learning.author == caller.subject))
