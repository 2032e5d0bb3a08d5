"""Venues: what they are, who may change them, and the ways between them."""

import asyncio
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as exchange_pb
from austausch.exchange.v1 import venues_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.dayofweek_pb2 import DayOfWeek
from google.type.latlng_pb2 import LatLng
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis.identity import Role
from services.exchange.model import Venue
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import HOME_CITY, open_on
from tests.refusals import refused

TOWN_HALL = LatLng(latitude=49.4874, longitude=8.4660)
NEARBY = LatLng(latitude=49.4874, longitude=8.4722)
"""450 metres farther east."""
FAR = LatLng(latitude=49.5507, longitude=8.4660)
"""7 kilometres farther north."""


async def change(caller: Caller, venue: pb.Venue, *paths: str, etag: str = "", **fields: Any) -> pb.Venue:
    request = pb.UpdateVenueRequest(
        venue=pb.Venue(name=venue.name, etag=etag, **fields), update_mask=FieldMask(paths=paths)
    )
    return await caller.UpdateVenue(request)


async def list_ways(caller: Caller, venue: pb.Venue, **fields: Any) -> list[pb.Way]:
    answer = await caller.ListWays(pb.ListWaysRequest(parent=venue.name, **fields))
    return list(answer.ways)


async def get(caller: Caller, venue: pb.Venue) -> pb.Venue:
    return await caller.GetVenue(pb.GetVenueRequest(name=venue.name))


async def test_a_venue_comes_back_as_it_was_sent(coordinator: Caller) -> None:
    fields: dict[str, Any] = {
        "display_name": "Stadthaus N 1",
        "address": "N 1, 68161 Mannheim",
        "location": TOWN_HALL,
        "step_free": True,
        "opening_hours": open_on(1, 2, 7, start="08:00", end="17:30"),
    }
    venue = await factories.venue(coordinator, "stadthaus", **fields)
    sent = pb.Venue(**fields)
    assert {field: getattr(venue, field) for field in fields} == {field: getattr(sent, field) for field in fields}
    assert (venue.name, venue.city, venue.city_display_name) == ("venues/stadthaus", HOME_CITY, "Mannheim")
    assert venue.time_zone == "Europe/Berlin"
    assert await get(coordinator, venue) == venue
    bare = await change(coordinator, venue, "address", "location", "step_free", "opening_hours")
    assert (bare.address, bare.HasField("location"), bare.step_free, len(bare.opening_hours)) == ("", False, False, 0)
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        await factories.venue(coordinator, "stadthaus")


async def test_opening_hours_are_put_in_order_and_joined(coordinator: Caller) -> None:
    hours = [
        *open_on(3, start="13:00", end="17:00"),
        *open_on(3, start="09:00", end="12:00"),
        *open_on(3, start="11:00", end="13:00"),
        *open_on(6, start="20:00", end="00:00"),
        *open_on(7, start="00:00", end="02:00"),
    ]
    venue = await factories.venue(coordinator, opening_hours=hours)
    assert [(each.weekday, each.start_time, each.end_time) for each in venue.opening_hours] == [
        (DayOfWeek.WEDNESDAY, "09:00", "17:00"),
        (DayOfWeek.SATURDAY, "20:00", "00:00"),
        (DayOfWeek.SUNDAY, "00:00", "02:00"),
    ]


async def test_what_cannot_be_is_refused_beside_its_field(coordinator: Caller) -> None:
    with refused("INVALID_ARGUMENT", "END_NOT_AFTER_START") as refusal:
        hours = [*open_on(1, start="08:00", end="12:00"), *open_on(1, start="14:00", end="14:00")]
        await factories.venue(coordinator, opening_hours=hours)
    assert refusal.fields == ["venue.opening_hours[1].end_time"]
    for wrong in ({"weekday": 0, "start_time": "08:00", "end_time": "09:00"}, {"weekday": 1, "start_time": "8"}):
        with refused("INVALID_ARGUMENT"):
            await factories.venue(coordinator, opening_hours=[pb.Venue.OpeningHours(**wrong)])  # type: ignore[arg-type]
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.venue(coordinator, location=LatLng(latitude=91))
    assert refusal.reasons == {"venue.location.latitude": "COORDINATE_OUT_OF_RANGE"}
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await factories.venue(coordinator, city="cities/atlantis")
    assert refusal.fields == ["venue.city"]
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.venue(coordinator, city="Mannheim")
    assert refusal.reasons == {"venue.city": "CITY_MALFORMED"}
    venue = await factories.venue(coordinator)
    with refused("INVALID_ARGUMENT", "FIELD_NOT_CHANGEABLE"):
        await change(coordinator, venue, "city", city="cities/swansea")


