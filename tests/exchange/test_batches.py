"""Many delegates or agenda items at once: all of them, or none."""

from austausch.exchange.v1 import exchange_pb2 as pb

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import at
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
