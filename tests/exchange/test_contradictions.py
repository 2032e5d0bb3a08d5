"""Why there is no plan: the requirements named contradict each other, and each of them is needed for that."""

from typing import Any

import pytest

from services.exchange.scheduling import explanation
from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.overload import find_overload
from tests.planning.asking import Json, make_item, make_problem, read_problem, schedule
from tests.planning.generator import CONTRADICTIONS, Shape, contradict, generate

pytestmark = pytest.mark.usefixtures("patient_explanations")

SHAPE = Shape(20, rooms=4, venues=2, interpreters=3)


def kinds_of(answer: Json) -> set[str]:
    """Return the kinds of the requirements that contradict each other."""
    return {requirement["kind"] for requirement in answer["conflict"]["requirements"]}


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


def test_a_start_on_another_day_is_in_the_way_whatever_the_hours() -> None:
    answer = schedule(make_problem(items=[make_item("a", fixedStart="2030-07-02T10:00")]))
    assert (kinds_of(answer), answer["conflict"]["minimal"]) == ({"FIXED_START"}, True)


@pytest.mark.parametrize("hours", [("09:00", "18:00"), ("00:00", "23:59"), ("00:00", "24:00")])
def test_hours_of_days_are_not_named_where_longer_days_would_not_help(hours: tuple[str, str]) -> None:
    opens, closes = hours
    ends = (
        ["2030-05-03T00:00", "2030-05-04T00:00"] if closes == "24:00" else [f"2030-05-0{day}T{closes}" for day in "23"]
    )
    days = [
        {"id": day, "openTime": f"2030-05-0{day}T{opens}", "closeTime": end}
        for day, end in zip("23", ends, strict=True)
    ]
    closed = [
        {"startTime": "2030-05-02T00:00", "endTime": "2030-05-03T10:00"},
        {"startTime": "2030-05-03T17:00", "endTime": "2030-05-04T00:00"},
    ]
    items = [make_item(name, 240, required=["mayor"], fixedRoom="museum") for name in ("a", "b")]
    answer = schedule(make_problem(days=days, rooms=[{"id": "museum", "closed": closed}], items=items))
    assert (answer["state"], answer["conflict"]["minimal"]) == ("INFEASIBLE", True)
    assert {"ROOM_CLOSED", "FIXED_ROOM"} <= kinds_of(answer)
    assert "OPENING_HOURS" not in kinds_of(answer)


def test_hours_that_are_named_are_given_up_and_the_rest_can_be_planned() -> None:
    problem = make_problem(
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T12:00"}],
        items=[make_item(name, 120, required=["mayor"]) for name in ("a", "b")],
    )
    answer = schedule(problem)
    assert kinds_of(answer) == {"OPENING_HOURS", "REQUIRED_PERSON"}
    problem["days"][0] |= {"openTime": "2030-05-02T00:00", "closeTime": "2030-05-03T00:00"}
    assert schedule(problem)["state"] == "SCHEDULED"


def test_what_outlasts_the_hours_is_told_of_them_and_not_of_breaks() -> None:
    pause = {"label": "lunch", "startTime": "2030-05-02T12:00", "endTime": "2030-05-02T13:00"}
    days = [{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T17:00"}]
    answer = schedule(make_problem(days=days, breaks=[pause], items=[make_item("a", 1000)]))
    assert (kinds_of(answer), answer["conflict"]["minimal"]) == ({"OPENING_HOURS"}, True)


def test_what_outlasts_any_day_is_not_helped_by_giving_up_anything() -> None:
    days = [{"id": "sunday", "openTime": "2030-03-31T09:00", "closeTime": "2030-03-31T18:00"}]
    answer = schedule(make_problem(days=days, items=[make_item("a", 1440)]))
    assert (kinds_of(answer), answer["conflict"]["minimal"]) == ({"OPENING_HOURS"}, False)


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
