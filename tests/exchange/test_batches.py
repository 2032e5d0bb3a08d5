"""Many delegates or agenda items at once: all of them, or none."""

import asyncio
from datetime import timedelta
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused

ONCE = "7b0e0d2e-1f0c-4b5e-9d5c-0f1a2b3c4d5e"


async def test_items_are_added_together_in_their_order_and_once(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    items = [pb.AgendaItem(title=title, duration_minutes=30) for title in ("A", "B", "C")]
    request = pb.BatchCreateAgendaItemsRequest(parent=visit.name, agenda_items=items, request_id=ONCE)
    first, second = [await coordinator.BatchCreateAgendaItems(request) for _ in range(2)]
    assert [item.title for item in first.agenda_items] == ["A", "B", "C"]
    assert first == second
    listed = await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))
    assert listed.total_size == 3


async def test_one_item_that_is_wrong_refuses_all_and_is_told_at_its_place(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    good = pb.AgendaItem(title="A", duration_minutes=30)
    for wrong, field in (
        (pb.AgendaItem(title="B"), "agenda_items[1].duration_minutes"),
        (pb.AgendaItem(duration_minutes=30), "agenda_items[1].title"),
        (pb.AgendaItem(title="B", start_time=at(9, days=9), duration_minutes=30), "agenda_items[1].start_time"),
        (pb.AgendaItem(title="B", duration_minutes=30, people=["people/none"]), "agenda_items[1].people"),
    ):
        with refused("INVALID_ARGUMENT") as refusal:
            await coordinator.BatchCreateAgendaItems(
                pb.BatchCreateAgendaItemsRequest(parent=visit.name, agenda_items=[good, wrong])
            )
        assert refusal.fields == [field]
    both = [pb.AgendaItem(title=title, start_time=at(9), end_time=at(10), room="rooms/hall") for title in "AB"]
    await factories.room(coordinator, "hall")
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await coordinator.BatchCreateAgendaItems(pb.BatchCreateAgendaItemsRequest(parent=visit.name, agenda_items=both))
    listed = await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))
    assert listed.total_size == 0


async def test_a_delegation_is_added_together(exchange: RunningService, coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    delegates = [pb.Delegate(function="Mayor", head=True), pb.Delegate(function="Engineer")]
    partner = exchange.as_(Role.PARTNER, city=visit.guest_city)
    added = await partner.BatchCreateDelegates(pb.BatchCreateDelegatesRequest(parent=visit.name, delegates=delegates))
    assert [delegate.function for delegate in added.delegates] == ["Mayor", "Engineer"]
    with refused("ALREADY_EXISTS", "SECOND_HEAD"):
        await coordinator.BatchCreateDelegates(
            pb.BatchCreateDelegatesRequest(parent=visit.name, delegates=delegates[::-1])
        )
    listed = await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))
    assert listed.total_size == 2
    with refused("INVALID_ARGUMENT"):
        await coordinator.BatchCreateDelegates(pb.BatchCreateDelegatesRequest(parent=visit.name))


async def test_a_delegate_for_a_city_that_is_no_guest_is_told_at_its_place(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    delegates = [pb.Delegate(function="Mayor"), pb.Delegate(function="Engineer", city="cities/elsewhere")]
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.BatchCreateDelegates(pb.BatchCreateDelegatesRequest(parent=visit.name, delegates=delegates))
    assert refusal.reasons == {"delegates[1].city": "NOT_A_GUEST_CITY"}
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.BatchEditDelegates(pb.BatchEditDelegatesRequest(parent=visit.name, additions=delegates))
    assert refusal.reasons == {"additions[1].city": "NOT_A_GUEST_CITY"}


async def test_items_are_changed_together_or_not_at_all(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    first, second = [await factories.unplaced_item(coordinator, visit.name) for _ in range(2)]
    stranger = await factories.unplaced_item(coordinator, other.name)

    def rename(item: pb.AgendaItem, **fields: Any) -> pb.UpdateAgendaItemRequest:
        return pb.UpdateAgendaItemRequest(agenda_item=pb.AgendaItem(name=item.name, title="Renamed", **fields))

    async def change(*requests: pb.UpdateAgendaItemRequest) -> list[str]:
        request = pb.BatchUpdateAgendaItemsRequest(parent=visit.name, requests=requests)
        return [item.title for item in (await coordinator.BatchUpdateAgendaItems(request)).agenda_items]

    for wrong, field in (
        (rename(stranger), "requests[1].agenda_item.name"),
        (rename(second, people=["people/none"]), "requests[1].agenda_item.people"),
    ):
        with refused("INVALID_ARGUMENT") as refusal:
            await change(rename(first), wrong)
        assert refusal.fields == [field]
    with refused("ABORTED", "ETAG_MISMATCH"):
        await change(rename(first), rename(second, etag="99"))
    assert (await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=first.name))).title == first.title
    assert await change(rename(first), rename(second)) == ["Renamed", "Renamed"]


async def test_batches_that_book_the_same_in_another_order_wait_for_each_other(coordinator: Caller) -> None:
    exchange_name = (await factories.exchange(coordinator)).name
    visits = [await factories.visit(coordinator, exchange_name) for _ in range(2)]
    rooms = [(await factories.room(coordinator)).name for _ in range(24)]

    def make(hour: int, order: list[str]) -> list[pb.AgendaItem]:
        return [pb.AgendaItem(title="x", room=room, start_time=at(hour), end_time=at(hour + 1)) for room in order]

    for hour in (8, 12):
        await asyncio.gather(
            *(
                coordinator.BatchCreateAgendaItems(
                    pb.BatchCreateAgendaItemsRequest(parent=visit.name, agenda_items=make(hour + number, order))
                )
                for number, (visit, order) in enumerate(zip(visits, (rooms, rooms[::-1]), strict=True))
            )
        )


async def test_a_large_delegation_joins_a_full_programme(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY + timedelta(days=20)))
    items = [
        pb.AgendaItem(title="x", whole_delegation=True, start_time=at(8 + n % 10, days=n // 10), duration_minutes=60)
        for n in range(100)
    ]
    await coordinator.BatchCreateAgendaItems(pb.BatchCreateAgendaItemsRequest(parent=visit.name, agenda_items=items))
    delegates = [pb.Delegate(function=f"Guest {number}") for number in range(100)]
    added = await coordinator.BatchCreateDelegates(
        pb.BatchCreateDelegatesRequest(parent=visit.name, delegates=delegates)
    )
    assert len(added.delegates) == 100
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, people=[added.delegates[99].name])
