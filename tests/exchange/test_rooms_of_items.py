"""Where items take place: in rooms and venues of the city that hosts the visit, and in several rooms at once."""

from typing import Any

import pytest
from austausch.exchange.v1 import calendars_pb2
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from services.exchange.model import AgendaItem, Room
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, HOME_CITY, at, day
from tests.refusals import refused

OUTGOING = pb.Visit.DIRECTION_OUTGOING


async def change(caller: Caller, item: pb.AgendaItem, *paths: str, **fields: Any) -> pb.AgendaItem:
    request = pb.UpdateAgendaItemRequest(
        agenda_item=pb.AgendaItem(name=item.name, **fields), update_mask=FieldMask(paths=paths)
    )
    return await caller.UpdateAgendaItem(request)


async def change_room(caller: Caller, room: pb.Room, *paths: str, **fields: Any) -> pb.Room:
    request = pb.UpdateRoomRequest(room=pb.Room(name=room.name, **fields), update_mask=FieldMask(paths=paths))
    return await caller.UpdateRoom(request)


async def test_a_room_is_in_the_city_of_its_venue(coordinator: Caller) -> None:
    swansea = await factories.city(coordinator, "swansea")
    venue = await factories.venue(coordinator, city=swansea.name, display_name="Guildhall")
    abroad = await factories.room(coordinator, venue=venue.name, address="Guildhall Road")
    assert (abroad.venue, abroad.venue_display_name, abroad.city) == (venue.name, "Guildhall", swansea.name)
    assert abroad.address == "Guildhall Road"
    home = await factories.room(coordinator)
    assert (home.venue, home.city) == ("", HOME_CITY)

    async def list_names(**wanted: str) -> list[str]:
        answer = await coordinator.ListRooms(pb.ListRoomsRequest(**wanted))
        return [room.name for room in answer.rooms]

    assert await list_names(city=swansea.name) == await list_names(venue=venue.name) == [abroad.name]
    assert await list_names(city=HOME_CITY) == [home.name]
    assert {*await list_names()} == {home.name, abroad.name}
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await factories.room(coordinator, venue="venues/none")
    assert refusal.fields == ["room.venue"]


async def test_a_visit_books_rooms_and_venues_of_its_host_city_only(coordinator: Caller) -> None:
    exchange = await factories.exchange(coordinator)
    incoming = await factories.visit(coordinator, exchange.name)
    outgoing = await factories.visit(coordinator, exchange.name, direction=OUTGOING)
    hosts = {
        incoming.name: HOME_CITY,
        outgoing.name: exchange.city,
        "elsewhere": (await factories.city(coordinator)).name,
    }
    venues = {key: await factories.venue(coordinator, city=city) for key, city in hosts.items()}
    rooms = {key: await factories.room(coordinator, venue=venue.name) for key, venue in venues.items()}
    for visit in (incoming, outgoing):
        item = await factories.agenda_item(coordinator, visit.name, room=rooms[visit.name].name)
        assert (item.venue, item.venue_display_name) == (venues[visit.name].name, "Town hall")
        later = await factories.agenda_item(
            coordinator, visit.name, venue=venues[visit.name].name, start_time=at(14), end_time=at(15)
        )
        assert later.venue == venues[visit.name].name
        for other in hosts.keys() - {visit.name}:
            for fields, reason, field in (
                ({"room": rooms[other].name}, "ROOM_NOT_AT_HOST", "room"),
                ({"additional_rooms": [rooms[other].name]}, "ROOM_NOT_AT_HOST", "additional_rooms"),
                ({"venue": venues[other].name, "room": ""}, "VENUE_NOT_AT_HOST", "venue"),
            ):
                with refused("INVALID_ARGUMENT", reason) as refusal:
                    await change(coordinator, item, *fields, **fields)
                assert refusal.fields == [f"agenda_item.{field}"]


async def test_a_room_that_is_booked_stays_in_its_city(coordinator: Caller) -> None:
    abroad = await factories.venue(coordinator, city=(await factories.city(coordinator)).name)
    home = await factories.venue(coordinator)
    main, foyer = [await factories.room(coordinator) for _ in range(2)]
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, room=main.name, additional_rooms=[foyer.name])
    for room in (main, foyer):
        with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
            await change_room(coordinator, room, venue=abroad.name)
        assert refusal.metadata["referrers_0_name"] == item.name
        assert (await change_room(coordinator, room, venue=home.name)).city == HOME_CITY
        with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
            await coordinator.DeleteRoom(pb.DeleteRoomRequest(name=room.name))
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name))
    assert (await change_room(coordinator, main, venue=abroad.name)).city == abroad.city


