"""Venues that are closed on single days: what can be entered, and who heeds it."""

from datetime import timedelta

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement as Kind
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date

from tests import factories
from tests.calls import Caller
from tests.exchange.planned import State, plan
from tests.exchange.test_closures import list_closures
from tests.factories import FIRST_DAY, at, closed_on, day, open_on
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("patient_explanations")

NEXT_DAY = FIRST_DAY + timedelta(days=1)
ClosedDates = venues_pb2.Venue.ClosedDates


async def test_closed_dates_come_back_in_order_and_go(coordinator: Caller) -> None:
    week = [FIRST_DAY + timedelta(days=number) for number in range(7)]
    sent = [closed_on(week[5], note="Works"), closed_on(week[0], week[2], "Holidays")]
    venue = await factories.venue(coordinator, closed_dates=sent)
    stored = [closed_on(week[0], week[2], "Holidays"), closed_on(week[5], week[5], "Works")]
    assert list(venue.closed_dates) == stored
    got = await coordinator.GetVenue(venues_pb2.GetVenueRequest(name=venue.name))
    assert list(got.closed_dates) == stored
    wanted = venues_pb2.Venue(name=venue.name)
    request = venues_pb2.UpdateVenueRequest(venue=wanted, update_mask=FieldMask(paths=["closed_dates"]))
    assert list((await coordinator.UpdateVenue(request)).closed_dates) == []


async def test_days_with_the_same_note_that_overlap_or_adjoin_are_joined(coordinator: Caller) -> None:
    days = [FIRST_DAY + timedelta(days=number) for number in range(10)]
    sent = [
        closed_on(days[2], days[4]),
        closed_on(days[0], days[3]),
        closed_on(days[5]),
        closed_on(days[7]),
        closed_on(days[1], days[8], "Works"),
    ]
    venue = await factories.venue(coordinator, closed_dates=sent)
    assert list(venue.closed_dates) == [
        closed_on(days[0], days[5]),
        closed_on(days[1], days[8], "Works"),
        closed_on(days[7], days[7]),
    ]


async def test_days_that_cannot_be_are_refused_beside_their_field(coordinator: Caller) -> None:
    at_end, at_start = "venue.closed_dates[1].end_date", "venue.closed_dates[1].start_date"
    for wrong, field, reason in (
        (closed_on(NEXT_DAY, FIRST_DAY), at_end, "LAST_DAY_BEFORE_FIRST"),
        (ClosedDates(start_date=Date(year=2031, month=2, day=30)), at_start, "NO_SUCH_DAY"),
        (ClosedDates(note="Works"), at_start, "required"),
    ):
        with refused("INVALID_ARGUMENT") as refusal:
            await factories.venue(coordinator, closed_dates=[closed_on(FIRST_DAY), wrong])
        assert refusal.reasons == {field: reason}
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.venue(coordinator, closed_dates=[closed_on(FIRST_DAY)] * 61)
    assert refusal.fields == ["venue.closed_dates"]


async def test_an_item_on_a_closed_day_is_saved_and_told(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, display_name="Hall", closed_dates=[closed_on(FIRST_DAY)])
    room = await factories.room(coordinator, venue=hall.name)
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, room=room.name, start_time=at(8), end_time=at(9))
    await factories.agenda_item(
        coordinator, visit.name, venue=hall.name, start_time=at(8, days=1), end_time=at(9, days=1)
    )
    assert await list_closures(coordinator, visit) == [
        pb.Closure(agenda_item=item.name, venue=hall.name, venue_display_name="Hall", start_time=at(8), end_time=at(9))
    ]


async def test_nothing_is_planned_at_a_venue_on_a_closed_day(coordinator: Caller) -> None:
    hours = open_on(1, 2, start="09:00", end="17:00")
    hall = await factories.venue(coordinator, opening_hours=hours, closed_dates=[closed_on(FIRST_DAY)])
    always = await factories.venue(coordinator, closed_dates=[closed_on(FIRST_DAY)])
    room = await factories.room(coordinator, venue=hall.name)
    visit = await factories.visit(coordinator, end_date=day(NEXT_DAY))
    await factories.unplaced_item(coordinator, visit.name, needs_room=True)
    await factories.unplaced_item(coordinator, visit.name, venue=always.name)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    assert {each.room for each in run.plan.items} == {room.name, ""}
    assert all(each.start_time.seconds >= at(9, days=1).seconds for each in run.plan.items)


async def test_a_closed_day_in_the_way_is_told_as_hours_of_the_venue(coordinator: Caller) -> None:
    hall = await factories.venue(coordinator, closed_dates=[closed_on(FIRST_DAY)])
    visit = await factories.visit(coordinator, end_date=day(NEXT_DAY))
    item = await factories.unplaced_item(
        coordinator, visit.name, venue=hall.name, latest_end_time=at(18), duration_minutes=60
    )
    run = await plan(coordinator, visit)
    assert (run.state, run.plan.minimal) == (State.STATE_INFEASIBLE, True)
    assert {each.kind for each in run.plan.requirements} == {Kind.VENUE_HOURS, Kind.FIXED_ROOM, Kind.LATEST_END}
    (hours,) = [each for each in run.plan.requirements if each.kind == Kind.VENUE_HOURS]
    assert (list(hours.venues), list(hours.agenda_items)) == ([hall.name], [item.name])
    assert [(each.start_time, each.end_time) for each in hours.open_times] == [(at(9, days=1), at(18, days=1))]