async def test_without_a_home_city_a_venue_needs_a_city(exchange: RunningService) -> None:
    caller = exchange.as_(Role.COORDINATOR)
    with refused("FAILED_PRECONDITION", "NO_HOME_CITY") as refusal:
        await factories.venue(caller)
    assert refusal.metadata == {"city": HOME_CITY}
    city = await factories.city(caller)
    assert (await factories.venue(caller, city=city.name)).city == city.name


async def test_venues_are_listed_by_name_and_city_in_pages(coordinator: Caller) -> None:
    swansea = await factories.city(coordinator, "swansea")
    guildhall = await factories.venue(coordinator, display_name="Guildhall", city=swansea.name)
    ours = [await factories.venue(coordinator, display_name=name) for name in ("Stadthaus", "Klärwerk", "Rathaus")]
    in_order = [ours[1].name, ours[2].name, ours[0].name]
    names, token = [], ""
    while True:
        page = await coordinator.ListVenues(pb.ListVenuesRequest(city=HOME_CITY, page_size=2, page_token=token))
        names += [venue.name for venue in page.venues]
        assert page.total_size == 3
        token = page.next_page_token
        if not token:
            break
    assert names == in_order
    everything = await coordinator.ListVenues(pb.ListVenuesRequest())
    assert [venue.city for venue in everything.venues if venue.name == guildhall.name] == [swansea.name]
    with refused("INVALID_ARGUMENT", "NAME_MALFORMED"):
        await coordinator.ListVenues(pb.ListVenuesRequest(city="Swansea"))


async def test_members_see_venues_and_only_coordinators_change_them(
    coordinator: Caller, member: Caller, exchange: RunningService
) -> None:
    venue = await factories.venue(coordinator)
    assert (await get(member, venue)).name == venue.name
    assert await list_ways(member, venue) == []
    for denied in (factories.venue(member), change(member, venue, "address", address="E 5")):
        with refused("PERMISSION_DENIED", "ROLE_MISSING"):
            await denied
    partner = exchange.as_(Role.PARTNER, city="cities/swansea")
    with refused("PERMISSION_DENIED", "ROLE_MISSING"):
        await get(partner, venue)
    with refused("NOT_FOUND"):
        await coordinator.GetVenue(pb.GetVenueRequest(name="venues/none"))


async def test_a_repeated_create_gets_the_first_answer_and_a_lost_update_is_refused(coordinator: Caller) -> None:
    request = pb.CreateVenueRequest(
        venue=pb.Venue(display_name="Rathaus"), request_id="5a1c6f0e-8f5e-4b59-9a3e-0b3c2f1d7e66"
    )
    venue = await coordinator.CreateVenue(request)
    assert await coordinator.CreateVenue(request) == venue
    await change(coordinator, venue, "address", etag=venue.etag, address="E 5")
    with refused("ABORTED", "ETAG_MISMATCH"):
        await change(coordinator, venue, "address", etag=venue.etag, address="N 1")


async def test_a_venue_that_is_used_is_not_deleted(coordinator: Caller) -> None:
    venue = await factories.venue(coordinator)
    room = await factories.room(coordinator, venue=venue.name, display_name="Ratssaal")
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, venue=venue.name)
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await coordinator.DeleteVenue(pb.DeleteVenueRequest(name=venue.name))
    titles = [refusal.metadata[f"referrers_{number}_title"] for number in range(2)]
    assert titles == ["Ratssaal", f"{visit.title}: {item.title}"]
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
        await coordinator.DeleteCity(exchange_pb.DeleteCityRequest(name=visit.guest_city))
    await coordinator.DeleteAgendaItem(exchange_pb.DeleteAgendaItemRequest(name=item.name))
    await coordinator.DeleteRoom(exchange_pb.DeleteRoomRequest(name=room.name))
    other = await factories.venue(coordinator, ways=[pb.Way(venue=venue.name, minutes=5)])
    await coordinator.DeleteVenue(pb.DeleteVenueRequest(name=venue.name))
    assert list((await get(coordinator, other)).ways) == []


async def test_a_city_with_a_venue_is_not_deleted(coordinator: Caller) -> None:
    city = await factories.city(coordinator)
    venue = await factories.venue(coordinator, city=city.name)
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await coordinator.DeleteCity(exchange_pb.DeleteCityRequest(name=city.name))
    assert refusal.metadata["referrers_0_name"] == venue.name


async def test_ways_are_estimated_on_foot_or_by_vehicle(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, location=TOWN_HALL)
    near = await factories.venue(coordinator, display_name="Near", location=NEARBY)
    far = await factories.venue(coordinator, display_name="Far", location=FAR)
    nowhere = await factories.venue(coordinator, display_name="Nowhere")
    ways = {way.venue: way for way in await list_ways(coordinator, hall)}
    assert [way.venue for way in await list_ways(coordinator, hall)] == [far.name, near.name, nowhere.name]
    # 450 m × 1.3 at 75 m a minute; 7.04 km × 1.3 at 300 m a minute.
    assert (ways[near.name].minutes, ways[near.name].mode, ways[near.name].estimated) == (8, pb.Way.MODE_WALK, True)
    assert (ways[far.name].minutes, ways[far.name].mode) == (31, pb.Way.MODE_VEHICLE)
    assert (ways[nowhere.name].minutes, ways[nowhere.name].estimated) == (0, False)
    assert ways[near.name].venue_display_name == "Near"
    assert [way.minutes for way in await list_ways(coordinator, near) if way.venue == hall.name] == [8]


