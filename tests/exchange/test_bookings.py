"""One room, one person, one time: the database refuses the second booking, and the answer says what is in the way."""

import asyncio
from datetime import UTC, timedelta
from itertools import cycle, islice
from typing import Any

import grpc
import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from chassis.error_metadata import read_indexed
from chassis.errors import AlreadyExists
from chassis.identity import Role, act_as
from chassis.status import from_rpc_error
from services.exchange import bookings
from services.exchange.model import NO_DOUBLE_BOOKING, AgendaItem, Booking, Room
from tests import factories
from tests.calls import Caller, RunningService, person
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused


async def count_bookings(exchange: RunningService) -> int:
    async with exchange.database.read() as session:
        return await session.scalar(select(func.count()).select_from(Booking)) or 0


async def outcome(call: Any) -> str:
    """Return ``OK`` or the reason of the refusal."""
    try:
        await call
    except grpc.RpcError as error:
        return from_rpc_error(error).reason
    return "OK"


async def test_two_visits_cannot_hold_one_room_at_once(exchange: RunningService, coordinator: Caller) -> None:
    room = await factories.room(coordinator, "ratssaal")
    first, second = await factories.visit(coordinator), await factories.visit(coordinator)
    outcomes = await asyncio.gather(
        outcome(factories.agenda_item(coordinator, first.name, room=room.name)),
        outcome(factories.agenda_item(coordinator, second.name, room=room.name, start_time=at(9, 30), end_time=at(11))),
    )
    assert sorted(outcomes) == ["DOUBLE_BOOKING", "OK"]
    assert await count_bookings(exchange) == 1


async def test_the_database_itself_refuses_an_overlap_of_two_transactions(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    items = [await factories.agenda_item(coordinator, visit.name) for _ in range(2)]
    first, second = (
        Booking(
            agenda_item_id=item.name.rpartition("/")[2],
            resource="rooms/ratssaal",
            period=Range(item.start_time.ToDatetime(), item.end_time.ToDatetime()),
        )
        for item in items
    )

    async def insert_second() -> None:
        async with exchange.database.begin() as session:
            session.add(second)

    async with exchange.database.begin() as session:
        session.add(first)
        await session.flush()
        waiting = asyncio.create_task(insert_second())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    with pytest.raises(IntegrityError, match="ex_bookings_resource_period"):
        await waiting


async def test_of_twenty_concurrent_creators_exactly_one_gets_the_booking(
    exchange: RunningService, coordinator: Caller
) -> None:
    room = await factories.room(coordinator, "ratssaal")
    people = [(await factories.person(coordinator, f"interpreter-{number}")).name for number in range(3)]
    exchange_name = (await factories.exchange(coordinator)).name
    visits = [await factories.visit(coordinator, exchange_name) for _ in range(4)]
    orders = cycle([people, people[::-1], [people[1], people[2], people[0]]])
    outcomes = await asyncio.gather(
        *(
            outcome(factories.agenda_item(coordinator, visit.name, room=room.name, people=order))
            for visit, order in islice(zip(cycle(visits), orders, strict=False), 20)
        )
    )
    assert sorted(outcomes) == ["DOUBLE_BOOKING"] * 19 + ["OK"]
    assert await count_bookings(exchange) == 4


async def test_a_double_booking_names_what_it_collides_with(coordinator: Caller) -> None:
    interpreter = await factories.person(coordinator, "interpreter")
    first = await factories.visit(coordinator, title="Controllers from Swansea")
    second = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, first.name, title="Welcome", people=[interpreter.name])
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING") as refusal:
        await factories.agenda_item(
            coordinator, second.name, people=[interpreter.name], start_time=at(8), end_time=at(9, 1)
        )
    assert refusal.metadata == {
        "clashes_0_resource": "people/interpreter",
        "clashes_0_resource_title": "Interpreter English–German",
        "clashes_0_conflict": item.name,
        "clashes_0_conflict_title": "Controllers from Swansea: Welcome",
        "clashes_0_start_time": "2031-05-12T07:00:00Z",
        "clashes_0_end_time": "2031-05-12T08:00:00Z",
        "clashes": "1",
    }


