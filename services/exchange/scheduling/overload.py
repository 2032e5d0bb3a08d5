"""
Plain overload: more to do than there is time for, seen by adding up.

Source: energetic reasoning, Baptiste, Le Pape & Nuijten, *Constraint-Based Scheduling* (2001), ch. 3.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.exchange.scheduling.instance import Instance, Task
from services.exchange.scheduling.model import list_pools
from services.exchange.scheduling.plan import Kind
from services.exchange.scheduling.problem import Span

MAX_TASKS = 400
"""Of more tasks of one resource nothing is added up; it would take longer than to solve."""


@dataclass(frozen=True, slots=True)
class Overload:
    """
    The fewest items that somebody, or some rooms or interpreters, have no time for all of.

    Attributes:
        kind: What of each item takes that time: REQUIRED_PERSON, ROOM_NEEDED or INTERPRETATION.
        person: Who has no time, for the first of these.
    """

    items: tuple[str, ...]
    kind: Kind
    person: str = ""


def is_overloaded(instance: Instance) -> bool:
    """Return whether an item has no time, or somebody or some rooms not enough for theirs, seen by adding up."""
    return any(task.starts.is_empty() for task in instance.tasks) or find_overload(instance) is not None


def find_overload(instance: Instance) -> Overload | None:
    """Return who or what has too little time; None where adding up shows nobody."""
    for kind, person, places, away in _list_resources(instance):
        if 1 < len(places) <= MAX_TASKS and (overloaded := _find(instance, places, away)):
            return Overload(tuple(instance.tasks[place].item.id for place in overloaded), kind, person)
    return None


def _list_resources(instance: Instance) -> Iterator[tuple[Kind, str, list[int], list[Sequence[Span]]]]:
    """Yield the tasks that share people or rooms, and of each of these when it is away."""
    rooms: dict[frozenset[str], list[int]] = defaultdict(list)
    interpreters: dict[frozenset[str], list[int]] = defaultdict(list)
    for place, task in enumerate(instance.tasks):
        if task.rooms:
            rooms[frozenset(task.rooms)].append(place)
        if task.interpreters:
            interpreters[frozenset(task.interpreters)].append(place)
    for person, places in instance.required.items():
        yield Kind.REQUIRED_PERSON, person, places, [instance.away[person]]
    closed: Mapping[str, Sequence[Span]] = {room.id: room.blocked for room in instance.rooms.values()}
    for kind, choices, away in (
        (Kind.ROOM_NEEDED, rooms, closed),
        (Kind.INTERPRETATION, interpreters, instance.away),
    ):
        for pool in list_pools(choices):
            places = [place for choice, held in choices.items() if choice <= pool for place in held]
            yield kind, "", places, [away[each] for each in pool]


def _find(instance: Instance, places: Iterable[int], away: Iterable[Sequence[Span]]) -> list[int]:
    tasks = [(place, instance.tasks[place]) for place in places if not instance.tasks[place].starts.is_empty()]
    first = min((task.starts.min() for _, task in tasks), default=0)
    length = max((task.starts.max() + task.length for _, task in tasks), default=0) - first
    usable = _get_usable([task for _, task in tasks], first, length)
    available = np.zeros(length, dtype=np.int64)
    shortest = min((task.length for _, task in tasks), default=1)
    fitting = 0
    for spans in away:
        free = usable.copy()
        for start, end in instance.timeline.list_blocked(spans):
            free[max(start - first, 0) : max(end - first, 0)] = False
        available += free
        fitting += _count_fitting(free, shortest)
    if len(tasks) > fitting:
        # However long they are, there are more of them than free times have room for the shortest.
        longest = sorted((place for place, _ in tasks), key=lambda place: -instance.tasks[place].length)
        return longest[: fitting + 1]
    at_once = _find_at_once(tasks, first, available)
    if at_once:
        return at_once
    until = np.concatenate(([0], np.cumsum(available)))
    tasks.sort(key=lambda each: each[1].starts.max() + each[1].length)
    for begin in sorted({task.starts.min() for _, task in tasks}):
        needed = 0
        within = []
        for place, task in tasks:
            if task.starts.min() >= begin:
                needed += task.length
                within.append(place)
                time = int(until[task.starts.max() + task.length - first] - until[begin - first])
                if needed > time:
                    return _take_longest(instance, within, time)
    return []


def _find_at_once(tasks: Sequence[tuple[int, Task]], first: int, available: npt.NDArray[np.int64]) -> list[int]:
    """Return tasks that are all under way in a tick, whenever they start, and are more than it has room for."""
    changes = np.zeros(len(available) + 1, dtype=np.int64)
    under_way = [(place, task.starts.max() - first, task.starts.min() + task.length - first) for place, task in tasks]
    under_way = [(place, start, end) for place, start, end in under_way if start < end]
    for _, start, end in under_way:
        changes[start] += 1
        changes[end] -= 1
    full = np.flatnonzero(np.cumsum(changes)[:-1] > available)
    if not len(full):
        return []
    tick = int(full[0])
    return [place for place, start, end in under_way if start <= tick < end][: int(available[tick]) + 1]


def _get_usable(tasks: Sequence[Task], first: int, length: int) -> npt.NDArray[np.bool_]:
    """Return of each tick whether any task may take place in it."""
    changes = np.zeros(length + 1, dtype=np.int64)
    for task in tasks:
        flat = task.starts.flattened_intervals()
        np.add.at(changes, np.array(flat[::2]) - first, 1)
        np.add.at(changes, np.array(flat[1::2]) + task.length - first, -1)
    return np.cumsum(changes)[:-1] > 0


def _count_fitting(free: npt.NDArray[np.bool_], length: int) -> int:
    """Return how many tasks of a length fit one after the other into the ticks that are free."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], free, [False])).astype(np.int8)))
    return int(np.sum((edges[1::2] - edges[::2]) // length))


def _take_longest(instance: Instance, places: Sequence[int], time: int) -> list[int]:
    """Return the fewest of some tasks that take longer than a time."""
    taken = []
    for place in sorted(places, key=lambda place: -instance.tasks[place].length):
        taken.append(place)
        time -= instance.tasks[place].length
        if time < 0:
            break
    return taken
