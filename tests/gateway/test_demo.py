"""The demo data: complete, loaded once, continued when it was interrupted, and never beside anything else."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chassis.identity import Role
from gateway.accounts.account_admin import create_account_with_password, list_emails
from gateway.demo.accounts import EMAILS, PASSWORD
from gateway.demo.exchanges import HEBRON, SWANSEA, SWANSEA_COMES
from tests.calls import Keys
from tests.conftest import Databases, FreshDatabase
from tests.gateway.conftest import Gateway, Rest, environment, platform
from tests.gateway.samples import a_visit

COMMAND = [sys.executable, "-m", "gateway.demo"]
FORUM = "/v1/forums/leitbild-mannheim-2030"
SIZES = {
    "/v1/cities": 11,
    "/v1/partnerships": 10,
    "/v1/exchanges": 11,
    "/v1/visits": 24,
    "/v1/programmeTemplates": 1,
    "/v1/venues": 2,
    "/v1/rooms": 5,
    "/v1/people": 6,
    "/v1/forums": 1,
    f"{FORUM}/panelists": 19,
    f"{FORUM}/subjectNodes": 15,
    f"{FORUM}/workingGroups": 4,
    f"{FORUM}/conclusions": 5,
    f"{FORUM}/recommendations": 4,
}


@pytest.fixture(scope="module")
def empty(databases: Databases, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A platform without data and accounts."""
    with platform(databases, keys, tmp_path_factory.mktemp("demo"), "demo") as running:
        yield running


def load(gateway: Gateway) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, env=environment(gateway.settings), capture_output=True, text=True, timeout=120, check=False
    )


def signed_in(gateway: Gateway, account: str) -> Rest:
    rest = Rest(gateway.app.test_client(), "")
    credentials = {"email": f"{account}@mannheim.example", "password": PASSWORD}
    rest.headers["Authorization"] = "Bearer " + rest.post("/v1/sessions", credentials).json["token"]
    return rest


def test_an_interrupted_load_is_continued_and_loads_nothing_twice(empty: Gateway) -> None:
    for seconds in (3, 5):
        killed = subprocess.Popen(COMMAND, env=environment(empty.settings))
        time.sleep(seconds)
        killed.send_signal(signal.SIGKILL)
        killed.wait()

    done = load(empty)

    assert (done.returncode, done.stderr) == (0, "")
    rest = signed_in(empty, "coordinator")
    assert {path: rest.get(path).json["totalSize"] for path in SIZES} == SIZES
    visits = rest.get("/v1/visits", orderBy="start_date").json["visits"]
    states = Counter(visit["state"].removeprefix("STATE_") for visit in visits)
    assert states == {"CLOSED": 15, "REPORTED": 1, "CANCELLED": 1, "CONFIRMED": 2, "PLANNED": 2, "AGREED": 1, "IDEA": 2}
    assert {one["state"] for one in rest.get("/v1/partnerships").json["partnerships"]} == {"STATE_ACTIVE"}
    panelists = rest.get(f"{FORUM}/panelists").json["panelists"]
    assert {panelist["state"] for panelist in panelists} == {"STATE_ACCEPTED"}
    assert [one["state"] for one in rest.get(f"{FORUM}/conclusions").json["conclusions"]].count("STATE_DRAFT") == 1
    learnings = rest.get("/v1/learnings").json["learnings"]
    debriefed = [learning for learning in learnings if learning.get("source", "").startswith("visits/")]
    assert Counter(learning["language"] for learning in debriefed) == {"de": 16, "en": 2}
    assert list_emails(empty.database) == EMAILS


def test_visits_lie_ahead_with_their_delegation_and_programme(empty: Gateway) -> None:
    load(empty)

    office = signed_in(empty, "coordinator")
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    ahead = office.get(
        "/v1/visits",
        orderBy="start_date",
        **{"fromDate.year": today.year, "fromDate.month": today.month, "fromDate.day": today.day},
    ).json["visits"]
    named = [visit for visit in ahead if visit["exchangeTitle"] in (SWANSEA.exchange.title, HEBRON.exchange.title)]
    *prepared, to_be_planned = named
    assert [visit["exchangeTitle"] for visit in prepared] == ["Controlling in den Dezernaten", "Wasser und Abwasser"]
    items = office.get(f"/v1/{to_be_planned['name']}/agendaItems").json["agendaItems"]
    assert (len(items), any("startTime" in item for item in items)) == (7, False)
    for visit in prepared:
        first = date(**visit["startDate"])
        assert timedelta(days=7) < first - today <= timedelta(weeks=8)
        assert first.weekday() == 0
        assert office.get(f"/v1/{visit['name']}/delegates").json["totalSize"] == 2
        assert office.get(f"/v1/{visit['name']}/agendaItems").json["totalSize"] == 3


