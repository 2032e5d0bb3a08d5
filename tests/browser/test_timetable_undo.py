"""Moves of a timetable that are undone while others work on the same programme, or cannot be saved any more."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_timetable import Office, OpenPage, drawn, open_timetable, said

pytestmark = pytest.mark.browser


def move_down(page: Page, title: str) -> None:
    """Move an item by a quarter of an hour, by keyboard, and wait until that is saved."""
    page.locator("#timetable-calendar").get_by_role("button", name=title).press("Enter")
    expect(said(page)).to_contain_text(f"“{title}” is picked up")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text(f"“{title}”")
    expect(said(page)).to_contain_text("Saved.")


def test_undoing_again_after_a_refusal_undoes_the_same_move(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    alpha, beta = office.add("Alpha", 9), office.add("Beta", 11)
    open_timetable(page, office)
    move_down(page, "Alpha")
    move_down(page, "Beta")
    office.change(beta, {"place": "Port"})
    expect(drawn(page, "Beta")).to_contain_text("Port")
    undo = page.get_by_role("button", name="Undo")
    undo.click()
    expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    undo.click()
    expect(said(page)).to_contain_text("Undone. “Beta”")
    assert office.span(beta)[0] == f"{office.day}T09:00:00Z"
    assert office.span(alpha)[0] == f"{office.day}T07:15:00Z"
    undo.click()
    expect(said(page)).to_contain_text("Undone. “Alpha”")
    assert office.span(alpha)[0] == f"{office.day}T07:00:00Z"
    expect(undo).to_be_disabled()


def test_a_move_of_what_was_removed_meanwhile_says_that_it_cannot_be_undone(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    move_down(page, "Welcome")
    office.delete(item)
    expect(drawn(page, "Welcome")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("“Welcome” was removed meanwhile: moving it can no longer be undone.")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_who_is_signed_out_meanwhile_is_told_so(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    office.add("Welcome", 9)
    open_timetable(page, office)
    told = "You are no longer signed in."

    page.context.clear_cookies(name="austausch_session")

    expect(said(page)).to_contain_text(told)
    page.locator("#timetable-calendar").get_by_role("button", name="Welcome").press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text(told)
