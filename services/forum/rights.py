"""
What the caller may see and do in a forum.

The home city's administrators, coordinators and members see every forum; an expert sees those on whose panel it sits.
Whoever may not see a forum gets PERMISSION_DENIED whether it exists or not.
"""

from typing import TypeVar

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute

from chassis.database import Session
from chassis.errors import PermissionDenied
from chassis.identity import Role, identity
from chassis.model import Resource
from services.forum.model import Conclusion, Panelist, Recommendation
from services.forum.model.panelist import ON_THE_PANEL

Model = TypeVar("Model", bound=Resource)

INSIDERS = (Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER)


def sits_on(forum_id: InstrumentedAttribute[str] | str) -> ColumnElement[bool]:
    """Return the condition that the caller sits on the panel of a forum, be it invited or accepted."""
    return exists().where(
        Panelist.forum_id == forum_id,
        Panelist.account == identity().subject,
        Panelist.state.in_(ON_THE_PANEL),
    )


async def see(session: Session, model: type[Model], name: str, *, lock: bool = False) -> Model:
    """
    Return a forum, or something of a forum, that the caller may see.

    Args:
        lock: Whether to keep other writers out until the transaction ends.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists.
        NotFound: There is none of that name.
    """
    columns = model.parse(name)
    if not identity().has(*INSIDERS):
        sits = await session.scalar(select(sits_on(columns.get("forum_id", columns["id"]))))
        if not sits:
            raise PermissionDenied("You do not sit on the panel of this forum.")
    return await (session.for_update if lock else session.by_name)(model, name)


def sees_private(panelist: Panelist) -> bool:
    """Tell whether the caller may see the account and the declaration of a panelist."""
    return identity().has(*INSIDERS) or panelist.account == identity().subject


def require_own(panelist: Panelist) -> None:
    """
    Raise unless the caller coordinates, or is the panelist.

    Raises:
        PermissionDenied: It is someone else's place on the panel.
    """
    if not identity().has(Role.COORDINATOR) and panelist.account != identity().subject:
        raise PermissionDenied("This is someone else's place on the panel.")


def require_owner(recommendation: Recommendation) -> None:
    """
    Raise unless the caller coordinates, or works in the department that owns the recommendation.

    Raises:
        PermissionDenied: Another department owns it, or none.
    """
    if not owns(recommendation):
        raise PermissionDenied("Another department owns this recommendation.")


def owns(recommendation: Recommendation) -> bool:
    """Tell whether the caller coordinates, or works in the department that owns the recommendation."""
    caller = identity()
    department = recommendation.owner_department
    return caller.has(Role.COORDINATOR) or (caller.has(Role.MEMBER) and department in {caller.department} - {""})


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
    verifies = caller.has(Role.COORDINATOR) and recommendation.may_be_verified_by(caller.subject, caller.department)
    verbs = recommendation.allowed_transitions()
    return [verb for verb in verbs if (verifies if verb == "verify" else owns(recommendation))]
