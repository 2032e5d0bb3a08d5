"""A programme planned, contradicted and changed by a program that knows only the API's description; dates for it."""

import pytest

from tests.journeys.openapi_client import Program, Refused
from tests.planning.asking import keep, make_item, make_problem
from tests.planning.generator import Shape, generate
from tests.planning.validator import list_faults
from tests.stack import Stack

ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART;TZID=W. Europe Standard Time:20300506T090000
DTEND;TZID=W. Europe Standard Time:20300506T100000
RRULE:FREQ=WEEKLY;COUNT=2
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def office(stack: Stack) -> Program:
    """A program of the international office."""
    program = Program(stack.url)
    program.sign_in("coordinator@mannheim.example", "demo")
    return program


def test_a_programme_is_planned_and_changed_as_little_as_possible(office: Program) -> None:
    problem = generate(Shape(20, rooms=4, interpreters=3, venues=2), 1).problem
    answer = office("ScheduleProgramme", body={"problem": problem, "timeLimitSeconds": 3})
    assert answer["state"] == "SCHEDULED"
    assert list_faults(problem, answer) == []
    again = office("ScheduleProgramme", body={"problem": problem, "keep": keep(answer), "timeLimitSeconds": 3})
    assert (again["changes"]["moved"], again["changes"]["dropped"]) == ([], [])


def test_a_programme_that_cannot_be_planned_says_why(office: Program) -> None:
    fixed = {"required": ["mayor"], "fixedStart": "2030-05-02T10:00"}
    problem = make_problem(items=[make_item("a", **fixed), make_item("b", **fixed)], notParallel=[["a", "b"]])
    answer = office("ScheduleProgramme", body={"problem": problem})
    assert (answer["state"], answer["conflict"]["minimal"]) == ("INFEASIBLE", True)
    assert {item for requirement in answer["conflict"]["requirements"] for item in requirement["items"]} == {"a", "b"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"problem": make_problem(items=[make_item("a", colour="red")])}, "problem.items[0].colour"),
        ({"problem": make_problem(items=[make_item("a", fixedRoom="attic")])}, "problem.items[0].fixedRoom"),
        ({"problem": make_problem(notParallel=["a"])}, "problem.notParallel[0]"),
        ({"problem": make_problem(), "timeLimitSeconds": 600}, "timeLimitSeconds"),
        ({}, "problem"),
    ],
)
def test_what_is_wrong_is_told_by_the_field_as_json_has_it(
    office: Program, body: dict[str, object], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        office("ScheduleProgramme", body=body)
    assert refused.value.status == 400
    (mistakes,) = [each["fieldViolations"] for each in refused.value.error["details"] if "fieldViolations" in each]
    assert field in {mistake["field"] for mistake in mistakes}


def test_dates_are_proposed_by_what_a_calendar_says(office: Program) -> None:
    span = {"startTime": "2030-05-01T00:00:00Z", "endTime": "2030-06-01T00:00:00Z"}
    busy = office("ParseCalendar", body={"ics": ICS, **span})["busy"]
    assert busy[0] == {"startTime": "2030-05-06T07:00:00Z", "endTime": "2030-05-06T08:00:00Z"}
    question = {
        "city": "cities/swansea",
        "workingDays": 2,
        "earliestDate": {"year": 2030, "month": 5, "day": 6},
        "latestDate": {"year": 2030, "month": 5, "day": 9},
        "calendars": [{"person": "The mayor", "ics": ICS}],
    }
    windows = office("ProposeDates", body=question)["windows"]
    assert windows[0]["startDate"]["day"] != 6
    (monday,) = [window for window in windows if window["startDate"]["day"] == 6]
    assert ("KIND_BUSY", "The mayor") in {(reason["kind"], reason["subject"]) for reason in monday["reasons"]}
