"""
What the caller may see and do in a forum.

The home city's administrators, coordinators and members see every forum; an expert sees those on whose panel it sits.
Whoever may not see a forum gets PERMISSION_DENIED whether it exists or not. For whom an expert writes: `writers`.
"""

from typing import TypeVar

from austausch.forum.v1 import forum_pb2
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from chassis.database import Session
from chassis.errors import EtagMismatch, PermissionDenied
from chassis.identity import Identity, Role, identity
from chassis.model import Resource
from services.forum.model import Conclusion, Forum, Panelist, Recommendation, SubjectNode, WorkingGroup
from services.forum.model.links import Linked
from services.forum.model.panelist import ON_THE_PANEL

Model = TypeVar("Model", bound=Resource)
Anonymous = TypeVar("Anonymous", forum_pb2.Panelist, forum_pb2.Conclusion, forum_pb2.Recommendation)
OfForum = TypeVar("OfForum", SubjectNode, Panelist, WorkingGroup, Conclusion, Recommendation)

INSIDERS = (Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER)
# Who sees the accounts, residences and declarations of experts.
CONFIDANTS = (Role.ADMINISTRATOR, Role.COORDINATOR)
EVERY_FORUM = "forums/-"


def sits_on(forum_id: InstrumentedAttribute[str] | str) -> ColumnElement[bool]:
    """Return the condition that the caller sits on the panel of a forum, be it invited or accepted."""
    # An alias, for a list of panelists is restricted by it too.
    place = aliased(Panelist)
    return exists().where(
        place.forum_id == forum_id,
        place.account == identity().subject,
        place.state.in_(ON_THE_PANEL),
    )


def only_visible(statement: Select[Model], forum_id: InstrumentedAttribute[str]) -> Select[Model]:
    """Return the statement, limited to the forums that the caller may see."""
    return statement if identity().has(*INSIDERS) else statement.where(sits_on(forum_id))


def of_forum(model: type[OfForum], forum: str) -> Select[OfForum]:
    """
    Return the statement for what a forum, or every forum, has of one kind, limited to what the caller may see.

    It finds nothing as well where there is no such forum: `see` says which.
    """
    statement = only_visible(select(model), model.forum_id)
    if over_every_forum(model, forum):
        return statement
    return statement.where(model.forum_id == Forum.parse(forum)["id"])


def require_account_visible(account: str) -> None:
    """
    Raise unless the caller may know on which panels an account sits: confidants, and who owns it.

    Raises:
        PermissionDenied: It is somebody else's; experts stay anonymous among themselves. Reason NOT_OWN_ACCOUNT.
    """
    if not identity().has(*CONFIDANTS) and identity().subject != account:
        raise PermissionDenied("You may filter by your own account only.", reason="NOT_OWN_ACCOUNT")


def over_every_forum(model: type[Resource], forum: str) -> bool:
    """Tell whether a List request asks for every forum's, by ``forums/-`` (aip.dev/159), of what can be listed so."""
    return forum == EVERY_FORUM and model in (Panelist, Conclusion, Recommendation)


async def see(session: Session, model: type[Model], name: str, *, lock: bool = False) -> Model:
    """
    Return a forum, or something of a forum, that the caller may see.

    Args:
        lock: Whether to keep other writers out until the transaction ends.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is none of that name.
    """
    columns = model.parse(name)
    if not identity().has(*INSIDERS):
        sits = await session.scalar(select(sits_on(columns.get("forum_id", columns["id"]))))
        if not sits:
            raise PermissionDenied("You do not sit on the panel of this forum.", reason="NOT_ON_PANEL")
    if not lock:
        return await session.get_by_name(model, name)
    row = await session.get_for_update(model, name)
    if isinstance(row, Linked):
        # A wait for the lock shows the row as it is then, but other tables as they were before.
        await session.refresh(row, list(row.LINKS))
    return row


def sees_private(panelist: Panelist) -> bool:
    """Tell whether the caller may see a panelist's account, residence, declarations and eligibility."""
    return identity().has(*CONFIDANTS) or panelist.account == identity().subject


def sees_name(name: str) -> bool:
    """Tell whether the caller may see who changed something: an expert sees its own name, for it may be another's."""
    return identity().has(*INSIDERS) or identity().name == name


def hide_name(message: Anonymous) -> Anonymous:
    """Return a message without who changed the resource last, where its reader must not see that."""
    if not sees_name(message.updater):
        message.updater = ""
    return message


def check_etag(row: Resource, etag: str) -> None:
    """
    Raise unless the caller saw the current version; an empty etag skips the check.

    Raises:
        EtagMismatch: Someone changed the resource since; an expert is not told who.
    """
    try:
        row.check_etag(etag)
    except EtagMismatch:
        if sees_name(row.updater):
            raise
        raise EtagMismatch("", row.update_time) from None


def require_own(panelist: Panelist) -> None:
    """
    Raise unless the caller coordinates, or is the panelist.

    Raises:
        PermissionDenied: It is someone else's place on the panel; reason NOT_OWN_PLACE.
    """
    if not identity().has(Role.COORDINATOR) and panelist.account != identity().subject:
        raise PermissionDenied("This is someone else's place on the panel.", reason="NOT_OWN_PLACE")


def require_owner(recommendation: Recommendation) -> None:
    """
    Raise unless the caller coordinates, or works in the department that owns the recommendation.

    Raises:
        PermissionDenied: Another department owns it, or none; reason NOT_OWNER_DEPARTMENT.
    """
    if not owns(recommendation):
        raise PermissionDenied("Another department owns this recommendation.", reason="NOT_OWNER_DEPARTMENT")


def owns(recommendation: Recommendation) -> bool:
    """Tell whether the caller coordinates, or works in the department that owns the recommendation."""
    caller = identity()
    works_there = caller.works_in(recommendation.owner_department)
    return caller.has(Role.COORDINATOR) or (caller.has(Role.MEMBER) and works_there)


def panelist_verbs(panelist: Panelist) -> list[str]:
    """Return the transitions that the caller may make."""
    own = panelist.account == identity().subject
    return panelist.allowed_transitions() if own or identity().has(Role.COORDINATOR) else []


def conclusion_verbs(conclusion: Conclusion) -> list[str]:
    """Return the transitions that the caller may make."""
    return conclusion.allowed_transitions() if identity().has(Role.COORDINATOR) else []


def recommendation_verbs(recommendation: Recommendation) -> list[str]:
    """Return the transitions that the caller may make."""
    caller = identity()
    verifies = caller.has(Role.COORDINATOR) and recommendation.may_be_verified_by(caller.subject, answers_for(caller))
    verbs = recommendation.allowed_transitions()
    return [verb for verb in verbs if (verifies if verb == "verify" else owns(recommendation))]


def answers_for(caller: Identity) -> str:
    """Return the department of which the caller is a member; "" for one that only coordinates."""
    return caller.department if caller.has(Role.MEMBER) else ""
