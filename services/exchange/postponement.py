"""The agenda of a visit that is postponed: it moves with the visit as far as it can."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from chassis.database import Session
from chassis.errors import AlreadyExists, FailedPrecondition
from services.exchange import bookings
from services.exchange.model import AgendaItem, Visit


async def move_agenda(session: Session, visit: Visit, by: timedelta | None) -> None:
    """
    Move the agenda of a visit, which is locked and has its new dates; what cannot take place there loses its time.

    Args:
        by: How many days the visit begins later; None where its new dates are not known.
    """
    items = (
        await session.scalars(
            select(AgendaItem).where(AgendaItem.visit_id == visit.id).order_by(AgendaItem.programme_order)
        )
    ).all()
    await bookings.release(session, visit)
    zone = ZoneInfo(visit.time_zone)
    _, last = visit.bounds()
    for item in items:
        if by is None:
            item.start_time = item.end_time = item.earliest_start_time = item.latest_end_time = None
            continue
        item.earliest_start_time = item.earliest_start_time and _move(item.earliest_start_time, by, zone)
        item.latest_end_time = item.latest_end_time and _move(item.latest_end_time, by, zone)
        if item.start_time and item.end_time:
            length = item.end_time - item.start_time
            item.start_time = _move(item.start_time, by, zone)
            item.end_time = item.start_time + length
            if item.end_time > last:
                item.start_time = item.end_time = None
    await session.flush()
    for item in items:
        try:
            await bookings.book(session, item)
        except (AlreadyExists, FailedPrecondition):
            item.start_time = item.end_time = None


def _move(moment: datetime, by: timedelta, zone: ZoneInfo) -> datetime:
    """Return the moment some days later at which the clocks of a zone show the same."""
    return (moment.astimezone(zone).replace(tzinfo=None) + by).replace(tzinfo=zone)
