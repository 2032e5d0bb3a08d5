"""Runs of the planner heed opening hours, ways between venues and further rooms, and say where these are in the way."""

from datetime import timedelta
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from austausch.exchange.v1 import venues_pb2
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement
from google.type.latlng_pb2 import LatLng

from tests import factories
from tests.calls import Caller
from tests.exchange.planned import State, apply, list_items, plan
from tests.factories import FIRST_DAY, at, day, moment, open_on

pytestmark = pytest.mark.usefixtures("patient_explanations")

Kind = SchedulingRequirement
TOWN_HALL, PLANT = LatLng(latitude=49.4874, longitude=8.4660), LatLng(latitude=49.5507, longitude=8.4660)
WAY_MINUTES = 31
"""As it is estimated between the two."""


async def visit_of_one_day(caller: Caller, **fields: Any) -> pb.Visit:
    return await factories.visit(caller, end_date=day(FIRST_DAY), **fields)


def find(run: runs_pb.ScheduleRun, kind: int) -> runs_pb.PlanRequirement:
    """Return the only requirement of a kind that stands in the way."""
    (requirement,) = [each for each in run.plan.requirements if each.kind == kind]
    return requirement


async def test_items_are_placed_while_the_venue_of_their_room_is_open(coordinator: Caller) -> None:
    hours = [*open_on(1, start="09:30", end="10:30"), *open_on(1, start="15:00", end="16:00")]
    venue = await factories.venue(coordinator, opening_hours=hours)
    await factories.room(coordinator, venue=venue.name)
    visit = await visit_of_one_day(coordinator)
    for _ in range(2):
        await factories.unplaced_item(coordinator, visit.name, needs_room=True)
    run = await plan(coordinator, visit)
    assert [each.start_time for each in run.plan.items] == [at(9, 30), at(15)]


async def test_items_at_a_venue_need_no_room_for_its_hours_and_may_overlap(coordinator: Caller) -> None:
    venue = await factories.venue(coordinator, opening_hours=open_on(1, start="14:00", end="15:00"))
    await factories.room(coordinator)
    visit = await visit_of_one_day(coordinator)
    for _ in range(2):
        await factories.unplaced_item(coordinator, visit.name, venue=venue.name)
    elsewhere = await factories.unplaced_item(coordinator, visit.name, needs_room=True)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    at_venue = [each for each in run.plan.items if each.agenda_item != elsewhere.name]
    assert [(each.start_time, each.room) for each in at_venue] == [(at(14), "")] * 2
    (in_room,) = [each for each in run.plan.items if each.agenda_item == elsewhere.name]
    assert in_room.room.startswith("rooms/")
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert {(item.venue, item.room) for name, item in items.items() if name != elsewhere.name} == {(venue.name, "")}
    again = await plan(coordinator, visit)
    assert {each.change for each in again.plan.items} == {runs_pb.PlannedItem.CHANGE_KEPT}


async def test_opening_hours_in_the_way_are_told_as_one(coordinator: Caller) -> None:
    venue = await factories.venue(coordinator, opening_hours=open_on(1, 2, start="12:00", end="13:00"))
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY + timedelta(days=2)))
    item = await factories.unplaced_item(coordinator, visit.name, venue=venue.name, duration_minutes=90)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_INFEASIBLE
    assert run.plan.minimal
    hours = find(run, Kind.VENUE_HOURS)
    assert (list(hours.venues), list(hours.agenda_items)) == ([venue.name], [item.name])
    assert [(each.start_time, each.end_time) for each in hours.open_times] == [
        (at(12, days=days), at(13, days=days)) for days in range(2)
    ]
    place = find(run, Kind.FIXED_ROOM)
    assert (list(place.rooms), list(place.venues)) == ([], [venue.name])
    assert place.text == f"“{item.title}” has to be at {venue.name}."
    assert {each.kind for each in run.plan.requirements} == {Kind.VENUE_HOURS, Kind.FIXED_ROOM}


