"""Runs of the planner on the programme of a visit: what they find, how they end, what applying them changes."""

import asyncio
import time
from datetime import UTC, timedelta
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import update

from chassis.identity import Role
from chassis.model import now
from services.exchange.model import ScheduleRun
from services.exchange.schedule_runs import RunsUnderWay
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused

State = runs_pb.ScheduleRun.State
LUNCH = runs_pb.ScheduleRun.Break(label="Lunch", start_time="12:00", end_time="13:00")


async def start(caller: Caller, visit: pb.Visit, **options: Any) -> runs_pb.ScheduleRun:
    """Start a run, of two seconds unless the options say otherwise."""
    run = runs_pb.ScheduleRun(**{"time_limit_seconds": 2, **options})
    return await caller.CreateScheduleRun(runs_pb.CreateScheduleRunRequest(parent=visit.name, schedule_run=run))


async def get(caller: Caller, run: runs_pb.ScheduleRun) -> runs_pb.ScheduleRun:
    return await caller.GetScheduleRun(runs_pb.GetScheduleRunRequest(name=run.name))


async def finish(caller: Caller, run: runs_pb.ScheduleRun) -> runs_pb.ScheduleRun:
    """Return a run as it is once it has ended."""
    until = time.monotonic() + 60
    while run.state == State.STATE_RUNNING and time.monotonic() < until:
        await asyncio.sleep(0.1)
        run = await get(caller, run)
    assert run.state != State.STATE_RUNNING
    return run


async def plan(caller: Caller, visit: pb.Visit, **options: Any) -> runs_pb.ScheduleRun:
    return await finish(caller, await start(caller, visit, **options))


async def apply(caller: Caller, run: runs_pb.ScheduleRun) -> runs_pb.ScheduleRun:
    return await caller.ApplyScheduleRun(runs_pb.ApplyScheduleRunRequest(name=run.name))


async def list_items(caller: Caller, visit: pb.Visit) -> dict[str, pb.AgendaItem]:
    listed = await caller.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name, page_size=1000))
    return {item.name: item for item in listed.agenda_items}


async def change(caller: Caller, item: pb.AgendaItem, *paths: str, **fields: Any) -> pb.AgendaItem:
    request = pb.UpdateAgendaItemRequest(
        agenda_item=pb.AgendaItem(name=item.name, **fields), update_mask=FieldMask(paths=paths)
    )
    return await caller.UpdateAgendaItem(request)


async def test_a_programme_is_planned_shown_and_applied(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    small, large = [
        await factories.room(coordinator, seats=seats, equipment=["beamer"], step_free=True) for seats in (10, 40)
    ]
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    host = await factories.person(coordinator, absences=[pb.Person.Absence(start_time=at(9), end_time=at(11))])
    guest = await factories.delegate(coordinator, visit.name)
    needs = {"needs_room": True, "equipment": ["beamer"], "step_free": True}
    welcome = await factories.unplaced_item(
        coordinator, visit.name, title="Welcome", whole_delegation=True, people=[host.name], seats=20, **needs
    )
    after = [pb.AgendaItem.Predecessor(agenda_item=welcome.name, gap_minutes=30)]
    tour = await factories.unplaced_item(
        coordinator,
        visit.name,
        title="Tour",
        duration_minutes=90,
        people=[guest.name],
        after=after,
        interpretation_languages=["ar", "de"],
        **needs,
    )
    run = await plan(coordinator, visit, breaks=[LUNCH])
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_SCHEDULED, ["apply"])
    assert run.plan.optimal
    assert (run.plan.gap, run.plan.seconds > 0) == (0, True)
    first, second = run.plan.items
    assert (first.agenda_item, first.title, first.room) == (welcome.name, "Welcome", large.name)
    assert (second.agenda_item, second.interpreter) == (tour.name, amira.name)
    assert {first.change, second.change} == {runs_pb.PlannedItem.CHANGE_PLACED}
    assert second.room in (small.name, large.name)
    assert first.start_time.seconds >= at(11).seconds
    assert second.start_time.seconds >= first.end_time.seconds + 30 * 60
    lunch = range(at(12).seconds, at(13).seconds)
    assert not any(
        each.start_time.seconds < lunch.stop and lunch.start < each.end_time.seconds for each in run.plan.items
    )
    untouched = await list_items(coordinator, visit)
    assert not any(item.HasField("start_time") for item in untouched.values()), "a plan is no programme yet"
    applied = await apply(coordinator, run)
    assert (applied.state, list(applied.allowed_transitions)) == (State.STATE_APPLIED, [])
    items = await list_items(coordinator, visit)
    assert (items[welcome.name].start_time, items[welcome.name].room) == (first.start_time, first.room)
    assert (items[tour.name].end_time, items[tour.name].interpreter) == (second.end_time, amira.name)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(
            coordinator, visit.name, people=[amira.name], start_time=second.start_time, end_time=second.end_time
        )