async def test_a_way_that_was_entered_wins_and_holds_both_ways(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, location=TOWN_HALL)
    near = await factories.venue(coordinator, location=NEARBY)
    await change(coordinator, hall, "ways", ways=[pb.Way(venue=near.name, minutes=12)])
    for one, other in ((hall, near), (near, hall)):
        (way,) = await list_ways(coordinator, one)
        assert (way.venue, way.minutes, way.estimated) == (other.name, 12, False)
        assert [(each.venue, each.minutes) for each in (await get(coordinator, one)).ways] == [(other.name, 12)]
    await change(coordinator, near, "ways")
    assert [(way.minutes, way.estimated) for way in await list_ways(coordinator, hall)] == [(8, True)]


async def test_who_saw_the_other_end_before_a_way_changed_has_to_look_again(coordinator: Caller) -> None:
    hall, near = [await factories.venue(coordinator) for _ in range(2)]
    await change(coordinator, hall, "ways", etag=hall.etag, ways=[pb.Way(venue=near.name, minutes=12)])
    with refused("ABORTED", "ETAG_MISMATCH"):
        await change(coordinator, near, "ways", etag=near.etag)


async def test_ways_that_are_changed_at_both_ends_at_once_are_both_written(coordinator: Caller) -> None:
    venues = [await factories.venue(coordinator) for _ in range(4)]
    ways = {
        one.name: [pb.Way(venue=other.name, minutes=10) for other in venues if other.name != one.name] for one in venues
    }
    await asyncio.gather(*(change(coordinator, venue, "ways", ways=ways[venue.name]) for venue in venues))
    for venue in venues:
        assert {way.venue for way in (await get(coordinator, venue)).ways} == {way.venue for way in ways[venue.name]}


async def test_a_new_venue_and_one_that_is_changed_never_wait_for_each_other(
    exchange: RunningService, coordinator: Caller
) -> None:
    near, far = [await factories.venue(coordinator, venue_id) for venue_id in ("a-near", "b-far")]
    async with exchange.database.begin() as session:
        await session.get_for_update(Venue, near.name)
        ways = [pb.Way(venue=venue.name, minutes=10) for venue in (near, far)]
        creating = asyncio.create_task(factories.venue(coordinator, "c-new", ways=ways))
        await asyncio.sleep(0.3)
        changing = asyncio.create_task(change(coordinator, far, "ways", ways=[pb.Way(venue=near.name, minutes=20)]))
        await asyncio.sleep(0.3)
    await asyncio.gather(creating, changing)
    assert [(way.venue, way.minutes) for way in (await get(coordinator, far)).ways] == [(near.name, 20)]


async def test_a_way_leads_to_another_venue_of_the_city_once(coordinator: Caller) -> None:
    hall, near = [await factories.venue(coordinator) for _ in range(2)]
    abroad = await factories.venue(coordinator, city=(await factories.city(coordinator)).name)
    for ends, reason in (
        ([hall.name], "VENUE_NOT_IN_CITY"),
        ([abroad.name], "VENUE_NOT_IN_CITY"),
        (["venues/none"], "REFERENCE_NOT_FOUND"),
        ([near.name, near.name], "WAY_REPEATED"),
    ):
        with refused("INVALID_ARGUMENT", reason) as refusal:
            await change(coordinator, hall, "ways", ways=[pb.Way(venue=end, minutes=1) for end in ends])
        assert refusal.fields == [f"venue.ways[{len(ends) - 1}].venue"]


async def test_the_database_itself_keeps_ways_within_a_city(exchange: RunningService, coordinator: Caller) -> None:
    city = await factories.city(coordinator)
    await factories.venue(coordinator, "a")
    await factories.venue(coordinator, "b", city=city.name)
    for city_id in ("mannheim", city.name.removeprefix("cities/")):
        with pytest.raises(IntegrityError):
            async with exchange.database.begin() as session:
                await session.execute(
                    text("INSERT INTO ways (one_id, other_id, city_id, minutes) VALUES ('a', 'b', :city, 5)"),
                    {"city": city_id},
                )


async def test_a_way_that_takes_no_minute_is_not_entered(coordinator: Caller) -> None:
    hall, near = [await factories.venue(coordinator) for _ in range(2)]
    with refused("INVALID_ARGUMENT") as refusal:
        await change(coordinator, hall, "ways", ways=[pb.Way(venue=near.name)])
    assert refusal.reasons == {"venue.ways[0].minutes": "required"}
