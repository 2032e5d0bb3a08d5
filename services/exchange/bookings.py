"""
Bookings: what agenda items hold of rooms, people and delegates.

The database refuses two bookings of one resource at one time. Whoever books locks the resources first, all of them in
one order: concurrent callers queue up instead of meeting in a deadlock, and the loser finds the winner's bookings.
"""

from collections.abc import Collection

from sqlalchemy import Text, delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from chassis.database import Session
from chassis.database_errors import constraint_name
from chassis.error_metadata import MAX_LISTED, flatten_indexed, rfc3339
from chassis.errors import AlreadyExists
from chassis.identity import identity
from services.exchange import rights
from services.exchange.model import NO_DOUBLE_BOOKING, AgendaItem, Booking, Delegate, Person, Room, Visit


async def book(session: Session, item: AgendaItem) -> None:
    """
    Let a new agenda item hold its room and people for its time.

    Raises:
        AlreadyExists: Some of them are taken, with reason DOUBLE_BOOKING; the metadata says by what.
    """
    await lock(session, item.resources)
    await _hold(session, item)


async def rebook(session: Session, item: AgendaItem) -> None:
    """
    Let a changed agenda item hold its room and people for its time, and nothing else any more.

    Raises:
        AlreadyExists: As for `book`.
    """
    held = await session.scalars(select(Booking.resource).where(Booking.agenda_item_id == item.id))
    await lock(session, {*held, *item.resources})
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
        if constraint_name(error) != NO_DOUBLE_BOOKING:
            raise
        collision = await _describe_collision(session, item)
    else:
        return
    raise collision


async def lock(session: Session, resources: Collection[str]) -> None:
    """Lock resources until the transaction ends. The inner query sorts before the outer one locks."""
    if not resources:
        return
    names = func.unnest(literal(sorted(resources), ARRAY(Text))).column_valued("name")
    keys = select(func.hashtextextended(names, 0).label("key")).distinct().order_by("key").subquery()
    await session.execute(select(func.pg_advisory_xact_lock(keys.c.key)))


async def _describe_collision(session: Session, item: AgendaItem) -> AlreadyExists:
    """
    Return the error that names what an agenda item collides with.

    What it books is locked, so nothing is added to the clashes while they are read.
    """
    clashes = (
        await session.execute(
            select(Booking.resource, AgendaItem)
            .join(AgendaItem, AgendaItem.id == Booking.agenda_item_id)
            .where(Booking.resource.in_(item.resources), Booking.period.overlaps(item.period))
            .order_by(AgendaItem.start_time, Booking.resource, AgendaItem.id)
            .options(joinedload(AgendaItem.visit))
        )
    ).all()
    titles = await _get_titles(session, {taken for taken, _ in clashes[:MAX_LISTED]})
    named = [_describe_clash(taken, titles[taken], other) for taken, other in clashes[:MAX_LISTED]]
    sentences = []
    for clash in named:
        by = f" by “{clash['conflict_title']}”" if "conflict" in clash else ""
        sentences.append(f"{clash['resource_title']} is booked{by} from {clash['start_time']} to {clash['end_time']}.")
    metadata = {**flatten_indexed("clashes", named), "clashes": str(len(clashes))}
    return AlreadyExists(" ".join(sentences), reason="DOUBLE_BOOKING", metadata=metadata)


def _describe_clash(taken: str, title: str, other: AgendaItem) -> dict[str, str]:
    """Return what the caller may know of one clash: the resource, its title, and what holds it when."""
    clash = {
        "resource": taken,
        "resource_title": title,
        "start_time": rfc3339(other.start_time),
        "end_time": rfc3339(other.end_time),
    }
    if rights.may_see(identity(), other.visit):
        clash |= {"conflict": other.name, "conflict_title": f"{other.visit.title}: {other.title}"}
    return clash


async def _get_titles(session: Session, resources: Collection[str]) -> dict[str, str]:
    """Return what people call rooms, people and delegates, by resource name."""
    ids = [resource.rpartition("/")[2] for resource in resources]
    titles: dict[str, str] = {}
    for room in await session.scalars(select(Room).where(Room.id.in_(ids))):
        titles[room.name] = room.display_name
    people: list[Person | Delegate] = [
        *await session.scalars(select(Person).where(Person.id.in_(ids))),
        *await session.scalars(select(Delegate).where(Delegate.id.in_(ids))),
    ]
    return titles | {who.name: who.display_name or who.function for who in people}
