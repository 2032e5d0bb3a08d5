"""
Bookings: what agenda items hold of rooms, people and delegates.

The database refuses two bookings of one resource at one time. Whoever books locks the resources first, all of them in
one order: concurrent callers queue up instead of meeting in a deadlock, and the loser finds the winner's bookings.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from sqlalchemy import Text, delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from chassis.database import Session
from chassis.database_errors import constraint_name
from chassis.error_metadata import MAX_LISTED, flatten_indexed, rfc3339
from chassis.errors import AlreadyExists, FailedPrecondition
from chassis.identity import identity
from services.exchange import rights
from services.exchange.model import NO_DOUBLE_BOOKING, AgendaItem, Booking, City, Delegate, Person, Room, Visit


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an agenda item, which has a time, needs then; `entry` is its place in the request, "" for the only one."""

    item: AgendaItem
    resources: Collection[str]
    entry: str = ""

    def overlaps(self, span: Range[datetime]) -> bool:
        """Return whether the item takes place during a part of a span."""
        period = self.item.period
        return period is not None and period.overlaps(span)


async def book_all(
    session: Session, items: Sequence[AgendaItem], entries: Mapping[AgendaItem, str] | None = None
) -> None:
    """
    Let new or changed agenda items of a visit hold their rooms and people for their times, and nothing else any more.

    All of them, or none. One without a time holds nothing.

    Args:
        entries: Where in the request the items stand that are in a list there, e.g. ``agenda_items[3]``.

    Raises:
        AlreadyExists: What the first needs that cannot is taken, with reason DOUBLE_BOOKING; the metadata says by what,
            and as `entry` which item it is.
        FailedPrecondition: Some of the host's people are away, with reason PERSON_ABSENT; the metadata says when, and
            `entry`.
    """
    claims = await _free(session, items)
    await _hold(session, [replace(claim, entry=(entries or {}).get(claim.item, "")) for claim in claims])


async def book_each(session: Session, items: Sequence[AgendaItem]) -> list[AgendaItem]:
    """Let those agenda items of a visit hold what they need that can, one after the other; return the others."""
    refused = []
    for claim in await _free(session, items):
        try:
            await _hold(session, [claim])
        except (AlreadyExists, FailedPrecondition):
            refused.append(claim.item)
    return refused


async def book_delegates(session: Session, visit: Visit, delegates: Sequence[Delegate]) -> None:
    """
    Let the agenda items of a visit that expect new or changed delegates hold them as well.

    Raises:
        AlreadyExists: As for `book_all`.
    """
    if visit.days_away is None:
        return
    items = await session.scalars(
        select(AgendaItem).where(AgendaItem.visit_id == visit.id, AgendaItem.start_time.is_not(None))
    )
    names = [delegate.name for delegate in delegates]
    await lock(session, names)
    await session.execute(delete(Booking).where(Booking.resource.in_(names)))
    await _hold(
        session,
        [
            _Claim(item, {each.name for each in delegates if each.name in item.people or item.expects(each)})
            for item in items.all()
        ],
    )


async def list_expected(session: Session, item: AgendaItem) -> list[Delegate]:
    """Return the delegates who have to be at an agenda item without being named."""
    return [each for each in await _list_delegates(session, [item]) if item.expects(each)]


async def _list_delegates(session: Session, items: Sequence[AgendaItem]) -> Sequence[Delegate]:
    """Return the delegates of the visit of some agenda items; nobody where none of them expects any without a name."""
    if not any(item.whole_delegation or item.groups or item.delegation_ids for item in items):
        return []
    return (await session.scalars(select(Delegate).where(Delegate.visit_id == items[0].visit_id))).all()


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
        item.release(name)


async def _free(session: Session, items: Sequence[AgendaItem]) -> list[_Claim]:
    """Give up what agenda items of a visit hold, and return what they need now; both is locked."""
    ids = [item.id for item in items]
    held = await session.scalars(select(Booking.resource).where(Booking.agenda_item_id.in_(ids)))
    delegates = await _list_delegates(session, items)
    claims = [
        _Claim(item, item.named_resources | {each.name for each in delegates if item.expects(each)})
        for item in items
        if item.period is not None
    ]
    await lock(session, {*held, *chain.from_iterable(claim.resources for claim in claims)})
    await session.execute(delete(Booking).where(Booking.agenda_item_id.in_(ids)))
    return claims


