"""The start page: it offers each reader what they may do, and nothing else."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.calls import Keys
from tests.conftest import Databases
from tests.gateway.browsing import browser, sign_in
from tests.gateway.conftest import ROLES, Gateway, Rest, create_accounts, credentials, platform
from tests.gateway.samples import NATIONAL_EXPERT, a_city, a_visit, an_exchange, created, visit_of

LANGUAGES = ("en", "de")


@pytest.fixture(scope="module")
def empty(databases: Databases, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A platform with accounts and nothing else: every part of a page says what to do first."""
    with platform(databases, keys, tmp_path_factory.mktemp("start"), "start") as running:
        create_accounts(running.database)
        yield running


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_on_the_start_page_leads_to_a_refusal(empty: Gateway, role: Role, language: str) -> None:
    browser = empty.app.test_client()
    sign_in(browser, **credentials(role))
    browser.set_cookie("language", language)

    page = browser.get("/").text

    assert f'<html lang="{language}"' in page
    for path in set(re.findall(r'href="(/[^"#]*)"', page)):
        assert browser.get(path).status_code == 200, path
    assert ('id="set-up"' in page) == (role is Role.COORDINATOR)
    kind = "The international office is setting up" if language == "en" else "Das Internationale Büro richtet"
    assert (kind in page) == (role in (Role.ADMINISTRATOR, Role.MEMBER, Role.PARTNER))
    assert ('href="/learnings/new"' in page) == (role in (Role.MEMBER, Role.PARTNER))


def set_up_of(page: TestResponse) -> tuple[str, str]:
    """Return how far the set-up is, and where its next step leads; two empty texts when it is not shown."""
    found = re.search(r'<section class="entry set-up".*?</section>', page.text, re.DOTALL)
    if not found:
        return "", ""
    (progress,) = re.findall(r"\d of \d done", found[0])
    (path,) = re.findall(r'href="([^"]+)"', found[0])
    return progress, path


def test_the_first_start_leads_the_office_through_what_to_enter_in_its_order(empty: Gateway) -> None:
    client, rest = browser(empty, Role.COORDINATOR), empty.as_(Role.COORDINATOR)
    assert set_up_of(client.get("/")) == ("0 of 6 done", "/cities/new?city=cities/mannheim")
    a_city(rest, "mannheim", countryCode="DE", timeZone="Europe/Berlin")
    assert set_up_of(client.get("/")) == ("1 of 6 done", "/cities/new")
    a_city(rest, "swansea")
    assert set_up_of(client.get("/")) == ("2 of 6 done", "/partnerships/new")
    created(rest.post("/v1/partnerships", {"city": "cities/swansea", "kind": "KIND_FRIENDSHIP"}))
    assert set_up_of(client.get("/")) == ("3 of 6 done", "/rooms/new")
    created(rest.post("/v1/rooms", {"displayName": "Ratssaal"}))
    assert set_up_of(client.get("/")) == ("3 of 6 done", "/people/new")
    created(rest.post("/v1/people", {"function": "Interpreter"}))
    assert set_up_of(client.get("/")) == ("4 of 6 done", "/exchanges/new")
    exchange = an_exchange(rest)
    assert set_up_of(client.get("/")) == ("5 of 6 done", "/visits/new")
    created(rest.post("/v1/visits", visit_of(exchange)))
    page = client.get("/")
    assert set_up_of(page) == ("", "")
    assert "No visit in the next" in page.text, "the desk is an ordinary one"
    assert "setting up" not in browser(empty, Role.MEMBER).get("/").text