async def test_what_others_have_booked_is_taken_and_what_is_fixed_stays(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    other = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator)
    await factories.agenda_item(coordinator, other.name, room=room.name, start_time=at(9), end_time=at(16))
    fixed = await factories.agenda_item(
        coordinator, visit.name, room=room.name, start_time=at(16), end_time=at(16, 30), fixed=True
    )
    dinner = await factories.agenda_item(
        coordinator, visit.name, room=room.name, start_time=at(17, 45), end_time=at(20)
    )
    item = await factories.unplaced_item(coordinator, visit.name, room=room.name)
    run = await plan(coordinator, visit)
    assert [each.agenda_item for each in run.plan.items] == [item.name]
    assert run.plan.items[0].start_time == at(16, 30)
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert (items[fixed.name], items[dinner.name]) == (fixed, dinner)


async def test_as_few_items_as_possible_move_when_somebody_falls_ill(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    person = await factories.person(coordinator)
    morning, noon = [
        await factories.agenda_item(
            coordinator, visit.name, people=[person.name], start_time=at(hour), end_time=at(hour + 1)
        )
        for hour in (9, 14)
    ]
    ill = [pb.Person.Absence(start_time=at(0), end_time=at(13))]
    await coordinator.UpdatePerson(pb.UpdatePersonRequest(person=pb.Person(name=person.name, absences=ill)))
    run = await plan(coordinator, visit)
    changes = {each.agenda_item: each.change for each in run.plan.items}
    assert changes == {morning.name: runs_pb.PlannedItem.CHANGE_MOVED, noon.name: runs_pb.PlannedItem.CHANGE_KEPT}
    assert run.plan.fewest_moves_proven
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert items[noon.name] == noon
    assert items[morning.name].start_time.seconds >= at(13).seconds
    freely = await plan(coordinator, visit, from_scratch=True)
    assert runs_pb.PlannedItem.CHANGE_PLACED not in {each.change for each in freely.plan.items}


async def test_when_it_cannot_be_done_the_run_says_why(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    person = await factories.person(coordinator, absences=[pb.Person.Absence(start_time=at(9), end_time=at(17, 30))])
    item = await factories.unplaced_item(coordinator, visit.name, people=[person.name])
    run = await plan(coordinator, visit)
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_INFEASIBLE, [])
    assert run.plan.minimal
    absence, required = (
        next(each for each in run.plan.requirements if each.kind == kind)
        for kind in (SchedulingRequirement.ABSENCE, SchedulingRequirement.REQUIRED_PERSON)
    )
    assert (list(absence.people), absence.start_time, absence.end_time) == ([person.name], at(9), at(17, 30))
    assert (list(required.agenda_items), list(required.people)) == ([item.name], [person.name])
    with refused("FAILED_PRECONDITION", "NO_PLAN_TO_APPLY"):
        await apply(coordinator, run)


async def test_of_a_programme_that_fits_no_more_it_says_what_to_leave_out(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    guest = await factories.delegate(coordinator, visit.name)
    for hour in (9, 13):
        await factories.agenda_item(
            coordinator, visit.name, people=[guest.name], start_time=at(hour), end_time=at(hour + 4)
        )
    late = await factories.unplaced_item(coordinator, visit.name, people=[guest.name], duration_minutes=240)
    run = await plan(coordinator, visit)
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_INFEASIBLE, ["apply"])
    (dropped,) = run.plan.dropped
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert [name for name, item in items.items() if not item.HasField("start_time")] == [dropped]
    assert late.name in items


async def test_a_programme_that_changed_meanwhile_is_not_overwritten(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    changed = await factories.unplaced_item(coordinator, visit.name, title="Port")
    gone = await factories.unplaced_item(coordinator, visit.name, title="Theatre")
    run = await plan(coordinator, visit)
    await change(coordinator, changed, title="Harbour")
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=gone.name))
    added = await factories.unplaced_item(coordinator, visit.name, title="Zoo")
    with refused("FAILED_PRECONDITION", "PROGRAMME_CHANGED") as refusal:
        await apply(coordinator, run)
    told = {
        (refusal.metadata[f"items_{index}_title"], refusal.metadata[f"items_{index}_change"])
        for index in range(int(refusal.metadata["items"]))
    }
    assert told == {("Harbour", "CHANGED"), ("Theatre", "REMOVED"), ("Zoo", "ADDED")}
    assert not any(item.HasField("start_time") for item in (await list_items(coordinator, visit)).values())
    assert added.name