@pytest.mark.parametrize("hours", [{}, {"day_start_time": "00:00", "day_end_time": "23:59"}])
async def test_hours_of_the_days_are_not_in_the_way_where_a_venue_is_open_too_shortly(
    coordinator: Caller, hours: dict[str, str]
) -> None:
    venue = await factories.venue(coordinator, opening_hours=open_on(2, start="10:00", end="17:00"))
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY + timedelta(days=1)))
    host = await factories.person(coordinator)
    for _ in range(2):
        await factories.unplaced_item(
            coordinator, visit.name, venue=venue.name, people=[host.name], duration_minutes=240
        )
    run = await plan(coordinator, visit, **hours)
    assert (run.state, run.plan.minimal) == (State.STATE_INFEASIBLE, True)
    assert {each.kind for each in run.plan.requirements} == {Kind.REQUIRED_PERSON, Kind.VENUE_HOURS, Kind.FIXED_ROOM}


async def test_a_venue_may_have_to_be_reached_without_steps_and_needs_no_equipment(coordinator: Caller) -> None:
    visit = await visit_of_one_day(coordinator)
    steps, ramp = [await factories.venue(coordinator, step_free=step_free) for step_free in (False, True)]
    needs = {"step_free": True, "equipment": ["beamer"]}
    item = await factories.unplaced_item(coordinator, visit.name, venue=ramp.name, **needs)
    assert (await plan(coordinator, visit)).state == State.STATE_SCHEDULED
    await factories.unplaced_item(coordinator, visit.name, venue=steps.name, **needs)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_INFEASIBLE
    assert item.name not in {name for each in run.plan.requirements for name in each.agenda_items}


async def test_an_item_that_needs_a_room_at_a_venue_gets_one_of_its_rooms(coordinator: Caller) -> None:
    hall, plant = [await factories.venue(coordinator) for _ in range(2)]
    await factories.room(coordinator, "a", venue=hall.name)
    await factories.room(coordinator, "b", venue=plant.name)
    visit = await visit_of_one_day(coordinator)
    wanted = await factories.unplaced_item(coordinator, visit.name, venue=plant.name, needs_room=True)
    run = await plan(coordinator, visit)
    assert [each.room for each in run.plan.items] == ["rooms/b"]
    await apply(coordinator, run)
    stored = (await list_items(coordinator, visit))[wanted.name]
    assert (stored.room, stored.venue) == ("rooms/b", plant.name)


async def test_a_venue_without_rooms_has_none_for_an_item_that_needs_one(coordinator: Caller) -> None:
    empty = await factories.venue(coordinator)
    await factories.room(coordinator)
    visit = await visit_of_one_day(coordinator)
    await factories.unplaced_item(coordinator, visit.name, venue=empty.name, needs_room=True)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_INFEASIBLE
    assert list(find(run, Kind.ROOMS).venues) == [empty.name]


async def places_apart(caller: Caller, **fields: Any) -> tuple[venues_pb2.Venue, venues_pb2.Venue]:
    """Create two venues, half an hour apart as it is estimated."""
    hall = await factories.venue(caller, display_name="Hall", location=TOWN_HALL)
    return hall, await factories.venue(caller, display_name="Plant", location=PLANT, **fields)


async def test_there_is_time_for_the_way_between_two_venues(coordinator: Caller) -> None:
    hall, plant = await places_apart(coordinator)
    room = await factories.room(coordinator, venue=hall.name)
    visit = await visit_of_one_day(coordinator)
    await factories.delegate(coordinator, visit.name)
    for fields in ({"room": room.name}, {"venue": plant.name}):
        await factories.unplaced_item(coordinator, visit.name, whole_delegation=True, **fields)
    run = await plan(coordinator, visit)
    first, second = run.plan.items
    assert second.start_time.seconds - first.end_time.seconds >= WAY_MINUTES * 60


async def test_a_way_that_was_entered_wins_over_the_estimate(coordinator: Caller) -> None:
    hall, plant = await places_apart(coordinator)
    way = venues_pb2.Venue(name=hall.name, ways=[venues_pb2.Way(venue=plant.name, minutes=5)])
    await coordinator.UpdateVenue(venues_pb2.UpdateVenueRequest(venue=way))
    visit = await visit_of_one_day(coordinator)
    await factories.delegate(coordinator, visit.name)
    for venue in (hall, plant):
        await factories.unplaced_item(
            coordinator, visit.name, whole_delegation=True, venue=venue.name, latest_end_time=at(11, 15)
        )
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    assert [each.start_time for each in run.plan.items] == [at(9), at(10, 15)]