async def test_the_database_itself_keeps_rooms_in_the_city_of_their_visits(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    city_id = visit.guest_city.removeprefix("cities/")
    abroad = await factories.venue(coordinator, "abroad", city=visit.guest_city)
    await factories.room(coordinator, "abroad", venue=abroad.name)
    booked = await factories.room(coordinator, "booked")
    item = await factories.agenda_item(coordinator, visit.name, room=booked.name)
    of_item = update(AgendaItem).where(AgendaItem.id == item.name.rpartition("/")[2])
    of_room = update(Room).where(Room.id == "booked")
    for statement in (
        of_item.values(room_id="abroad"),
        of_item.values(room_id="abroad", city_abroad=city_id),
        of_item.values(room_id=None, venue_id="abroad"),
        of_room.values(venue_id="abroad"),
        of_room.values(city_abroad=city_id),
        of_room.values(venue_id="abroad", city_abroad=city_id),
    ):
        with pytest.raises(IntegrityError):
            async with exchange.database.begin() as session:
                await session.execute(statement)


async def test_the_venue_is_that_of_the_room(coordinator: Caller) -> None:
    hall, plant = [await factories.venue(coordinator, display_name=name) for name in ("Hall", "Plant")]
    room = await factories.room(coordinator, venue=hall.name)
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, venue=plant.name)
    assert (item.venue, item.venue_display_name) == (plant.name, "Plant")
    assert (await change(coordinator, item, place="At the gate")).venue == plant.name
    assert (await change(coordinator, item, room=room.name)).venue == hall.name
    assert (await change(coordinator, item, room=room.name, venue=hall.name)).venue == hall.name
    with refused("INVALID_ARGUMENT", "VENUE_OF_ROOM") as refusal:
        await change(coordinator, item, venue=plant.name)
    assert refusal.fields == ["agenda_item.venue"]
    assert (await change(coordinator, item, "room")).venue == hall.name
    assert (await change(coordinator, item, "venue")).venue == ""
    assert (await change(coordinator, item, "room", "venue", venue=plant.name)).venue == plant.name
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND"):
        await change(coordinator, item, venue="venues/none")


async def test_several_rooms_are_booked_together(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    hall, foyer, kitchen = [
        await factories.room(coordinator, display_name=name) for name in ("Hall", "Foyer", "Kitchen")
    ]
    item = await factories.agenda_item(
        coordinator, visit.name, room=hall.name, additional_rooms=[kitchen.name, foyer.name]
    )
    assert list(item.additional_rooms) == [kitchen.name, foyer.name]
    assert list(item.additional_room_display_names) == ["Kitchen", "Foyer"]
    for taken in ({"room": foyer.name}, {"additional_rooms": [hall.name]}, {"additional_rooms": [kitchen.name]}):
        with refused("ALREADY_EXISTS", "DOUBLE_BOOKING") as refusal:
            await factories.agenda_item(coordinator, visit.name, **taken)
        assert refusal.metadata["clashes_0_conflict"] == item.name
    listed = await coordinator.ListOccupancies(
        calendars_pb2.ListOccupanciesRequest(
            kind=calendars_pb2.ListOccupanciesRequest.KIND_ROOM, from_date=day(FIRST_DAY), to_date=day(FIRST_DAY)
        )
    )
    assert {each.title: [booked.minutes for booked in each.days] for each in listed.occupancies} == {
        "Hall": [60],
        "Foyer": [60],
        "Kitchen": [60],
    }
    await change(coordinator, item, "additional_rooms", additional_rooms=[kitchen.name])
    other = await factories.agenda_item(coordinator, visit.name, room=foyer.name)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await change(coordinator, other, additional_rooms=[kitchen.name])


async def test_additional_rooms_are_others_that_exist(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    hall = await factories.room(coordinator)
    for fields, reason in (
        ({"room": hall.name, "additional_rooms": [hall.name]}, "ROOM_NAMED_TWICE"),
        ({"additional_rooms": [hall.name, "rooms/none"]}, "REFERENCE_NOT_FOUND"),
    ):
        with refused("INVALID_ARGUMENT", reason) as refusal:
            await factories.agenda_item(coordinator, visit.name, **fields)
        assert refusal.fields == ["agenda_item.additional_rooms"]
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.agenda_item(coordinator, visit.name, additional_rooms=["hall"])
    assert refusal.reasons == {"agenda_item.additional_rooms[0]": "ROOM_MALFORMED"}
