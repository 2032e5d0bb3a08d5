"""Who may be let read a learning: a debrief asks for it, too."""

from chassis.identity import Role
from gateway.auth.callers import require_caller
from gateway.vocabulary.enum_labels import list_options


def list_visibilities(chosen: str = "") -> list[tuple[str, str]]:
    """
    Return (value, label) of who may be let read a learning.

    Public is for the international office to choose; others are offered it where it is `chosen` already.
    """
    offered = {chosen, "VISIBILITY_INTERNAL", "VISIBILITY_PARTNERS"}
    if require_caller().identity.has(Role.COORDINATOR):
        offered.add("VISIBILITY_PUBLIC")
    return [(value, label) for value, label in list_options("Learning.Visibility") if value in offered]
