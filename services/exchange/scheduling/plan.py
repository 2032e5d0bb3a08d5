"""What comes out: when and where each item takes place, or why that can't be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What became of a problem."""

    SCHEDULED = "SCHEDULED"
    INFEASIBLE = "INFEASIBLE"
    """No plan can meet all that is required."""
    UNKNOWN = "UNKNOWN"
    """Neither a plan nor a contradiction was found in time."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """When an item takes place, where, and with whom."""

    start: datetime
    room: str = ""
    interpreter: str = ""
    attending: tuple[str, ...] = ()
    """Who is there: all that are required, and who else has the time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an item stood in an earlier plan; an empty room or interpreter may be any."""

    start: datetime
    room: str = ""
    interpreter: str = ""


class Kind(StrEnum):
    """What a requirement asks."""

    OPENING_HOURS = "OPENING_HOURS"
    BREAK = "BREAK"
    ABSENCE = "ABSENCE"
    ROOM_CLOSED = "ROOM_CLOSED"
    REQUIRED_PERSON = "REQUIRED_PERSON"
    ROOM_NEEDED = "ROOM_NEEDED"
    ROOMS = "ROOMS"
    SEATS = "SEATS"
    EQUIPMENT = "EQUIPMENT"
    FIXED_ROOM = "FIXED_ROOM"
    INTERPRETATION = "INTERPRETATION"
    TRAVEL = "TRAVEL"
    FIXED_START = "FIXED_START"
    ALLOWED_STARTS = "ALLOWED_STARTS"
    EARLIEST_START = "EARLIEST_START"
    LATEST_END = "LATEST_END"
    PRECEDENCE = "PRECEDENCE"
    NOT_PARALLEL = "NOT_PARALLEL"
    DAY_GAP = "DAY_GAP"
    VENUE_HOURS = "VENUE_HOURS"
    ADDITIONAL_ROOMS = "ADDITIONAL_ROOMS"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that was asked, with whom and what it concerns."""

    kind: Kind
    items: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    subject: str = ""
    """What tells it from others of its kind and of the same items: the place in its list, a venue, a pair of venues."""
    text: str = ""
    """The same in a sentence, in English."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """
    Requirements that can't all be met.

    Attributes:
        is_minimal: Whether any of them, left out, lets the others be met; verified one by one.
    """

    requirements: tuple[Requirement, ...]
    is_minimal: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """
    How a plan differs from an earlier one: ids of items.

    Attributes:
        dropped: Items that have no place any more; the others have.
        is_fewest: Whether it is proven that fewer changes won't do.
    """

    moved: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    is_fewest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    The outcome of scheduling.

    Attributes:
        is_optimal: Whether it is proven that no plan is better.
        objective: What it costs; 0 where that is not known.
        bound: No plan costs less than this; in the units of the objective, 0 where there was none.
        seconds: How long it took.
        first_solution_seconds: How long it took until there was a plan that meets all that is required.
    """

    state: State
    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    is_optimal: bool = False
    objective: float = 0
    bound: float = 0
    seconds: float = 0
    first_solution_seconds: float = 0
    changes: Changes = field(default_factory=Changes)
    conflict: Conflict | None = None
