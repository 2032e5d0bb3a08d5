"""The pages of a person's calendars, and where it shows that somebody is busy."""

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from gateway.pages.people.calendars import FAILURES
from tests.exchange.calendars import BROKEN, MONDAY, at, make_calendar
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

SERVICE = Path(__file__).parents[2] / "services" / "exchange"
BUSY = make_calendar((at(8), at(13)), "SUMMARY:Dinner with Rhiannon")


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def mayor(rest: Rest) -> str:
    """Somebody without a calendar."""
    return str(created(rest.post("/v1/people", {"function": "Mayor of the calendars"}))["name"])


def add(client: FlaskClient, person: str, file: str = "", **fields: str) -> TestResponse:
    """Send the form that adds a calendar to a person."""
    form = PageForm(client.get(f"/{person}/calendars").text)
    data: dict[str, Any] = {**form.fields, **{name.replace("__", "."): text for name, text in fields.items()}}
    data["calendar.ics"] = (BytesIO(file.encode()), "mayor.ics" if file else "")
    return client.post(f"/{person}/calendars", data=data, content_type="multipart/form-data")


def list_calendars(rest: Rest, person: str) -> list[dict[str, Any]]:
    """Return the calendars of a person."""
    return list(created(rest.get(f"/v1/{person}/calendars")).get("calendars", []))


def test_every_reason_for_which_a_calendar_cannot_be_read_is_told_in_words() -> None:
    source = "".join((SERVICE / name).read_text() for name in ("calendar_fetching.py", "calendar_refresh.py"))
    fetching = set(re.findall(r'(?:Unfetchable|failure_columns)\(\s*"(CALENDAR_\w+)"', source))
    fetching |= set(re.findall(r'"(CALENDAR_\w+)"', source))
    reading = "".join(path.read_text() for path in SERVICE.glob("calendar*.py"))
    assert FAILURES.keys() == fetching | set(re.findall(r'Unreadable\("(CALENDAR_\w+)"', reading))


def test_a_file_is_added_read_again_and_removed(office: FlaskClient, rest: Rest, mayor: str) -> None:
    page = text_of(office.get(f"/{mayor}/calendars"))
    assert "No calendar yet" in page
    assert "no titles, places or participants" in page
    assert add(office, mayor, BUSY, calendar__display_name="Outlook").location == f"/{mayor}/calendars"
    page = text_of(office.get(f"/{mayor}/calendars"))
    assert "“Outlook” is entered and read." in page
    assert "A file Up to date" in page
    assert "Rhiannon" not in page
    assert "Outlook" in text_of(office.get(f"/{mayor}/edit"))
    (calendar,) = list_calendars(rest, mayor)
    assert (calendar["state"], calendar["ics"]) == ("STATE_CURRENT", "")
    token = PageForm(office.get(f"/{mayor}/calendars").text).fields["csrf_token"]
    assert office.post(f"/{calendar['name']}/refresh", data={"csrf_token": token}).status_code == 303
    assert "“Outlook” is read again." in text_of(office.get(f"/{mayor}/calendars"))
    assert "Remove the calendar “Outlook”?" in text_of(office.get(f"/{calendar['name']}/delete"))
    assert send(office, f"/{calendar['name']}/delete").location == f"/{mayor}/calendars"
    assert list_calendars(rest, mayor) == []


def test_a_file_that_cannot_be_read_is_refused_with_the_line(office: FlaskClient, rest: Rest, mayor: str) -> None:
    refusal = add(office, mayor, BROKEN, calendar__display_name="Outlook")
    assert refusal.status_code == 400
    assert "Line 6 of the calendar cannot be read: DTSTART:soon" in text_of(refusal)
    german = office.post(
        f"/{mayor}/calendars",
        data={**PageForm(refusal.text).fields, "calendar.ics": (BytesIO(BROKEN.encode()), "x.ics")},
        headers={"Accept-Language": "de"},
        content_type="multipart/form-data",
    )
    assert "Zeile 6" in text_of(german)
    assert list_calendars(rest, mayor) == []


