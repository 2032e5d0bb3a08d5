"""The main job through REST alone, with the token of a signed-in account, following only the API's own description."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.openapi_client import Program, Refused, id_of
from tests.stack import Stack

# A moment, which is longer on a busy machine.
FINDABLE_SECONDS = 60.0


@pytest.fixture
def office(stack: Stack) -> Program:
    """A program of the international office."""
    program = Program(stack.url)
    program.sign_in("coordinator@mannheim.example", "demo")
    return program


def eventually(find: Callable[[], Any]) -> Any:
    """Return what is found as soon as it is; what a part of the platform learns by an event takes a moment."""
    until = time.monotonic() + FINDABLE_SECONDS
    while not (found := find()) and time.monotonic() < until:
        time.sleep(0.05)
    assert found
    return found


def found(program: Program, query: str, source: str) -> list[dict[str, Any]]:
    """Return the search's results that come from a source."""
    results = program("SearchLearnings", query=query, pageSize=100)["results"]
    return [result for result in results if result["learning"]["source"].startswith(source)]


def test_a_visit_from_the_idea_to_findable_learnings(office: Program) -> None:
    exchange = next(
        exchange for exchange in office("ListExchanges")["exchanges"] if exchange["city"] == "cities/swansea"
    )
    visit = office(
        "CreateVisit",
        body={
            "title": "Controllers from Swansea, second visit",
            "exchange": exchange["name"],
            "direction": "DIRECTION_INCOMING",
            "startDate": {"year": 2031, "month": 5, "day": 12},
            "endDate": {"year": 2031, "month": 5, "day": 14},
            "hostDepartment": "Dezernatscontrolling",
        },
        requestId=str(uuid4()),
    )
    assert (visit["state"], visit["hostCity"]) == ("STATE_IDEA", "cities/mannheim")
    head = office(
        "CreateDelegate",
        visit=id_of(visit),
        body={"function": "Head of controlling", "head": True, "rank": 1, "languages": ["en"]},
    )
    room = office("ListRooms")["rooms"][0]["name"]
    item = {
        "title": "Budget control in the directorates",
        "startTime": "2031-05-12T08:00:00Z",
        "endTime": "2031-05-12T09:30:00Z",
        "room": room,
        "people": [head["name"]],
    }
    booked = office("CreateAgendaItem", visit=id_of(visit), body=item)

    clash = {**item, "title": "Something else", "people": [], "startTime": "2031-05-12T09:00:00Z"}
    clash["endTime"] = "2031-05-12T10:00:00Z"
    with pytest.raises(Refused) as refused:
        office("CreateAgendaItem", visit=id_of(visit), body=clash)
    assert refused.value.status == 409
    assert refused.value.info()["reason"] == "DOUBLE_BOOKING"
    assert refused.value.info()["metadata"]["clashes_0_conflict"] == booked["name"]
    assert [one["name"] for one in office("ListAgendaItems", visit=id_of(visit))["agendaItems"]] == [booked["name"]]

    for verb in ("Agree", "Plan", "Confirm", "Start"):
        visit = office(f"{verb}Visit", visit=id_of(visit), body={"etag": visit["etag"]})
    assert (visit["state"], visit["allowedTransitions"]) == ("STATE_RUNNING", ["report"])
    marker = uuid4().hex[:8]
    reported = office(
        "ReportVisit",
        visit=id_of(visit),
        body={
            "etag": visit["etag"],
            "debrief": {
                "entries": [
                    {
                        "title": f"What controllers measure {marker}",
                        "language": "en",
                        "observation": "The controllers of both cities measure the same.",
                    },
                    {
                        "title": f"Das Controlling der Dezernate {marker}",
                        "language": "de",
                        "observation": "Das Controlling berichtet vierteljährlich.",
                    },
                ]
            },
        },
    )
    assert reported["state"] == "STATE_REPORTED"

    eventually(lambda: len(found(office, marker, visit["name"])) == 2)
    german = found(office, "Controllings", visit["name"])
    english = found(office, "controller", visit["name"])
    assert any(one["learning"]["language"] == "de" and "<mark>" in one["snippet"] for one in german)
    assert any(one["learning"]["language"] == "en" and "<mark>" in one["snippet"] for one in english)
    assert {one["learning"]["sourceTitle"] for one in german + english} == {visit["title"]}


