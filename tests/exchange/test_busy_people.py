"""When people are busy by their own calendars: where dates and times are looked for, and what may be booked."""

from datetime import UTC, date, datetime, timedelta

import pytest
from austausch.exchange.v1 import calendars_pb2, exchange_pb2
from austausch.exchange.v1.exchange_pb2 import Person, Visit
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement

from chassis.convert import date_of
from services.exchange.busy_times import add_up_days
from services.exchange.scheduling.problem import Span
from tests import factories
from tests.calls import Caller
from tests.exchange.calendars import BERLIN, MONDAY, at, list_busy, make_calendar, upload
from tests.exchange.planned import State, apply, change, list_items, plan

Reason = calendars_pb2.DateReason
DAYS = {"start_date": factories.day(MONDAY), "end_date": factories.day(MONDAY + timedelta(days=4))}


def moment(hour: int, minute: int = 0, *, days: int = 0) -> object:
    """Return a time on that Monday, or `days` later, as a message."""
    return factories.moment(at(hour, minute, days=days))


@pytest.fixture
async def mayor(coordinator: Caller) -> Person:
    """Somebody who is busy on that Monday until two o'clock, and on Wednesday all day."""
    person = await factories.person(coordinator, "mayor", function="Mayor")
    ics = make_calendar(
        (at(7), at(14)), (at(9), at(11)), (at(0, days=2), at(0, days=3)), (at(9, days=3), at(10, days=3))
    )
    await upload(coordinator, person, ics)
    return person


@pytest.fixture
async def visit(coordinator: Caller) -> Visit:
    """A visit in that week."""
    return await factories.visit(coordinator, **DAYS)


def test_hours_are_added_up_by_day_between_eight_and_six() -> None:
    # On the last Sunday of March clocks go forward at two.
    night = Span(datetime(2030, 3, 29, 16, tzinfo=UTC), datetime(2030, 3, 31, 7, tzinfo=UTC))
    assert add_up_days([night], BERLIN) == {
        date(2030, 3, 29): timedelta(hours=1),
        date(2030, 3, 30): timedelta(hours=10),
        date(2030, 3, 31): timedelta(hours=1),
    }
    assert add_up_days([Span(datetime(2030, 5, 1, 18, tzinfo=UTC), datetime(2030, 5, 1, 22, tzinfo=UTC))], BERLIN) == {}


async def test_days_on_which_people_are_busy_speak_against_a_window(coordinator: Caller, mayor: Person) -> None:
    await factories.city(coordinator, "swansea")
    controller = await factories.person(coordinator, function="Controller")
    asked = calendars_pb2.ProposeDatesRequest(
        city="cities/swansea",
        working_days=3,
        earliest_date=factories.day(MONDAY - timedelta(days=7)),
        latest_date=factories.day(MONDAY + timedelta(days=11)),
        people=[mayor.name, controller.name],
    )
    windows = {date_of(each.start_date): each for each in (await coordinator.ProposeDates(asked)).windows}
    (busy,) = [each for each in windows[MONDAY].reasons if each.kind == Reason.KIND_BUSY]
    assert (busy.subject, busy.busy_days, busy.working_days, busy.against) == (mayor.name, 2, 3, True)
    assert (date_of(busy.start_date), date_of(busy.end_date)) == (MONDAY, MONDAY + timedelta(days=2))
    # The week after has nothing of all that.
    assert Reason.KIND_EVERYBODY_FREE in {each.kind for each in windows[MONDAY + timedelta(days=7)].reasons}
    asked.ClearField("people")
    everybody = (await coordinator.ProposeDates(asked)).windows
    assert Reason.KIND_BUSY not in {each.kind for window in everybody for each in window.reasons}


async def test_occupancies_tell_how_busy_people_are(coordinator: Caller, mayor: Person, visit: Visit) -> None:
    await factories.agenda_item(
        coordinator, visit.name, people=[mayor.name], start_time=moment(9, days=1), end_time=moment(10, days=1)
    )
    request = calendars_pb2.ListOccupanciesRequest(
        kind=calendars_pb2.ListOccupanciesRequest.KIND_PERSON, from_date=DAYS["start_date"], to_date=DAYS["end_date"]
    )
    (occupancy,) = (await coordinator.ListOccupancies(request)).occupancies
    days = [(date_of(each.date), each.minutes, each.items, each.busy_minutes) for each in occupancy.days]
    assert days == [
        (MONDAY, 0, 0, 360),
        (MONDAY + timedelta(days=1), 60, 1, 0),
        (MONDAY + timedelta(days=2), 0, 0, 600),
        (MONDAY + timedelta(days=3), 0, 0, 60),
    ]


async def test_plans_keep_clear_of_when_people_and_interpreters_are_busy(
    coordinator: Caller, mayor: Person, visit: Visit
) -> None:
    interpreter = await factories.person(coordinator, function="Interpreter", language_pairs=["en-de"])
    await upload(coordinator, interpreter, make_calendar((at(14), at(16))))
    await coordinator.UpdateVisit(
        exchange_pb2.UpdateVisitRequest(visit=Visit(name=visit.name, end_date=DAYS["start_date"]))
    )
    talk = await factories.unplaced_item(
        coordinator, visit.name, people=[mayor.name], interpretation_languages=["en", "de"]
    )
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    await apply(coordinator, run)
    placed = (await list_items(coordinator, visit))[talk.name]
    assert placed.start_time.ToDatetime(UTC) >= at(16)
    await upload(coordinator, interpreter, make_calendar((at(8), at(12))))
    await upload(coordinator, mayor, make_calendar((at(14), at(18))))
    await change(coordinator, placed, "start_time", "end_time")
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_INFEASIBLE
    assert {mayor.name} <= {
        person for each in run.plan.requirements if each.kind == SchedulingRequirement.ABSENCE for person in each.people
    }


async def test_who_is_busy_can_be_booked_and_is_not_in_their_own_way_then(
    coordinator: Caller, mayor: Person, visit: Visit
) -> None:
    assert (at(7), at(14)) in await list_busy(coordinator, mayor)
    item = await factories.agenda_item(
        coordinator, visit.name, people=[mayor.name], start_time=moment(9), end_time=moment(10)
    )
    assert (await list_busy(coordinator, mayor))[:2] == [(at(7), at(9)), (at(10), at(14))]
    run = await plan(coordinator, visit)
    assert [each.start_time for each in run.plan.items] == [item.start_time]
