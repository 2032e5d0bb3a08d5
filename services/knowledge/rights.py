"""
Who may read and change a learning.

The home city's administrators, coordinators and members read all of them. Staff of a partner city read what is shared
with partners or the public, and what they wrote. For anyone else a learning does not exist.
"""

from sqlalchemy import ColumnElement, or_, true

from chassis.database import Session
from chassis.errors import NotFound, PermissionDenied
from chassis.identity import Identity, Role
from services.knowledge.model import SET_ASIDE, Learning, Visibility

INSIDERS = (Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER, Role.SERVICE)


def audience(caller: Identity) -> list[str] | None:
    """Return what the caller belongs to, one of which a learning's audience must have; `None` where all is readable."""
    if caller.has(*INSIDERS):
        return None
    return [Visibility.PARTNERS.value, Visibility.PUBLIC.value, caller.subject]


def may_read(caller: Identity, learning: Learning) -> bool:
    """Tell whether the caller may read a learning."""
    circles = audience(caller)
    return circles is None or not set(circles).isdisjoint(learning.audience)


def readable(caller: Identity) -> ColumnElement[bool]:
    """Return the condition that the caller may read a learning: `may_read`, for the database."""
    if audience(caller) is None:
        return true()
    return or_(
        Learning.visibility.in_([Visibility.PARTNERS, Visibility.PUBLIC]),
        Learning.author == caller.subject,
    )


async def see(session: Session, caller: Identity, name: str, *, lock: bool = False) -> Learning:
    """
    Return a learning that the caller may read.

    Args:
        lock: Whether to keep other writers out until the transaction ends.

    Raises:
        NotFound: There is none of that name, or the caller may not read it.
    """
    learning = await (session.get_for_update if lock else session.get_by_name)(Learning, name)
    if not may_read(caller, learning):
        raise NotFound(name)
    return learning


def may(caller: Identity, verb: str, learning: Learning) -> bool:
    """
    Tell whether the caller may do something to a learning that it may read, whatever its state.

    Args:
        verb: A transition, or `update`.
    """
    author = learning.author == caller.subject
    if caller.has(Role.COORDINATOR):
        return verb != "validate" or not author
    if caller.has(Role.MEMBER):
        captured, owns = caller.works_in(learning.department), caller.works_in(learning.owner)
        match verb:
            case "validate":
                return False
            case "implement" | "embed":
                return owns
            case "update":
                return author or captured or owns
            case _:
                return author or captured
    return verb == "update" and author and caller.has(Role.PARTNER)


def require(caller: Identity, verb: str, learning: Learning) -> None:
    """
    Raise unless the caller may do something to a learning.

    Raises:
        PermissionDenied: Others may; reason VALIDATED_BY_AUTHOR, VALIDATED_BY_COORDINATORS_ONLY or LEARNING_OF_OTHERS.
    """
    if may(caller, verb, learning):
        return
    if verb == "validate" and caller.subject == learning.author:
        raise PermissionDenied("A learning is not validated by its author.", reason="VALIDATED_BY_AUTHOR")
    if verb == "validate":
        raise PermissionDenied("A learning is validated by a coordinator.", reason="VALIDATED_BY_COORDINATORS_ONLY")
    raise PermissionDenied(
        f"You may not {verb} {learning.name}: another department's, or not your part in it.",
        reason="LEARNING_OF_OTHERS",
        metadata={"resource": learning.name, "verb": verb},
    )


def verbs(caller: Identity, learning: Learning) -> list[str]:
    """Return the transitions that the caller may make now."""
    return [verb for verb in learning.allowed_transitions() if may(caller, verb, learning)]


def editable(caller: Identity, learning: Learning) -> bool:
    """Tell whether the caller may update a learning now."""
    return learning.state not in SET_ASIDE and may(caller, "update", learning)


def may_write_about(caller: Identity, source: str) -> bool:
    """Tell whether the caller may write about such a source: partners about visits only, which have to be theirs."""
    return caller.has(Role.COORDINATOR, Role.MEMBER) or source.startswith("visits/")
