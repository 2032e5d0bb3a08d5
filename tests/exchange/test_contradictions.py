"""Why there is no plan: the requirements named contradict each other, and each of them is needed for that."""

from typing import Any

import pytest

from services.exchange.scheduling import explanation, planner
from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.overload import find_overload
from tests.planning.asking import Json, make_item, make_problem, read_problem, schedule
from tests.planning.generator import CONTRADICTIONS, Shape, contradict, generate

SHAPE = Shape(20, rooms=4, venues=2, interpreters=3)


def kinds_of(answer: Json) -> set[str]:
    """Return the kinds of the requirements that contradict each other."""
    return {requirement["kind"] for requirement in answer["conflict"]["requirements"]}


@pytest.fixture(autouse=True)
def _waits_for_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "EXPLAIN_SECONDS_PER_ITEM", 60.0)
    monkeypatch.setattr(planner, "MAX_EXPLAIN_SECONDS", 60.0)
    monkeypatch.setattr(explanation, "CHECK_SECONDS", 10.0)


@pytest.mark.parametrize("kind", CONTRADICTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_a_contradiction_is_found_and_named(kind: str, seed: int) -> None:
    problem = generate(SHAPE, seed).problem
    items, people = contradict(problem, kind, seed)
    answer = schedule(problem)
    assert answer["state"] == "INFEASIBLE"
    assert answer["assignments"] == []
    conflict = answer["conflict"]
    assert conflict["minimal"]
    assert items <= {item for requirement in conflict["requirements"] for item in requirement["items"]}
    assert people <= {person for requirement in conflict["requirements"] for person in requirement["people"]}
    assert all(requirement["text"].endswith(".") for requirement in conflict["requirements"])


@pytest.mark.parametrize(
    ("fields", "items", "kinds"),
    [
        ({}, [make_item("a", 600)], {"OPENING_HOURS"}),
        ({}, [make_item("a", fixedStart="2030-05-02T20:00")], {"OPENING_HOURS", "FIXED_START"}),
        ({"rooms": []}, [make_item("a", needsRoom=True)], {"ROOM_NEEDED"}),
        ({}, [make_item("a", fixedRoom="hall", rooms=["cellar"])], {"ROOM_NEEDED", "ROOMS", "FIXED_ROOM"}),
        (
            {},
            [make_item("a", fixedStart="2030-05-02T10:00", allowedStarts=["2030-05-02T11:00"])],
            {"FIXED_START", "ALLOWED_STARTS"},
        ),
        (
            {"dayGaps": [{"first": "a", "second": "b", "minDays": 1}]},
            [make_item("a", fixedStart="2030-05-03T10:00"), make_item("b")],
            {"DAY_GAP", "FIXED_START"},
        ),
        (
            {"notParallel": [["a", "b"]]},
            [make_item(name, allowedStarts=["2030-05-02T10:00"]) for name in ("a", "b")],
            {"NOT_PARALLEL", "ALLOWED_STARTS"},
        ),
    ],
)
def test_what_one_item_asks_can_contradict_itself(fields: Json, items: list[Json], kinds: set[str]) -> None:
    problem = make_problem(**{"rooms": [{"id": "hall"}, {"id": "cellar"}], **fields}, items=items)
    answer = schedule(problem)
    assert (answer["state"], answer["conflict"]["minimal"]) == ("INFEASIBLE", True)
    assert kinds_of(answer) == kinds


def test_hours_that_all_items_would_outlast_are_named_with_them() -> None:
    (requirements,) = [
        schedule(make_problem(items=[make_item("a", fixedStart="2030-07-02T10:00")]))["conflict"]["requirements"]
    ]
    assert {requirement["kind"] for requirement in requirements} == {"OPENING_HOURS", "FIXED_START"}


def test_more_sessions_than_gaps_between_breaks_is_an_overload_although_the_minutes_would_do() -> None:
    breaks = [
        {"label": "tea", "startTime": f"2030-05-0{day}T{hour}:00", "endTime": f"2030-05-0{day}T{hour}:15", "people": []}
        for day in (2, 3)
        for hour in ("11", "13", "15")
    ]
    items = [make_item(f"s{number}", 65, required=["mayor"]) for number in range(9)]
    answer = schedule(make_problem(granularityMinutes=5, breaks=breaks, items=items))
    assert (answer["state"], answer["conflict"]["minimal"]) == ("INFEASIBLE", True)
    assert "REQUIRED_PERSON" in kinds_of(answer)


def test_more_items_at_one_moment_than_rooms_are_an_overload_however_long_each_is() -> None:
    items = [
        make_item(f"i{number}", 30 + 15 * number, fixedStart="2030-05-02T09:00", needsRoom=True) for number in range(13)
    ]
    problem, _kept = read_problem(make_problem(rooms=[{"id": f"room{number}"} for number in range(12)], items=items))
    overload = find_overload(Instance(problem))
    assert overload is not None
    assert set(overload.items) == {item["id"] for item in items}
    roomier, _kept = read_problem(make_problem(rooms=[{"id": f"room{number}"} for number in range(13)], items=items))
    assert find_overload(Instance(roomier)) is None


def test_what_is_given_up_leaves_no_less_than_there_was() -> None:
    problem = make_problem(
        granularityMinutes=60,
        items=[
            make_item(
                "a", 30, required=["mayor"], fixedStart="2030-05-02T10:07",
                earliestStart="2030-05-02T10:05", latestEnd="2030-05-02T10:40",
            ),
            make_item("b", 30, required=["mayor"], fixedStart="2030-05-02T10:10"),
        ],
    )  # fmt: skip
    assert {"REQUIRED_PERSON", "FIXED_START"} <= kinds_of(schedule(problem))


def test_two_appointments_of_one_person_are_told_in_three_sentences() -> None:
    fixed = {"required": ["mayor"], "fixedStart": "2030-05-02T10:00"}
    problem = make_problem(
        items=[make_item("a", title="Reception", **fixed), make_item("b", title="Harbour", **fixed), make_item("c")]
    )
    texts = [requirement["text"] for requirement in schedule(problem)["conflict"]["requirements"]]
    assert texts == [
        "mayor has to be at “Reception” and “Harbour” (120 minutes together).",
        "“Reception” starts at 2030-05-02 10:00 and takes 60 minutes.",
        "“Harbour” starts at 2030-05-02 10:00 and takes 60 minutes.",
    ]


@pytest.mark.parametrize("kind", ["cycle", "too few days", "long chain"])
def test_times_that_contradict_each_other_are_found_without_asking_who_is_where(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_core, asked = explanation._find_core, []

    def note(instance: Instance, *arguments: Any) -> list[int]:
        asked.append(len(instance.required))
        return find_core(instance, *arguments)

    monkeypatch.setattr(explanation, "_find_core", note)
    problem = generate(Shape(50, 2, 12, 40, interpreters=6, venues=12), 2).problem
    items, _people = contradict(problem, kind, 2)
    conflict = schedule(problem)["conflict"]
    assert items <= {item for requirement in conflict["requirements"] for item in requirement["items"]}
    assert (asked, conflict["minimal"]) == ([0], True)
