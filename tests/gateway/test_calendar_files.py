"""The programme of a visit as a calendar file."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import text_of
from tests.gateway.conftest import Browse, Gateway, Rest
from tests.gateway.icalendars import read_calendar, read_events
from tests.gateway.samples import a_visit, created, visit_of

NINE = {"startTime": "2030-05-14T09:00:00+02:00", "endTime": "2030-05-14T10:30:00+02:00"}


def add_item(rest: Rest, visit: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a new item of a visit, on the morning of 14 May 2030 where nothing else is said."""
    return created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "Welcome", **NINE, **fields}))


def address_of(visit: dict[str, Any]) -> str:
    return f"/{visit['name']}/programme.ics"


@pytest.fixture
def visit(rest: Rest) -> dict[str, Any]:
    """A visit of three days from Swansea."""
    return a_visit(rest)


def test_a_file_has_the_visit_as_days_and_its_items_with_time_and_place(
    office: FlaskClient, rest: Rest, visit: dict[str, Any]
) -> None:
    venue = created(rest.post("/v1/venues", {"displayName": "Stadthaus", "address": "N 1, 68161 Mannheim"}))
    room = created(rest.post("/v1/rooms", {"displayName": "Council chamber", "venue": venue["name"]}))
    item = add_item(rest, visit, room=room["name"], place="South door", notes="Bring badges.", openEnd=True)
    add_item(rest, visit, title="Still open", startTime=None, endTime=None, durationMinutes=60)

    answer = office.get(address_of(visit))

    assert answer.headers["Content-Disposition"].startswith('attachment; filename="controllers-from-swansea-')
    assert answer.headers["Cache-Control"] == "private, no-cache"
    events = read_events(answer)
    assert set(events) == {visit["title"], "Welcome"}
    whole, welcome = events[visit["title"]], events["Welcome"]
    assert (whole.start, whole.end, whole["transp"]) == (date(2030, 5, 14), date(2030, 5, 17), "TRANSPARENT")
    assert (whole["location"], whole["status"]) == ("Mannheim, Controlling", "TENTATIVE")
    assert f"http://localhost/{visit['name']}" in whole["description"]
    assert welcome.start.isoformat() == "2030-05-14T09:00:00+02:00"
    assert welcome["dtstart"].params["TZID"] == "Europe/Berlin"
    assert welcome.end.isoformat() == "2030-05-14T10:30:00+02:00"
    assert welcome["location"] == "Council chamber, Stadthaus, South door, N 1, 68161 Mannheim"
    page = f"http://localhost/{visit['name']}#agendaItems-{item['name'].rpartition('/')[2]}"
    assert welcome["description"] == f"Bring badges.\nopen end\n{visit['title']}\n{page}"
    assert (welcome["url"], welcome["transp"]) == (page, "OPAQUE")


def test_the_page_of_a_visit_offers_its_file_once_its_days_are_known(office: FlaskClient, rest: Rest) -> None:
    dated = a_visit(rest)
    undated = created(rest.post("/v1/visits", visit_of({"name": dated["exchange"]}, startDate=None, endDate=None)))
    assert address_of(dated) in office.get(f"/{dated['name']}").text
    assert address_of(undated) not in office.get(f"/{undated['name']}").text
    calendar = read_calendar(office.get(address_of(undated)))
    assert [part.name for part in calendar.subcomponents] == ["VTIMEZONE"], "a calendar has to hold something"


def test_an_empty_programme_is_the_visit_alone(office: FlaskClient, visit: dict[str, Any]) -> None:
    assert list(read_events(office.get(address_of(visit)))) == [visit["title"]]


def test_items_keep_their_time_over_a_change_of_clocks(office: FlaskClient, rest: Rest) -> None:
    spring = {"year": 2030, "month": 3, "day": 30}, {"year": 2030, "month": 3, "day": 31}
    visit = a_visit(rest, startDate=spring[0], endDate=spring[1])
    for title, start, end in (
        ("Winter", "2030-03-30T10:00:00+01:00", "2030-03-30T11:00:00+01:00"),
        ("Summer", "2030-03-31T10:00:00+02:00", "2030-03-31T11:00:00+02:00"),
    ):
        add_item(rest, visit, title=title, startTime=start, endTime=end)

    calendar = read_calendar(office.get(address_of(visit)))

    (zone,) = calendar.walk("VTIMEZONE")
    clocks = zone.to_tz(lookup_tzid=False)  # as the file tells them, not as this machine knows them
    for event, hour in zip(calendar.walk("VEVENT")[1:], (9, 8), strict=True):
        assert event.start.hour == 10
        read = event.start.replace(tzinfo=clocks).astimezone(UTC)
        assert (read, read.hour) == (event.start.astimezone(UTC), hour)


def test_an_hour_that_the_clocks_show_twice_is_told_apart(office: FlaskClient, rest: Rest) -> None:
    autumn = {"year": 2030, "month": 10, "day": 27}
    visit = a_visit(rest, startDate=autumn, endDate=autumn)
    for title, start, end in (
        ("First", "2030-10-27T00:30:00Z", "2030-10-27T00:45:00Z"),
        ("Second", "2030-10-27T01:30:00Z", "2030-10-27T01:45:00Z"),
    ):
        add_item(rest, visit, title=title, startTime=start, endTime=end)

    text = office.get(address_of(visit)).text

    assert "DTSTART;TZID=Europe/Berlin:20301027T023000" in text
    assert "DTSTART:20301027T013000Z" in text
    events = read_events(office.get(address_of(visit)))
    assert events["First"].start.astimezone(UTC) == datetime(2030, 10, 27, 0, 30, tzinfo=UTC)
    assert events["Second"].start.astimezone(UTC) == datetime(2030, 10, 27, 1, 30, tzinfo=UTC)


