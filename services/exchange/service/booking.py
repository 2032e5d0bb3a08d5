"""
Bookings: what agenda items hold of rooms, people and delegates.

The database refuses two bookings of one resource at one time. Whoever books locks the resources first, all of them in
one order: concurrent callers queue up instead of meeting in a deadlock, and the loser finds the winner's booking.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Text, delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from chassis.database import Session
from chassis.errors import AlreadyExists
from chassis.identity import identity
from services.exchange import rights
from services.exchange.model import NO_DOUBLE_BOOKING, AgendaItem, Booking, Delegate, Person, Visit
from services.exchange.service.rows import violated


async def book(session: Session, item: AgendaItem) -> None:
    """
    Let a new agenda item hold its room and people for its time.

    Raises:
        AlreadyExists: One of them is taken, with reason DOUBLE_BOOKING; the metadata says by what.
    """
    await _lock(session, item.resources)
    await _hold(session, item)


async def rebook(session: Session, item: AgendaItem) -> None:
    """
    Let a changed agenda item hold its room and people for its time, and nothing else any more.

    Raises:
        AlreadyExists: As for `book`.
    """
    held = await session.scalars(select(Booking.resource).where(Booking.agenda_item_id == item.id))
    await _lock(session, {*held, *item.resources})
    await session.execute(delete(Booking).where(Booking.agenda_item_id == item.id))
    await _hold(session, item)


async def release(session: Session, visit: Visit) -> None:
    """Give up every booking of a visit; its agenda items stay as they are."""
    items = select(AgendaItem.id).where(AgendaItem.visit_id == visit.id)
    await session.execute(delete(Booking).where(Booking.agenda_item_id.in_(items)))


async def release_delegate(session: Session, delegate: Delegate) -> None:
    """Take a delegate out of every agenda item of the visit, with the bookings."""
    name = delegate.name
    await session.execute(delete(Booking).where(Booking.resource == name))
    items = await session.scalars(
        select(AgendaItem)
        .where(AgendaItem.visit_id == delegate.visit_id, AgendaItem.people.contains([name]))
        .with_for_update(of=AgendaItem)
    )
    for item in items:
        item.people = [person for person in item.people if person != name]


async def _hold(session: Session, item: AgendaItem) -> None:
    if not item.resources:
        return
    wanted = [{"agenda_item_id": item.id, "resource": resource, "period": item.period} for resource in item.resources]
    try:
        async with session.begin_nested():
            await session.execute(insert(Booking), wanted)
    except IntegrityError as error:
        if violated(error) != NO_DOUBLE_BOOKING:
            raise
        collision = await _collision(session, item)
    else:
        return
    raise collision


async def _lock(session: Session, resources: Collection[str]) -> None:
    """Lock resources until the transaction ends. The inner query sorts before the outer one locks."""
    if not resources:
        return
    names = func.unnest(literal(sorted(resources), ARRAY(Text))).column_valued("name")
    keys = select(func.hashtextextended(names, 0).label("key")).distinct().order_by("key").subquery()
    await session.execute(select(func.pg_advisory_xact_lock(keys.c.key)))


async def _collision(session: Session, item: AgendaItem) -> AlreadyExists:
    """Return the error that names what an agenda item collides with."""
    taken, other = (
        await session.execute(
            select(Booking.resource, AgendaItem)
            .join(AgendaItem, AgendaItem.id == Booking.agenda_item_id)
            .where(Booking.resource.in_(item.resources), Booking.period.overlaps(item.period))
            .order_by(AgendaItem.start_time, Booking.resource)
            .limit(1)
            .options(joinedload(AgendaItem.visit))
        )
    ).one()
    title = await _title(session, item, taken)
    metadata = {
        "resource": taken,
        "resource_title": title,
        "start_time": _rfc3339(other.start_time),
        "end_time": _rfc3339(other.end_time),
    }
    if rights.may_see(identity(), other.visit):
        conflict_title = f"{other.visit.title}: {other.title}"
        metadata |= {"conflict": other.name, "conflict_title": conflict_title}
        by = f" by “{conflict_title}”"
    else:
        by = ""
    return AlreadyExists(
        f"{title} is booked{by} from {metadata['start_time']} to {metadata['end_time']}.",
        reason="DOUBLE_BOOKING",
        metadata=metadata,
    )


async def _title(session: Session, item: AgendaItem, resource: str) -> str:
    """Return what people call a resource of an agenda item."""
    if item.room and resource == item.room.name:
        return item.room.display_name
    who: Person | Delegate
    if resource.startswith("people/"):
        who = await session.by_name(Person, resource)
    else:
        who = await session.by_name(Delegate, resource)
    return who.display_name or who.function


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
