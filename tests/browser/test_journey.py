"""The main job through the browser: a visit from its plan to what it taught, and a forum's last step."""

import contextlib
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.browser.test_every_page import violations

pytestmark = pytest.mark.browser

TITLE = "Controllers from Swansea, the spring visit"
ITEM = "Budget control in the directorates"


def test_from_the_plan_of_a_visit_to_what_it_taught(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="en")

    # The visit, from its exchange.
    page.goto("/exchanges")
    page.get_by_role("link", name="Controlling in den Dezernaten").click()
    page.get_by_role("link", name="New visit").first.click()
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("First day").fill("2032-04-12")
    page.get_by_label("Last day").fill("2032-04-14")
    expect(page.get_by_text("(Monday)")).to_be_visible()
    page.get_by_label("Host department").fill("Dezernatscontrolling")
    page.get_by_role("button", name="Create visit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    visit = page.url

    # Who travels.
    page.get_by_role("link", name="Add delegate").click()
    page.get_by_label("Function").fill("Head of controlling")
    page.get_by_label("Heads the delegation").check()
    page.get_by_label("Languages").fill("English, Welsh")
    page.get_by_role("button", name="Save and add another").click()
    page.get_by_label("Function").fill("Directorate controller")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("English, Welsh")).to_be_visible()

    # The programme; a room and a person are booked once.
    page.get_by_role("link", name="Add programme item").click()
    page.get_by_label("Title").fill(ITEM)
    page.get_by_label("Begins at").fill("2032-04-12T09:00")
    page.get_by_label("Ends at").fill("2032-04-12T10:30")
    page.get_by_label("Room –").select_option(label="Ratssaal")
    page.get_by_role("group", name="People who have to be there").get_by_label("Head of controlling").check()
    page.get_by_role("button", name="Save and add another").click()
    page.get_by_label("Title").fill("A second item in the same room")
    page.get_by_label("Begins at").fill("2032-04-12T10:00")
    page.get_by_label("Ends at").fill("2032-04-12T11:00")
    page.get_by_label("Room –").select_option(label="Ratssaal")
    page.get_by_role("button", name="Save", exact=True).click()
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Ratssaal")
    expect(summary.get_by_role("link", name=ITEM)).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("A second item in the same room")
    page.get_by_label("Begins at").fill("2032-04-12T11:00")
    page.get_by_label("Ends at").fill("2032-04-12T12:00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("11:00–12:00")).to_be_visible()

    # Its states, each a button.
    for verb, state in (
        ("Agree", "Agreed"),
        ("Mark as planned", "Planned"),
        ("Confirm", "Confirmed"),
    ):
        page.get_by_role("button", name=verb, exact=True).click()
        expect(page.locator("[aria-current=step]")).to_have_text(state)

    # Its first day has not come: the page asks back.
    page.get_by_role("link", name="Start visit", exact=True).click()
    expect(page.get_by_text("the first day of the visit is Mon, 12 Apr 2032")).to_be_visible()
    page.get_by_role("button", name="Start visit", exact=True).click()
    expect(page.locator("[aria-current=step]")).to_have_text("Running")

    # What it taught, in two languages.
    page.get_by_role("link", name="Record debrief").click()
    page.get_by_label("How it went").fill("Two days at the same table.")
    page.get_by_label("What was learned, in one line").fill("One report for goals and budget")
    page.get_by_label("Language of the text").select_option("en")
    page.get_by_label("Observation").fill("Swansea's controllers report goals and budget together, quarter by quarter.")
    page.get_by_role("button", name="Add another learning").click()
    second = page.get_by_role("group", name="Learning 2")
    expect(second.get_by_label("What was learned, in one line")).to_be_focused()
    second.get_by_label("What was learned, in one line").fill("Kennzahlen früh vereinbaren")
    second.get_by_label("Language of the text").select_option("de")
    second.get_by_label("Observation").fill("Der Nutzen des Controllings hängt an früh vereinbarten Kennzahlen.")
    page.get_by_label("Record the debrief today, although the visit lasts until Wed, 14 Apr 2032").check()
    page.get_by_role("button", name="Record debrief").click()
    expect(page.locator("[aria-current=step]")).to_have_text("Reported")

    # Found from the header by inflected forms, as one types; each learning links back.
    for typed, marked, title in (
        ("controller quarters", "controllers", "One report for goals and budget"),
        ("Controlling vereinbarte", "Controllings", "Kennzahlen früh vereinbaren"),
    ):
        page.goto("/")
        expect_found(page, typed, title)
        page.get_by_label("Search everything").press("Enter")
        hit = page.locator(".results > li", has_text=title)
        expect(hit.locator("mark", has_text=re.compile(marked)).first).to_be_visible()
        hit.get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.get_by_role("link", name=TITLE).click()
        expect(page).to_have_url(visit)


def expect_found(page: Page, typed: str, title: str) -> None:
    """Type into the search field of the header until a learning appears below it: it is indexed a moment later."""
    field = page.get_by_label("Search everything")
    for _attempt in range(30):
        field.fill("")
        field.press_sequentially(typed)
        found = page.locator("#found").get_by_role("option", name=title)
        with contextlib.suppress(NotInTime):  # not there yet: type again
            found.wait_for(timeout=1_000)
            return
    expect(page.locator("#found")).to_contain_text(title)


def expect_listed(page: Page, title: str) -> None:
    """Look into the list of learnings until there is one: an event brings it, and no page waits for that."""
    for _attempt in range(30):
        page.goto("/learnings")
        with contextlib.suppress(NotInTime):  # not there yet: look again
            page.locator("main", has_text=title).wait_for(timeout=1_000)
            return
    expect(page.locator("main")).to_contain_text(title)


def test_a_forum_adopts_and_the_city_answers(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="de")
    page.goto("/forums/leitbild-mannheim-2030")
    page.get_by_role("link", name="Schlussfolgerung verabschieden").first.click()
    title = page.get_by_role("heading", level=2).inner_text()
    expect(page.locator("main ul.kern-list").first.locator("li")).to_have_count(2)
    page.get_by_role("button", name="Schlussfolgerung verabschieden").click()

    conclusion = page.locator("article.entry", has=page.get_by_role("heading", name=title, level=3))
    expect(conclusion.get_by_text("Verabschiedet", exact=True)).to_be_visible()
    recommendation = conclusion.locator(".entry").first.get_by_role("heading", level=4).inner_text()
    conclusion.get_by_role("link", name="Beantworten").first.click()
    page.get_by_role("button", name="Beantworten").click()
    expect(page.locator("#error-summary")).to_contain_text("Begründung")
    page.get_by_label("Antwort der Stadt").select_option(label="Angenommen")
    page.get_by_label("Begründung").fill("Die Steuerung übernimmt das in den Haushaltsplan.")
    page.get_by_role("button", name="Beantworten").click()
    expect(page.get_by_text("Die Steuerung übernimmt das in den Haushaltsplan.")).to_be_visible()

    conclusion.get_by_role("link", name="Antwort berichtigen").first.click()
    page.get_by_label("Antwort der Stadt").select_option(label="Teilweise angenommen")
    page.get_by_label("Begründung").fill("Die Steuerung übernimmt die Hälfte.")
    page.get_by_role("button", name="Antwort berichtigen").click()
    expect(page.get_by_text("Die Steuerung übernimmt die Hälfte.")).to_be_visible()
    expect(page.get_by_text("Die Steuerung übernimmt das in den Haushaltsplan.")).to_be_hidden()
    page.get_by_text("Eine frühere Antwort").press("Enter")
    expect(page.get_by_text("Die Steuerung übernimmt das in den Haushaltsplan.")).to_be_visible()
    assert violations(page) == []

    for found in (title, recommendation):
        expect_listed(page, found)
    page.get_by_role("link", name=recommendation, exact=True).click()
    page.get_by_role("link", name="Leitbild Mannheim 2030").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Leitbild Mannheim 2030")
