"""How much of the time of rooms and people is booked, day by day."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Integer, cast, extract, func, select
from sqlalchemy.dialects.postgresql import Range

from chassis.database import Session
from services.exchange.model import Booking


class BookedDay(NamedTuple):
    """How much is booked on a day."""

    day: date
    minutes: int
    items: int


async def list_booked_days(
    session: Session, resources: Collection[str], first: date, last: date, zone: ZoneInfo
) -> Mapping[str, Sequence[BookedDay]]:
    """
    Return resource name → the days on which something books it, in order; without those that are free throughout.

    Args:
        first, last: Days in `zone`. What ends after midnight counts on the day on which it starts.
    """
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    starts, ends = func.lower(Booking.period), func.upper(Booking.period)
    statement = (
        select(
            Booking.resource,
            cast(func.timezone(zone.key, starts), Date).label("day"),
            cast(func.sum(extract("epoch", ends - starts)) / 60, Integer),
            func.count(),
        )
        .where(Booking.resource.in_(resources), Booking.period.overlaps(Range(start, end)), starts >= start)
        .group_by(Booking.resource, "day")
        .order_by(Booking.resource, "day")
    )
    days = defaultdict(list)
    for resource, day, minutes, items in await session.execute(statement):
        days[resource].append(BookedDay(day, minutes, items))
    return days