def test_an_administrator_alone_on_the_platform_is_led_to_accounts(
    databases: Databases, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with platform(databases, keys, tmp_path_factory.mktemp("alone"), "alone") as running:
        create_accounts(running.database)
        with psycopg.connect(running.settings.database_url) as connection:
            connection.execute("DELETE FROM accounts WHERE email <> %s", [credentials(Role.ADMINISTRATOR)["email"]])
        client = browser(running, Role.ADMINISTRATOR)
        assert set_up_of(client.get("/")) == ("0 of 1 done", "/accounts/new")


def test_the_desk_of_the_office_shows_what_waits_for_its_verification(gateway: Gateway) -> None:
    office, member = gateway.as_(Role.COORDINATOR), gateway.as_(Role.MEMBER)
    conclusion, recommendation = a_recommendation(office, "Prüfbar")
    created(office.post(f"/v1/{conclusion}:adopt"))
    assert "Prüfbar" in section(gateway, Role.MEMBER, "waiting")
    created(member.post(f"/v1/{recommendation}:answer", {"verdict": "VERDICT_ACCEPTED", "reason": "Gut."}))
    for verb, body in (
        ("plan", {"dueDate": {"year": 2030, "month": 6, "day": 30}}),
        ("start", {}),
        ("implement", {"evidence": "Vorlage"}),
    ):
        assert "Prüfbar" not in section(gateway, Role.MEMBER, "waiting")
        assert "Prüfbar" in section(gateway, Role.MEMBER, "to-carry-out")
        assert "Prüfbar" not in section(gateway, Role.COORDINATOR, "to-verify")
        created(member.post(f"/v1/{recommendation}:{verb}", body))
    assert "Prüfbar" in section(gateway, Role.COORDINATOR, "to-verify")
    assert "Prüfbar" not in section(gateway, Role.MEMBER, "to-carry-out")
    created(office.post(f"/v1/{recommendation}:verify"))
    assert "Prüfbar" not in section(gateway, Role.COORDINATOR, "to-verify")


def test_a_closed_visit_is_ahead_of_nobody(gateway: Gateway) -> None:
    office = gateway.as_(Role.COORDINATOR)
    today = datetime.now(UTC).date()
    days = {"startDate": as_date(today), "endDate": as_date(today + timedelta(days=1))}
    visit = a_visit(office, **days)
    for verb in ("agree", "plan", "confirm", "start"):
        created(office.post(f"/v1/{visit['name']}:{verb}"))
    assert visit["title"] in section(gateway, Role.COORDINATOR, "visits-ahead")
    entry = {"title": "Kurze Wege", "language": "de", "observation": "Sie helfen."}
    created(office.post(f"/v1/{visit['name']}:report", {"debrief": {"summary": "Gut.", "entries": [entry]}}))
    created(office.post(f"/v1/{visit['name']}:close"))
    assert visit["title"] not in section(gateway, Role.COORDINATOR, "visits-ahead")


def test_the_desk_of_an_expert_shows_invitations_and_own_drafts(gateway: Gateway) -> None:
    office, expert = gateway.as_(Role.COORDINATOR), gateway.as_(Role.EXPERT)
    conclusion, _ = a_recommendation(office, "Fremd")
    forum = conclusion.partition("/conclusions/")[0]
    account = expert.get("/v1/accounts/me").json["name"]
    place = created(office.post(f"/v1/{forum}/panelists", {**NATIONAL_EXPERT, "account": account}))["name"]
    title = created(office.get(f"/v1/{forum}"))["title"]
    assert title in section(gateway, Role.EXPERT, "invitations")
    created(expert.post(f"/v1/{place}:accept"))
    assert title not in section(gateway, Role.EXPERT, "invitations")

    group = created(office.post(f"/v1/{forum}/workingGroups", {"title": "Kultur", "members": [place]}))["name"]
    draft = {"title": "Mein Fazit", "text": "Noch offen.", "language": "de", "workingGroups": [group]}
    mine = created(expert.post(f"/v1/{forum}/conclusions", draft))["name"]
    desk = section(gateway, Role.EXPERT, "drafts")
    assert "Mein Fazit" in desk
    assert conclusion.rpartition("/")[2] not in desk
    created(office.post(f"/v1/{mine}:adopt"))
    assert "Mein Fazit" not in section(gateway, Role.EXPERT, "drafts")


def section(gateway: Gateway, role: Role, heading: str) -> str:
    """Return the part of a reader's start page under the heading of this id; "" when there is none."""
    page = browser(gateway, role).get("/").text
    return page.partition(f'aria-labelledby="{heading}"')[2].partition("</section>")[0]


def a_recommendation(office: Rest, title: str) -> tuple[str, str]:
    """Draft a conclusion in a new forum, and a recommendation that the members' department owns; return their names."""
    city = a_city(office, "mannheim", countryCode="DE", timeZone="Europe/Berlin")["name"]
    body = {"title": f"Forum {title}", "city": city, "language": "de"}
    forum = created(office.post("/v1/forums", body))["name"]
    draft = {"title": "Präambel", "text": "Sie ist nötig.", "language": "de"}
    conclusion = created(office.post(f"/v1/{forum}/conclusions", draft))["name"]
    body = {
        "conclusion": conclusion,
        "title": title,
        "text": "Text",
        "language": "de",
        "ownerDepartment": "Controlling",
    }
    return conclusion, created(office.post(f"/v1/{forum}/recommendations", body))["name"]


def as_date(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_expert_without_a_forum_is_told_what_will_be_here(empty: Gateway, language: str) -> None:
    browser = empty.app.test_client()
    sign_in(browser, **credentials(Role.EXPERT))
    browser.set_cookie("language", language)

    main = re.sub(r"<[^>]+>", "", browser.get("/").text.split("<main", 1)[1])

    said = {"en": "Once you sit on the panel of a forum", "de": "Sobald Sie dem Expertenkreis eines Forums angehören"}
    assert said[language] in main
