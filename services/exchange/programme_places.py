"""
Where the items of a programme can be: rooms and venues as the planner takes them, with when they are open and how far
they lie apart.

An item at a venue that needs no room has the place there to itself: to the planner that is a room for this item alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import combinations
from zoneinfo import ZoneInfo

from services.exchange.model import AgendaItem, Room, Venue, Visit
from services.exchange.opening_hours import list_closed
from services.exchange.scheduling import problem as scheduling
from services.exchange.scheduling.problem import Span
from services.exchange.ways import Pace, Travel, Ways

STEP_FREE = "step-free"
"""What stands among the equipment of a room that is reached without steps."""


@dataclass(frozen=True)
class Places:
    """
    The places of a visit.

    Attributes:
        rooms: All rooms of the host city.
        venues: Id of each venue that matters → the venue.
        ways: Those between them.
    """

    visit: Visit
    rooms: Sequence[Room]
    venues: Mapping[str, Venue]
    ways: Ways = field(default_factory=lambda: Ways(Pace()))

    @cached_property
    def travels(self) -> dict[frozenset[str], Travel]:
        """Names of two venues → the way between them, where it is known."""
        pairs = combinations(self.venues.values(), 2)
        found = {frozenset((one.name, other.name)): self.ways.find(one, other) for one, other in pairs}
        return {pair: travel for pair, travel in found.items() if travel}

    @cached_property
    def _shut(self) -> dict[str, tuple[Span, ...]]:
        visit, zone = self.visit, ZoneInfo(self.visit.time_zone)
        return {
            venue.id: tuple(list_closed(venue.opening_hours, *visit.get_dates(), zone, venue.list_closed_days()))
            for venue in self.venues.values()
        }

    @property
    def has_rooms(self) -> bool:
        """Whether rooms can be chosen: of a host abroad perhaps none is entered."""
        return self.visit.incoming or bool(self.rooms)

    def list_travels(self) -> dict[frozenset[str], timedelta]:
        """Return the names of two venues → how long the way between them takes."""
        return {pair: timedelta(minutes=travel.minutes) for pair, travel in self.travels.items()}

    def list_rooms(self, items: Iterable[AgendaItem], taken: Mapping[str, Sequence[Span]]) -> list[scheduling.Room]:
        """
        Return the rooms of the problem: those of the host, and the place of each item that needs none.

        Args:
            items: Those that are to be placed.
            taken: Name of a room → when something that does not move takes it.
        """
        places = [
            scheduling.Room(
                id=_get_place(item, item.venue),
                venue=item.venue.name,
                equipment=frozenset([STEP_FREE] if item.venue.step_free else []),
                shut=self._shut[item.venue.id],
                only_item=item.name,
            )
            for item in items
            if item.venue and has_own_place(item)
        ]
        return [*(self._make_room(room, taken) for room in self.rooms), *places]

    def _make_room(self, room: Room, taken: Mapping[str, Sequence[Span]]) -> scheduling.Room:
        return scheduling.Room(
            id=room.name,
            venue=room.venue.name if room.venue else "",
            seats=room.seats or None,
            equipment=frozenset({*room.equipment, *([STEP_FREE] if room.step_free else [])}),
            closed=tuple(taken.get(room.name, ())),
            shut=self._shut[room.venue.id] if room.venue else (),
        )

    def list_fit_rooms(self, item: AgendaItem) -> frozenset[str]:
        """Return the names of the rooms that an item can be in, as far as its room and its venue say; empty for any."""
        is_free = item.needs_room and (item.room is None or (item.period is not None and not item.fixed))
        if item.room and not is_free:
            return frozenset({item.room.name})
        if item.other_venue and item.needs_room:
            # The venue itself is no room: where it has none, nothing will do.
            in_venue = {room.name for room in self.rooms if room.venue_id == item.venue_id}
            return frozenset(in_venue or {item.other_venue.name})
        return frozenset()


def has_own_place(item: AgendaItem) -> bool:
    """Return whether an item takes place at a venue and needs no room there."""
    return item.venue is not None and item.room is None and not item.needs_room


def get_own_place(item: AgendaItem) -> str:
    """Return the id of the place that an item has to itself; "" where it has none."""
    return _get_place(item, item.venue) if item.venue and has_own_place(item) else ""


def _get_place(item: AgendaItem, venue: Venue) -> str:
    return f"{venue.name}/{item.id}"


def get_room(place: str) -> str:
    """Return the name of the room that a place of the problem is; "" where it is none, or an item's own."""
    return place if place.startswith("rooms/") else ""


def get_venue(place: str) -> str:
    """Return the name of the venue at which a place is that is no room; "" for a room."""
    return "" if get_room(place) else "/".join(place.split("/")[:2])
