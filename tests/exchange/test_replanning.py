"""Plans that change an earlier one as little as possible."""

import time
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from services.exchange.convert_schedule_run import plan_columns
from services.exchange.scheduling import replanning, staying
from services.exchange.scheduling.plan import Kept
from services.exchange.scheduling.planner import Planner
from tests.planning.asking import Json, keep, make_item, make_problem, read_problem, schedule, schedule_validly
from tests.planning.generator import Planted, Shape, generate

ITEMS = [make_item(name, required=["mayor"], needsRoom=True) for name in ("a", "b", "c")]
TOUR = Shape(60, 5, 12, 30, interpreters=4, venues=10)
"""A programme whose people are in ten venues in a week."""


def keep_planted(planted: Planted) -> list[Json]:
    """Return what to keep of the plan that a problem was made from: all of it."""
    return [
        {
            "item": item,
            "startTime": f"{start:%Y-%m-%dT%H:%M}",
            "room": planted.rooms[item],
            "interpreter": planted.interpreter.get(item, ""),
        }
        for item, start in planted.starts.items()
    ]


@pytest.mark.parametrize("shape", [Shape(20), Shape(20, rooms=4, interpreters=3, venues=2)])
def test_a_plan_that_still_fits_is_kept_as_it_is(shape: Shape) -> None:
    problem = generate(shape, 3).problem
    kept = keep(schedule_validly(problem, improve_seconds=0.5))
    answer = schedule_validly(problem, kept)
    assert answer["changes"]["moved"] == []
    assert answer["changes"]["fewestProven"]
    assert keep(answer) == kept


def test_who_is_absent_moves_what_they_are_at_and_nothing_else() -> None:
    problem = make_problem(items=ITEMS)
    before = schedule_validly(problem)
    first = before["assignments"][0]
    problem["people"][0]["absences"] = [{"startTime": first["startTime"], "endTime": "2030-05-02T10:00"}]
    answer = schedule_validly(problem, keep(before))
    assert answer["changes"]["moved"] == [first["item"]]
    assert answer["changes"]["fewestProven"]


def test_what_has_to_move_stays_near() -> None:
    kept = [{"item": "a", "startTime": "2030-05-03T14:00"}, {"item": "b", "startTime": "2030-05-03T15:00"}]
    problem = make_problem(items=[make_item("a"), make_item("b")])
    problem["items"][0]["latestEnd"] = "2030-05-03T14:30"
    answer = schedule_validly(problem, kept)
    assert [each["startTime"] for each in answer["assignments"]] == ["2030-05-03T13:30", "2030-05-03T15:00"]


def test_a_lost_room_moves_its_items_into_another() -> None:
    problem = make_problem(rooms=[{"id": "study"}], items=[make_item("a", needsRoom=True)])
    kept = [{"item": "a", "startTime": "2030-05-02T11:00", "room": "hall"}]
    answer = schedule_validly(problem, kept)
    assert answer["changes"] == {"moved": ["a"], "kept": [], "dropped": [], "fewestProven": True}
    assert answer["assignments"][0]["startTime"] == "2030-05-02T11:00"


def test_a_start_off_the_grid_can_be_kept() -> None:
    kept = [{"item": "a", "startTime": "2030-05-02T11:07"}]
    answer = schedule(make_problem(items=[make_item("a")]), kept)
    assert answer["changes"]["kept"] == ["a"]


def test_what_is_not_in_the_programme_any_more_is_not_kept() -> None:
    kept = [{"item": "gone", "startTime": "2030-05-02T11:00", "room": "gone", "interpreter": "gone"}]
    answer = schedule_validly(make_problem(items=[make_item("a")]), kept)
    assert answer["changes"]["kept"] == answer["changes"]["moved"] == []


def test_a_whole_conference_that_still_fits_is_kept() -> None:
    planted = generate(Shape(100, 3, 12, 80, venues=2), 4)
    answer = schedule_validly(planted.problem, keep_planted(planted), improve_seconds=0.5)
    assert (answer["changes"]["moved"], answer["changes"]["fewestProven"]) == ([], True)


@pytest.mark.parametrize("seed", range(3))
def test_a_tour_of_many_venues_that_still_fits_is_kept_however_little_time_there_is(seed: int) -> None:
    planted = generate(TOUR, seed)
    answer = schedule_validly(planted.problem, keep_planted(planted), limit_seconds=2.0)
    assert (answer["changes"]["moved"], answer["changes"]["fewestProven"]) == ([], True)


