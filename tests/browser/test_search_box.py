"""The box in the header, by keyboard and by mouse: suggestions, shortcuts, recent searches."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_every_page import violations

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


def get_field(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Search everything")


def active(page: Page) -> Locator:
    return page.locator("#found [aria-selected=true]")


def test_a_visit_is_opened_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.goto("/forums")
    page.keyboard.press("/")
    field = get_field(page)
    expect(field).to_be_focused()
    field.press_sequentially("swans", delay=20)
    visits = page.get_by_role("group", name="Visits")
    expect(visits.get_by_role("option").first).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#found-said")).to_contain_text("suggestions")

    first = page.locator("#found [role=option]").first
    field.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(first.get_attribute("id")))
    field.press("ArrowUp")
    expect(active(page)).to_have_count(0)
    field.press("ArrowUp")
    expect(page.locator("#found [role=option]").last).to_have_attribute("aria-selected", "true")
    field.press("ArrowDown")
    field.press("ArrowDown")
    while "visits/" not in str(active(page).get_attribute("href")):
        field.press("ArrowDown")
    path = str(active(page).get_attribute("href"))
    field.press("Enter")
    page.wait_for_url(f"**{path}")


def test_enter_without_a_choice_leads_to_the_search_page(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    page.keyboard.press("Control+k")
    get_field(page).press_sequentially("controlling", delay=20)
    get_field(page).press("Enter")

    page.wait_for_url("**/search?query=controlling")
    expect(page.locator(".results a").first).to_be_visible()


def test_escape_closes_and_keeps_what_was_typed_and_then_leads_back(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    link = page.get_by_role("link", name="New visit").first
    link.focus()
    page.keyboard.press("/")
    field = get_field(page)
    field.press_sequentially("new", delay=20)
    expect(page.get_by_role("group", name="Pages").get_by_role("option", name="New visit")).to_be_visible()

    field.press("Escape")
    expect(page.locator("#found")).to_be_hidden()
    expect(field).to_have_value("new")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press("Escape")
    expect(link).to_be_focused()


def test_a_slash_is_typed_where_one_types(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.goto("/visits/new")
    title = page.locator("main input[type=text]").first
    title.focus()
    page.keyboard.type("a/b")

    expect(title).to_have_value("a/b")
    expect(title).to_be_focused()


def test_recent_searches_are_offered_to_their_account_and_can_be_forgotten(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    for number in range(10):
        page.goto("/visits")
        get_field(page).fill(f"search {number}")
        get_field(page).press("Enter")
        page.wait_for_url("**/search?*")
    page.goto("/visits")
    field = get_field(page)
    field.focus()
    options = page.get_by_role("group", name="Recent searches").get_by_role("option")
    expect(options).to_have_count(8)
    expect(options.first).to_contain_text("search 9")
    assert violations(page) == []

    field.press("ArrowDown")
    field.press("Shift+Delete")
    expect(options).to_have_count(7)
    options.first.locator(".found__remove").click()
    expect(options).to_have_count(6)
    expect(options.first).to_contain_text("search 7")
    field.press("ArrowDown")
    field.press("Enter")
    page.wait_for_url("**/search?query=search+7")
    page.goto("/visits")
    get_field(page).focus()
    page.get_by_role("button", name="Forget recent searches").click()
    expect(page.locator("#found")).to_be_hidden()
    page.reload()
    get_field(page).focus()
    expect(page.locator("#found")).to_be_hidden()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_open_box_is_accessible_and_fits(open_page: OpenPage, language: str, width: int) -> None:
    page = open_page("coordinator", language=language, width=width)
    page.goto("/visits")
    field = page.locator("#search")
    for typed in ("co", "qqqq"):
        field.fill("")
        field.press_sequentially(typed, delay=20)
        expect(page.locator("#found")).to_be_visible()
        expect(page.locator("#found-said")).not_to_be_empty()
        field.press("ArrowDown")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.documentElement.dir = 'ltr'")


def test_an_answer_that_comes_late_opens_nothing(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    asked: list[Any] = []
    page.route("**/search/found*", lambda route: asked.append(route))  # noqa: PLW0108 - it is inspected
    field = get_field(page)
    with page.expect_request("**/search/found*"):
        # At once: where keys come slowly, each is asked for by itself.
        field.fill("haifa")
    field.press("Escape")
    field.press("Tab")
    page.wait_for_timeout(100)
    assert len(asked) == 1
    asked[0].continue_()
    page.wait_for_timeout(1_000)

    expect(page.locator("#found")).to_be_hidden()


def test_back_on_a_page_the_box_is_closed(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    get_field(page).press_sequentially("swansea", delay=20)
    page.locator("#found [role=option]").first.click()
    page.wait_for_url("**/cities/swansea")
    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("Visits")
    expect(page.locator("#found")).to_be_hidden()


def test_an_expert_has_the_box(open_page: OpenPage) -> None:
    page = open_page("expert")
    page.goto("/forums")
    field = get_field(page)
    field.press_sequentially("leitb", delay=20)
    expect(page.get_by_role("group", name="Expert forums").get_by_role("option").first).to_be_visible()
    field.press("Enter")
    page.wait_for_url("**/search?query=leitb")
    expect(page.get_by_role("region", name="Found by name")).to_be_visible()


def test_without_scripts_the_box_is_a_form(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    plain = open_page("coordinator", scripts=False)
    page.goto("/visits")
    plain.goto("/visits")
    plain.get_by_label("Search everything").fill("Klaipėda")
    plain.get_by_label("Search everything").press("Enter")
    expect(plain.get_by_role("link", name="Klaipeda").first).to_be_visible()
