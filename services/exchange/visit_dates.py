"""The dates of a visit change: what hangs on them comes along, or stands in the way."""

from datetime import date

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1.events_pb2 import VisitChanged
from sqlalchemy import or_, select

from chassis.database import Session
from chassis.error_metadata import MAX_LISTED, flatten_indexed, rfc3339
from chassis.errors import FailedPrecondition
from chassis.identity import identity
from chassis.outbox import emit
from services.exchange import convert, postponement, travelling
from services.exchange.model import AgendaItem, Visit


async def set_dates(session: Session, visit: Visit, start_date: date | None, end_date: date | None) -> None:
    """
    Give a visit, which is locked, its dates, or none.

    What bounds its items without a time moves along, unless the visit only becomes longer or shorter at its beginning.
    Its delegation travels on these days.

    Raises:
        FieldRequired, InvalidArgument: As `Visit.schedule`.
        FailedPrecondition: Agenda items would lie outside; reason AGENDA_OUTSIDE_DATES, and the metadata names them.
        AlreadyExists: Delegates travel elsewhere on these days; reason DELEGATE_TRAVELS_ALREADY.
    """
    before = visit.dates
    visit.schedule(start_date, end_date)
    if before and visit.dates and visit.dates[1] != before[1] and (later := visit.dates[0] - before[0]):
        await postponement.move_bounds(session, visit, later)
    await _require_agenda_within(session, visit)
    await travelling.reschedule(session, visit)


async def write_changed(session: Session, visit: Visit) -> pb.Visit:
    """Write the visit and the event, and return the answer."""
    await session.flush()
    emit(session, VisitChanged(visit=convert.visit_message(visit)), visit.name)
    return convert.visit_message(visit, identity())


async def _require_agenda_within(session: Session, visit: Visit) -> None:
    """
    Raise unless every agenda item lies within the visit's dates, or has no time.

    Raises:
        FailedPrecondition: Some do not, with reason AGENDA_OUTSIDE_DATES; the metadata names them.
    """
    placed = select(AgendaItem).where(AgendaItem.visit_id == visit.id, AgendaItem.start_time.is_not(None))
    last = None
    if visit.dates:
        first, last = visit.bounds()
        placed = placed.where(or_(AgendaItem.start_time < first, AgendaItem.end_time > last))
    outside = (await session.scalars(placed.order_by(AgendaItem.start_time, AgendaItem.id))).all()
    if not outside:
        return
    named = [
        {
            "name": item.name,
            "title": item.title,
            "start_time": rfc3339(item.start_time),
            "field": "visit.end_date" if last and item.end_time and item.end_time > last else "visit.start_date",
        }
        for item in outside[:MAX_LISTED]
        if item.start_time
    ]
    titles = ", ".join(f"“{item['title']}”" for item in named)
    raise FailedPrecondition(
        f"Agenda items would lie outside the new dates: {titles}; move or remove them first.",
        reason="AGENDA_OUTSIDE_DATES",
        metadata={**flatten_indexed("items", named), "items": str(len(outside))},
    )