@pytest.mark.parametrize("seed", range(3))
def test_of_a_tour_moves_what_an_interpreter_cannot_do_who_fell_ill_and_nothing_else(seed: int) -> None:
    planted = generate(TOUR, seed)
    problem = deepcopy(planted.problem)
    item, ill = next((item, who) for item, who in planted.interpreter.items())
    day = f"{planted.starts[item]:%Y-%m-%d}"
    absent = [{"startTime": f"{day}T00:00", "endTime": f"{day}T23:59"}]
    next(each for each in problem["interpreters"] if each["id"] == ill)["absences"] = absent
    hit = {
        each for each, who in planted.interpreter.items() if who == ill and planted.starts[each].strftime("%F") == day
    }
    changes = schedule_validly(problem, keep_planted(planted), limit_seconds=10.0)["changes"]
    assert (set(changes["moved"]), changes["fewestProven"]) == (hit, True)


def test_what_is_in_the_way_moves_where_what_cannot_stay_has_no_other_time() -> None:
    ill = {"startTime": "2030-05-02T09:00", "endTime": "2030-05-02T11:00"}
    problem = make_problem(
        rooms=[{"id": "hall"}, {"id": "study"}],
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T12:00"}],
        items=[
            make_item("ill", required=["mayor"], needsRoom=True, rooms=["hall"]),
            make_item("blocks", needsRoom=True, rooms=["hall"]),
            make_item("stays", required=["guest"], needsRoom=True),
        ],
        people=[{"id": "mayor", "absences": [ill]}, {"id": "guest"}],
    )
    kept = [
        {"item": "ill", "startTime": "2030-05-02T09:00", "room": "hall"},
        {"item": "blocks", "startTime": "2030-05-02T11:00", "room": "hall"},
        {"item": "stays", "startTime": "2030-05-02T11:00", "room": "study"},
    ]
    changes = schedule_validly(problem, kept)["changes"]
    assert (sorted(changes["moved"]), changes["fewestProven"]) == (["blocks", "ill"], True)


def test_as_long_as_fewer_changes_may_do_the_time_is_used_and_no_plan_is_called_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The solver that proves too little is one of the test's own."""
    attempts: list[float] = []

    def prove_nothing(_self: replanning.Replanning, seconds: float) -> None:
        attempts.append(seconds)
        time.sleep(seconds)

    def find_standing(*arguments: Any) -> staying.Standing:
        return replace(staying.find_standing(*arguments), least=0)

    monkeypatch.setattr(replanning, "find_standing", find_standing)
    monkeypatch.setattr(replanning.Replanning, "minimize", prove_nothing)
    problem, _ = read_problem(make_problem(items=[make_item("a"), make_item("b")]))
    problem = replace(
        problem, items=(replace(problem.items[0], latest_end=problem.days[0].hours.end), *problem.items[1:])
    )
    kept = {name: Kept(problem.days[1].hours.start) for name in ("a", "b")}
    plan = Planner(problem, kept, seconds=2.0).run()
    assert (plan.changes.moved, plan.changes.is_fewest, plan.is_optimal) == (("a",), False, False)
    assert plan_columns(plan, problem, kept)["gap"] == 1
    assert len(attempts) > 1


def test_the_only_room_may_be_that_of_the_only_interpreter() -> None:
    problem = make_problem(
        granularityMinutes=60,
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T14:00"}],
        interpreters=[{"id": "amira", "languagePairs": ["ar-de"]}],
        items=[
            *(make_item(name, 90, needsRoom=True) for name in ("a", "b")),
            make_item("c", 30, needsRoom=True, interpretation="ar-de", fixedStart="2030-05-02T12:00"),
        ],
    )
    kept = [{"item": "c", "startTime": "2030-05-02T12:00", "room": "hall", "interpreter": "amira"}]
    changes = schedule(problem, kept)["changes"]
    assert (changes["kept"], len(changes["dropped"]), changes["fewestProven"]) == (["c"], 1, True)


def test_when_not_all_fits_it_is_said_what_to_drop() -> None:
    problem = make_problem(
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T11:00"}], items=ITEMS
    )
    kept = [
        {"item": "b", "startTime": "2030-05-02T09:00", "room": "hall"},
        {"item": "c", "startTime": "2030-05-02T10:00", "room": "hall"},
    ]
    answer = schedule(problem, kept)
    assert answer["state"] == "INFEASIBLE"
    assert answer["changes"] == {"moved": [], "kept": ["b", "c"], "dropped": ["a"], "fewestProven": True}
    assert [each["item"] for each in answer["assignments"]] == ["b", "c"]