async def test_a_double_booking_names_every_clash(coordinator: Caller) -> None:
    room = await factories.room(coordinator, "ratssaal")
    interpreter = await factories.person(coordinator, "interpreter")
    first = await factories.visit(coordinator, title="Controllers from Swansea")
    second = await factories.visit(coordinator)
    delegate = await factories.delegate(coordinator, second.name)
    held = await factories.agenda_item(coordinator, first.name, title="Welcome", people=[interpreter.name])
    later = {"start_time": at(10), "end_time": at(11)}
    await factories.agenda_item(coordinator, first.name, title="Tour", room=room.name, **later)
    own = await factories.agenda_item(coordinator, second.name, title="Rest", people=[delegate.name], **later)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING") as refusal:
        await factories.agenda_item(
            coordinator, second.name, room=room.name, people=[interpreter.name, delegate.name], end_time=at(11)
        )
    clashes = read_indexed(refusal.metadata, "clashes")
    assert (clashes[0]["resource"], clashes[0]["conflict"]) == (interpreter.name, held.name)
    assert {clashes[1]["resource_title"], clashes[2]["resource_title"]} == {"Council chamber", "Head of controlling"}
    assert own.name in (clashes[1]["conflict"], clashes[2]["conflict"])
    assert clashes[2]["start_time"] == "2031-05-12T08:00:00Z"
    assert refusal.metadata["clashes"] == "3"


async def test_of_many_clashes_ten_are_named_and_all_counted(coordinator: Caller) -> None:
    people = [(await factories.person(coordinator, f"person-{number}")).name for number in range(12)]
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, people=people)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING") as refusal:
        await factories.agenda_item(coordinator, visit.name, people=people)
    assert refusal.metadata["clashes"] == "12"
    assert list(read_indexed(refusal.metadata, "clashes")) == list(range(10))


async def test_who_may_not_see_the_other_visit_is_not_told_its_title(
    exchange: RunningService, coordinator: Caller
) -> None:
    room = await factories.room(coordinator, "ratssaal")
    taken, free = [await factories.visit(coordinator) for _ in range(2)]
    await factories.agenda_item(coordinator, taken.name, room=room.name)
    wish = await factories.agenda_item(coordinator, free.name)
    act_as(person(Role.PARTNER, city=free.guest_city))
    async with exchange.database.read() as session:
        item = await session.get_by_name(AgendaItem, wish.name)
        item.room = await session.get_by_name(Room, room.name)

    async def book() -> None:
        async with exchange.database.begin() as session:
            await bookings.book_all(session, [item])

    with pytest.raises(AlreadyExists) as refusal:
        await book()
    (clash,) = read_indexed(refusal.value.metadata, "clashes").values()
    assert set(clash) == {"resource", "resource_title", "start_time", "end_time"}
    assert taken.title not in refusal.value.message


async def test_bookings_that_touch_do_not_collide(exchange: RunningService, coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name, start_time=at(9), end_time=at(10))
    await factories.agenda_item(coordinator, visit.name, room=room.name, start_time=at(10), end_time=at(11))
    assert await count_bookings(exchange) == 2


async def test_a_refused_change_leaves_item_and_bookings_as_they_were(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    later = await factories.agenda_item(coordinator, visit.name, room=room.name, start_time=at(10), end_time=at(11))
    moved = pb.AgendaItem(name=later.name, title="Moved", start_time=at(9, 30))
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=moved))
    assert await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=later.name)) == later
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, room=room.name, start_time=at(10), end_time=at(11))


async def test_a_moved_item_frees_its_old_time_and_room(coordinator: Caller) -> None:
    old, new = await factories.room(coordinator, "old"), await factories.room(coordinator, "new")
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, room=old.name)
    moved = pb.AgendaItem(name=item.name, room=new.name)
    answer = await coordinator.UpdateAgendaItem(
        pb.UpdateAgendaItemRequest(agenda_item=moved, update_mask=FieldMask(paths=["room"]))
    )
    assert (answer.room, answer.title) == (new.name, item.title)
    await factories.agenda_item(coordinator, visit.name, room=old.name)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, room=new.name)


