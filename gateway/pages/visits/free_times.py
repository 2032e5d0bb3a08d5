"""When an item of a programme could take place instead: knows local times and days, and no messages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

# Between these hours, and outside lunch, an item is proposed; the timetable shades the rest.
FIRST_HOUR, LAST_HOUR = time(8), time(18)
# The planner's lunch, unless one gives it another.
LUNCH = (time(12, 30), time(13, 30))
STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From one local time to another."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        """Return whether they have a moment in common."""
        return self.start < other.end and other.start < self.end


def find_free_spans(wanted: Span, taken: Iterable[Span], days: Iterable[date], count: int) -> list[Span]:
    """
    Return at most `count` spans as long as `wanted` that overlap nothing `taken`, nor each other, the nearest first.

    Args:
        days: The days on which they may lie.
    """
    busy, found = [*taken], list[Span]()
    for span in sorted(_list_spans(days, wanted.end - wanted.start), key=lambda span: abs(span.start - wanted.start)):
        if len(found) == count:
            break
        if not any(span.overlaps(other) for other in (*busy, *found)):
            found.append(span)
    return found


def _list_spans(days: Iterable[date], length: timedelta) -> Iterator[Span]:
    """Yield every span of a length within the hours of the days and outside lunch; none without length."""
    if length <= timedelta():
        return
    for day in days:
        lunch = Span(datetime.combine(day, LUNCH[0]), datetime.combine(day, LUNCH[1]))
        start = datetime.combine(day, FIRST_HOUR)
        while start + length <= datetime.combine(day, LAST_HOUR):
            span = Span(start, start + length)
            if not span.overlaps(lunch):
                yield span
            start += STEP
