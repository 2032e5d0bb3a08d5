"""What of the time of rooms and people is booked: how much, day by day, and by which items."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from operator import add
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    SQLColumnExpression,
    Text,
    cast,
    extract,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Range, aggregate_order_by
from sqlalchemy.orm import Bundle

from chassis.database import Session
from services.exchange.model import AgendaItem, Booking, City, Visit
from services.exchange.spans import LONGEST_VISIT

DAY = timedelta(days=1)


class Booked(NamedTuple):
    """How much is booked on a day."""

    minutes: int
    items: int


async def list_booked_days(
    session: Session, resources: Collection[str], first: date, last: date, zone: ZoneInfo
) -> Mapping[str, Mapping[date, Booked]]:
    """
    Return resource name → day → how much is booked; without days and resources that are free throughout.

    Args:
        first, last: Days in `zone`, the home city's. What ends after midnight counts on the day on which it starts.
    """
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    of_resources = Booking.resource.in_(resources)
    known = _add_up(Booking.home_day, of_resources, Booking.home_day.between(first, last))
    # What the release before booked has no day.
    unknown = _add_up(
        _day_of_booking(zone.key),
        of_resources,
        Booking.home_day.is_(None),
        Booking.period.overlaps(Range(start, end)),
        func.lower(Booking.period) >= start,
    )
    found: defaultdict[str, dict[date, Booked]] = defaultdict(dict)
    for resource, days, minutes, items in await session.execute(union_all(known, unknown)):
        before = found[resource]
        booked_days = map(Booked, map(int, minutes), map(int, items))
        for day, booked in zip(map(date.fromisoformat, days), booked_days, strict=True):
            before[day] = Booked(*map(add, before[day], booked)) if day in before else booked
    return found


def select_bookings(start: datetime, end: datetime, city_id: str | None, *, with_people: bool) -> Select[Any]:
    """
    Return the statement for what is booked of rooms and the host's people within a span, unordered.

    Args:
        city_id: Only of the visits that concern this city; None for all.
        with_people: Not only of rooms.

    Returns:
        Rows of a booking's columns, with `item_title`, `visit_id` and `visit_title`.
    """
    listed: Bundle[Any] = Bundle(
        "booking",
        Booking.resource,
        Booking.agenda_item_id,
        Booking.period,
        AgendaItem.title.label("item_title"),
        Visit.id.label("visit_id"),
        Visit.title.label("visit_title"),
    )
    of_visits = [
        # A day of the host's is one of another zone's, or lies beside it; the index is by the first one.
        Visit.start_order.between(start.date() - LONGEST_VISIT - DAY, end.date() + DAY),
        Visit.end_date >= start.date() - DAY,
    ]
    if city_id is not None:
        of_visits.append(Visit.concerning(city_id))
    return (
        select(listed)
        .select_from(Booking)
        .join(AgendaItem, AgendaItem.id == Booking.agenda_item_id)
        .join(Visit, Visit.id == AgendaItem.visit_id)
        .where(
            *of_visits,
            Booking.period.overlaps(Range(start, end)),
            or_(*map(Booking.resource.startswith, ("rooms/", "people/") if with_people else ("rooms/",))),
        )
    )


async def set_days(session: Session, home: City) -> None:
    """Say anew on which days in a home city bookings begin, after its time zone has changed."""
    items = select(AgendaItem.id).join(Visit, Visit.id == AgendaItem.visit_id).where(Visit.home_city_id == home.id)
    home_day = _day_of_booking(home.time_zone)
    statement = update(Booking).where(Booking.agenda_item_id.in_(items)).values(home_day=home_day)
    await session.execute(statement, execution_options={"synchronize_session": False})


def _day_of_booking(time_zone: str) -> ColumnElement[date]:
    return cast(func.timezone(time_zone, func.lower(Booking.period)), Date)


def _add_up(first_day: SQLColumnExpression[Any], *where: ColumnElement[bool]) -> Select[Any]:
    """
    Select resource, and arrays of its days, and of the minutes and the items on each, as texts.

    A row for each day instead would take longer to read than all takes to add up; and of all types of arrays each new
    connection asks the database first, but of texts.
    """
    length = func.sum(func.upper(Booking.period) - func.lower(Booking.period))
    daily = (
        select(
            Booking.resource,
            first_day.label("first_day"),
            cast(extract("epoch", length) / 60, Integer).label("minutes"),
            func.count().label("items"),
        )
        .where(*where)
        .group_by(Booking.resource, "first_day")
        .subquery()
        .c
    )
    columns = (daily.first_day, daily.minutes, daily["items"])
    arrays = (func.array_agg(aggregate_order_by(cast(column, Text), daily.first_day)) for column in columns)
    return select(daily.resource, *arrays).group_by(daily.resource)
