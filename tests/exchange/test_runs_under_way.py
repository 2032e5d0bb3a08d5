"""Runs of the planner under way: watched, ended, interrupted; and what cannot be planned."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from sqlalchemy import update

from chassis.identity import Role
from chassis.model import now
from services.exchange.model import ScheduleRun
from services.exchange.schedule_runs import RunsUnderWay
from tests import factories
from tests.calls import Caller, RunningService
from tests.exchange.planned import State, add_many, apply, finish, get, list_items, plan, start
from tests.factories import FIRST_DAY, day
from tests.refusals import refused


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
    until = time.monotonic() + 60
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


async def list_runs(caller: Caller, visit: pb.Visit, **wanted: Any) -> list[str]:
    listed = await caller.ListScheduleRuns(runs_pb.ListScheduleRunsRequest(parent=visit.name, **wanted))
    assert listed.total_size == len(listed.schedule_runs)
    return [run.name for run in listed.schedule_runs]


async def test_runs_are_listed_by_their_state_and_in_the_order_that_is_wanted(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    await factories.unplaced_item(coordinator, visit.name)
    first, second, third = [(await plan(coordinator, visit)).name for _ in range(3)]
    await apply(coordinator, runs_pb.ScheduleRun(name=second))
    assert await list_runs(coordinator, visit) == [third, second, first]
    assert await list_runs(coordinator, visit, order_by="create_time") == [first, second, third]
    assert await list_runs(coordinator, visit, state=State.STATE_APPLIED) == [second]
    assert await list_runs(coordinator, visit, state=State.STATE_SCHEDULED) == [third, first]
    with refused("INVALID_ARGUMENT", "ORDER_UNKNOWN"):
        await list_runs(coordinator, visit, order_by="state")
    lost = ScheduleRun.parse(first)["id"]
    for heard, states in ((now(), [[first], []]), (now() - timedelta(minutes=5), [[], [first]])):
        async with exchange.database.begin() as session:
            of_run = update(ScheduleRun).where(ScheduleRun.id == lost)
            await session.execute(of_run.values(state="running", heard_time=heard))
        wanted = (State.STATE_RUNNING, State.STATE_INTERRUPTED)
        assert [await list_runs(coordinator, visit, state=state) for state in wanted] == states


async def test_a_visit_that_is_past_is_over_whatever_days_are_left_out(coordinator: Caller) -> None:
    past = day(FIRST_DAY.replace(year=2020))
    visit = await factories.visit(coordinator, start_date=past, end_date=past)
    with refused("FAILED_PRECONDITION", "VISIT_DAYS_OVER"):
        await start(coordinator, visit, except_dates=[past])


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
