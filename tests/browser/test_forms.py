"""What every form promises: complaints beside their fields, nothing typed lost, nobody overwritten, nothing twice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_every_page import violations

pytestmark = pytest.mark.browser


def create_visit(page: Page, title: str) -> str:
    """Create a visit through its form and return its address."""
    page.goto("/visits/new")
    page.locator("select[name='visit.exchange']").select_option(index=1)
    page.locator("input[name='visit.title']").fill(title)
    page.locator("input[name='visit.start_date']").fill("2032-06-07")
    page.locator("input[name='visit.end_date']").fill("2032-06-09")
    page.locator("input[name='visit.host_department']").fill("Stadtentwässerung")
    page.locator("form.fields .actions button").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    return page.url


def test_what_is_missing_is_said_on_top_and_beside_the_field_and_nothing_is_lost(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("coordinator", language="de")
    page.goto("/visits/new")
    page.get_by_label("Titel").fill("Ein Besuch ohne Austausch <b>&")
    page.get_by_role("button", name="Besuch anlegen").click()
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Austausch: Bitte füllen Sie dieses Feld aus.")
    summary.get_by_role("link", name="Austausch").click()
    field = page.locator("#field-visit-exchange")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Titel")).to_have_value("Ein Besuch ohne Austausch <b>&")


def test_the_second_of_two_editors_is_told_who_changed_what_and_keeps_what_they_typed(
    open_page: Callable[..., Page],
) -> None:
    first, second = open_page("coordinator"), open_page("coordinator")
    visit = create_visit(first, "A visit that two people edit")
    second.goto(visit + "/edit")
    first.goto(visit + "/edit")
    first.get_by_label("Purpose").fill("What the first one wrote")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("What the first one wrote")).to_be_visible()

    second.get_by_label("Purpose").fill("What the second one wrote")
    second.get_by_role("button", name="Save").click()
    expect(second.locator("#error-summary")).to_contain_text("You changed this in another window")
    expect(second.get_by_label("Take this instead: “What the first one wrote”")).not_to_be_checked()
    expect(second.get_by_label("Purpose")).to_have_value("What the second one wrote")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("What the second one wrote")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_two_tabs_save_what_was_changed_in_each_and_ask_about_the_rest(
    open_page: Callable[..., Page], scripts: bool
) -> None:
    first = open_page("coordinator", scripts=scripts)
    visit = create_visit(first, "A visit in two tabs")
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto(visit + "/edit")
    first.get_by_label("Title").fill("A visit in the first tab")
    first.get_by_label("Purpose").fill("Of the first tab")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("heading", level=1)).to_have_text("A visit in the first tab")

    second.get_by_label("Last day").fill("2032-06-10")
    second.get_by_label("Purpose").fill("Of the second tab")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_label("Title")).to_have_value("A visit in the first tab")
    expect(second.get_by_label("Last day")).to_have_value("2032-06-10")
    summary = second.locator("#error-summary")
    expect(summary.get_by_role("link")).to_have_text("Purpose: Changed twice. Keep what you typed, or take the other.")
    if scripts:
        assert violations(second) == []
    second.get_by_label("Take this instead: “Of the first tab”").check()
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("heading", level=1)).to_have_text("A visit in the first tab")
    expect(second.get_by_text("Of the first tab")).to_be_visible()
    expect(second.get_by_text("10 Jun 2032")).to_be_visible()


def test_a_form_sent_twice_creates_one(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits/new")
    page.get_by_label("Exchange").select_option(index=1)
    page.get_by_label("Title").fill("A visit sent twice")
    page.get_by_label("First day").fill("2032-07-05")
    page.get_by_label("Last day").fill("2032-07-06")
    page.get_by_label("Host department").fill("Dezernatscontrolling")
    send = """async () => {
        const body = new URLSearchParams(new FormData(document.querySelector("form.fields")));
        const answers = await Promise.all([1, 2].map(() => fetch("/visits/new", {method: "POST", body})));
        return answers.map((answer) => answer.url);
    }"""
    first, second = page.evaluate(send)
    assert first == second
    assert "/visits/new" not in first


def test_a_form_whose_sending_was_stopped_can_be_sent_again(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/rooms/new")
    stop_sending = """() => {
        window.addEventListener("submit", (event) => {
            if (!event.defaultPrevented) window.sent = (window.sent ?? 0) + 1;
            event.preventDefault();
        });
    }"""
    page.evaluate(stop_sending)
    save = page.get_by_role("button", name="Create room")
    save.click(click_count=2, delay=20)
    assert page.evaluate("window.sent") == 1
    page.wait_for_timeout(11_000)
    save.click()
    assert page.evaluate("window.sent") == 2


def start_visit(page: Page, title: str) -> str:
    """Create a visit and take it to where a debrief can be recorded; return its address."""
    visit = create_visit(page, title)
    for step in ("Agree", "Mark as planned"):
        page.get_by_role("button", name=step, exact=True).click()
    page.get_by_role("link", name="Confirm", exact=True).click()
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.get_by_role("link", name="Start visit").click()
    page.get_by_role("button", name="Start visit").click()
    expect(page.locator("[aria-current=step]")).to_have_text("Running")
    return visit


def test_the_debrief_takes_several_learnings_without_scripts(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", scripts=False)
    visit = start_visit(page, "A visit without scripts")
    page.goto(visit + "/report")
    page.get_by_label("What was learned, in one line").fill("The first")
    page.get_by_role("button", name="Add another learning").click()
    page.get_by_role("group", name="Learning 2").get_by_label("What was learned, in one line").fill("The second")
    page.get_by_role("button", name="Add another learning").click()
    expect(page.get_by_role("group", name="Learning 3")).to_be_visible()
    page.get_by_role("button", name="Remove learning 1").click()
    titles = page.get_by_label("What was learned, in one line")
    expect(titles).to_have_count(2)
    expect(titles.first).to_have_value("The second")


def test_after_the_debrief_the_page_brings_the_learnings_by_itself(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    start_visit(page, "A visit that teaches")
    page.get_by_role("link", name="Record debrief").click()
    page.get_by_label("Record the debrief today").check()
    page.get_by_label("What was learned, in one line").fill("It arrives by itself")
    page.get_by_label("Observation").fill("Nobody loads the page again.")
    # Before the event is there, the page has none: it must not have been loaded again meanwhile.
    page.get_by_role("button", name="Record debrief").click()
    expect(page.locator("[aria-current=step]")).to_have_text("Reported")
    page.evaluate("window.stays = true")
    expect(page.get_by_role("link", name="It arrives by itself")).to_be_visible()
    assert page.evaluate("window.stays")
    expect(page.get_by_text("are on their way")).to_have_count(0)


def test_what_is_called_off_is_asked_back_and_says_why(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    create_visit(page, "A visit that does not take place")
    page.get_by_role("link", name="Cancel visit").click()
    page.get_by_role("button", name="Cancel visit").click()
    expect(page.locator("#error-summary")).to_contain_text("Reason: Please fill this in.")
    page.get_by_label("Reason").fill("The delegation cannot travel.")
    page.get_by_role("button", name="Cancel visit").click()
    expect(page.get_by_text("The delegation cannot travel.")).to_be_visible()
    expect(page.get_by_role("link", name="Change visit")).to_have_count(0)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "'; DROP TABLE visits; --", "شارع 🌍 \u202eabc", "{{7*7}}"]
)
def test_any_text_comes_back_as_it_was_typed(text: str, open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    create_visit(page, text)
    page.goto("/visits?view=list")
    expect(page.get_by_role("link", name=text, exact=True).first).to_be_visible()


def test_a_partner_city_records_what_it_learned_on_its_own_visit(open_page: Callable[..., Page]) -> None:
    page = open_page("partner")
    page.goto("/learnings/new")
    page.get_by_label("What was learned, in one line").fill("Quarterly reports help both cities")
    page.get_by_label("Observation").fill("We took the quarterly report home and use it.")
    page.get_by_label("Comes from the visit").select_option("")  # Where there is one only, it is chosen already.
    page.get_by_role("button", name="Record learning").click()
    expect(page.locator("#error-summary")).to_contain_text("Please fill this in.")
    expect(page.get_by_label("Observation")).to_have_value("We took the quarterly report home and use it.")
    page.get_by_label("Comes from the visit").select_option(label="Controller aus Swansea in Mannheim")
    page.get_by_role("button", name="Record learning").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Quarterly reports help both cities")
    page.locator("main").get_by_role("link", name="Controller aus Swansea in Mannheim").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Controller aus Swansea in Mannheim")


def test_enter_in_the_debrief_records_it_and_removes_nothing(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    visit = start_visit(page, "Enter records")
    page.goto(f"{visit}/report")
    page.get_by_role("button", name="Add another learning").click()
    page.locator("[name='debrief.entries.1.title']").fill("Second")
    page.locator("[name='debrief.entries.1.title']").press("Enter")
    expect(page.locator("#error-summary")).to_be_visible()
    expect(page.locator("[name='debrief.entries.1.title']")).to_have_value("Second")


def test_topics_are_suggested_for_each_word_of_the_list_by_any_of_their_names(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="de")
    page.goto("/learnings/new")
    field = page.locator("[name='learning.topics']")
    options = page.locator("#field-learning-topics-list option")
    field.press_sequentially("Haushalt, Abw")
    expect(options.first).to_have_attribute("value", "Haushalt, Abwasser")
    assert "Haushalt, Haushalt" not in options.evaluate_all("(options) => options.map((option) => option.value)")
    field.fill("Haushalt, ")
    field.press_sequentially("sewage")
    expect(options.first).to_have_attribute("value", "Haushalt, Abwasser")
    expect(options.first).to_have_attribute("label", "Haushalt, sewage → sewage")
