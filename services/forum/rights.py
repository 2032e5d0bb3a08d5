"""
Who may see and do what, as far as one row decides it; which roles may call an RPC at all is declared in the contract.

Pure functions over the caller and the row: `may_…` tells, `require_…` raises where it may not. Which forums an expert
sees, the panel decides: `queries`; whether an expert may write at all: `EligibilityChecks.admit_writer`.
"""

from collections.abc import Collection, Iterable

from chassis.errors import EtagMismatch, InvalidArgument, PermissionDenied
from chassis.identity import Identity, Role
from chassis.model import Resource, now
from services.forum.model import (
    Conclusion,
    ConclusionState,
    Panelist,
    Recommendation,
    RecommendationState,
    WorkingGroup,
)

# Who sees every forum, and who changed what there; an expert sees those on whose panel it sits.
ALL_FORUMS = frozenset({Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER})
# Who sees the accounts, residences and declarations of experts.
ALL_EXPERTS = frozenset({Role.ADMINISTRATOR, Role.COORDINATOR})

# What departments change of a recommendation that they own, and what coordinators do once it is adopted.
FOLLOW_UP_FIELDS = frozenset({"due_date", "evidence"})
ADOPTED_FIELDS = FOLLOW_UP_FIELDS | {"owner_department"}


def may_see_all_forums(caller: Identity) -> bool:
    """Return whether the caller may see every forum, whoever sits on its panel."""
    return caller.has(*ALL_FORUMS)


def may_see_private(caller: Identity, panelist: Panelist) -> bool:
    """Return whether the caller may see a panelist's account, residence, declarations and eligibility."""
    return caller.has(*ALL_EXPERTS) or panelist.account == caller.subject


def may_see_updater(caller: Identity, updater: str) -> bool:
    """Return whether the caller may see who changed something: experts see their own name, and stay anonymous else."""
    return may_see_all_forums(caller) or caller.name == updater


def may_manage_place(caller: Identity, panelist: Panelist) -> bool:
    """Return whether the caller may do with a place on the panel what its expert may: the expert, and coordinators."""
    return caller.has(Role.COORDINATOR) or panelist.account == caller.subject


def may_write_for(caller: Identity, row: WorkingGroup | Conclusion | Recommendation) -> bool:
    """Return whether the caller may write for a group, or for one of those that share a conclusion."""
    return caller.has(Role.COORDINATOR) or (caller.has(Role.EXPERT) and caller.subject in row.writers)


def may_edit_conclusion(caller: Identity, conclusion: Conclusion) -> bool:
    """Return whether the caller may change a conclusion as it is now."""
    return conclusion.state is ConclusionState.DRAFT and may_write_for(caller, conclusion)


def may_follow_up(caller: Identity, recommendation: Recommendation) -> bool:
    """Return whether the caller may act for the owner of a recommendation: coordinators, and members who work there."""
    works_there = caller.has(Role.MEMBER) and caller.works_in(recommendation.owner_department)
    return caller.has(Role.COORDINATOR) or works_there


def may_edit_recommendation(caller: Identity, recommendation: Recommendation) -> bool:
    """Return whether the caller may change a recommendation as it is now, or some of it."""
    if recommendation.state is RecommendationState.VERIFIED:
        return False
    draft = recommendation.state is RecommendationState.DRAFT
    return may_follow_up(caller, recommendation) or (draft and may_write_for(caller, recommendation))


def check_etag(caller: Identity, row: Resource, etag: str) -> None:
    """
    Raise unless the caller saw the current version of what experts write; an empty etag skips the check.

    Raises:
        EtagMismatch: Someone changed it since; an expert is not told who.
    """
    try:
        row.check_etag(etag)
    except EtagMismatch:
        if may_see_updater(caller, row.updater):
            raise
        raise EtagMismatch("", row.update_time) from None


def require_account_visible(caller: Identity, account: str) -> None:
    """
    Raise unless the caller may know on which panels an account sits.

    Raises:
        PermissionDenied: It is somebody else's, and experts stay anonymous; reason NOT_OWN_ACCOUNT.
    """
    if not caller.has(*ALL_EXPERTS) and caller.subject != account:
        raise PermissionDenied("You may filter by your own account only.", reason="NOT_OWN_ACCOUNT")


def require_place_manager(caller: Identity, panelist: Panelist) -> None:
    """
    Raise unless the caller may do with a place on the panel what its expert may.

    Raises:
        PermissionDenied: It is someone else's place on the panel; reason NOT_OWN_PLACE.
    """
    if not may_manage_place(caller, panelist):
        raise PermissionDenied("This is someone else's place on the panel.", reason="NOT_OWN_PLACE")


