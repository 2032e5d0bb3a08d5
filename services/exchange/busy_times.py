"""
When people are busy by their own calendars.

What the programme of a visit books them for is left out: whoever accepts an invitation to it has it in the calendar as
well, and it must not stand in its own way.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, Range

from chassis.database import Session
from services.exchange.model import Booking, Calendar
from services.exchange.scheduling.problem import Span

FIRST_HOUR, LAST_HOUR = time(8), time(18)
NOTHING: list[Range[datetime]] = []


async def list_busy_spans(session: Session, people: Collection[str], span: Span) -> dict[str, list[Span]]:
    """
    Return when people are busy within a span: in order, apart from each other.

    Args:
        people: Resource names; those of others than people are left out.

    Returns:
        Resource name → spans, of everybody of whom a calendar could be read.
    """
    ids = [name.removeprefix("people/") for name in people if name.startswith("people/")]
    if not ids:
        return {}
    booked = (
        select(func.coalesce(func.range_agg(Booking.period), literal(NOTHING, TSTZMULTIRANGE)))
        .where(
            Booking.resource == func.concat("people/", Calendar.person_id),
            Booking.period.overlaps(Range(span.start, span.end)),
        )
        .scalar_subquery()
    )
    within = literal([Range(span.start, span.end)], TSTZMULTIRANGE)
    busy = (func.range_agg(Calendar.busy, type_=TSTZMULTIRANGE) * within - booked).label("busy")
    statement = (
        select(Calendar.person_id, busy)
        .where(Calendar.person_id.in_(ids), Calendar.read_time.is_not(None))
        .group_by(Calendar.person_id)
    )
    return {
        f"people/{person_id}": [Span(cast(datetime, period.lower), cast(datetime, period.upper)) for period in periods]
        for person_id, periods in await session.execute(statement)
    }


def add_up_days(spans: Iterable[Span], zone: ZoneInfo) -> dict[date, timedelta]:
    """Return how busy somebody is on each day of a zone, between the hours that count."""
    days: defaultdict[date, timedelta] = defaultdict(timedelta)
    for span in spans:
        day = span.start.astimezone(zone).date()
        while (begin := datetime.combine(day, FIRST_HOUR, zone).astimezone(UTC)) < span.end:
            end = datetime.combine(day, LAST_HOUR, zone).astimezone(UTC)
            days[day] += max(min(span.end, end) - max(span.start, begin), timedelta())
            day += timedelta(days=1)
    return {day: length for day, length in days.items() if length}
