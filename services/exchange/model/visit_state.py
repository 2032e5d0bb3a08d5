"""Where visits stand, and who travels."""

from enum import StrEnum


class Direction(StrEnum):
    """Who travels: the other city to the home city, or the home city to the other."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class VisitState(StrEnum):
    """Where a visit stands."""

    IDEA = "idea"
    AGREED = "agreed"
    PLANNED = "planned"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    REPORTED = "reported"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"


BEFORE_RUNNING = frozenset({VisitState.IDEA, VisitState.AGREED, VisitState.PLANNED, VisitState.CONFIRMED})
OVER = frozenset({VisitState.REPORTED, VisitState.CLOSED, VisitState.CANCELLED})
