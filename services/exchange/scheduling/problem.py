"""What a programme has to fit: days, rooms, people, interpreters, and the items that are to take place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Span:
    """A time from one instant to another, both in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Stay(Span):
    """
    A time that something takes which is not to be placed.

    Attributes:
        venue: Where that is, to which and from which one has to get; "" where that is not known.
        item: What takes place then; "" where it is not of this programme.
    """

    venue: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """
    A day on which items may take place.

    Attributes:
        hours: When they may, after midnight perhaps.
        whole: When they might if its hours were given up.
    """

    id: str
    date: date
    hours: Span
    whole: Span


@dataclass(frozen=True, slots=True)
class Break:
    """A time in which nothing takes place: lunch, prayer, rest."""

    label: str
    span: Span
    people: frozenset[str] = frozenset()
    """Whose break it is; everybody's where it is empty."""


@dataclass(frozen=True, slots=True)
class Room:
    """
    A place for one item at a time.

    Attributes:
        shut: When its venue is closed.
        only_item: The item that alone may be there; any where it is empty.
    """

    id: str
    venue: str = ""
    seats: int | None = None
    """How many it has; None where nobody counted."""
    equipment: frozenset[str] = frozenset()
    closed: tuple[Span, ...] = ()
    shut: tuple[Span, ...] = ()
    only_item: str = ""

    @property
    def blocked(self) -> tuple[Span, ...]:
        """When nothing can take place in it; these times may overlap."""
        return (*self.closed, *self.shut)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who takes part in one item at a time."""

    id: str
    absences: tuple[Span, ...] = ()
    """When they are away or taken; of a `Stay` it is known where."""


@dataclass(frozen=True, slots=True)
class Interpreter(Person):
    """Someone who interprets between two languages, in one item at a time."""

    language_pairs: frozenset[str] = frozenset()
    """As `normalize_pair` has them."""


@dataclass(frozen=True, slots=True)
class Item:
    """
    Something that takes place.

    Attributes:
        required: Who has to be there.
        optional: Who would be there.
        rooms: Which rooms will do; any where it is empty. Without effect unless it needs a room.
        also_rooms: The rooms that it takes besides the one that it is in.
        seats: How many seats the room has at least.
        equipment: What the room has.
        interpretation: Pair of languages that somebody has to interpret, as `normalize_pair` has it; "" for none.
        allowed_starts: When it may start; at any time where it is empty.
    """

    id: str
    duration: timedelta
    title: str = ""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    needs_room: bool = False
    rooms: frozenset[str] = frozenset()
    also_rooms: frozenset[str] = frozenset()
    seats: int = 0
    equipment: frozenset[str] = frozenset()
    interpretation: str = ""
    earliest_start: datetime | None = None
    latest_end: datetime | None = None
    allowed_starts: tuple[datetime, ...] = ()
    fixed_start: datetime | None = None
    fixed_room: str = ""
    any_start: bool = False
    """Whether it may start between the multiples of the granularity although no start is given."""

    @property
    def is_in_room(self) -> bool:
        """Whether it takes place in a room."""
        return self.needs_room or bool(self.fixed_room)


@dataclass(frozen=True, slots=True)
class Standing:
    """An item that takes place and is not to be placed: what comes before or after it heeds that."""

    id: str
    title: str
    span: Span


@dataclass(frozen=True, slots=True)
class Precedence:
    """One item ends before another starts, by so much at least; one of them may be standing."""

    before: str
    after: str
    gap: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class DayGap:
    """So many days lie between one item and a later one; 0 is the same day."""

    first: str
    second: str
    min_days: int = 0
    max_days: int | None = None


@dataclass(frozen=True, slots=True)
class AvoidedParallel:
    """Items of which no two should take place at one time, and what each such two cost."""

    items: tuple[str, ...]
    penalty: int


@dataclass(frozen=True)
class Problem:
    """
    All that a programme has to fit.

    Attributes:
        days: In order; their hours lie apart.
        zone: In which the sentences about it tell the time.
        granularity: Items start so much after the opening of their day, or a multiple of it; given starts may not.
        travels: Minutes between two venues, both ways; none where they are not named.
        standing: The items that are not to be placed and come before or after others.
        not_parallel: Items of which no two take place at one time.
    """

    zone: tzinfo
    granularity: timedelta
    days: tuple[Day, ...]
    items: tuple[Item, ...]
    rooms: tuple[Room, ...] = ()
    people: tuple[Person, ...] = ()
    interpreters: tuple[Interpreter, ...] = ()
    breaks: tuple[Break, ...] = ()
    travels: Mapping[frozenset[str], timedelta] = field(default_factory=dict)
    precedences: tuple[Precedence, ...] = ()
    standing: tuple[Standing, ...] = ()
    not_parallel: tuple[tuple[str, ...], ...] = ()
    avoid_parallel: tuple[AvoidedParallel, ...] = ()
    day_gaps: tuple[DayGap, ...] = ()
    outside_hours: bool = False
    """Whether items may take place at any hour of the days."""

    @cached_property
    def item_of(self) -> dict[str, Item]:
        """Id of an item → the item."""
        return {item.id: item for item in self.items}

    @cached_property
    def standing_of(self) -> dict[str, Standing]:
        """Id of an item that is standing → the item."""
        return {each.id: each for each in self.standing}

    def find_standing(self, precedence: Precedence) -> Standing | None:
        """Return the one of two items that is standing; None where both are to be placed."""
        return self.standing_of.get(precedence.before) or self.standing_of.get(precedence.after)

    def find_own_place(self, item: Item) -> Room | None:
        """Return the place where an item has to be and nothing else can be; None where it has none."""
        return next((room for room in self.rooms if room.only_item and room.id == item.fixed_room), None)

    def list_fit_rooms(self, item: Item) -> list[Room]:
        """Return the rooms that will do for an item; none where it needs none."""
        return [room for room in self.rooms if item.is_in_room and _fits(item, room)]

    def list_fit_interpreters(self, item: Item) -> list[Interpreter]:
        """Return who can interpret an item; none where it needs nobody."""
        return [each for each in self.interpreters if item.interpretation in each.language_pairs]

    def restrict(self, kept: Collection[str]) -> "Problem":
        """Return the problem of some of the items only."""
        there = {*kept, *self.standing_of}
        return replace(
            self,
            items=tuple(item for item in self.items if item.id in kept),
            precedences=tuple(each for each in self.precedences if {each.before, each.after} <= there),
            not_parallel=tuple(
                group for whole in self.not_parallel if len(group := tuple(item for item in whole if item in kept)) > 1
            ),
            avoid_parallel=tuple(
                AvoidedParallel(group, each.penalty)
                for each in self.avoid_parallel
                if len(group := tuple(item for item in each.items if item in kept)) > 1
            ),
            day_gaps=tuple(each for each in self.day_gaps if each.first in kept and each.second in kept),
        )


def _fits(item: Item, room: Room) -> bool:
    return (
        (not item.rooms or room.id in item.rooms)
        and room.id not in item.also_rooms
        and room.only_item in ("", item.id)
        and item.fixed_room in ("", room.id)
        and (room.seats is None or item.seats <= room.seats)
        and (item.equipment <= room.equipment or _fold(item.equipment) <= _fold(room.equipment))
    )


def _fold(words: Collection[str]) -> set[str]:
    """Return words as they are compared: however they are typed."""
    return {word.casefold() for word in words}


def get_whole_day(day: date, hours: Span, zone: tzinfo) -> Span:
    """Return a day from midnight to midnight as clocks of a zone show it, with what of its hours lies beyond."""
    try:
        begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    except OverflowError:
        # The first and the last day that there are.
        return hours
    return Span(min(begin, hours.start), max(end, hours.end))


def normalize_pair(pair: str) -> str:
    """Return a pair of languages such as ``de-ar`` as it is compared: who interprets one way interprets the other."""
    return "-".join(sorted(pair.casefold().split("-")))
