"""The model of an instance for CP-SAT: when each item starts, on which site or in which room, and who interprets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

from ortools.sat.python import cp_model, cp_model_helper
from ortools.sat.python.cp_model import CpModel, IntervalVar, IntVar, LinearExpr

from services.exchange.scheduling.instance import Instance, Task

MAX_POOLS = 24
"""How many groups of rooms are counted that share what they can take."""

Literal: TypeAlias = cp_model_helper.Literal | bool


class Model:
    """
    What has to hold.

    Without `is_exact` it is known how many rooms are taken and not which: times are found several times as fast, and
    rooms for these times may be assigned afterwards, where that can be done.

    Args:
        is_exact: Whether each room is a choice of its own.
        is_padded: Whether whoever is somewhere has the time for the longest way from there, whatever comes next.
        is_droppable: Whether items may be left out, see `present`.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        is_exact: bool = False,
        is_padded: bool = False,
        is_droppable: bool = False,
    ) -> None:
        self.instance = instance
        self.cp = CpModel()
        tasks = instance.tasks
        self._is_droppable = is_droppable
        self.present: list[Literal] = [self.cp.new_bool_var("") if is_droppable else True for _ in tasks]
        self.starts = [self._make_start(place) for place in range(len(tasks))]
        self.intervals = [self._make_interval(place, self.present[place]) for place in range(len(tasks))]
        self.places: list[dict[str, Literal]] = [
            self._choose(place, task.rooms if is_exact else task.sites) for place, task in enumerate(tasks)
        ]
        """Of each task its sites, or its rooms → whether it is there."""
        self.interpreters: list[dict[str, Literal]] = [
            self._choose(place, task.interpreters) for place, task in enumerate(tasks)
        ]
        self._is_exact = is_exact
        self._is_padded = is_padded
        self.sites = [self._group(rooms) for rooms in self.places] if is_exact else self.places
        """Of each task its sites → whether it is there."""
        self.order: dict[tuple[int, int], IntVar] = {}
        """Of two tasks that somebody may be at → whether the first is before the second."""
        self._together: dict[tuple[int, int], IntVar] = {}
        self._travelled: set[tuple[int, int]] = set()
        self._days: dict[int, list[IntVar]] = {}
        self._add_rooms()
        self._add_people()
        self._add_relations()

    def _make_start(self, place: int) -> IntVar:
        starts = self.instance.tasks[place].starts
        if not starts.is_empty():
            return self.cp.new_int_var_from_domain(starts, "")
        # It has no time: it can only be left out.
        self.cp.add_bool_and(~self.present[place] if self._is_droppable else False)
        return self.cp.new_int_var(0, 0, "")

    def _make_interval(self, place: int, presence: Literal, more: int = 0) -> IntervalVar:
        """Return the time of a task, and some ticks more."""
        start, length = self.starts[place], self.instance.tasks[place].length + more
        if presence is True:
            return self.cp.new_fixed_size_interval_var(start, length, "")
        return self.cp.new_optional_fixed_size_interval_var(start, length, presence, "")

    def _choose(self, place: int, choices: Mapping[str, cp_model.Domain]) -> dict[str, Literal]:
        """Let one of several be chosen for a task, each of which has its own possible starts."""
        if len(choices) < 2:
            # The only one's starts are the task's own.
            return dict.fromkeys(choices, self.present[place])
        chosen: dict[str, Literal] = {}
        for name, starts in choices.items():
            chosen[name] = literal = self.cp.new_bool_var("")
            if not self.instance.tasks[place].starts.is_included_in(starts):
                self.cp.add_linear_expression_in_domain(self.starts[place], starts).only_enforce_if(literal)
        if self._is_droppable:
            self.cp.add(sum(chosen.values()) == self.present[place])
        else:
            self.cp.add_exactly_one(chosen.values())
        return chosen

    def _get_interval(self, place: int, presence: Literal) -> IntervalVar:
        return self.intervals[place] if presence is self.present[place] else self._make_interval(place, presence)

    def _add_rooms(self) -> None:
        """Let no room hold two items at a time."""
        if self._is_exact:
            of_room: dict[str, list[IntervalVar]] = defaultdict(list)
            for place, rooms in enumerate(self.places):
                for room, literal in rooms.items():
                    of_room[room].append(self._get_interval(place, literal))
                for room in self.instance.tasks[place].item.also_rooms:
                    of_room[room].append(self.intervals[place])
            for intervals in of_room.values():
                self.cp.add_no_overlap(intervals)
            return
        of_site: dict[str, list[tuple[frozenset[str], IntervalVar]]] = defaultdict(list)
        for place, task in enumerate(self.instance.tasks):
            for site, literal in self.places[place].items():
                fit = frozenset(room for room in task.rooms if self.instance.site_of[room] == site)
                of_site[site].append((fit, self._get_interval(place, literal)))
            for room in task.item.also_rooms:
                of_site[self.instance.site_of[room]].append((frozenset({room}), self.intervals[place]))
        for demands in of_site.values():
            for pool in list_pools(fit for fit, _ in demands):
                intervals = [interval for fit, interval in demands if fit <= pool]
                if len(pool) == 1:
                    self.cp.add_no_overlap(intervals)
                elif len(intervals) > len(pool):
                    closures = self._list_closures(pool)
                    ones = [1] * (len(intervals) + len(closures))
                    self.cp.add_cumulative([*intervals, *closures], ones, len(pool))

    def _list_closures(self, rooms: Iterable[str]) -> list[IntervalVar]:
        closures = []
        for room in rooms:
            spans = self.instance.rooms[room].blocked
            # Their union, for a room that is closed for two reasons is still one room.
            ticks = self.instance.timeline.list_blocked(spans)
            blocked = cp_model.Domain.from_intervals([[start, end - 1] for start, end in ticks])
            flat = blocked.flattened_intervals()
            for start, last in zip(flat[::2], flat[1::2], strict=True):
                closures.append(self.cp.new_fixed_size_interval_var(start, last + 1 - start, ""))
        return closures

    def _group(self, rooms: Mapping[str, Literal]) -> dict[str, Literal]:
        """Return of rooms the sites → whether one of them is chosen there."""
        on_site: dict[str, list[Literal]] = defaultdict(list)
        for room, literal in rooms.items():
            on_site[self.instance.site_of[room]].append(literal)
        sites: dict[str, Literal] = {}
        for site, literals in on_site.items():
            sites[site] = literals[0]
            if len(literals) > 1:
                sites[site] = is_there = self.cp.new_bool_var("")
                self.cp.add_max_equality(is_there, literals)
        return sites

    def _add_people(self) -> None:
        """Let nobody be in two places at a time, nor in less time from one to another than it takes."""
        activities: dict[str, list[tuple[int, Literal]]] = {
            person: [(place, self.present[place]) for place in places]
            for person, places in self.instance.required.items()
        }
        for place, interpreters in enumerate(self.interpreters):
            for interpreter, literal in interpreters.items():
                activities.setdefault(interpreter, []).append((place, literal))
        for of_person in list_largest(activities.values()):
            self.add_person(of_person)

    def add_person(self, activities: Sequence[tuple[int, Literal]]) -> None:
        """
        Let somebody take part in one item at a time.

        Args:
            activities: Task, and whether they take part in it.
        """
        if len(activities) < 2:
            return
        if self._is_padded:
            self.cp.add_no_overlap([self._get_padded(place, literal) for place, literal in activities])
            return
        self.cp.add_no_overlap([self._get_interval(place, literal) for place, literal in activities])
        if self.instance.has_travel:
            for (one, takes_one), (other, takes_other) in combinations(sorted(activities, key=_get_place), 2):
                self._let_travel(one, other, takes_one, takes_other)

    def _get_padded(self, place: int, presence: Literal) -> IntervalVar:
        """Return the interval of a task with the longest way from it."""
        way = max(map(self.instance.count_longest_way, self.sites[place]), default=0)
        return self._make_interval(place, presence, way)

    def _let_travel(self, one: int, other: int, takes_one: Literal, takes_other: Literal) -> None:
        """Leave somebody the time to get from one task's place to another's, whichever comes first."""
        pair = (one, other)
        if pair in self._travelled:
            return
        if takes_one is self.present[one] and takes_other is self.present[other]:
            self._travelled.add(pair)
            self._add_travel(pair, [self.present[one], self.present[other]])
            return
        if pair not in self._together:
            # Once for all who may take part in both.
            self._together[pair] = together = self.cp.new_bool_var("")
            self._add_travel(pair, [together])
        clause = [~literal for literal in (takes_one, takes_other) if not isinstance(literal, bool)]
        self.cp.add_bool_or([*clause, self._together[pair]])

    def _add_travel(self, pair: tuple[int, int], when: Sequence[Literal]) -> None:
        """Leave the time to get from one task's site to another's where some literals are true."""
        one, other = pair
        tasks, count = self.instance.tasks, self.instance.count_travel
        for at, is_at in self.sites[one].items():
            for to, is_to in self.sites[other].items():
                ticks = count(at, to)
                if not ticks or are_apart(tasks[one], tasks[other], ticks):
                    continue
                conditions = [literal for literal in (*when, is_at, is_to) if not isinstance(literal, bool)]
                order = self.get_order(one, other)
                for (first, second), comes_first in ((pair, order), ((other, one), ~order)):
                    follows = self.starts[second] >= self.starts[first] + tasks[first].length + ticks
                    self.cp.add(follows).only_enforce_if(*conditions, comes_first)

    def get_order(self, one: int, other: int) -> IntVar:
        """Return whether one task comes before another, where they do not overlap."""
        if (key := (one, other)) not in self.order:
            self.order[key] = self.cp.new_bool_var("")
        return self.order[key]

    def _add_relations(self) -> None:
        """Let items follow each other, and not overlap, as is asked of them."""
        problem, place_of, tasks = self.instance.problem, self.instance.place_of, self.instance.tasks
        for each in problem.precedences:
            if problem.find_standing(each):
                # When it may start says so.
                continue
            before, after = place_of[each.before], place_of[each.after]
            gap = tasks[before].length + self.instance.timeline.count(each.gap)
            follows = self.cp.add(self.starts[after] >= self.starts[before] + gap)
            self._require_where_present(follows, before, after)
        for group in problem.not_parallel:
            self.cp.add_no_overlap([self.intervals[place_of[item]] for item in dict.fromkeys(group)])
        dates = [day.date.toordinal() for day in problem.days]
        for distance in problem.day_gaps:
            first, second = place_of[distance.first], place_of[distance.second]
            dates_of = [LinearExpr.weighted_sum(self.get_days(each), dates) for each in (first, second)]
            most = dates[-1] - dates[0] if distance.max_days is None else distance.max_days
            lies_between = self.cp.add_linear_constraint(dates_of[1] - dates_of[0], distance.min_days, most)
            self._require_where_present(lies_between, first, second)

    def _require_where_present(self, constraint: cp_model.Constraint, *places: int) -> None:
        if self._is_droppable:
            constraint.only_enforce_if(*(self.present[place] for place in places))

    def get_days(self, place: int) -> list[IntVar]:
        """Return of each day whether a task takes place on it."""
        if place not in self._days:
            task = self.instance.tasks[place]
            self._days[place] = on_days = []
            for first, end in self.instance.timeline.list_days():
                on_days.append(literal := self.cp.new_bool_var(""))
                hours = cp_model.Domain(first, end - 1).intersection_with(task.starts)
                if hours.is_empty():
                    self.cp.add(literal == 0)
                else:
                    self.cp.add_linear_expression_in_domain(self.starts[place], hours).only_enforce_if(literal)
            if not task.starts.is_empty():
                self.cp.add_exactly_one(on_days)
        return self._days[place]


