"""The programme says which items take place while their venue is closed; it refuses none."""

from austausch.exchange.v1 import exchange_pb2 as pb

from tests import factories
from tests.calls import Caller
from tests.factories import at, open_on


async def list_closures(caller: Caller, visit: pb.Visit) -> list[pb.Closure]:
    programme = await caller.GetProgramme(pb.GetProgrammeRequest(name=f"{visit.name}/programme"))
    return list(programme.closures)


async def test_an_item_outside_opening_hours_is_saved_and_told(coordinator: Caller) -> None:
    hall = await factories.venue(
        coordinator, display_name="Hall", opening_hours=open_on(1, 2, 3, start="10:00", end="12:00")
    )
    room = await factories.room(coordinator, venue=hall.name)
    visit = await factories.visit(coordinator)
    whole = await factories.agenda_item(
        coordinator, visit.name, venue=hall.name, start_time=at(8), end_time=at(9), whole_delegation=True
    )
    around = await factories.agenda_item(
        coordinator, visit.name, room=room.name, start_time=at(9, 30), end_time=at(12, 15)
    )
    told = {"venue": hall.name, "venue_display_name": "Hall"}
    assert await list_closures(coordinator, visit) == [
        pb.Closure(agenda_item=whole.name, start_time=at(8), end_time=at(9), **told),
        pb.Closure(agenda_item=around.name, start_time=at(9, 30), end_time=at(10), **told),
        pb.Closure(agenda_item=around.name, start_time=at(12), end_time=at(12, 15), **told),
    ]


async def test_nothing_is_told_within_the_hours_without_any_or_without_a_time(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, opening_hours=open_on(1, start="09:00", end="10:00"))
    always = await factories.venue(coordinator)
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, venue=hall.name)
    await factories.agenda_item(coordinator, visit.name, venue=always.name, start_time=at(22), end_time=at(23))
    await factories.unplaced_item(coordinator, visit.name, venue=hall.name)
    assert await list_closures(coordinator, visit) == []


async def test_an_evening_that_goes_past_midnight_is_told_until_its_end(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, opening_hours=open_on(1, start="18:00", end="23:00"))
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, venue=hall.name, start_time=at(22), end_time=at(1, days=1))
    (closure,) = await list_closures(coordinator, visit)
    assert (closure.start_time, closure.end_time) == (at(23), at(1, days=1))
