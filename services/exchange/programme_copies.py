"""
Programmes that are used again: those of other visits, and templates.

What a programme is without its visit are the items of a template. A copy from a visit is made of the same: so both come
out alike.
"""

from collections.abc import Mapping, Sequence

from austausch.exchange.v1 import programme_templates_pb2 as pb
from sqlalchemy import select

from chassis.database import Session
from chassis.errors import FailedPrecondition, InvalidArgument
from services.exchange import bookings
from services.exchange.convert_programme_template import item_columns, item_message
from services.exchange.model import AgendaItem, Person, Precedence, Room, Venue, Visit
from services.exchange.model.agenda import PARTS

MAX_ITEMS = 200


async def read_items(session: Session, visit: Visit) -> list[pb.ProgrammeTemplate.Item]:
    """
    Return the programme of a visit as it is without the visit, by time.

    Raises:
        FailedPrecondition: It has no item (reason PROGRAMME_EMPTY), or more than `MAX_ITEMS` (PROGRAMME_TOO_LONG).
    """
    of_visit = select(AgendaItem).where(AgendaItem.visit_id == visit.id)
    items = (await session.scalars(of_visit.order_by(AgendaItem.programme_order, AgendaItem.id))).all()
    if not items:
        raise FailedPrecondition("The programme has no item.", reason="PROGRAMME_EMPTY")
    if len(items) > MAX_ITEMS:
        raise FailedPrecondition(
            f"The programme has more than {MAX_ITEMS} items.",
            reason="PROGRAMME_TOO_LONG",
            metadata={"items": str(len(items)), "max_items": str(MAX_ITEMS)},
        )
    places = {item.id: place for place, item in enumerate(items)}
    return [item_message(item, visit, places) for item in items]


async def add_items(session: Session, visit: Visit, items: Sequence[pb.ProgrammeTemplate.Item]) -> Sequence[AgendaItem]:
    """
    Add items to the agenda of a visit, which is locked, and book what they need; return them by time.

    What cannot take place at its time is added without one, and what is bound to days that the visit does not have,
    without these bounds.
    """
    named = await _get_named(session, visit, items)
    added = [_make_item(visit, item, named) for item in items]
    for item in added:
        if _is_bound_elsewhere(item, visit):
            item.earliest_start_time = item.latest_end_time = None
        booked = [named[name] for name in item.people]
        if not await _is_possible(session, visit, item, [who for who in booked if isinstance(who, Person)]):
            item.start_time = item.end_time = None
    session.add_all(added)
    await session.flush()
    for item, taken in zip(added, items, strict=True):
        item.after = [
            Precedence(after_id=item.id, before_id=added[each.item].id, gap_minutes=each.gap_minutes)
            for each in taken.after
        ]
    for item in await bookings.book_each(session, added):
        item.start_time = item.end_time = None
    await session.flush()
    # Read anew: an item shows what people do.
    ours = select(AgendaItem).where(AgendaItem.id.in_([item.id for item in added]))
    in_order = ours.order_by(AgendaItem.programme_order, AgendaItem.id)
    return (await session.scalars(in_order.execution_options(populate_existing=True))).all()


async def _get_named(
    session: Session, visit: Visit, items: Sequence[pb.ProgrammeTemplate.Item]
) -> Mapping[str, Room | Venue | Person]:
    """
    Return the rooms, venues and people that items name, by name; nobody deletes them meanwhile.

    Left out are those that do not exist any more, and rooms and venues of another city than the host of the visit.
    """
    names = {
        name
        for each in items
        for name in (
            each.agenda_item.room,
            each.agenda_item.venue,
            *each.agenda_item.additional_rooms,
            each.agenda_item.interpreter,
            *each.agenda_item.people,
            *each.agenda_item.optional_people,
        )
    }
    ids = [name.partition("/")[2] for name in names]
    rooms = select(Room).where(Room.id.in_(ids)).order_by(Room.id)
    venues = select(Venue).where(Venue.id.in_(ids)).order_by(Venue.id)
    people = select(Person).where(Person.id.in_(ids)).order_by(Person.id)
    found: list[Room | Venue | Person] = [
        *await session.scalars(rooms.with_for_update(key_share=True, read=True, of=Room)),
        *await session.scalars(venues.with_for_update(key_share=True, read=True, of=Venue)),
        *await session.scalars(people.with_for_update(key_share=True, read=True)),
    ]
    return {
        row.name: row
        for row in found
        if row.name in names and (isinstance(row, Person) or row.city_abroad == visit.city_abroad)
    }


def _make_item(visit: Visit, item: pb.ProgrammeTemplate.Item, named: Mapping[str, Room | Venue | Person]) -> AgendaItem:
    """Return an agenda item, with those of the rooms, venues and people that are named, and of the guests that come."""
    values = item_columns(item, visit)
    for field in ("people", "optional_people", *PARTS, "additional_rooms"):
        values[field] = [name for name in values[field] if name in named]
    guests = {f"cities/{city_id}": city_id for city_id in visit.guest_ids}
    values["delegation_ids"] = [guests[name] for name in values.pop("delegations") if name in guests]
    values["room"] = named.get(values["room"])
    venue = named.get(values.pop("venue"))
    values["other_venue"] = None if values["room"] else venue
    interpreter = named.get(values["interpreter"])
    can_interpret = isinstance(interpreter, Person) and interpreter.has_pair(values["interpretation_languages"])
    values["interpreter"] = interpreter if can_interpret else None
    return AgendaItem(visit_id=visit.id, city_abroad=visit.city_abroad, after=[], **values)


def _is_bound_elsewhere(item: AgendaItem, visit: Visit) -> bool:
    """Return whether a new item has to begin after the last day of a visit, or to be over before the first."""
    if visit.dates is None:
        return False
    first, last = visit.bounds()
    earliest, latest = item.earliest_start_time, item.latest_end_time
    return (earliest is not None and earliest >= last) or (latest is not None and latest <= first)


async def _is_possible(session: Session, visit: Visit, item: AgendaItem, booked: Sequence[Person]) -> bool:
    """Return whether a new item lies within the days of a visit, and somebody can interpret it."""
    of_groups = await bookings.list_expected(session, item) if item.interpretation_languages else []
    try:
        item.check_times(visit)
        item.check_interpreter(booked, of_groups)
    except InvalidArgument:
        return False
    return True