def test_an_address_is_shown_by_its_host_only_and_with_why_it_cannot_be_read(
    office: FlaskClient, rest: Rest, mayor: str
) -> None:
    given = add(office, mayor, calendar__display_name="Google", calendar__url="webcal://127.0.0.1/private-s3cret.ics")
    assert given.status_code == 303
    page = office.get(f"/{mayor}/calendars")
    assert "127.0.0.1 Cannot be read The server stands in an internal network." in text_of(page)
    (calendar,) = list_calendars(rest, mayor)
    for shown in (page, office.get(f"/{calendar['name']}/edit"), office.get(f"/{calendar['name']}/delete")):
        assert shown.status_code == 200
        assert "s3cret" not in shown.text
    assert "s3cret" not in str(calendar)
    assert send(office, f"/{calendar['name']}/edit", calendar__display_name="Nextcloud").status_code == 303
    (renamed,) = list_calendars(rest, mayor)
    assert (renamed["displayName"], renamed["host"]) == ("Nextcloud", "127.0.0.1")
    for fields, complaint in (
        ({}, "Please fill this in"),
        ({"calendar__url": "http://example.org/x.ics"}, "The address has to begin with https:// or webcal://."),
        ({"calendar__url": "example.org"}, "Please give the address of a calendar"),
    ):
        refusal = add(office, mayor, calendar__display_name="Outlook", **fields)
        assert refusal.status_code == 400
        assert complaint in text_of(refusal)
    both = add(office, mayor, BUSY, calendar__display_name="Outlook", calendar__url="https://example.org/x.ics")
    assert "Please give either an address or a file." in text_of(both)


def test_other_departments_are_told_who_keeps_calendars(gateway: Gateway, office: FlaskClient, mayor: str) -> None:
    add(office, mayor, BUSY, calendar__display_name="Outlook")
    member = browser(gateway, Role.MEMBER)
    page = text_of(member.get(f"/{mayor}/calendars"))
    assert "Calendars are kept by the department" in page
    assert "Outlook" not in page
    assert browser(gateway, Role.EXPERT).get(f"/{mayor}/calendars").status_code == 403


def test_a_department_finds_the_calendars_of_its_own_people(gateway: Gateway, rest: Rest) -> None:
    person = created(rest.post("/v1/people", {"function": "Controller", "department": "Controlling"}))["name"]
    member = browser(gateway, Role.MEMBER)
    assert f'href="/{person}/calendars"' in member.get("/people?page_size=1000").text
    assert add(member, person, BUSY, calendar__display_name="Outlook").status_code == 303
    page = text_of(member.get(f"/{person}/calendars"))
    assert "Outlook A file Up to date" in page


def _day(days: int) -> dict[str, int]:
    day = MONDAY + timedelta(days=days)
    return {"year": day.year, "month": day.month, "day": day.day}


def test_who_is_busy_shows_where_dates_and_times_are_looked_for(office: FlaskClient, rest: Rest, mayor: str) -> None:
    add(office, mayor, BUSY, calendar__display_name="Outlook")
    visit = a_visit(rest, startDate=_day(0), endDate=_day(4))
    asked = (
        f"ask=on&exchange={visit['exchange']}&working_days=1&people={mayor}&earliest_date={MONDAY}&latest_date={MONDAY}"
    )
    assert "Busy on 1 of 1 days: Mayor of the calendars" in text_of(office.get(f"/visits/dates?{asked}"))
    calendar = text_of(office.get(f"/visits?view=month&rows=people&from={MONDAY}&page_size=1000"))
    assert "busy on one day (own calendar)" in calendar
    timetable = office.get(f"/{visit['name']}/timetable").text
    assert "Busy (own calendar)" in timetable
    assert f"{MONDAY}T08:00" in timetable
    fields = {
        "agenda_item__title": "Reception",
        "agenda_item__start_time": f"{MONDAY}T09:00",
        "agenda_item__end_time": f"{MONDAY}T10:00",
        "agenda_item__people": mayor,
    }
    booked = send(office, f"/{visit['name']}/agendaItems/new", **fields)
    assert booked.status_code == 303
    page = text_of(office.get(f"/{visit['name']}"))
    assert "Mayor of the calendars is booked, but busy at that time (own calendar)" in page
    item = next(each for each in created(rest.get(f"/v1/{visit['name']}/agendaItems"))["agendaItems"])
    moved = send(office, f"/{item['name']}/edit", agenda_item__start_time=f"{MONDAY}T10:00", agenda_item__end_time="")
    assert moved.status_code == 303, text_of(moved)
    assert "is booked, but busy" in text_of(office.get(f"/{visit['name']}"))
