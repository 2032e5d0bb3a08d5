"""
Time as a solver counts it: whole ticks from an origin.

A tick is the longest time that divides all durations and all distances between possible starts, so that what lies
between two ticks (the end of a break, a minute of travel) can be rounded without changing what is possible.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import gcd

from ortools.sat.python.cp_model import Domain

from services.exchange.scheduling.plan import Kept
from services.exchange.scheduling.problem import Item, Problem, Span

NEVER = Domain.from_values([])


class Timeline:
    """
    The ticks of a problem.

    Args:
        kept: Where items stood in an earlier plan: they may start there although it is not a multiple of the
            granularity.
    """

    def __init__(self, problem: Problem, kept: Mapping[str, Kept]) -> None:
        self._problem = problem
        self._kept = kept
        self.origin = problem.days[0].hours.start
        given = [each.start for each in kept.values()]
        for item in problem.items:
            given += list_given_starts(item)
        self._seconds = gcd(
            _get_seconds(problem.granularity),
            *(_get_seconds(item.duration) for item in problem.items),
            *(_get_seconds(start - self.origin) for start in given),
            *(_get_seconds(day.hours.start - self.origin) for day in problem.days),
            # To any minute: what is given up must not leave less.
            *([60] if any(item.any_start for item in problem.items) else []),
        )
        self._step = _get_seconds(problem.granularity) // self._seconds
        self._hours: dict[tuple[int, int], Domain] = {}

    def count(self, duration: timedelta) -> int:
        """Return the ticks that a duration takes, the last one perhaps in part."""
        return -(-_get_seconds(duration) // self._seconds)

    def get_floor(self, moment: datetime) -> int:
        """Return the last tick at or before a moment."""
        return _get_seconds(moment - self.origin) // self._seconds

    def get_ceiling(self, moment: datetime) -> int:
        """Return the first tick at or after a moment."""
        return -(_get_seconds(self.origin - moment) // self._seconds)

    def get_moment(self, tick: int) -> datetime:
        """Return the moment of a tick, in UTC."""
        return self.origin + timedelta(seconds=tick * self._seconds)

    def list_days(self) -> list[tuple[int, int]]:
        """Return the first tick of each day, and the first after it; in order, and apart unless hours are given up."""
        spans = [day.whole if self._problem.outside_hours else day.hours for day in self._problem.days]
        return [(self.get_ceiling(span.start), self.get_floor(span.end)) for span in spans]

    def list_starts(self, item: Item) -> Domain:
        """Return the ticks at which an item may start, as far as its own times and the opening hours go."""
        length = self.count(item.duration)
        starts = self._list_within_hours(length, is_any=item.any_start or bool(list_given_starts(item)))
        if item.fixed_start is not None:
            at = self.get_floor(item.fixed_start)
            starts = starts.intersection_with(Domain(at, at))
        elif not item.allowed_starts and item.id in self._kept:
            at = self.get_floor(self._kept[item.id].start)
            within = self._list_within_hours(length, is_any=True)
            starts = starts.union_with(within.intersection_with(Domain(at, at)))
        if item.allowed_starts:
            allowed = Domain.from_values(sorted(map(self.get_floor, item.allowed_starts)))
            starts = starts.intersection_with(allowed)
        if item.earliest_start is not None:
            starts = starts.intersection_with(Domain.greater_or_equal(self.get_ceiling(item.earliest_start)))
        if item.latest_end is not None:
            starts = starts.intersection_with(Domain.lower_or_equal(self.get_floor(item.latest_end) - length))
        return starts.intersection_with(self._list_in_order(item, length))

    def _list_in_order(self, item: Item, length: int) -> Domain:
        """Return the ticks at which an item may start because of those that are standing before and after it."""
        starts = Domain.all_values()
        for each in self._problem.precedences:
            before, after = (self._problem.standing_of.get(name) for name in (each.before, each.after))
            if before and each.after == item.id:
                earliest = self.get_ceiling(before.span.end + each.gap)
                starts = starts.intersection_with(Domain.greater_or_equal(earliest))
            if after and each.before == item.id:
                latest = self.get_floor(after.span.start - each.gap) - length
                starts = starts.intersection_with(Domain.lower_or_equal(latest))
        return starts

    def list_clear_of(self, spans: Iterable[Span], length: int) -> Domain:
        """Return the ticks at which something of a length may start that must not touch any of some spans."""
        blocked = [[start - length + 1, end - 1] for start, end in self.list_blocked(spans)]
        return Domain.from_intervals(blocked).complement()

    def list_blocked(self, spans: Iterable[Span]) -> list[tuple[int, int]]:
        """Return the ticks in which spans begin, and the first after each; a span without length blocks nothing."""
        return [(self.get_floor(span.start), self.get_ceiling(span.end)) for span in spans if span.start < span.end]

    def _list_within_hours(self, length: int, *, is_any: bool) -> Domain:
        """
        Return the starts at which something of a length lies within the hours of a day.

        Args:
            is_any: Whether at any tick, and not at multiples of the granularity only.
        """
        step = 1 if is_any else self._step
        if (key := (length, step)) not in self._hours:
            opens = [self.get_floor(day.hours.start) for day in self._problem.days]
            self._hours[key] = _join(zip(self.list_days(), opens, strict=True), length, step)
        return self._hours[key]


def list_given_starts(item: Item) -> tuple[datetime, ...]:
    """Return the starts that are given for an item."""
    return item.allowed_starts + ((item.fixed_start,) if item.fixed_start else ())


def _join(days: Iterable[tuple[tuple[int, int], int]], length: int, step: int) -> Domain:
    """
    Return the starts at which something of a length lies within a day.

    Args:
        days: First tick, first tick after it, and the tick from which starts are counted.
    """
    if step == 1:
        return Domain.from_intervals([[start, end - length] for (start, end), _ in days if start <= end - length])
    return Domain.from_values(
        [at for (start, end), opens in days for at in range(start + (opens - start) % step, end - length + 1, step)]
    )


def _get_seconds(duration: timedelta) -> int:
    return duration // timedelta(seconds=1)
