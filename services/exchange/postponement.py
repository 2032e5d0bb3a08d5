"""The agenda of a visit that is postponed: it moves with the visit as far as it can."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from chassis.database import Session
from services.exchange import bookings
from services.exchange.model import AgendaItem, Visit


async def move_agenda(session: Session, visit: Visit, by: timedelta | None) -> None:
    """
    Move the agenda of a visit, which is locked and has its new dates; what cannot take place there loses its time.

    Args:
        by: How many days the visit begins later; None where its new dates are not known.
    """
    items = await _list_items(session, visit)
    zone = ZoneInfo(visit.time_zone)
    _, last = visit.bounds()
    for item in items:
        if by is None:
            item.start_time = item.end_time = None
            continue
        _move_bounds(item, by, zone)
        if item.start_time and item.end_time:
            length = item.end_time - item.start_time
            item.start_time = _move(item.start_time, by, zone)
            item.end_time = item.start_time + length
            if item.end_time > last:
                item.start_time = item.end_time = None
    await session.flush()
    for item in await bookings.book_each(session, items):
        item.start_time = item.end_time = None


async def move_bounds(session: Session, visit: Visit, by: timedelta) -> None:
    """Move what bounds the items without a time of a visit, which is locked and has its new dates."""
    for item in await _list_items(session, visit):
        if item.start_time is None:
            _move_bounds(item, by, ZoneInfo(visit.time_zone))


async def _list_items(session: Session, visit: Visit) -> Sequence[AgendaItem]:
    of_visit = select(AgendaItem).where(AgendaItem.visit_id == visit.id)
    return (await session.scalars(of_visit.order_by(AgendaItem.programme_order, AgendaItem.id))).all()


def _move_bounds(item: AgendaItem, by: timedelta, zone: ZoneInfo) -> None:
    item.earliest_start_time = item.earliest_start_time and _move(item.earliest_start_time, by, zone)
    item.latest_end_time = item.latest_end_time and _move(item.latest_end_time, by, zone)


def _move(moment: datetime, by: timedelta, zone: ZoneInfo) -> datetime:
    """Return the moment some days later at which the clocks of a zone show the same."""
    return (moment.astimezone(zone).replace(tzinfo=None) + by).replace(tzinfo=zone).astimezone(UTC)
