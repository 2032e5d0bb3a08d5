"""Writes the references of a resource to others of its forum."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm.attributes import set_committed_value

from chassis.database import Session
from services.forum.constraints import store
from services.forum.model import Conclusion, SubjectNode, WorkingGroup


async def link(
    session: Session, row: SubjectNode | WorkingGroup | Conclusion, attribute: str, ids: Collection[str]
) -> None:
    """
    Let a resource that is stored refer to these others, each once, and no longer to any it referred to before.

    Args:
        row: The resource; locked, unless it is new.
        attribute: Its attribute with the ids, such as ``node_ids``.

    Raises:
        AlreadyExists: Another working group owns one of the nodes; reason NODE_OWNED.
        FailedPrecondition: One was deleted meanwhile; reason REFERENCE_GONE.
    """
    own, other = row.LINKS[attribute]
    table: Any = own.class_
    await session.execute(delete(table).where(table.forum_id == row.forum_id, own == row.id))
    session.add_all(table(forum_id=row.forum_id, **{own.key: row.id, other.key: each}) for each in ids)
    await store(session)
    set_committed_value(row, attribute, sorted(ids))
