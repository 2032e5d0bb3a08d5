"""
For whom the caller writes: a coordinator for everybody, an expert for the working groups it belongs to.

Whether an expert may write at all, `Panel.admit_writer` says.
"""

from collections.abc import Collection

from sqlalchemy import select

from chassis.database import Session
from chassis.errors import InvalidArgument, PermissionDenied
from chassis.identity import Role, identity
from services.forum.model import (
    Conclusion,
    ConclusionState,
    Recommendation,
    RecommendationState,
    WorkingGroup,
)
from services.forum.rights import owns


def writes_for(row: WorkingGroup | Conclusion | Recommendation) -> bool:
    """Tell whether the caller coordinates, or works in the group, or in one that shares the conclusion."""
    caller = identity()
    return caller.has(Role.COORDINATOR) or (caller.has(Role.EXPERT) and caller.subject in row.writers)


def may_edit(conclusion: Conclusion) -> bool:
    """Tell whether the caller may change a conclusion as it is now."""
    return conclusion.state is ConclusionState.DRAFT and writes_for(conclusion)


def may_edit_recommendation(recommendation: Recommendation) -> bool:
    """Tell whether the caller may change a recommendation as it is now, or some of it."""
    if recommendation.state is RecommendationState.VERIFIED:
        return False
    draft = recommendation.state is RecommendationState.DRAFT
    return owns(recommendation) or (draft and writes_for(recommendation))


def require_writer(row: Conclusion | Recommendation) -> None:
    """
    Raise unless the caller writes for a working group that shares the conclusion.

    Raises:
        PermissionDenied: It does not; reason NOT_IN_WORKING_GROUP.
    """
    if not writes_for(row):
        raise _not_in_working_group()


async def require_groups(session: Session, forum_id: str, before: Collection[str], after: Collection[str]) -> None:
    """
    Raise unless the caller may let these groups share a conclusion, instead of those that shared it before.

    Raises:
        InvalidArgument: An expert leaves no group; reason WORKING_GROUP_REQUIRED.
        PermissionDenied: An expert adds or removes a group that is not its own; reason NOT_IN_WORKING_GROUP.
    """
    if identity().has(Role.COORDINATOR):
        return
    if not after:
        message = "is required: experts write for their working group"
        raise InvalidArgument("conclusion.working_groups", message, reason="WORKING_GROUP_REQUIRED")
    named = {*before, *after}
    groups = await session.scalars(
        select(WorkingGroup).where(WorkingGroup.forum_id == forum_id, WorkingGroup.id.in_(named))
    )
    own = {group.id for group in groups if writes_for(group)}
    if not own.issuperset(set(before) ^ set(after)) or own.isdisjoint(after):
        raise _not_in_working_group()


def _not_in_working_group() -> PermissionDenied:
    message = "Experts write for the working groups that they belong to only."
    return PermissionDenied(message, reason="NOT_IN_WORKING_GROUP")
