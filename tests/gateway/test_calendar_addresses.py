"""Addresses of calendars: who makes them, what they show, and how they end."""

import http.client
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from gateway.accounts.caller_cache import forget_all
from tests.gateway.browsing import browser, execute, form_token, text_of
from tests.gateway.conftest import PASSWORD, Browse, Gateway, Rest
from tests.gateway.forums import draft, recommend
from tests.gateway.icalendars import read_calendar, read_events
from tests.gateway.samples import a_visit, created
from tests.gateway.served import served

Door = Callable[..., Gateway]
SOON = date.today() + timedelta(days=30)  # noqa: DTZ011 -- a month away in any time zone


def to_json(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def make_address(rest: Rest, title: str = "Outlook") -> str:
    """Return a new address of who uses the API."""
    made = created(rest.post("/v1/accounts/me/accessTokens", {"title": title, "scope": "SCOPE_CALENDAR"}))
    assert made["scope"] == "SCOPE_CALENDAR"
    return f"/calendars/{made['token']}.ics"


def subscribe(gateway: Gateway, address: str, **headers: str) -> TestResponse:
    """Ask for an address as a calendar program does: without a cookie."""
    return gateway.app.test_client().get(address, headers=headers)


def visit_soon(rest: Rest, **fields: Any) -> dict[str, Any]:
    """Return a visit that begins in a month, with an item on its first morning."""
    visit = a_visit(rest, startDate=to_json(SOON), endDate=to_json(SOON + timedelta(days=1)), **fields)
    times = {"startTime": f"{SOON}T09:00:00Z", "endTime": f"{SOON}T10:00:00Z"}
    created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": f"Tour of {visit['title']}", **times}))
    return visit


def test_an_address_is_made_shown_once_and_revoked_on_the_page_of_the_account(
    gateway: Gateway, office: FlaskClient, rest: Rest
) -> None:
    visit = visit_soon(rest)
    form = {"csrf_token": form_token(office, "/account"), "program": "Phone of the office"}
    page = office.post("/account/calendar-addresses", data=form)
    found = re.search(r'id="new-address">([^<]+)<', page.text)
    assert found
    address = found[1]
    assert re.fullmatch(r"http://localhost/calendars/ac_[\w-]{43}\.ics\?language=en", address)
    assert f'href="webcal:{address.removeprefix("http:")}"' in page.text
    assert page.headers["Cache-Control"] == "no-store"

    answer = subscribe(gateway, address)
    events = read_events(answer)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert read_calendar(answer)["x-wr-calname"] == "Visits: Mannheim"
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in answer.data
    assert events[visit["title"]].start == SOON
    assert events[f"Tour of {visit['title']}"].start.isoformat().startswith(f"{SOON}T1")
    assert events[f"Tour of {visit['title']}"]["transp"] == "TRANSPARENT"

    listed = office.get("/account")
    assert "ac_" not in listed.text
    assert "Phone of the office Subscribe to the calendar" in text_of(listed)
    (token,) = re.findall(r"Phone of the office.*?/account/access-tokens/([\w-]+)/revoke", listed.text, re.DOTALL)
    office.post(f"/account/access-tokens/{token}/revoke", data={"csrf_token": form["csrf_token"]})
    assert subscribe(gateway, address).status_code == 404
    assert "Phone of the office" not in office.get("/account").text


def test_an_address_needs_a_program_to_be_named(office: FlaskClient) -> None:
    form = {"csrf_token": form_token(office, "/account"), "program": " "}
    refused = office.post("/account/calendar-addresses", data=form)
    assert refused.status_code == 400
    assert "Please say in a few words which program the address is for." in text_of(refused)
    assert "new-address" not in refused.text


def test_experts_are_offered_no_address(browse: Browse) -> None:
    expert = browse(Role.EXPERT)
    assert "calendar-addresses" not in expert.get("/account").text
    form = {"csrf_token": form_token(expert, "/account"), "program": "Phone"}
    assert expert.post("/account/calendar-addresses", data=form).status_code == 403


def test_an_address_shows_what_the_account_may_see_at_that_moment(gateway: Gateway, rest: Rest) -> None:
    visit = visit_soon(rest)
    address = make_address(gateway.as_(Role.PARTNER))
    assert {visit["title"], f"Tour of {visit['title']}"} <= set(read_events(subscribe(gateway, address)))
    move = "UPDATE accounts SET city = %s WHERE email = 'partner@city.example'"
    execute(gateway, move, "cities/hebron")
    try:
        forget_all()
        assert read_events(subscribe(gateway, address)) == {}
    finally:
        execute(gateway, move, "cities/swansea")
        forget_all()


def test_a_visit_that_is_cancelled_or_far_away_is_not_in_the_calendar(gateway: Gateway, rest: Rest) -> None:
    cancelled, far = visit_soon(rest), a_visit(rest)
    created(rest.post(f"/v1/{cancelled['name']}:cancel", {"reason": "Flood"}))
    titles = set(read_events(subscribe(gateway, make_address(rest))))
    assert not titles & {cancelled["title"], f"Tour of {cancelled['title']}", far["title"]}


def test_what_is_due_is_there_for_those_who_have_to_do_it(gateway: Gateway, rest: Rest, forum: str) -> None:
    member, office = gateway.as_(Role.MEMBER), make_address(rest)
    conclusion = draft(rest, forum)
    ours = recommend(rest, conclusion, title="Ours", ownerDepartment="Controlling", dueDate=to_json(SOON))
    recommend(rest, conclusion, title="Theirs", ownerDepartment="Press", dueDate=to_json(SOON))
    recommend(rest, conclusion, title="Some day", ownerDepartment="Controlling")
    created(rest.post(f"/v1/{conclusion}:adopt"))
    learning = {"title": "Short ways", "language": "en", "observation": "They are.", "reviewDate": to_json(SOON)}
    learned = created(member.post("/v1/learnings", learning))
    identified = {"remedialAction": "Shorten them", "owner": "Controlling"}
    for verb, body in (("analyze", {}), ("identify", identified)):
        created(member.post(f"/v1/{learned['name']}:{verb}", body))

    events = read_events(subscribe(gateway, make_address(member)))

    assert {"Due: Ours", "Look at again: Short ways"} <= set(events)
    assert not {"Due: Theirs", "Due: Some day"} & set(events)
    due = events["Due: Ours"]
    assert (due.start, due.end, due["uid"]) == (SOON, SOON + timedelta(days=1), f"{ours}@mannheim.austausch")
    assert {"Due: Ours", "Due: Theirs"} <= set(read_events(subscribe(gateway, office)))
    partner = set(read_events(subscribe(gateway, make_address(gateway.as_(Role.PARTNER)))))
    assert not {title for title in partner if title.startswith(("Due", "Look"))}


def test_a_calendar_speaks_the_language_of_the_account_or_else_of_the_address(gateway: Gateway, rest: Rest) -> None:
    visit_soon(rest)
    address = make_address(gateway.as_(Role.MEMBER))

    def name(answer: TestResponse) -> str:
        return str(read_calendar(answer)["x-wr-calname"])

    assert name(subscribe(gateway, address)) == "Visits: Mannheim"
    assert name(subscribe(gateway, f"{address}?language=de")) == "Besuche: Mannheim"
    assert name(subscribe(gateway, f"{address}?language=xx")) == "Visits: Mannheim"
    execute(gateway, "UPDATE accounts SET locale = 'de' WHERE email = 'member@city.example'")
    try:
        forget_all()
        assert name(subscribe(gateway, f"{address}?language=en")) == "Besuche: Mannheim"
    finally:
        execute(gateway, "UPDATE accounts SET locale = '' WHERE email = 'member@city.example'")
        forget_all()


def test_what_has_not_changed_is_not_sent_again(gateway: Gateway, rest: Rest) -> None:
    visit_soon(rest)
    address = make_address(rest)
    known = {"If-None-Match": subscribe(gateway, address).headers["ETag"]}
    assert subscribe(gateway, address, **known).status_code == 304
    visit_soon(rest)
    assert subscribe(gateway, address, **known).status_code == 200


def test_an_address_opens_nothing_else_and_nothing_else_opens_a_calendar(door: Door) -> None:
    gateway = door()
    rest = gateway.as_(Role.MEMBER)
    secret = make_address(rest).removeprefix("/calendars/").removesuffix(".ics")
    assert Rest(gateway.app.test_client(), secret).get("/v1/accounts/me").status_code == 401
    client = gateway.app.test_client()
    client.set_cookie("austausch_session", secret)
    assert client.get("/account").status_code == 303
    access = created(rest.post("/v1/accounts/me/accessTokens", {"title": "Import", "scope": "SCOPE_WRITE"}))["token"]
    unknown = subscribe(gateway, "/calendars/ac_none.ics")
    assert unknown.status_code == 404
    for token in (access, gateway.tokens[Role.MEMBER], "", "x" * 2000, "%00", "../account"):
        answer = subscribe(gateway, f"/calendars/{token}.ics")
        assert (answer.status_code, text_of(answer)) == (404, text_of(unknown))


def is_open(gateway: Gateway, address: str) -> bool:
    """Return whether an address is one, before a gateway that has no services to ask."""
    status = subscribe(gateway, address).status_code
    assert status in (503, 404)
    return status == 503


def test_a_calendar_waits_for_services_that_are_away(door: Door, usual_deadlines: None) -> None:
    gateway = door()
    answer = subscribe(gateway, make_address(gateway.as_(Role.MEMBER)))
    assert answer.status_code == 503, "what cannot be asked for must not vanish from the calendar of who subscribed"
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(("verb", "path", "body"), [("PATCH", "", {"disabled": True}), ("POST", ":resetPassword", {})])
def test_an_address_ends_when_the_account_is_locked_or_its_password_is_reset(
    door: Door, usual_deadlines: None, verb: str, path: str, body: dict[str, bool]
) -> None:
    gateway = door()
    name = gateway.as_(Role.MEMBER).get("/v1/accounts/me").json["name"]
    address = make_address(gateway.as_(Role.MEMBER))
    assert is_open(gateway, address)
    created(gateway.as_(Role.ADMINISTRATOR).call(verb, f"/v1/{name}{path}", body))
    assert not is_open(gateway, address)


@pytest.mark.parametrize("kept", [True, False])
def test_a_new_password_ends_addresses_unless_they_are_to_stay(door: Door, usual_deadlines: None, kept: bool) -> None:
    gateway = door()
    client, address = browser(gateway, Role.MEMBER), make_address(gateway.as_(Role.MEMBER))
    form = {
        "old_password": PASSWORD,
        "new_password": "another of my passwords",
        **({"keep_access_tokens": "on"} if kept else {}),
    }
    form["csrf_token"] = form_token(client, "/account")
    assert client.post("/account/password", data=form).status_code == 303
    assert is_open(gateway, address) == kept


def test_an_administrator_sees_and_ends_the_addresses_of_an_account(door: Door, usual_deadlines: None) -> None:
    gateway = door()
    address = make_address(gateway.as_(Role.MEMBER), "Phone of the press")
    name = gateway.as_(Role.MEMBER).get("/v1/accounts/me").json["name"]
    (held,) = gateway.as_(Role.ADMINISTRATOR).get(f"/v1/{name}/accessTokens").json["accessTokens"]
    assert (held["title"], held["scope"], held["token"]) == ("Phone of the press", "SCOPE_CALENDAR", "")
    assert is_open(gateway, address)
    created(gateway.as_(Role.ADMINISTRATOR).delete(f"/v1/{held['name']}"))
    assert not is_open(gateway, address)


def test_an_address_ends_by_itself_after_a_year(door: Door, usual_deadlines: None) -> None:
    gateway = door()
    address = make_address(gateway.as_(Role.MEMBER))
    execute(gateway, "UPDATE tokens SET expire_time = now() WHERE kind = 'calendar'")
    assert not is_open(gateway, address)


def test_the_secret_is_in_no_log_and_no_metric(gateway: Gateway, rest: Rest, tmp_path: Path) -> None:
    visit_soon(rest)
    address = make_address(rest)
    secret = address.removeprefix("/calendars/").removesuffix(".ics")
    paths = (
        address,
        f"{address}?language=de",
        f"/{address}",
        f"/calendars/{secret}",
        f"/calendars/{secret}/",
        f"/%63alendars/{secret}.ics",
        f"/calendars/{secret[:-1]}.ics",
    )
    with served(gateway.settings, tmp_path) as running:
        connection = http.client.HTTPConnection(running.host, running.port, timeout=30)
        statuses = []
        for path in paths:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert secret not in str(answer.headers)
            assert secret not in answer.read().decode()
            statuses.append(answer.status)
        connection.close()
        metrics = str(running.metrics())
        log = running.log.read_text()
    assert statuses == [200, 200, 200, 200, 404, 200, 404]
    assert "/calendars/secret.ics" in metrics
    assert "/calendars/secret.ics" in log
    assert secret[3:-1] not in metrics + log


def test_the_address_is_confirmed_with_the_password_as_a_token_is(door: Door) -> None:
    gateway = door()
    client = browser(gateway, Role.MEMBER)
    form = {"csrf_token": form_token(client, "/account"), "program": "Phone"}
    execute(gateway, "UPDATE tokens SET confirm_time = now() - interval '16 minutes' WHERE kind = 'web'")
    forget_all()
    asked = client.post("/account/calendar-addresses", data=form)
    assert (asked.status_code, "ac_" in asked.text) == (401, False)
    assert "Phone" in asked.text
