"""Deleting: asked back, by keyboard, on a phone; what is in use stays; and nobody gets lost on the way back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_every_page import violations

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_room_is_deleted_by_keyboard_on_a_phone(open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page("coordinator", width=390, scripts=scripts)
    page.goto("/rooms/new")
    page.get_by_label("Name").fill("A room that is torn down")
    page.get_by_role("button", name="Create room").click()
    page.get_by_role("link", name="A room that is torn down").press("Enter")
    page.get_by_role("link", name="Delete").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete “A room that is torn down”?")
    asked = page.url
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.locator(".messages")).to_contain_text("“A room that is torn down” is deleted.")
    page.wait_for_url("**/rooms")
    expect(page.get_by_role("link", name="A room that is torn down")).to_have_count(0)

    page.go_back()
    page.reload()
    assert page.url == asked
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    expect(page.get_by_role("link", name="Go to the start page")).to_be_visible()


def test_who_clicks_twice_deletes_once_and_is_told_so(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/rooms/new")
    page.get_by_label("Name").fill("A room for the impatient")
    page.get_by_role("button", name="Create room").click()
    page.get_by_role("link", name="A room for the impatient").click()
    page.get_by_role("link", name="Delete").click()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Delete").click(click_count=2, delay=20)
    expect(page.locator(".messages")).to_contain_text("“A room for the impatient” is deleted.")
    assert len(sent) == 1
    expect(page.get_by_role("heading", level=1)).to_have_text("Rooms")


def test_what_is_in_use_stays_and_the_page_leads_to_what_uses_it(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="de", width=390)
    page.goto("/rooms/ratssaal/delete")
    page.get_by_role("button", name="Löschen").press("Enter")
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Wird noch verwendet")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_popup() as opened:
        summary.get_by_role("link").first.press("Enter")
    expect(opened.value.get_by_role("heading", level=2, name="Programm")).to_be_visible()
    page.goto("/rooms")
    expect(page.get_by_role("link", name="Ratssaal")).to_be_visible()
