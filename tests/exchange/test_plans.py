"""Plans: they meet all that is required, and of these the better one is found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.exchange.scheduling.plan import Plan, State
from services.exchange.scheduling.planner import Planner
from tests.planning.asking import Json, make_item, make_problem, read_problem, schedule, schedule_validly
from tests.planning.generator import Shape, generate

SHAPES = st.builds(
    Shape,
    items=st.sampled_from((3, 8, 15)),
    days=st.integers(1, 3),
    rooms=st.sampled_from((3, 6)),
    people=st.sampled_from((8, 30)),
    interpreters=st.sampled_from((0, 3)),
    venues=st.integers(1, 3),
    fixed=st.sampled_from((0.0, 0.3)),
    windowed=st.sampled_from((0.0, 0.6)),
    related=st.sampled_from((0.0, 0.5)),
)


def start_of(answer: Json, item: str) -> str:
    """Return when an item starts."""
    return next(str(each["startTime"]) for each in answer["assignments"] if each["item"] == item)


@given(SHAPES, st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_programme_that_has_a_plan_gets_a_valid_one(shape: Shape, seed: int) -> None:
    schedule_validly(generate(shape, seed).problem, improve_seconds=0.5)


@pytest.mark.parametrize(
    "shape",
    [Shape(50), Shape(50, 2, 6, interpreters=6, venues=3), Shape(200, 4, 10, 150)],
    ids=["50 items", "50 items with travel and interpreters", "200 items"],
)
def test_large_programmes_are_planned(shape: Shape) -> None:
    schedule_validly(generate(shape, 1).problem, improve_seconds=2.0)


def test_a_day_that_loses_an_hour_is_an_hour_shorter() -> None:
    problem = make_problem(
        days=[{"id": "sunday", "openTime": "2030-03-31T00:00", "closeTime": "2030-03-31T06:00"}],
        items=[make_item("a", 300, required=["mayor"])],
    )
    schedule_validly(problem)
    problem["items"][0]["durationMinutes"] = 315
    assert schedule(problem)["state"] == "INFEASIBLE"


def test_a_day_may_end_after_midnight() -> None:
    problem = make_problem(
        timeZone="Asia/Tokyo",
        days=[{"id": "night", "openTime": "2030-05-02T21:00", "closeTime": "2030-05-03T02:00"}],
        items=[make_item("late", earliestStart="2030-05-03T00:30")],
    )
    assert start_of(schedule_validly(problem), "late") >= "2030-05-03T00:30"


def test_items_start_on_the_grid_of_their_day_unless_their_start_is_given() -> None:
    problem = make_problem(
        granularityMinutes=30,
        days=[{"id": "d1", "openTime": "2030-05-02T09:10", "closeTime": "2030-05-02T12:00"}],
        items=[
            make_item("given", 20, fixedStart="2030-05-02T09:17", required=["mayor"]),
            make_item("free", 20, required=["mayor"]),
        ],
    )
    answer = schedule_validly(problem)
    assert (start_of(answer, "given"), start_of(answer, "free")) == ("2030-05-02T09:17", "2030-05-02T09:40")


def test_nothing_is_said_of_a_room_where_none_is_needed() -> None:
    (assignment,) = schedule_validly(make_problem(items=[make_item("walk")]))["assignments"]
    assert (assignment["room"], assignment["interpreter"], assignment["attending"]) == ("", "", [])


def test_who_interprets_one_way_interprets_the_other() -> None:
    problem = make_problem(
        interpreters=[{"id": "amira", "languagePairs": ["ar-de"]}], items=[make_item("talk", interpretation="de-AR")]
    )
    (assignment,) = schedule(problem)["assignments"]
    assert assignment["interpreter"] == "amira"


def test_who_would_attend_attends_where_that_can_be() -> None:
    problem = make_problem(
        items=[
            make_item("a", required=["mayor"], optional=["guest"]),
            make_item("b", required=["mayor"], optional=["guest"]),
            make_item("c", optional=["guest"], fixedStart="2030-05-02T09:00"),
        ]
    )
    answer = schedule_validly(problem)
    assert answer["optimal"]
    assert all("guest" in assignment["attending"] for assignment in answer["assignments"])


def test_items_that_had_better_not_overlap_do_not_where_that_can_be() -> None:
    problem = make_problem(
        rooms=[{"id": "hall"}, {"id": "study"}],
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T11:00"}],
        items=[make_item(name, needsRoom=True) for name in ("a", "b", "c", "d")],
        avoidParallel=[{"items": ["a", "b"], "penalty": 3}],
    )
    answer = schedule_validly(problem)
    assert start_of(answer, "a") != start_of(answer, "b")
    assert answer["optimal"]


def test_days_end_as_early_as_they_can_and_the_last_item_is_over_early() -> None:
    answer = schedule_validly(make_problem(items=[make_item(name, required=["mayor"]) for name in ("a", "b")]))
    assert {start_of(answer, "a"), start_of(answer, "b")} == {"2030-05-02T09:00", "2030-05-02T10:00"}
    assert answer["optimal"]


def test_a_short_day_is_worth_more_than_an_early_finish() -> None:
    # The first day could take it, two hours later than it ends anyhow.
    early = make_item("early", required=["mayor"], fixedStart="2030-05-02T09:00")
    absent = [{"startTime": "2030-05-02T10:00", "endTime": "2030-05-02T12:00"}]
    people = [{"id": "mayor", "absences": absent}]
    answer = schedule_validly(make_problem(items=[early, make_item("late", required=["mayor"])], people=people))
    assert start_of(answer, "late") == "2030-05-03T09:00"


def test_a_breaks_people_are_free_and_others_go_on() -> None:
    prayer = {"label": "prayer", "startTime": "2030-05-02T09:00", "endTime": "2030-05-02T16:00", "people": ["guest"]}
    problem = make_problem(
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T17:00"}],
        breaks=[prayer],
        items=[make_item("both", required=["mayor", "guest"]), make_item("one", required=["mayor"])],
    )
    answer = schedule_validly(problem)
    assert (start_of(answer, "both"), start_of(answer, "one")) == ("2030-05-02T16:00", "2030-05-02T09:00")


def test_a_room_of_unknown_size_holds_everybody() -> None:
    schedule_validly(make_problem(items=[make_item("ball", needsRoom=True, seats=500)]))


def test_a_planner_that_is_stopped_gives_the_best_plan_until_then() -> None:
    problem = generate(Shape(50, 2, 6, interpreters=6, venues=3), 0).problem
    plans: list[Plan] = []

    def stop(plan: Plan) -> None:
        plans.append(plan)
        planner.stop()

    planner = Planner(*read_problem(problem), seconds=60.0, watch=stop)
    found = planner.run()
    assert (found.state, found.is_optimal) == (State.SCHEDULED, False)
    assert found.seconds < 60
    assert plans


def test_two_ways_between_two_venues_are_the_longer() -> None:
    problem = make_problem(
        rooms=[{"id": "hall", "venue": "town"}, {"id": "lab", "venue": "works"}],
        travels=[{"from": "town", "to": "works", "minutes": 45}, {"from": "works", "to": "town", "minutes": 10}],
        items=[make_item(name, required=["mayor"], fixedRoom=name) for name in ("hall", "lab")],
        days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T12:00"}],
    )
    answer = schedule_validly(problem)
    assert abs(int(start_of(answer, "hall")[11:13]) - int(start_of(answer, "lab")[11:13])) >= 1
    problem["days"][0]["closeTime"] = "2030-05-02T11:30"
    assert schedule(problem)["state"] == "INFEASIBLE"


def test_a_break_without_length_stops_nothing() -> None:
    nothing = [{"label": "", "startTime": "2030-05-02T09:07", "endTime": "2030-05-02T09:07", "people": []}]
    days = [{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T09:30"}]
    schedule_validly(make_problem(days=days, breaks=nothing, items=[make_item("a", 30)]))


def test_the_day_on_which_an_hour_is_shown_twice_may_be_whole() -> None:
    days = [{"id": "d1", "openTime": "2030-10-27T00:00", "closeTime": "2030-10-28T00:00"}]
    schedule_validly(make_problem(days=days, items=[make_item("a")]))


def test_who_would_attend_many_items_in_several_venues_attends_some() -> None:
    problem = generate(Shape(20, 2, 6, 20, venues=3), 2).problem
    guests = [f"d{number}" for number in range(12)]
    problem["people"] += [{"id": guest} for guest in guests]
    for item in problem["items"]:
        item["optional"] = guests
    answer = schedule_validly(problem, improve_seconds=0.2)
    assert all(any(guest in each["attending"] for each in answer["assignments"]) for guest in guests)


def test_another_room_of_the_same_venue_is_no_change_of_venue() -> None:
    def get_cost(room: str) -> float:
        problem = make_problem(
            rooms=[{"id": room, "venue": room[0]} for room in ("a1", "a2", "b1")],
            travels=[{"from": "a", "to": "b", "minutes": 30}],
            items=[
                make_item("first", required=["mayor"], fixedRoom="a1"),
                make_item("second", required=["mayor"], fixedRoom=room),
                make_item("elsewhere", fixedRoom="b1"),
            ],
            days=[{"id": "d1", "openTime": "2030-05-02T09:00", "closeTime": "2030-05-02T17:00"}],
        )
        answer = schedule_validly(problem)
        assert answer["optimal"]
        return float(answer["bound"])

    assert get_cost("a2") == get_cost("a1") < get_cost("b1")
