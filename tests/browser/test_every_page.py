"""What holds on every page: accessible (WCAG 2.2 AA, by axe), whole on a phone, protected, in both languages."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chassis.identity import new_private_key
from services.knowledge.signatures import load_private_key
from tests.knowledge.installations import public_pem

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "gateway" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FORUM = "/forums/leitbild-mannheim-2030"
PAGES = [
    "/",
    "/partnerships",
    "/partnerships/new",
    "{partnership}",
    "{partnership}/edit",
    "{partnership}/end",
    "{partnership}/delete",
    "/exchanges",
    "/exchanges/new",
    "{exchange}",
    "{exchange}/edit",
    "{exchange}/delete",
    "/visits",
    "/visits?view=quarter&from=2024-05-13",
    "/visits?view=month&from=2024-05-13",
    "/visits?rows=departments&from=2024-05-13",
    "/visits?rows=rooms&from=2024-05-13",
    "/visits?rows=interpreters&view=month&from=2024-05-13",
    "/visits?view=list",
    "/visits?state=STATE_IDEA&city=cities/haifa",
    "/visits?view=list&state=STATE_IDEA&city=cities/haifa",
    "/visits?view=list&dates=open",
    "/visits/new",
    "/visits/dates",
    "/visits/dates?visit={idea_name}",
    "/visits/dates?visit={idea_name}&ask=on&direction=DIRECTION_INCOMING&working_days=3&earliest_date=2030-05-06&latest_date=2030-05-31",
    "{idea}",
    "{idea}/edit",
    "{idea}/dateOptions",
    "{visit}",
    "{visit}/edit",
    "{visit}/cancel",
    "{visit}/delete",
    "{visit}/report",
    "{visit}/delegates/new",
    "{visit}/delegates/rows",
    "{visit}/agendaItems/new",
    "{visit}/agendaItems/rows",
    "{visit}/postpone",
    "{visit}/programme/copy",
    "{visit}/programme/keep",
    "{visit}/scheduleRuns/new",
    "{visit}/lessons",
    "{visit}/timetable",
    "/forums",
    "/forums/new",
    FORUM,
    f"{FORUM}/edit",
    f"{FORUM}/panel",
    f"{FORUM}/panelists/new",
    f"{FORUM}/panelists/national/edit",
    f"{FORUM}/panelists/national/withdraw",
    f"{FORUM}/workingGroups/new",
    f"{FORUM}/workingGroups/kultur/edit",
    f"{FORUM}/workingGroups/kultur/remove",
    f"{FORUM}/subject",
    f"{FORUM}/subjectNodes/new",
    f"{FORUM}/subjectNodes/massnahmen-kultur/edit",
    f"{FORUM}/subjectNodes/massnahmen-kultur/remove",
    f"{FORUM}/conclusions/new",
    f"{FORUM}/recommendations/new",
    f"{FORUM}/recommendations/vorbild-sein/edit",
    "/learnings",
    "/learnings/new",
    "{learning}",
    "{learning}/edit",
    "{learning}/identify",
    "{learning}/reject",
    "{learning}/supersede",
    "{learning}/delete",
    "/search",
    "/search?query=controllers",
    "/status",
    "/search?query=nothingofthiskind",
    "/administration",
    "/cities",
    "/cities/new",
    "/cities/swansea",
    "/cities/swansea/edit",
    "/cities/swansea/delete",
    "/venues",
    "/venues/new",
    "/venues/stadthaus-n-1",
    "/venues/stadthaus-n-1/edit",
    "/venues/stadthaus-n-1/delete",
    "/rooms",
    "/rooms/new",
    "{room}",
    "/rooms/ratssaal/delete",
    "/people",
    "/people/new",
    "{person}",
    "/people/dezernatscontrolling/delete",
    "/people/dezernatscontrolling/calendars",
    "/programmeTemplates",
    "{programmeTemplate}",
    "{programmeTemplate}/edit",
    "{programmeTemplate}/delete",
    "/account",
    "/api/reference",
    "/no-such-page",
]


# Pages that only administrators may open.
ADMINISTRATORS = [
    "/accounts",
    "/accounts?query=nobodyofthisname",
    "/accounts/new",
    "/accounts/member",
    "/accounts/member/edit",
    "/accounts/member/lock",
    "/accounts/member/reset-password",
    "/installations",
    "/installations/new",
]

# Where the first one of a kind is listed.
LISTS = {
    "person": "/people",
    "visit": "/visits?view=list&state=STATE_AGREED",
    "idea": "/visits?view=list&dates=open",
}

# Roles, names and contrast are the same in both languages; the words of this one are longer.
AXE_LANGUAGE = "de"

Reading = Callable[[str, str], Page]


@pytest.fixture(scope="session")
def addresses() -> dict[str, str]:
    """Placeholder → address of the first one in its list, filled by `address`."""
    return {}


@pytest.fixture
def address(addresses: dict[str, str]) -> Callable[[Page, str], str]:
    """Fill the placeholder of a path: ``address(page, "{visit}/edit")``."""

    def fill(page: Page, path: str) -> str:
        if "{" in path and not addresses:
            for kind in ("partnership", "exchange", "visit", "idea", "learning", "room", "person", "programmeTemplate"):
                page.goto(LISTS.get(kind, f"/{kind}s"))
                addresses[kind] = str(page.locator("main table a").first.get_attribute("href"))
            addresses["idea_name"] = addresses["idea"].removeprefix("/")
        return path.format(**addresses) if "{" in path else path

    return fill


def violations(page: Page) -> list[str]:
    """Return what axe finds on the page, a line each."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate(
        f"axe.run(document, {{runOnly: {json.dumps(RULES)}, resultTypes: ['violations']}})"
    )
    return [
        f"{violation['id']}: {violation['help']}: {[node['html'][:200] for node in violation['nodes'][:3]]}"
        for violation in found["violations"]
    ]


