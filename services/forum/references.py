"""Names that a request gives, as the ids that are stored."""

from collections.abc import Sequence

from sqlalchemy import select

from chassis.database import Session
from chassis.error_metadata import MAX_LISTED
from chassis.errors import InvalidArgument
from services.forum.model import Conclusion, Panelist, SubjectNode, WorkingGroup

Referred = SubjectNode | Panelist | WorkingGroup | Conclusion


async def ids_in_forum(
    session: Session, model: type[Referred], names: Sequence[str], forum_id: str, field: str
) -> list[str]:
    """
    Return the ids of resources of one forum, in the given order.

    Args:
        names: Their names, as the contract's patterns have let them pass.
        field: Path of the field that they were given in, for the error.

    Raises:
        InvalidArgument: One does not exist, or is of another forum; reason NOT_IN_FORUM.
    """
    if not names:
        return []
    ids = {name: columns["id"] for name in names if (columns := model.parse(name))["forum_id"] == forum_id}
    statement = select(model.id).where(model.forum_id == forum_id, model.id.in_(ids.values()))
    known = set(await session.scalars(statement))
    if unknown := [name for name in names if ids.get(name) not in known]:
        raise InvalidArgument(
            field,
            f"{', '.join(unknown)}: not in this forum.",
            reason="NOT_IN_FORUM",
            metadata={"resources": ",".join(unknown[:MAX_LISTED])},
        )
    return list(ids.values())


async def sdg_targets_of(session: Session, conclusion: Conclusion) -> list[str]:
    """Return the goals and targets of the 2030 Agenda that a conclusion's nodes serve, each once, in order."""
    statement = select(SubjectNode.sdg_targets).where(
        SubjectNode.forum_id == conclusion.forum_id, SubjectNode.id.in_(conclusion.node_ids)
    )
    return sorted({target for targets in await session.scalars(statement) for target in targets})