async def test_what_somebody_booked_meanwhile_refuses_the_whole_plan(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator, end_date=day(FIRST_DAY)), await factories.visit(coordinator)
    room = await factories.room(coordinator)
    for _ in range(2):
        await factories.unplaced_item(coordinator, visit.name, room=room.name)
    run = await plan(coordinator, visit)
    last = run.plan.items[1]
    await factories.agenda_item(
        coordinator, other.name, room=room.name, start_time=last.start_time, end_time=last.end_time
    )
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await apply(coordinator, run)
    assert not any(item.HasField("start_time") for item in (await list_items(coordinator, visit)).values())


async def add_many(caller: Caller, visit: pb.Visit, count: int) -> None:
    """Add items that cannot be proven to be planned as well as possible within seconds."""
    people = [(await factories.delegate(caller, visit.name)).name for _ in range(6)]
    rooms = [(await factories.room(caller, seats=20)).name for _ in range(3)]
    assert rooms
    for number in range(count):
        await factories.unplaced_item(
            caller,
            visit.name,
            needs_room=True,
            duration_minutes=45 + 15 * (number % 4),
            people=[people[number % 6], people[(number * 5 + 1) % 6]]
            if number % 6 != (number * 5 + 1) % 6
            else [people[0]],
            optional_people=[people[(number + 3) % 6]] if number % 2 else [],
        )


async def test_a_run_tells_its_best_plan_so_far_and_keeps_it_when_cancelled(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await add_many(coordinator, visit, 36)
    run = await start(coordinator, visit, time_limit_seconds=60)
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_RUNNING, ["cancel"])
    with refused("FAILED_PRECONDITION", "RUN_UNDER_WAY") as refusal:
        await start(coordinator, visit)
    assert refusal.metadata == {"run": run.name}
    with refused("FAILED_PRECONDITION", "NO_PLAN_TO_APPLY"):
        await apply(coordinator, run)
    until = time.monotonic() + 30
    while not run.plan.items and time.monotonic() < until:
        await asyncio.sleep(0.2)
        run = await get(coordinator, run)
    assert (run.state, len(run.plan.items)) == (State.STATE_RUNNING, 36)
    cancelled = await coordinator.CancelScheduleRun(runs_pb.CancelScheduleRunRequest(name=run.name))
    assert (cancelled.state, list(cancelled.allowed_transitions)) == (State.STATE_CANCELLED, ["apply"])
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await coordinator.CancelScheduleRun(runs_pb.CancelScheduleRunRequest(name=run.name))
    assert (await apply(coordinator, run)).state == State.STATE_APPLIED
    assert all(item.HasField("start_time") for item in (await list_items(coordinator, visit)).values())
    await asyncio.sleep(1)
    assert (await get(coordinator, run)).state == State.STATE_APPLIED, "who worked on it does not bring it back"
    # The room that it took in the planner is free again.
    assert (await plan(coordinator, visit)).plan.items