def test_a_conclusion_with_two_recommendations_one_of_them_accepted(office: Program) -> None:
    forum = id_of(office("ListForums")["forums"][0])
    marker = uuid4().hex[:8]
    groups = office("ListWorkingGroups", forum=forum)["workingGroups"]
    conclusion = office(
        "CreateConclusion",
        forum=forum,
        body={
            "title": f"Steuerung über Chartas {marker}",
            "text": "Das Steuerungssystem trägt die Umsetzung.",
            "language": "de",
            "workingGroups": [groups[0]["name"]],
        },
    )
    drafts = [
        office(
            "CreateRecommendation",
            forum=forum,
            body={
                "conclusion": conclusion["name"],
                "title": f"{title} {marker}",
                "text": "Im Verwaltungshandeln umsetzen.",
                "language": "de",
            },
        )
        for title in ("Präambel voranstellen", "Indikatoren veröffentlichen")
    ]

    adopted = office("AdoptConclusion", forum=forum, conclusion=id_of(conclusion), body={"etag": conclusion["etag"]})
    answered = office(
        "AnswerRecommendation",
        forum=forum,
        recommendation=id_of(drafts[0]),
        body={"verdict": "VERDICT_ACCEPTED", "reason": "Sie ordnet die Ziele ein."},
    )

    assert adopted["state"] == "STATE_ADOPTED"
    assert (answered["state"], answered["answer"]["verdict"]) == ("STATE_ANSWERED", "VERDICT_ACCEPTED")
    other = office("GetRecommendation", forum=forum, recommendation=id_of(drafts[1]))
    assert other["state"] == "STATE_ADOPTED"
    with pytest.raises(Refused) as refused:
        office("AdoptConclusion", forum=forum, conclusion=id_of(conclusion), body={})
    assert refused.value.status == 400
    eventually(lambda: found(office, f"Chartas {marker}", conclusion["name"]))
    eventually(lambda: found(office, f"Präambeln {marker}", drafts[0]["name"]))


def test_each_demo_account_sees_what_its_role_may_see(stack: Stack) -> None:
    seen = {}
    for role in ("admin", "coordinator", "member", "partner", "expert"):
        program = Program(stack.url)
        program.sign_in(f"{role}@mannheim.example", "demo")
        seen[role] = set()
        for operation in ("ListExchanges", "ListForums", "ListLearnings"):
            try:
                if program(operation)["totalSize"]:
                    seen[role].add(operation)
            except Refused as refused:
                assert refused.status == 403  # noqa: PT017

    assert seen["coordinator"] == {"ListExchanges", "ListForums", "ListLearnings"}
    assert seen["expert"] == {"ListForums"}
    assert "ListExchanges" in seen["partner"]
    assert "ListForums" not in seen["partner"]


def test_a_ten_megabyte_body_is_answered_while_it_is_sent(stack: Stack) -> None:
    program = Program(stack.url)

    with pytest.raises(Refused) as refused:
        program("CreateSession", body={"email": "x" * 10_000_000, "password": "x"})

    assert refused.value.status == 413


def test_a_revoked_token_is_refused_by_every_worker(office: Program, stack: Stack) -> None:
    made = office("CreateAccessToken", account="me", body={"title": "Journey"})
    program = Program(stack.url)
    program.token = made["token"]
    for _ in range(8):
        program("ListCities", pageSize=1)

    office("DeleteAccessToken", account="me", accessToken=id_of(made))

    for _ in range(8):
        with pytest.raises(Refused) as refused:
            program("ListCities", pageSize=1)
        assert refused.value.status == 401
