"""The search page in a real browser: the button Back brings all of it, and typing keeps its filters."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_back_to_the_search_page_shows_the_page_with_what_was_typed(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.get_by_label("Search learnings").press_sequentially("controlling", delay=20)
    page.wait_for_url("**/search?*query=controlling*")
    page.locator(".results a").first.click()
    page.wait_for_url("**/learnings/*")

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("Search learnings")
    expect(page.locator("header.site-header")).to_be_visible()
    expect(page.get_by_label("Search learnings")).to_have_value("controlling")
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

    page.get_by_label("Search learnings").press_sequentially("controlling", delay=20)
    page.wait_for_url("**query=controlling*")

    assert chosen[0] in page.url
    expect(page.locator(".facet strong")).to_have_count(1)
    page.get_by_label("Search learnings").press("Enter")
    page.wait_for_load_state()
    assert chosen[0] in page.url
    expect(page.locator(".facet strong")).to_have_count(1)