@pytest.mark.parametrize("path", PAGES + ADMINISTRATORS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_is_accessible_in_the_readers_language_and_fits_on_a_phone(
    path: str, language: str, reading: Reading, address: Callable[[Page, str], str]
) -> None:
    page = reading(language, "administrator" if path in ADMINISTRATORS else "coordinator")
    page.set_viewport_size({"width": 1280, "height": 900})
    response = page.goto(address(page, path))
    assert response is not None
    assert response.status == (404 if path == "/no-such-page" else 200)
    assert page.locator("html").get_attribute("lang") == language
    assert "unsafe-inline" not in response.headers["content-security-policy"]
    assert page.locator("h1").count() == 1
    if language == AXE_LANGUAGE:
        assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_sign_in_page_is_accessible(language: str, open_page: Callable[..., Page]) -> None:
    page = open_page(language=language)
    page.goto("/sign-in")
    assert violations(page) == []


def test_the_page_of_the_first_password_is_accessible_and_leads_on(open_page: Callable[..., Page]) -> None:
    administrator, newcomer = open_page("administrator"), open_page(width=390)
    administrator.goto("/accounts/new")
    administrator.get_by_label("Name").fill("Press office")
    administrator.get_by_label("E-mail address").fill("press@mannheim.example")
    administrator.get_by_label("Member").check()
    administrator.get_by_role("button", name="Create account").click()
    newcomer.goto("/visits")
    newcomer.get_by_label("E-mail address").fill("press@mannheim.example")
    newcomer.get_by_label("Password").fill(administrator.locator("#new-password").inner_text())
    newcomer.get_by_role("button", name="Sign in").click()

    field = newcomer.get_by_label("New password")
    expect(field).to_be_focused()
    assert violations(newcomer) == []
    assert newcomer.evaluate("document.documentElement.scrollWidth") <= 390
    field.fill("short")
    newcomer.get_by_role("button", name="Change password").click()
    expect(newcomer.locator("#error-summary")).to_be_focused()
    assert violations(newcomer) == []
    newcomer.goto("/learnings")
    field.fill("a password of my own")
    newcomer.get_by_role("button", name="Change password").click()
    newcomer.wait_for_url("**/learnings")
    expect(newcomer.locator(".messages")).to_contain_text("Your password is changed")


@pytest.mark.parametrize("role", ["administrator", "member", "partner", "expert"])
def test_every_page_that_a_role_is_shown_opens_for_it(role: str, open_page: Callable[..., Page]) -> None:
    page = open_page(role)
    page.goto("/")
    paths = page.locator("nav.site-nav a").evaluate_all("links => links.map(link => link.pathname)")
    assert paths
    for path in paths:
        response = page.goto(path)
        assert response is not None
        assert response.status == 200
        for link in page.locator("main table a, main .cards a, main .desk a").all()[:1]:
            link.click()
            expect(page.locator("h1")).to_have_count(1)
            assert "error" not in page.title().lower()
        assert page.locator(".kern-preline", has_text="Error").count() == 0


def test_the_language_is_the_one_chosen(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="en")
    page.goto("/visits")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Besuche")
    expect(page).to_have_url(re.compile("/visits$"))
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Visits")


def test_a_right_to_left_language_does_not_break_the_layout(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", width=390)
    for path in ("/", "/visits", "/visits?view=list", "/visits/new", "/search?query=controllers"):
        page.goto(path)
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_installation_is_registered_and_revoked_on_accessible_pages(open_page: Callable[..., Page]) -> None:
    page = open_page("administrator")
    page.goto("/installations/new")
    page.get_by_role("textbox", name="Name", exact=True).fill("Swansea")
    page.get_by_label("City").select_option("Swansea")
    page.get_by_label("Web address").fill("https://austausch.swansea.example")
    page.get_by_label("Public key").fill(public_pem(load_private_key(new_private_key())))
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("May publish", exact=True)).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Revoke").click()
    page.wait_for_url("**/revoke")
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
