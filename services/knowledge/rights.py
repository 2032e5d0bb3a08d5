"""
Who may see and do what, as far as one row decides it; which roles may call an RPC at all is declared in the contract.

The home city's administrators, coordinators and members see all learnings. Staff of a partner city see what is shared
with partners or the public, and what they wrote. What another installation published is changed there, by nobody here.

Pure functions over the caller and the row: `may_…` tells, `require_…` raises `PermissionDenied` where it may not.
"""

from collections.abc import Collection

from chassis.errors import PermissionDenied
from chassis.identity import Identity, Role
from services.knowledge.model import SET_ASIDE, Application, Learning, Visibility

# Who sees every learning.
ALL_LEARNINGS = frozenset({Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER, Role.SERVICE})
# Who writes about anything; anyone else who may write does so about visits of the city that they work for.
ALL_SOURCES = frozenset({Role.COORDINATOR, Role.MEMBER})


def get_audience(caller: Identity) -> list[str] | None:
    """Return what the caller belongs to, one of which a learning's audience must have; None where all may be seen."""
    if caller.has(*ALL_LEARNINGS):
        return None
    return [Visibility.PARTNERS.value, Visibility.PUBLIC.value, caller.subject]


def may_see(caller: Identity, learning: Learning) -> bool:
    """Return whether the caller may see a learning."""
    audience = get_audience(caller)
    return audience is None or not set(audience).isdisjoint(learning.audience)


def may_use_verb(caller: Identity, verb: str, learning: Learning) -> bool:
    """
    Return whether the caller may do something to a learning that it may see, in whatever state it is.

    Args:
        verb: A transition, or ``update``.
    """
    if learning.installation_id is not None:
        return False
    is_author = learning.author == caller.subject
    if caller.has(Role.COORDINATOR):
        return verb != "validate" or not is_author
    if caller.has(Role.MEMBER):
        captured, owns = caller.works_in(learning.department), caller.works_in(learning.owner)
        match verb:
            case "validate":
                return False
            case "implement" | "embed":
                return owns
            case "update":
                return is_author or captured or owns
            case _:
                return is_author or captured
    return verb == "update" and is_author and caller.has(Role.PARTNER)


def may_edit(caller: Identity, learning: Learning) -> bool:
    """Return whether the caller may change fields of a learning now."""
    return learning.state not in SET_ASIDE and may_use_verb(caller, "update", learning)


def learning_verbs(caller: Identity, learning: Learning) -> list[str]:
    """Return the transitions that are open to the caller now."""
    return [verb for verb in learning.allowed_transitions() if may_use_verb(caller, verb, learning)]


def require_verb(caller: Identity, verb: str, learning: Learning) -> None:
    """
    Raise unless the caller may do something to a learning.

    Args:
        verb: A transition, or ``update``.

    Raises:
        PermissionDenied: The caller wrote what it would validate (reason VALIDATED_BY_AUTHOR) or does not coordinate
            (VALIDATED_BY_COORDINATORS_ONLY), or it is another department's (LEARNING_OF_OTHERS) or another
            installation's (as `require_own`).
    """
    require_own(learning)
    if may_use_verb(caller, verb, learning):
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


def require_own(learning: Learning) -> None:
    """
    Raise unless a learning is one of this installation.

    Raises:
        PermissionDenied: Another one published it; reason LEARNING_OF_OTHER_INSTALLATION.
    """
    if learning.installation_id is not None:
        raise PermissionDenied(
            f"{learning.name} was published by {learning.author}, and is changed there only.",
            reason="LEARNING_OF_OTHER_INSTALLATION",
            metadata={"resource": learning.name, "installation": learning.author_name},
        )


def require_source(caller: Identity, source: str) -> None:
    """
    Raise unless the caller may write about a source of this kind, as far as its name tells.

    Args:
        source: Name of a visit, or of a forum or a part of one; empty for none.

    Raises:
        PermissionDenied: Staff of a partner city write about something else than a visit; reason NOT_ABOUT_OWN_VISIT.
    """
    if not caller.has(*ALL_SOURCES) and not source.startswith("visits/"):
        raise _not_about_own_visit()


def require_source_city(caller: Identity, cities: Collection[str]) -> None:
    """
    Raise unless the caller may write about a source of these cities.

    Args:
        cities: Host and guest of a visit; empty for any other source.

    Raises:
        PermissionDenied: It is a visit of other cities than the caller's; reason NOT_ABOUT_OWN_VISIT.
    """
    if not caller.has(*ALL_SOURCES) and (not caller.city or caller.city not in cities):
        raise _not_about_own_visit()


def require_publisher(caller: Identity) -> None:
    """
    Raise unless the caller may make a learning readable for anyone.

    Raises:
        PermissionDenied: The caller does not coordinate; reason PUBLIC_BY_COORDINATORS_ONLY.
    """
    if not caller.has(Role.COORDINATOR):
        raise PermissionDenied("Only a coordinator makes a learning public.", reason="PUBLIC_BY_COORDINATORS_ONLY")


def may_delete_application(caller: Identity, application: Application) -> bool:
    """Return whether the caller may delete an application of a learning: coordinators, and a member its own."""
    return caller.has(Role.COORDINATOR) or (caller.has(Role.MEMBER) and application.author == caller.subject)


def require_application_deleter(caller: Identity, application: Application) -> None:
    """
    Raise unless the caller may delete an application of a learning.

    Raises:
        PermissionDenied: Somebody else recorded it; reason APPLICATION_OF_OTHERS.
    """
    if not may_delete_application(caller, application):
        message = "Only who recorded an application, or a coordinator, may delete it."
        raise PermissionDenied(message, reason="APPLICATION_OF_OTHERS")


def _not_about_own_visit() -> PermissionDenied:
    message = "Staff of a partner city write learnings about visits of their own city."
    return PermissionDenied(message, reason="NOT_ABOUT_OWN_VISIT")