def require_writer(caller: Identity, row: Conclusion | Recommendation) -> None:
    """
    Raise unless the caller may write for a working group that shares the conclusion.

    Raises:
        PermissionDenied: It belongs to none of them; reason NOT_IN_WORKING_GROUP.
    """
    if not may_write_for(caller, row):
        raise _not_in_working_group()


def require_regrouping(
    caller: Identity, groups: Iterable[WorkingGroup], before: Collection[str], after: Collection[str]
) -> None:
    """
    Raise unless the caller may let other groups share a conclusion than did before.

    Args:
        groups: All of them.
        before: Ids of those that shared it.
        after: Ids of those that shall.

    Raises:
        InvalidArgument: An expert leaves no group; reason WORKING_GROUP_REQUIRED.
        PermissionDenied: An expert adds or removes a group that is not its own; reason NOT_IN_WORKING_GROUP.
    """
    if caller.has(Role.COORDINATOR):
        return
    if not after:
        message = "is required: experts write for their working group"
        raise InvalidArgument("conclusion.working_groups", message, reason="WORKING_GROUP_REQUIRED")
    own = {group.id for group in groups if may_write_for(caller, group)}
    if not own.issuperset(set(before) ^ set(after)) or own.isdisjoint(after):
        raise _not_in_working_group()


def require_owner(caller: Identity, recommendation: Recommendation) -> None:
    """
    Raise unless the caller may act for the owner of a recommendation.

    Raises:
        PermissionDenied: Another department owns it, or none; reason NOT_OWNER_DEPARTMENT.
    """
    if not may_follow_up(caller, recommendation):
        raise PermissionDenied("Another department owns this recommendation.", reason="NOT_OWNER_DEPARTMENT")


def require_owner_assigner(caller: Identity) -> None:
    """
    Raise unless the caller may give a recommendation another owner.

    Raises:
        PermissionDenied: It does not coordinate; reason OWNER_BY_COORDINATORS_ONLY.
    """
    if not caller.has(Role.COORDINATOR):
        message = "Only a coordinator names the department that owns a recommendation."
        raise PermissionDenied(message, reason="OWNER_BY_COORDINATORS_ONLY")


def require_changeable(caller: Identity, recommendation: Recommendation, fields: Collection[str]) -> None:
    """
    Raise unless a recommendation as it is now lets the caller change these fields.

    Raises:
        FailedPrecondition: It is verified (reason VERIFIED), or adopted and its text would change (ADOPTED).
        PermissionDenied: A member's department does not own it (reason NOT_OWNER_DEPARTMENT), or would change more
            than the follow-up (BEYOND_FOLLOW_UP).
    """
    recommendation.require_unverified()
    if not ADOPTED_FIELDS.issuperset(fields) or not caller.has(Role.COORDINATOR, Role.MEMBER):
        recommendation.require_draft()
    if caller.has(Role.MEMBER) and not caller.has(Role.COORDINATOR):
        require_owner(caller, recommendation)
        if not FOLLOW_UP_FIELDS.issuperset(fields):
            message = "A department changes the due date and the evidence only."
            raise PermissionDenied(message, reason="BEYOND_FOLLOW_UP")


def panelist_verbs(caller: Identity, panelist: Panelist) -> list[str]:
    """
    Return the transitions that are open to the caller now.

    An expert accepts until the forum has ended; in the hours when that depends on the time zone, it is offered still.
    """
    if not may_manage_place(caller, panelist):
        return []
    verbs = panelist.allowed_transitions()
    too_late = not caller.has(Role.COORDINATOR) and panelist.forum.is_over_everywhere(now())
    return [verb for verb in verbs if verb != "accept" or not too_late]


def conclusion_verbs(caller: Identity, conclusion: Conclusion) -> list[str]:
    """Return the transitions that are open to the caller now."""
    return conclusion.allowed_transitions() if caller.has(Role.COORDINATOR) else []


def recommendation_verbs(caller: Identity, recommendation: Recommendation) -> list[str]:
    """Return the transitions that are open to the caller now."""
    independent = recommendation.may_be_verified_by(caller.subject, get_department(caller))
    may_verify = caller.has(Role.COORDINATOR) and independent
    may_step = may_follow_up(caller, recommendation)
    verbs = recommendation.allowed_transitions()
    return [verb for verb in verbs if (may_verify if verb == "verify" else may_step)]


def get_department(caller: Identity) -> str:
    """Return the department of which the caller is a member; "" for one that only coordinates."""
    return caller.department if caller.has(Role.MEMBER) else ""


def _not_in_working_group() -> PermissionDenied:
    message = "Experts write for the working groups that they belong to only."
    return PermissionDenied(message, reason="NOT_IN_WORKING_GROUP")
