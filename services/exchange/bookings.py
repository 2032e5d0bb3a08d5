"""
Bookings: what agenda items hold of rooms, people and delegates.

The database refuses two bookings of one resource at one time. Whoever books locks the resources first, all of them in
one order: concurrent callers queue up instead of meeting in a deadlock, and the loser finds the winner's bookings.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Text, delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from chassis.database import Session
from chassis.database_errors import constraint_name
from chassis.error_metadata import MAX_LISTED, flatten_indexed, rfc3339
from chassis.errors import AlreadyExists, FailedPrecondition
from chassis.identity import identity
from services.exchange import rights
from services.exchange.model import NO_DOUBLE_BOOKING, AgendaItem, Booking, Delegate, Person, Room, Visit


async def book(session: Session, item: AgendaItem) -> None:
    """
    Let a new agenda item hold its room and people for its time; one without a time holds nothing.

    Raises:
        AlreadyExists: Some of them are taken, with reason DOUBLE_BOOKING; the metadata says by what.
        FailedPrecondition: Some of the host's people are away, with reason PERSON_ABSENT; the metadata says when.
    """
    resources = await list_resources(session, item)
    await lock(session, resources)
    await _hold(session, item, resources)


async def rebook(session: Session, item: AgendaItem) -> None:
    """
    Let a changed agenda item hold its room and people for its time, and nothing else any more.

    Raises:
        AlreadyExists, FailedPrecondition: As for `book`.
    """
    await rebook_all(session, [item])


async def rebook_all(session: Session, items: Sequence[AgendaItem]) -> None:
    """
    Let new or changed agenda items hold what they need, and nothing else any more: all of them, or none.

    Raises:
        AlreadyExists, FailedPrecondition: As for `book`, of the first that cannot.
    """
    ids = [item.id for item in items]
    held = await session.scalars(select(Booking.resource).where(Booking.agenda_item_id.in_(ids)))
    wanted = [(item, await list_resources(session, item)) for item in items]
    await lock(session, {*held, *chain.from_iterable(resources for _, resources in wanted)})
    await session.execute(delete(Booking).where(Booking.agenda_item_id.in_(ids)))
    await _hold_all(session, wanted)


async def rebook_delegates(session: Session, visit: Visit, delegates: Sequence[Delegate]) -> None:
    """
    Let the agenda items of a visit that expect new or changed delegates hold them as well.

    Raises:
        AlreadyExists: As for `book`.
    """
    if visit.days_away is None:
        return
    items = await session.scalars(
        select(AgendaItem).where(AgendaItem.visit_id == visit.id, AgendaItem.start_time.is_not(None))
    )
    names = [delegate.name for delegate in delegates]
    await lock(session, names)
    await session.execute(delete(Booking).where(Booking.resource.in_(names)))
    wanted = [
        (item, {each.name for each in delegates if each.name in item.people or item.expects(each.group)})
        for item in items.all()
    ]
    await _hold_all(session, wanted)


async def list_resources(session: Session, item: AgendaItem) -> set[str]:
    """Return the names of what an agenda item books: nothing as long as it has no time."""
    if item.period is None:
        return set()
    return item.named_resources | {each.name for each in await list_expected(session, item)}


async def list_expected(session: Session, item: AgendaItem) -> list[Delegate]:
    """Return the delegates who have to be at an agenda item with their group, or with the whole delegation."""
    if not (item.whole_delegation or item.groups):
        return []
    delegates = select(Delegate).where(Delegate.visit_id == item.visit_id)
    return [each for each in await session.scalars(delegates) if item.expects(each.group)]


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
        .where(
            AgendaItem.visit_id == delegate.visit_id,
            AgendaItem.people.contains([name]) | AgendaItem.optional_people.contains([name]),
        )
        .with_for_update(of=AgendaItem)
    )
    for item in items:
        item.people = [person for person in item.people if person != name]
        item.optional_people = [person for person in item.optional_people if person != name]


async def _hold_all(session: Session, wanted: Sequence[tuple[AgendaItem, Collection[str]]]) -> None:
    """Insert the bookings of several items in one statement; where some cannot be, the first of them is told."""
    for item, resources in wanted:
        await _require_present(session, item, resources)
    rows = [row for item, resources in wanted for row in _list_rows(item, resources)]
    if not rows:
        return
    try:
        async with session.begin_nested():
            await session.execute(insert(Booking), rows)
    except IntegrityError as error:
        if constraint_name(error) != NO_DOUBLE_BOOKING:
            raise
    else:
        return
    for item, resources in wanted:
        await _hold(session, item, resources)


def _list_rows(item: AgendaItem, resources: Iterable[str]) -> list[dict[str, Any]]:
    return [{"agenda_item_id": item.id, "resource": resource, "period": item.period} for resource in resources]


async def _hold(session: Session, item: AgendaItem, resources: Collection[str]) -> None:
    """Insert the bookings of an item; its resources are locked."""
    if not resources:
        return
    await _require_present(session, item, resources)
    try:
        async with session.begin_nested():
            await session.execute(insert(Booking), _list_rows(item, resources))
    except IntegrityError as error:
        if constraint_name(error) != NO_DOUBLE_BOOKING:
            raise
        collision = await _describe_collision(session, item, resources)
    else:
        return
    raise collision


async def _require_present(session: Session, item: AgendaItem, resources: Collection[str]) -> None:
    """
    Raise unless all of the host's people among the resources are there at the time of an item.

    Raises:
        FailedPrecondition: Some are away; reason PERSON_ABSENT.
    """
    ids = [Person.parse(name)["id"] for name in resources if name.startswith("people/")]
    period = item.period
    if not ids or period is None:
        return
    away = await session.scalars(
        select(Person).where(Person.id.in_(ids), Person.absences.overlaps([period])).order_by(Person.id)
    )
    named = [
        {
            "resource": person.name,
            "resource_title": person.display_name or person.function,
            "start_time": rfc3339(span.lower),
            "end_time": rfc3339(span.upper),
        }
        for person in away
        for span in person.absences
        if span.lower and span.upper and span.overlaps(period)
    ]
    if not named:
        return
    sentences = [f"{each['resource_title']} is away from {each['start_time']} to {each['end_time']}." for each in named]
    metadata = {**flatten_indexed("absences", named[:MAX_LISTED]), "absences": str(len(named))}
    raise FailedPrecondition(" ".join(sentences[:MAX_LISTED]), reason="PERSON_ABSENT", metadata=metadata)


async def lock(session: Session, resources: Collection[str]) -> None:
    """Lock resources until the transaction ends. The inner query sorts before the outer one locks."""
    if not resources:
        return
    names = func.unnest(literal(sorted(resources), ARRAY(Text))).column_valued("name")
    keys = select(func.hashtextextended(names, 0).label("key")).distinct().order_by("key").subquery()
    await session.execute(select(func.pg_advisory_xact_lock(keys.c.key)))


async def _describe_collision(session: Session, item: AgendaItem, resources: Collection[str]) -> AlreadyExists:
    """
    Return the error that names what an agenda item collides with.

    What it books is locked, so nothing is added to the clashes while they are read.
    """
    clashes = (
        await session.execute(
            select(Booking.resource, func.lower(Booking.period), func.upper(Booking.period), AgendaItem)
            .join(AgendaItem, AgendaItem.id == Booking.agenda_item_id)
            .where(Booking.resource.in_(resources), Booking.period.overlaps(item.period))
            .order_by(AgendaItem.start_time, Booking.resource, AgendaItem.id)
            .options(joinedload(AgendaItem.visit))
        )
    ).all()
    titles = await _get_titles(session, {taken for taken, *_ in clashes[:MAX_LISTED]})
    named = [
        _describe_clash(taken, titles[taken], (start, end), other) for taken, start, end, other in clashes[:MAX_LISTED]
    ]
    sentences = []
    for clash in named:
        by = f" by “{clash['conflict_title']}”" if "conflict" in clash else ""
        sentences.append(f"{clash['resource_title']} is booked{by} from {clash['start_time']} to {clash['end_time']}.")
    metadata = {**flatten_indexed("clashes", named), "clashes": str(len(clashes))}
    return AlreadyExists(" ".join(sentences), reason="DOUBLE_BOOKING", metadata=metadata)


def _describe_clash(taken: str, title: str, held: tuple[datetime, datetime], other: AgendaItem) -> dict[str, str]:
    """Return what the caller may know of one clash: the resource, its title, and what holds it when."""
    clash = {
        "resource": taken,
        "resource_title": title,
        "start_time": rfc3339(held[0]),
        "end_time": rfc3339(held[1]),
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