async def test_a_way_in_the_way_is_told_with_its_minutes_and_that_they_are_estimated(coordinator: Caller) -> None:
    hall, plant = await places_apart(coordinator)
    visit = await visit_of_one_day(coordinator)
    await factories.delegate(coordinator, visit.name)
    for venue in (hall, plant):
        await factories.unplaced_item(
            coordinator, visit.name, whole_delegation=True, venue=venue.name, latest_end_time=at(11, 15)
        )
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_INFEASIBLE
    way = find(run, Kind.TRAVEL)
    assert ({*way.venues}, way.minutes, way.estimated) == ({hall.name, plant.name}, WAY_MINUTES, True)


async def test_who_comes_from_an_item_that_stays_has_the_time_for_the_way(coordinator: Caller) -> None:
    hall, plant = await places_apart(coordinator)
    visit = await visit_of_one_day(coordinator)
    host = await factories.person(coordinator)
    await factories.agenda_item(
        coordinator, visit.name, fixed=True, venue=hall.name, people=[host.name], end_time=at(16, 30)
    )
    item = await factories.unplaced_item(coordinator, visit.name, venue=plant.name, people=[host.name])
    nearby = await factories.unplaced_item(
        coordinator, visit.name, venue=hall.name, people=[host.name], duration_minutes=15
    )
    await factories.unplaced_item(coordinator, visit.name, people=[host.name], duration_minutes=15)
    impossible = await plan(coordinator, visit)
    assert impossible.state == State.STATE_INFEASIBLE
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name))
    shorter = await factories.unplaced_item(
        coordinator, visit.name, venue=plant.name, people=[host.name], duration_minutes=30
    )
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=nearby.name))
    run = await plan(coordinator, visit)
    (there,) = [each for each in run.plan.items if each.agenda_item == shorter.name]
    assert there.start_time.seconds >= at(16, 30).seconds + WAY_MINUTES * 60


async def test_additional_rooms_are_taken_as_long_as_the_item_takes(coordinator: Caller) -> None:
    foyer, hall = [await factories.room(coordinator, name) for name in ("foyer", "hall")]
    visit = await visit_of_one_day(coordinator)
    other = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, other.name, room=foyer.name, start_time=at(9), end_time=at(12))
    party = await factories.unplaced_item(
        coordinator, visit.name, needs_room=True, additional_rooms=[foyer.name], duration_minutes=120
    )
    for _ in range(3):
        await factories.unplaced_item(coordinator, visit.name, needs_room=True, duration_minutes=120)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    planned = {each.agenda_item: each for each in run.plan.items}
    assert planned[party.name].room == hall.name
    for each in run.plan.items:
        if each.room == foyer.name:
            assert (
                each.end_time.seconds <= planned[party.name].start_time.seconds
                or each.start_time.seconds >= planned[party.name].end_time.seconds
            )
            assert each.start_time.seconds >= at(12).seconds
    await apply(coordinator, run)


async def test_additional_rooms_in_the_way_are_told(coordinator: Caller) -> None:
    foyer = await factories.room(coordinator, "foyer")
    visit = await visit_of_one_day(coordinator)
    items = [
        await factories.unplaced_item(
            coordinator, visit.name, additional_rooms=[foyer.name], latest_end_time=at(10, 30)
        )
        for _ in range(2)
    ]
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_INFEASIBLE
    told = [each for each in run.plan.requirements if each.kind == Kind.ADDITIONAL_ROOMS]
    assert {name for each in told for name in each.agenda_items} == {item.name for item in items}
    assert [list(each.rooms) for each in told] == [[foyer.name]] * 2


async def test_abroad_rooms_of_the_host_are_planned_and_none_has_to_be_known(coordinator: Caller) -> None:
    visit = await visit_of_one_day(coordinator, direction=pb.Visit.DIRECTION_OUTGOING)
    await factories.room(coordinator)
    item = await factories.unplaced_item(coordinator, visit.name, needs_room=True)
    run = await plan(coordinator, visit)
    assert [(each.agenda_item, each.room) for each in run.plan.items] == [(item.name, "")]
    venue = await factories.venue(
        coordinator, city=visit.host_city, opening_hours=open_on(1, start="14:00", end="15:00")
    )
    room = await factories.room(coordinator, venue=venue.name)
    run = await plan(coordinator, visit)
    two = moment(at(14, zone="Europe/London").ToDatetime())
    assert [(each.room, each.start_time) for each in run.plan.items] == [(room.name, two)]