async def test_a_run_of_a_process_that_is_gone_is_interrupted(exchange: RunningService, coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    await factories.unplaced_item(coordinator, visit.name)
    run = await plan(coordinator, visit)
    async with exchange.database.begin() as session:
        long_ago = now() - timedelta(minutes=5)
        await session.execute(update(ScheduleRun).values(state="running", heard_time=long_ago))
    lost = await get(coordinator, run)
    assert (lost.state, list(lost.allowed_transitions)) == (State.STATE_INTERRUPTED, ["apply"])
    assert (await plan(coordinator, visit)).state == State.STATE_SCHEDULED


async def test_the_same_request_starts_one_run(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    await factories.unplaced_item(coordinator, visit.name)
    request = runs_pb.CreateScheduleRunRequest(parent=visit.name, request_id="7b0e0d2e-1f0c-4b5e-9d5c-0f1a2b3c4d5e")
    first, second = [await coordinator.CreateScheduleRun(request) for _ in range(2)]
    assert first == second
    listed = await coordinator.ListScheduleRuns(runs_pb.ListScheduleRunsRequest(parent=visit.name))
    assert [run.name for run in listed.schedule_runs] == [first.name]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "NOTHING_TO_PLACE"),
        ({"end_date": day(FIRST_DAY + timedelta(days=31))}, "VISIT_TOO_LONG_TO_PLAN"),
        (
            {"start_date": day(FIRST_DAY.replace(year=2020)), "end_date": day(FIRST_DAY.replace(year=2020))},
            "VISIT_DAYS_OVER",
        ),
    ],
)
async def test_what_cannot_be_planned_is_refused(coordinator: Caller, fields: dict[str, Any], reason: str) -> None:
    visit = await factories.visit(coordinator, **fields)
    with refused("FAILED_PRECONDITION", reason):
        await start(coordinator, visit)


@pytest.mark.parametrize(
    ("options", "field", "reason"),
    [
        ({"day_start_time": "18:00", "day_end_time": "09:00"}, "schedule_run.day_end_time", "END_NOT_AFTER_START"),
        ({"day_start_time": "9"}, "schedule_run.day_start_time", "string.pattern"),
        (
            {"breaks": [runs_pb.ScheduleRun.Break(start_time="13:00", end_time="12:00")]},
            "schedule_run.breaks[0].end_time",
            "END_NOT_AFTER_START",
        ),
    ],
)
async def test_options_that_make_no_day_are_refused_by_name(
    coordinator: Caller, options: dict[str, Any], field: str, reason: str
) -> None:
    visit = await factories.visit(coordinator)
    with refused("INVALID_ARGUMENT") as refusal:
        await start(coordinator, visit, **options)
    assert {violation.field: violation.reason for violation in refusal.error.violations} == {field: reason}


async def test_only_who_may_change_the_programme_plans_it(exchange: RunningService, coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, host_department="Kultur")
    await factories.unplaced_item(coordinator, visit.name)
    stranger = exchange.as_(Role.MEMBER, department="Wasser")
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await start(stranger, visit)
    run = await plan(exchange.as_(Role.MEMBER, department="Kultur"), visit)
    assert list((await get(stranger, run)).allowed_transitions) == []
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await apply(stranger, run)


