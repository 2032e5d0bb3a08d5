"""Plans that change an earlier one as little as possible."""

import pytest

from tests.planning.asking import keep, make_item, make_problem, schedule, schedule_validly
from tests.planning.generator import Shape, generate

ITEMS = [make_item(name, required=["mayor"], needsRoom=True) for name in ("a", "b", "c")]


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
    kept = [
        {"item": item, "startTime": f"{start:%Y-%m-%dT%H:%M}", "room": planted.rooms[item]}
        for item, start in planted.starts.items()
    ]
    answer = schedule_validly(planted.problem, kept, improve_seconds=0.5)
    assert (answer["changes"]["moved"], answer["changes"]["fewestProven"]) == ([], True)


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