def _get_place(activity: tuple[int, Literal]) -> int:
    return activity[0]


def are_apart(one: Task, other: Task, ticks: int) -> bool:
    """Return whether so much time lies between two tasks, whenever they take place."""
    if one.starts.is_empty() or other.starts.is_empty():
        return True
    first, second = sorted((one, other), key=lambda task: task.starts.min())
    return bool(first.starts.max() + first.length + ticks <= second.starts.min())


def list_pools(choices: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """
    Return the sets of rooms whose number limits how many items that can only be in them may overlap.

    These are all unions of the choices that items have (Hall's theorem), up to a number beyond which there would be too
    many; what is not counted here shows when the rooms are assigned.
    """
    pools = set(choices)
    everything: frozenset[str] = frozenset().union(*pools)
    for choice in list(pools):
        for pool in list(pools):
            if len(pools) < MAX_POOLS:
                pools.add(pool | choice)
    return sorted(pools | {everything}, key=sorted)


def list_largest(activities: Iterable[Sequence[tuple[int, Literal]]]) -> list[Sequence[tuple[int, Literal]]]:
    """Return the activities that no other's hold: what a delegation does together is done once."""
    kept: list[Sequence[tuple[int, Literal]]] = []
    sets: list[set[tuple[int, int]]] = []
    for each in sorted(activities, key=len, reverse=True):
        keys = {(place, id(literal)) for place, literal in each}
        if not any(keys <= other for other in sets):
            sets.append(keys)
            kept.append(each)
    return kept
