"""When venues are closed: opening hours, minutes of a week as clocks show them, and single days, as instants."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import Range

from services.exchange.model.venue import MINUTES_OF_DAY, MINUTES_OF_WEEK
from services.exchange.scheduling.problem import Span

ALWAYS = (Range(0, MINUTES_OF_WEEK, bounds="[)"),)


def split_by_day(hours: Sequence[Range[int]]) -> Iterator[tuple[int, int, int]]:
    """Yield weekday (0 for Monday), first minute and minute after the last of each time, days apart."""
    for each in hours:
        start, end = each.lower or 0, each.upper or 0
        while start < end:
            weekday, minute = divmod(start, MINUTES_OF_DAY)
            until = min(end - weekday * MINUTES_OF_DAY, MINUTES_OF_DAY)
            yield weekday, minute, until
            start = weekday * MINUTES_OF_DAY + until


def list_closed(
    hours: Sequence[Range[int]],
    first: date,
    last: date,
    zone: ZoneInfo,
    closed_days: Sequence[tuple[date, date]] = (),
) -> list[Span]:
    """
    Return the times in which a venue is closed from the beginning of one day to the end of another.

    Args:
        hours: As `Venue.opening_hours`; none means always open.
        closed_days: As `Venue.list_closed_days`.
    """
    if not hours and not closed_days:
        return []
    closed = []
    at = _get_instant(first, 0, zone)
    by_weekday = list(split_by_day(hours or ALWAYS))
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if any(start <= day <= end for start, end in closed_days):
            continue
        for weekday, opens, closes in by_weekday:
            if weekday == day.weekday():
                start, end = _get_instant(day, opens, zone), _get_instant(day, closes, zone)
                if at < start:
                    closed.append(Span(at, start))
                at = max(at, end)
    if at < (end := _get_instant(last, MINUTES_OF_DAY, zone)):
        closed.append(Span(at, end))
    return closed


def _get_instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return when the clocks of a zone show a minute of a day."""
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    return local.replace(tzinfo=zone).astimezone(UTC)
