"""A problem in ticks and places in lists: what a solver is asked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta

from ortools.sat.python.cp_model import Domain

from services.exchange.scheduling.plan import Kept
from services.exchange.scheduling.problem import Item, Person, Problem, Room, Span, Stay
from services.exchange.scheduling.timeline import NEVER, Timeline


@dataclass(slots=True)
class Task:
    """
    An item.

    Attributes:
        length: Ticks that it takes.
        starts: Ticks at which it may start, whatever else takes place.
        rooms: The rooms that will do → the ticks at which it may start there; empty where it needs none.
        sites: The sites of these rooms → the ticks at which it may start there.
        interpreters: Who can interpret it → the ticks at which it may start with them; empty where it needs nobody.
    """

    item: Item
    length: int
    starts: Domain
    rooms: dict[str, Domain] = field(default_factory=dict)
    sites: dict[str, Domain] = field(default_factory=dict)
    interpreters: dict[str, Domain] = field(default_factory=dict)


class Instance:
    """
    A problem as a solver is asked.

    Attributes:
        tasks: One for each item, in order.
        has_travel: Whether it takes time to get from some room to another.
        site_of: Room → its site: rooms between which nobody travels are on one.
        away: Person → the spans in which they are in a break or absent.
        required: Person → places of the tasks at which they have to be.
        optional: Person → places of those at which they would be besides.
        sites: All sites that are possible for some task.
    """

    def __init__(self, problem: Problem, kept: Mapping[str, Kept] | None = None) -> None:
        self.problem = problem
        self.kept = kept or {}
        self.timeline = Timeline(problem, self.kept)
        self._stays = self._list_stays()
        self.has_travel = self._has_travel()
        self.site_of = {room.id: room.venue if self.has_travel else "" for room in problem.rooms}
        self.rooms = {room.id: room for room in problem.rooms}
        self.away = {person.id: self._list_away(person) for person in (*problem.people, *problem.interpreters)}
        self._clear: dict[tuple[str, int], Domain] = {}
        self._open: dict[tuple[str, int], Domain] = {}
        self._in_reach: dict[tuple[str, str, int], Domain] = {}
        self.tasks = [self._make_task(item) for item in problem.items]
        self.place_of = {task.item.id: place for place, task in enumerate(self.tasks)}
        self.required = self._list_places(lambda item: item.required)
        self.optional = self._list_places(lambda item: [each for each in item.optional if each not in item.required])
        self.sites = {site for task in self.tasks for site in task.sites}
        self._travel: dict[tuple[str, str], int] = {}

    def _list_stays(self) -> dict[str, list[Stay]]:
        """Return person → where they are while they are taken, of those of whom that is known."""
        everybody = (*self.problem.people, *self.problem.interpreters)
        stays = {who.id: [each for each in who.absences if isinstance(each, Stay) and each.venue] for who in everybody}
        return {who: theirs for who, theirs in stays.items() if theirs}

    def _has_travel(self) -> bool:
        venues = {room.venue for room in self.problem.rooms}
        venues |= {stay.venue for stays in self._stays.values() for stay in stays}
        return any(pair <= venues and minutes > timedelta() for pair, minutes in self.problem.travels.items())

    def _list_places(self, list_people: Callable[[Item], Iterable[str]]) -> dict[str, list[int]]:
        places: dict[str, list[int]] = defaultdict(list)
        for place, task in enumerate(self.tasks):
            for person in dict.fromkeys(list_people(task.item)):
                places[person].append(place)
        return dict(places)

    def _list_away(self, person: Person) -> list[Span]:
        breaks = [each.span for each in self.problem.breaks if person.id in each.people]
        return [*breaks, *person.absences]

    def _make_task(self, item: Item) -> Task:
        length = self.timeline.count(item.duration)
        starts = self.timeline.list_starts(item).intersection_with(self._list_between_breaks(length))
        for person in item.required:
            starts = starts.intersection_with(self.list_clear(person, length))
        for room_id in item.also_rooms:
            starts = starts.intersection_with(self._list_open(self.rooms[room_id], length))
        task = Task(item, length, starts)
        if item.is_in_room:
            coming = [person for person in item.required if person in self._stays]
            for room in self.problem.list_fit_rooms(item):
                at_room = starts.intersection_with(self._list_open(room, length))
                for person in coming:
                    at_room = at_room.intersection_with(self._list_in_reach(person, room, length))
                if not at_room.is_empty():
                    task.rooms[room.id] = at_room
                    site = self.site_of[room.id]
                    task.sites[site] = task.sites.get(site, NEVER).union_with(at_room)
            task.starts = task.starts.intersection_with(_unite(task.sites.values()))
        if item.interpretation:
            for interpreter in self.problem.list_fit_interpreters(item):
                with_them = starts.intersection_with(self.list_clear(interpreter.id, length))
                if not with_them.is_empty():
                    task.interpreters[interpreter.id] = with_them
            task.starts = task.starts.intersection_with(_unite(task.interpreters.values()))
        return task

    def narrow(self, tasks: Mapping[int, Task]) -> "Instance":
        """
        Return the instance with less choice.

        Args:
            tasks: Place of a task → what takes its place, with fewer starts, rooms or interpreters.
        """
        narrowed = copy(self)
        narrowed.tasks = [tasks.get(place, task) for place, task in enumerate(self.tasks)]
        return narrowed

    def hold(self, place: int, spot: Kept) -> Task | None:
        """Return a task that can only be at one spot; None where it cannot be there, whatever the others do."""
        task, tick = self.tasks[place], self.timeline.get_floor(spot.start)

        def choose(choices: Mapping[str, Domain], name: str) -> dict[str, Domain]:
            return {
                each: Domain(tick, tick)
                for each, starts in choices.items()
                if name in ("", each) and starts.contains(tick)
            }

        rooms, interpreters = choose(task.rooms, spot.room), choose(task.interpreters, spot.interpreter)
        lacks_some = (task.rooms and not rooms) or (task.interpreters and not interpreters)
        is_possible = task.starts.contains(tick) and self.timeline.get_moment(tick) == spot.start
        if lacks_some or not is_possible:
            return None
        sites = {self.site_of[room]: Domain(tick, tick) for room in rooms}
        return Task(task.item, task.length, Domain(tick, tick), rooms, sites, interpreters)

    def list_clear(self, person: str, length: int) -> Domain:
        """Return the ticks at which something of a length may start with a person."""
        if (key := (person, length)) not in self._clear:
            self._clear[key] = self.timeline.list_clear_of(self.away[person], length)
        return self._clear[key]

    def _list_between_breaks(self, length: int) -> Domain:
        return self.timeline.list_clear_of([each.span for each in self.problem.breaks if not each.people], length)

    def _list_open(self, room: Room, length: int) -> Domain:
        if (key := (room.id, length)) not in self._open:
            self._open[key] = self.timeline.list_clear_of(room.blocked, length)
        return self._open[key]

    def _list_in_reach(self, person: str, room: Room, length: int) -> Domain:
        """Return the ticks at which something of a length may start in a room for somebody who comes and goes."""
        if (key := (person, room.venue, length)) not in self._in_reach:
            padded = [
                Span(stay.start - way, stay.end + way)
                for stay in self._stays[person]
                if (way := self.problem.travels.get(frozenset((stay.venue, room.venue)), timedelta()))
            ]
            self._in_reach[key] = self.timeline.list_clear_of(padded, length)
        return self._in_reach[key]

    def count_travel(self, one: str, other: str) -> int:
        """Return the ticks that it takes to get from one site to another."""
        if (key := (one, other)) not in self._travel:
            between = self.problem.travels.get(frozenset(key), timedelta()) if one != other else timedelta()
            self._travel[key] = self.timeline.count(between)
        return self._travel[key]

    def count_longest_way(self, site: str) -> int:
        """Return the ticks that it takes to get from a site to the farthest other."""
        return max((self.count_travel(site, other) for other in self.sites), default=0)


def _unite(domains: Iterable[Domain]) -> Domain:
    united = NEVER
    for each in domains:
        united = united.union_with(each)
    return united
