"""`SchedulingService`: what it refuses, and that others are answered while it plans."""

import asyncio
import time
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2

from chassis.identity import Role
from services.exchange.planner_pool import MAX_RUNNING, MAX_WAITING
from tests.calls import Caller, RunningService
from tests.planning.asking import Json, make_item, make_problem, make_request
from tests.planning.generator import Shape, generate
from tests.refusals import refused

GOOD = make_problem(items=[make_item("a")])
PLANNING_SECONDS = 20.0


async def test_who_plans_gets_a_plan_and_partners_do_not(exchange: RunningService, member: Caller) -> None:
    answer = await member.ScheduleProgramme(make_request(GOOD))
    assert [assignment.item for assignment in answer.assignments] == ["a"]
    with refused("PERMISSION_DENIED", "ROLE_MISSING"):
        await exchange.as_(Role.PARTNER, city="cities/swansea").ScheduleProgramme(make_request(GOOD))


@pytest.mark.parametrize(
    ("fields", "path", "reason"),
    [
        ({"timeZone": "Mars/Olympus"}, "time_zone", "TIME_ZONE_UNKNOWN"),
        ({"granularityMinutes": -5}, "granularity_minutes", "int32.gte_lte"),
        (
            {"days": [{"openTime": "2030-05-02T17:00", "closeTime": "2030-05-02T09:00"}]},
            "days[0].close_time",
            "SPAN_REVERSED",
        ),
        ({"days": [{"openTime": "tomorrow", "closeTime": "2030-05-02T09:00"}]}, "days[0].open_time", "TIME_MALFORMED"),
        (
            {"days": [{"openTime": "2030-05-02T09:00", "closeTime": f"2030-05-02T1{hour}:00"} for hour in "17"]},
            "days[1].open_time",
            "DAYS_OVERLAP",
        ),
        ({"items": [make_item("a", required=["nobody"])]}, "items[0].required[0]", "UNKNOWN_ID"),
        ({"items": [make_item("a", rooms=["hall", "attic"])]}, "items[0].rooms[1]", "UNKNOWN_ID"),
        ({"items": [make_item("a", fixedRoom="attic")]}, "items[0].fixed_room", "UNKNOWN_ID"),
        ({"items": [make_item("a", 0)]}, "items[0].duration_minutes", "int32.gte_lte"),
        ({"items": [make_item("a"), make_item("a")]}, "items[0].id", "ID_REPEATED"),
        ({"items": [make_item("a", fixedStart="2030-05-02T09:00Z")]}, "items[0].fixed_start", "TIME_MALFORMED"),
        (
            {"items": [make_item("a", fixedStart="2030-03-31T02:30")]},
            "items[0].fixed_start",
            "LOCAL_TIME_SKIPPED",
        ),
        ({"interpreters": [{"id": "mayor"}]}, "interpreters[0].id", "ID_REPEATED"),
        ({"precedences": [{"before": "a"}]}, "precedences[0].after", "required"),
        ({"notParallel": [["a", "b"]]}, "not_parallel[0][1]", "UNKNOWN_ID"),
        ({"notParallel": [["a", 7]]}, "not_parallel[0]", "NOT_IDS"),
        (
            {"dayGaps": [{"first": "a", "second": "a", "minDays": 2, "maxDays": 1}]},
            "day_gaps[0].max_days",
            "SPAN_REVERSED",
        ),
        (
            {"rooms": [{"id": "hall", "closed": [{"startTime": "2030-05-02T09:00", "endTime": "2030-05-01T09:00"}]}]},
            "rooms[0].closed[0].end_time",
            "SPAN_REVERSED",
        ),
    ],
)
async def test_what_is_wrong_is_told_by_field(coordinator: Caller, fields: Json, path: str, reason: str) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await coordinator.ScheduleProgramme(make_request({**GOOD, **fields}))
    assert {violation.field: violation.reason for violation in refusal.error.violations}[f"problem.{path}"] == reason


async def test_thousands_of_mistakes_are_answered_with_a_few(coordinator: Caller) -> None:
    items = [make_item(f"v{number}", required=["x" * 100] * 100) for number in range(100)]
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await coordinator.ScheduleProgramme(make_request({**GOOD, "items": items}))
    assert 0 < len(refusal.fields) < 100


async def test_others_are_answered_while_programmes_are_planned(coordinator: Caller) -> None:
    request = make_request(generate(Shape(50), 0).problem, timeLimitSeconds=PLANNING_SECONDS)
    plans = [asyncio.ensure_future(coordinator.ScheduleProgramme(request)) for _ in range(MAX_RUNNING)]
    asked = 0
    while not any(plan.done() for plan in plans):
        await coordinator.ListCities(exchange_pb2.ListCitiesRequest())
        await asyncio.sleep(0.01)
        asked += 1
    assert [plan.state for plan in await asyncio.gather(*plans)] == [1] * MAX_RUNNING
    assert asked


async def test_more_than_a_few_at_once_are_refused_and_who_goes_away_makes_room(coordinator: Caller) -> None:
    problem = generate(Shape(50, 2, 6, interpreters=6, venues=3), 0).problem
    request = make_request(problem, timeLimitSeconds=60)
    one_too_many = MAX_RUNNING + MAX_WAITING + 1
    plans = [asyncio.ensure_future(coordinator.ScheduleProgramme(request)) for _ in range(one_too_many)]
    (last,), others = await asyncio.wait(plans, return_when=asyncio.FIRST_COMPLETED)
    with refused("RESOURCE_EXHAUSTED", "PLANNER_BUSY"):
        await last
    for plan in others:
        plan.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert (await ask_until_free(coordinator)).assignments


async def ask_until_free(coordinator: Caller) -> Any:
    """Return the answer as soon as those who went away have made room."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return await coordinator.ScheduleProgramme(make_request(GOOD))
        except Exception:  # noqa: BLE001 - whatever the refusal, the last one counts
            await asyncio.sleep(0.1)
    return await coordinator.ScheduleProgramme(make_request(GOOD))