def test_the_conference_of_2018_has_guests_from_nine_cities_and_leads_to_its_forum(empty: Gateway) -> None:
    load(empty)

    office = signed_in(empty, "coordinator")
    forum = office.get(FORUM).json
    visit = office.get(f"/v1/{forum['visit']}").json
    assert (visit["startDate"]["year"], visit["startDate"]["month"]) == (2018, 10)
    assert len({visit["guestCity"], *visit["otherGuestCities"]}) == 9
    programme = office.get(f"/v1/{visit['name']}/programme").json
    assert {delegate["city"] for delegate in programme["delegates"]} == {visit["guestCity"], *visit["otherGuestCities"]}
    starts = Counter(item["startTime"] for item in programme["agendaItems"])
    assert max(starts.values()) == 4, "four working groups meet at one time"
    # The staff of a guest city other than the exchange's see it as well.
    assert (
        office.get("/v1/visits", city="cities/kilis", orderBy="start_date").json["visits"][0]["name"] == visit["name"]
    )


def test_every_room_is_in_a_venue_that_is_open_when_something_takes_place_there(empty: Gateway) -> None:
    load(empty)

    office = signed_in(empty, "coordinator")
    rooms = {room["displayName"]: room["venueDisplayName"] for room in office.get("/v1/rooms").json["rooms"]}
    assert {rooms[f"Sitzungszimmer {number}"] for number in (1, 2, 3)} == {"Stadthaus N 1"}
    assert all(rooms.values())
    visits = office.get("/v1/visits", pageSize=100).json["visits"]
    programmes = [office.get(f"/v1/{visit['name']}/programme").json for visit in visits]
    assert [closure for programme in programmes for closure in programme["closures"]] == []


@pytest.mark.parametrize("today", [date(2026, 12, 28) + timedelta(days=number) for number in range(7)])
def test_a_visit_to_come_begins_on_the_next_monday_that_is_far_enough_ahead(today: date) -> None:
    first = SWANSEA_COMES.first_day(today)
    assert first.weekday() == 0
    assert timedelta(weeks=2) <= first - today < timedelta(weeks=3)


def test_the_member_has_a_recommendation_to_answer(empty: Gateway) -> None:
    load(empty)

    recommendations = signed_in(empty, "member").get(f"{FORUM}/recommendations").json["recommendations"]
    own = [one for one in recommendations if one.get("ownerDepartment") == "Dezernatscontrolling"]
    assert [one["title"] for one in own if one["state"] == "STATE_ADOPTED"] == ["Als Verwaltung Vorbild sein"]
    assert all("answer" in one["allowedTransitions"] for one in own if one["state"] == "STATE_ADOPTED")
    owners = {one.get("ownerDepartment", "") for one in recommendations}
    assert owners == {"Dezernatscontrolling", "Internationales Büro", ""}


def test_the_partner_finds_what_the_exchange_with_its_city_taught(empty: Gateway) -> None:
    load(empty)

    found = signed_in(empty, "partner").get("/v1/learnings:search", query="controllers").json["results"]
    assert "Colleagues in the same function make a visit an exchange of knowledge" in [
        one["learning"]["title"] for one in found
    ]
    learnings = signed_in(empty, "coordinator").get("/v1/learnings").json["learnings"]
    shared = [one["language"] for one in learnings if one["visibility"] == "VISIBILITY_PARTNERS"]
    assert sorted(shared) == ["de", "de", "en"]


def test_what_the_forum_taught_is_found_by_topic(empty: Gateway) -> None:
    load(empty)

    rest, until = signed_in(empty, "member"), time.monotonic() + 60
    while not (found := rest.get("/v1/learnings", topic="indicators").json.get("learnings")):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert [learning["title"] for learning in found] == ["Die vorgeschlagenen Indikatoren sind gut"]
    assert found[0]["topics"] == ["indicators", "climate", "culture", "education"]


def test_a_second_load_does_nothing(empty: Gateway) -> None:
    load(empty)
    create_account_with_password(empty.database, "press@city.example", "Press office", "a long password", ["member"])

    done = load(empty)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_not_loaded_beside_other_accounts(gateway: Gateway) -> None:
    done = load(gateway)

    assert (done.returncode, done.stderr) == (1, "The demo data is not loaded: there are accounts already.\n")


def test_it_is_not_loaded_beside_other_data(gateway: Gateway, fresh_database: FreshDatabase) -> None:
    a_visit(gateway.as_(Role.COORDINATOR))
    without_accounts = replace(gateway.settings, database_url=fresh_database("gateway.accounts"))

    done = load(replace(gateway, settings=without_accounts))

    assert done.returncode == 1
    assert done.stderr.startswith("The demo data is not loaded: there is a")
    assert "that is not demo data" in done.stderr