def test_signs_and_long_texts_come_through_as_they_are(office: FlaskClient, rest: Rest, visit: dict[str, Any]) -> None:
    title = "Łódź; Grünflächen, \\ „Wasser“: " + "中文" * 40
    notes = 'First line\nSecond; third, "fourth"\nBEGIN:VEVENT\n' + "very long " * 100
    add_item(rest, visit, title=title, notes=notes.strip())

    answer = office.get(address_of(visit))

    assert read_events(answer)[title]["description"].startswith(notes.strip())
    assert b"Second\\; third\\, " in answer.data.replace(b"\r\n ", b"")


@pytest.mark.parametrize(
    ("role", "notes"),
    [(Role.COORDINATOR, True), (Role.MEMBER, True), (Role.ADMINISTRATOR, True), (Role.PARTNER, False)],
)
def test_a_reader_finds_in_the_file_what_the_page_shows(
    browse: Browse, rest: Rest, visit: dict[str, Any], role: Role, notes: bool
) -> None:
    add_item(rest, visit, notes="Ask about the budget.")
    reader = browse(role)
    assert ("Ask about the budget." in text_of(reader.get(f"/{visit['name']}"))) == notes
    assert ("Ask about the budget." in read_events(reader.get(address_of(visit)))["Welcome"]["description"]) == notes


def test_who_may_not_see_a_visit_gets_no_file(gateway: Gateway, browse: Browse, rest: Rest) -> None:
    theirs = a_visit(rest)
    path = address_of(theirs)
    assert browse(Role.EXPERT).get(path).status_code == 403
    stranger = gateway.app.test_client().get(path)
    assert (stranger.status_code, stranger.location) == (303, f"/sign-in?next=/{theirs['name']}/programme.ics")
    assert browse(Role.COORDINATOR).get("/visits/none/programme.ics").status_code == 404


def test_a_second_file_brings_the_same_events_up_to_date(
    office: FlaskClient, rest: Rest, visit: dict[str, Any]
) -> None:
    item = add_item(rest, visit)
    before = read_events(office.get(address_of(visit)))["Welcome"]
    created(rest.patch(f"/v1/{item['name']}", {"title": "Reception"}))
    changed = read_events(office.get(address_of(visit)))["Reception"]
    created(rest.post(f"/v1/{visit['name']}:cancel", {"reason": "Flood"}))
    cancelled = read_events(office.get(address_of(visit)))["Cancelled: Reception"]

    assert before["uid"] == changed["uid"] == cancelled["uid"] == f"{item['name']}@mannheim.austausch"
    assert before["sequence"] < changed["sequence"] < cancelled["sequence"]
    assert before["last-modified"].dt <= changed["last-modified"].dt <= cancelled["last-modified"].dt
    assert (before["status"], cancelled["status"]) == ("TENTATIVE", "CANCELLED")
    assert "Flood" in read_events(office.get(address_of(visit)))[f"Cancelled: {visit['title']}"]["description"]


def test_what_has_not_changed_is_not_sent_again(office: FlaskClient, rest: Rest, visit: dict[str, Any]) -> None:
    known = {"If-None-Match": office.get(address_of(visit)).headers["ETag"]}
    assert office.get(address_of(visit), headers=known).status_code == 304
    add_item(rest, visit)
    assert office.get(address_of(visit), headers=known).status_code == 200


def test_the_file_speaks_the_readers_language(office: FlaskClient, rest: Rest, visit: dict[str, Any]) -> None:
    add_item(rest, visit, rainPlace="Rathaus", interpretationLanguages=["de", "en"])
    events = read_events(office.get(address_of(visit), headers={"Accept-Language": "de"}))
    assert "Bei Regen: Rathaus" in events["Welcome"]["description"]
    assert "Dolmetschen: Deutsch – Englisch" in events["Welcome"]["description"]
    assert "Besuch: Swansea zu Gast in Mannheim" in events[visit["title"]]["description"]


def test_a_program_gets_the_file_by_an_access_token_for_reading(
    gateway: Gateway, rest: Rest, visit: dict[str, Any]
) -> None:
    made = created(rest.post("/v1/accounts/me/accessTokens", {"title": "Screen in the hall", "scope": "SCOPE_READ"}))
    client = gateway.app.test_client()

    def get(header: str) -> Any:
        return client.get(address_of(visit), headers={"Authorization": header})

    assert list(read_events(get(f"Bearer {made['token']}"))) == [visit["title"]]
    for header, reason in (("Bearer at_none", "TOKEN_NOT_VALID"), ("Basic eA==", "MALFORMED_AUTHORIZATION")):
        refused = get(header)
        assert (refused.status_code, refused.json["error"]["details"][0]["reason"]) == (401, reason)
    expert = created(gateway.as_(Role.EXPERT).post("/v1/accounts/me/accessTokens", {"title": "None of its business"}))
    assert get(f"Bearer {expert['token']}").json["error"]["status"] == "PERMISSION_DENIED"
    page = client.get(f"/{visit['name']}", headers={"Authorization": f"Bearer {made['token']}"})
    assert page.status_code == 303, "a page looks at no header"