async def _hold(session: Session, claims: Sequence[_Claim]) -> None:
    """Insert the bookings of agenda items, whose resources are locked; where not all can be, the first is told."""
    await _require_present(session, claims)
    if not any(claim.resources for claim in claims):
        return
    visit = await session.get_one(Visit, claims[0].item.visit_id)
    zone = ZoneInfo((await session.get_one(City, visit.home_city_id)).time_zone)
    rows = [
        {
            "agenda_item_id": claim.item.id,
            "resource": resource,
            "period": period,
            "home_day": period.lower.astimezone(zone).date(),
        }
        for claim in claims
        if (period := claim.item.period) and period.lower
        for resource in claim.resources
    ]
    try:
        async with session.begin_nested():
            await session.execute(insert(Booking), rows)
    except IntegrityError as error:
        if constraint_name(error) != NO_DOUBLE_BOOKING:
            raise
    else:
        return
    if len(claims) == 1:
        raise await _describe_collision(session, claims[0])
    for claim in claims:
        await _hold(session, [claim])


async def _require_present(session: Session, claims: Sequence[_Claim]) -> None:
    """
    Raise unless all of the host's people whom agenda items need are there at their times.

    Raises:
        FailedPrecondition: Some are away, of the first item that they are away from; reason PERSON_ABSENT.
    """
    names = {name for claim in claims for name in claim.resources if name.startswith("people/")}
    if not names:
        return
    ids = [Person.parse(name)["id"] for name in names]
    away = select(Person).where(Person.id.in_(ids), ~func.isempty(Person.absences)).order_by(Person.id)
    people = (await session.scalars(away)).all()
    for claim in claims:
        named = [
            {
                "resource": person.name,
                "resource_title": person.display_name or person.function,
                "start_time": rfc3339(span.lower),
                "end_time": rfc3339(span.upper),
            }
            for person in people
            for span in person.absences
            if person.name in claim.resources and span.lower and span.upper and claim.overlaps(span)
        ]
        if named:
            sentences = [
                f"{each['resource_title']} is away from {each['start_time']} to {each['end_time']}."
                for each in named[:MAX_LISTED]
            ]
            metadata = {**flatten_indexed("absences", named[:MAX_LISTED]), "absences": str(len(named))}
            metadata |= {"entry": claim.entry} if claim.entry else {}
            raise FailedPrecondition(" ".join(sentences), reason="PERSON_ABSENT", metadata=metadata)


async def lock(session: Session, resources: Collection[str]) -> None:
    """Lock resources until the transaction ends. The inner query sorts before the outer one locks."""
    if not resources:
        return
    names = func.unnest(literal(sorted(resources), ARRAY(Text))).column_valued("name")
    keys = select(func.hashtextextended(names, 0).label("key")).distinct().order_by("key").subquery()
    await session.execute(select(func.pg_advisory_xact_lock(keys.c.key)))


async def lock_programme(session: Session, visit: Visit, names: Iterable[str]) -> None:
    """
    Lock what the agenda items of a visit, which is locked, name, and what else they will.

    For who removes items before it is known what others book instead: what comes later would be locked out of order,
    while somebody who has locked it waits for what was freed.
    """
    rooms = func.array_append(AgendaItem.additional_rooms, literal("rooms/") + AgendaItem.room_id)
    people = func.array_append(AgendaItem.people, literal("people/") + AgendaItem.interpreter_id)
    items = select(rooms, people).where(AgendaItem.visit_id == visit.id)
    named = chain.from_iterable(chain(*row) for row in await session.execute(items))
    await lock(session, set(filter(None, chain(named, names))))


async def _describe_collision(session: Session, claim: _Claim) -> AlreadyExists:
    """
    Return the error that names what an agenda item collides with.

    What it books is locked, so nothing is added to the clashes while they are read.
    """
    clashes = (
        await session.execute(
            select(Booking.resource, func.lower(Booking.period), func.upper(Booking.period), AgendaItem)
            .join(AgendaItem, AgendaItem.id == Booking.agenda_item_id)
            .where(Booking.resource.in_(claim.resources), Booking.period.overlaps(claim.item.period))
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
    metadata |= {"entry": claim.entry} if claim.entry else {}
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