async def test_a_kept_item_gets_the_room_and_the_interpreter_that_it_lacked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator)
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    item = await factories.agenda_item(coordinator, visit.name, needs_room=True, interpretation_languages=["ar", "de"])
    run = await plan(coordinator, visit)
    assert [each.change for each in run.plan.items] == [runs_pb.PlannedItem.CHANGE_MOVED]
    await apply(coordinator, run)
    stored = (await list_items(coordinator, visit))[item.name]
    assert (stored.start_time, stored.room, stored.interpreter) == (item.start_time, room.name, amira.name)


async def test_a_fixed_item_still_gets_an_interpreter_or_the_run_says_why_not(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    spoken = {"interpretation_languages": ["ar", "de"]}
    fixed = await factories.agenda_item(coordinator, visit.name, fixed=True, **spoken)
    run = await plan(coordinator, visit)
    assert [(each.agenda_item, each.interpreter) for each in run.plan.items] == [(fixed.name, amira.name)]
    assert run.plan.items[0].start_time == fixed.start_time
    await factories.agenda_item(coordinator, visit.name, fixed=True, title="Also", **spoken)
    impossible = await plan(coordinator, visit)
    assert impossible.state == State.STATE_INFEASIBLE
    kinds = {each.kind for each in impossible.plan.requirements}
    assert SchedulingRequirement.INTERPRETATION in kinds


async def test_a_room_or_an_interpreter_that_does_no_more_refuses_the_plan(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator, equipment=["beamer"], display_name="Hall")
    await factories.unplaced_item(coordinator, visit.name, needs_room=True, equipment=["beamer"])
    run = await plan(coordinator, visit)
    bare = pb.UpdateRoomRequest(room=pb.Room(name=room.name), update_mask=FieldMask(paths=["equipment"]))
    await coordinator.UpdateRoom(bare)
    with refused("FAILED_PRECONDITION", "PROGRAMME_CHANGED") as refusal:
        await apply(coordinator, run)
    assert refusal.metadata["items_0_title"] == "Hall"


async def test_a_plan_of_yesterday_is_not_applied(exchange: RunningService, coordinator: Caller) -> None:
    today = now().date()
    visit = await factories.visit(
        coordinator, start_date=day(today - timedelta(days=3)), end_date=day(today + timedelta(days=3))
    )
    await factories.unplaced_item(coordinator, visit.name)
    run = await plan(coordinator, visit)
    (planned,) = run.plan.items
    past = factories.moment(planned.start_time.ToDatetime(UTC) - timedelta(days=5))
    async with exchange.database.begin() as session:
        row = await session.get_by_name(ScheduleRun, run.name)
        times = {"start_time": past.ToJsonString(), "end_time": factories.moment(now()).ToJsonString()}
        row.plan = {**(row.plan or {}), "items": [{**(row.plan or {})["items"][0], **times}]}
    with refused("FAILED_PRECONDITION", "PLAN_OUT_OF_DATE"):
        await apply(coordinator, run)


async def test_a_run_of_a_visit_that_is_off_can_be_ended_and_not_applied(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY + timedelta(days=4)))
    await add_many(coordinator, visit, 36)
    run = await start(coordinator, visit, time_limit_seconds=60)
    await factories.take(coordinator, visit.name, "cancel")
    ended = await coordinator.CancelScheduleRun(runs_pb.CancelScheduleRunRequest(name=run.name))
    assert (ended.state, list(ended.allowed_transitions)) == (State.STATE_CANCELLED, [])


async def test_a_database_that_is_away_for_a_moment_ends_no_run(
    coordinator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = [await factories.visit(coordinator) for _ in range(2)]
    for visit in visits:
        await factories.unplaced_item(coordinator, visit.name)
    update_row, failures = RunsUnderWay._update, iter([True, True, True])

    async def fail_at_first(self: RunsUnderWay, *args: Any, **values: Any) -> bool:
        if next(failures, False):
            raise OSError("the database is away")
        return await update_row(self, *args, **values)

    monkeypatch.setattr(RunsUnderWay, "_update", fail_at_first)
    runs = [await start(coordinator, visit) for visit in visits]
    assert {(await finish(coordinator, run)).state for run in runs} == {State.STATE_SCHEDULED}
