"""The programme says how long the delegation is on its way between items at different venues."""

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from google.type.latlng_pb2 import LatLng

from tests import factories
from tests.calls import Caller
from tests.factories import at

TOWN_HALL, NEARBY = LatLng(latitude=49.4874, longitude=8.4660), LatLng(latitude=49.4874, longitude=8.4722)


async def list_transfers(caller: Caller, visit: pb.Visit) -> list[pb.Transfer]:
    programme = await caller.GetProgramme(pb.GetProgrammeRequest(name=f"{visit.name}/programme"))
    return list(programme.transfers)


async def test_a_transfer_says_whence_where_how_long_and_how_much_time_there_is(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, display_name="Hall", location=TOWN_HALL)
    near = await factories.venue(coordinator, display_name="Library", location=NEARBY)
    room = await factories.room(coordinator, venue=hall.name)
    visit = await factories.visit(coordinator)
    first = await factories.agenda_item(coordinator, visit.name, room=room.name, whole_delegation=True)
    second = await factories.agenda_item(
        coordinator, visit.name, venue=near.name, whole_delegation=True, start_time=at(10, 5), end_time=at(11)
    )
    (transfer,) = await list_transfers(coordinator, visit)
    assert transfer == pb.Transfer(
        from_agenda_item=first.name,
        to_agenda_item=second.name,
        way=venues_pb2.Way(
            venue=near.name,
            venue_display_name="Library",
            minutes=8,
            mode=venues_pb2.Way.MODE_WALK,
            estimated=True,
        ),
        available_minutes=5,
    )


async def test_a_way_is_that_of_whoever_is_at_both_items(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, location=TOWN_HALL)
    near = await factories.venue(coordinator, location=NEARBY)
    visit = await factories.visit(coordinator)
    one, other = [
        await factories.delegate(coordinator, visit.name, group=group)
        for group in (pb.Delegate.GROUP_POLITICS, pb.Delegate.GROUP_STAFF)
    ]

    async def add(hour: int, venue: venues_pb2.Venue, *people: pb.Delegate) -> str:
        item = await factories.agenda_item(
            coordinator,
            visit.name,
            venue=venue.name,
            start_time=at(hour),
            end_time=at(hour + 1),
            people=[each.name for each in people],
        )
        return item.name

    first = await add(9, hall, one)
    await add(10, near, other)
    last = await add(12, near, one, other)
    assert [(each.from_agenda_item, each.to_agenda_item) for each in await list_transfers(coordinator, visit)] == [
        (first, last)
    ]


async def test_where_nobody_goes_elsewhere_or_no_way_is_known_there_is_no_transfer(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, location=TOWN_HALL)
    nowhere = await factories.venue(coordinator)
    visit = await factories.visit(coordinator)
    for number, venue in enumerate((hall.name, hall.name, "", nowhere.name)):
        await factories.agenda_item(
            coordinator,
            visit.name,
            venue=venue,
            whole_delegation=True,
            start_time=at(9 + number),
            end_time=at(10 + number),
        )
    assert await list_transfers(coordinator, visit) == []


async def test_nobody_goes_from_the_last_item_of_a_day_to_the_first_of_the_next(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, location=TOWN_HALL)
    near = await factories.venue(coordinator, location=NEARBY)
    visit = await factories.visit(coordinator)

    async def add(venue: venues_pb2.Venue, start: int, end: int, **days: int) -> str:
        times = {"start_time": at(start, **days), "end_time": at(end, **days)}
        item = await factories.agenda_item(coordinator, visit.name, venue=venue.name, whole_delegation=True, **times)
        return item.name

    await add(hall, 16, 18)
    first, second = await add(near, 9, 10, days=1), await add(hall, 11, 12, days=1)
    assert [(each.from_agenda_item, each.to_agenda_item) for each in await list_transfers(coordinator, visit)] == [
        (first, second)
    ]