async def test_cancelling_a_visit_releases_its_bookings_and_keeps_its_programme(
    exchange: RunningService, coordinator: Caller
) -> None:
    room = await factories.room(coordinator)
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, room=room.name)
    cancelled = await factories.take(coordinator, visit.name, "cancel")
    assert (cancelled.state, cancelled.reason) == (pb.Visit.STATE_CANCELLED, "The guests fell ill.")
    assert await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name)) == item
    assert await count_bookings(exchange) == 0
    await factories.agenda_item(coordinator, other.name, room=room.name)


async def test_a_deleted_delegate_leaves_the_programme_and_its_bookings(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    leaves, stays = [await factories.delegate(coordinator, visit.name) for _ in range(2)]
    item = await factories.agenda_item(coordinator, visit.name, people=[leaves.name, stays.name])
    await coordinator.DeleteDelegate(pb.DeleteDelegateRequest(name=leaves.name))
    left = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))
    assert (list(left.people), left.etag != item.etag) == ([stays.name], True)
    assert await count_bookings(exchange) == 1


async def test_a_deleted_item_frees_its_room(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, room=room.name)
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name, etag=item.etag))
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    with refused("NOT_FOUND"):
        await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))


async def test_items_that_swap_their_rooms_at_once_never_deadlock(coordinator: Caller) -> None:
    rooms = [(await factories.room(coordinator, f"room-{number}")).name for number in range(2)]
    exchange_name = (await factories.exchange(coordinator)).name
    items = []
    for room in rooms:
        visit = await factories.visit(coordinator, exchange_name)
        items.append(await factories.agenda_item(coordinator, visit.name, room=room))
    outcomes = set()
    for turn in range(6):
        swap = [rooms[1], rooms[0]] if turn % 2 == 0 else rooms
        calls = [
            coordinator.UpdateAgendaItem(
                pb.UpdateAgendaItemRequest(agenda_item=pb.AgendaItem(name=item.name, room=room))
            )
            for item, room in zip(items, swap, strict=True)
        ]
        outcomes |= set(await asyncio.gather(*map(outcome, calls)))
    assert outcomes <= {"OK", "DOUBLE_BOOKING"}


async def book_meanwhile(exchange: RunningService, item: pb.AgendaItem, room: str, change: Any) -> None:
    """Try to book a room that is taken for an item, while another call that changes what holds it waits for us."""
    booking = {
        "agenda_item_id": item.name.rpartition("/")[2],
        "resource": room,
        "period": Range(item.start_time.ToDatetime(UTC), item.end_time.ToDatetime(UTC)),
    }
    async with exchange.database.begin() as session:
        await bookings.lock(session, [room])
        changing = asyncio.create_task(change)
        await asyncio.sleep(0.3)
        with pytest.raises(IntegrityError, match=NO_DOUBLE_BOOKING):
            await session.execute(insert(Booking).values(booking))
        await session.rollback()
    await changing


async def test_a_visit_that_is_postponed_waits_for_who_books_and_never_deadlocks(
    exchange: RunningService, coordinator: Caller
) -> None:
    room = await factories.room(coordinator)
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    rival = await factories.agenda_item(coordinator, other.name)
    dates = {name: day(FIRST_DAY + timedelta(days=days)) for name, days in (("start_date", 7), ("end_date", 9))}
    postpone = pb.PostponeVisitRequest(name=visit.name, reason="The mayor is ill.", **dates)
    await book_meanwhile(exchange, rival, room.name, coordinator.PostponeVisit(postpone))
    (moved,) = (await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))).agenda_items
    assert moved.start_time == at(9, days=7)


async def test_a_room_that_is_given_up_and_taken_again_at_once_never_deadlocks(
    exchange: RunningService, coordinator: Caller
) -> None:
    room = await factories.room(coordinator)
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    removed = await factories.agenda_item(coordinator, visit.name, room=room.name)
    rival = await factories.agenda_item(coordinator, other.name)
    added = pb.AgendaItem(title="Another", start_time=at(9), end_time=at(10), room=room.name)
    edit = pb.BatchEditAgendaItemsRequest(
        parent=visit.name, deletions=[pb.DeleteAgendaItemRequest(name=removed.name)], additions=[added]
    )
    await book_meanwhile(exchange, rival, room.name, coordinator.BatchEditAgendaItems(edit))
    (item,) = (await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))).agenda_items
    assert (item.title, item.room) == ("Another", room.name)
