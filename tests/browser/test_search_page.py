"""The search page in a real browser: the button Back brings all of it, and typing keeps its filters."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_back_to_the_search_page_shows_the_page_with_what_was_typed(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.get_by_label("Search everything").press_sequentially("controlling", delay=20)
    page.wait_for_url("**/search?*query=controlling*")
    page.locator(".results a").first.click()
    page.wait_for_url("**/learnings/*")

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    expect(page.locator("header.site-header")).to_be_visible()
    expect(page.get_by_label("Search everything")).to_have_value("controlling")
    expect(page.locator(".results a").first).to_be_visible()
    page.reload()
    expect(page.locator("header.site-header")).to_be_visible()


def test_typing_on_the_search_page_keeps_its_filters(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.locator(".facet", has=page.get_by_role("heading", name="Languages")).get_by_role("link").first.click()
    page.wait_for_url("**languages=*")
    chosen = re.search(r"languages=(\w+)", page.url)
    assert chosen

    page.get_by_label("Search everything").press_sequentially("controlling", delay=20)
    page.wait_for_url("**query=controlling*")

    assert chosen[0] in page.url
    expect(page.locator(".facet strong")).to_have_count(1)
    page.get_by_label("Search everything").press("Enter")
    page.wait_for_load_state()
    assert chosen[0] in page.url
    expect(page.locator(".facet strong")).to_have_count(1)


def expect_whole(page: Page, heading: str) -> None:
    """Expect the whole page, and not a part of it alone."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("header.site-header")).to_have_count(1)
    expect(page.locator("footer.site-footer")).to_be_visible()


def test_back_and_forward_over_the_search_page_show_whole_pages(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    page.goto("/search")
    field = page.get_by_label("Search everything")
    for typed in ("swansea", "controlling"):
        field.fill("")
        field.press_sequentially(typed, delay=20)
        page.wait_for_url(f"**/search?*query={typed}*")
    page.locator(".results a").first.click()
    page.wait_for_url("**/learnings/*")
    title = page.get_by_role("heading", level=1).inner_text()

    page.go_back()
    expect_whole(page, "Search")
    expect(field).to_have_value("controlling")
    page.go_back()
    expect_whole(page, "Visits")
    page.go_forward()
    expect_whole(page, "Search")
    expect(field).to_have_value("controlling")
    page.go_forward()
    expect_whole(page, title)


def test_the_search_page_shows_names_that_change_as_one_types(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.get_by_label("Search everything").press_sequentially("Klaipėd", delay=20)

    names = page.get_by_role("region", name="Found by name")
    expect(names.get_by_role("link", name="Klaipeda").first).to_be_visible()
    assert page.locator("#found").is_hidden()
