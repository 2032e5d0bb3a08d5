"""When an item of a programme could take place instead: knows local times and days, and no messages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From one local time to another."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        """Return whether they have a moment in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Break:
    """A time of every day in which nothing takes place, but for `except_dates`."""

    label: str
    start: time
    end: time
    except_dates: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class DayHours:
    """From when to when something takes place on the days of a visit, but for the breaks and `except_dates`."""

    start: time = time(9)
    end: time = time(18)
    breaks: tuple[Break, ...] = ()
    except_dates: frozenset[date] = frozenset()


def find_free_spans(
    wanted: Span,
    taken: Iterable[Span],
    days: Iterable[date],
    hours: DayHours,
    count: int,
    present: Span | None = None,
) -> list[Span]:
    """
    Return at most `count` spans as long as `wanted` that overlap nothing `taken`, nor each other, the nearest first.

    Args:
        days: The days on which they may lie.
        hours: The hours of these days.
        present: Is left out, but may overlap what is found.
    """
    busy, found = [*taken], list[Span]()
    for span in sorted(
        _list_spans(days, hours, wanted.end - wanted.start), key=lambda span: abs(span.start - wanted.start)
    ):
        if len(found) == count:
            break
        if span != present and not any(span.overlaps(other) for other in (*busy, *found)):
            found.append(span)
    return found


def _list_spans(days: Iterable[date], hours: DayHours, length: timedelta) -> Iterator[Span]:
    """Yield every span of a length within the hours of the days and outside breaks; none without length."""
    if length <= timedelta():
        return
    for day in days:
        if day in hours.except_dates:
            continue
        breaks = [
            Span(datetime.combine(day, each.start), datetime.combine(day, each.end))
            for each in hours.breaks
            if day not in each.except_dates
        ]
        start = datetime.combine(day, hours.start)
        while start + length <= datetime.combine(day, hours.end):
            span = Span(start, start + length)
            if not any(span.overlaps(each) for each in breaks):
                yield span
            start += STEP
