"""What a timetable shows in a real browser: early and late hours, changes of the clocks, items side by side."""

import re
from datetime import date

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_every_page import violations
from tests.browser.test_timetable import Office, OpenPage, drag, drawn, open_timetable, said

pytestmark = pytest.mark.browser


def test_early_and_late_items_are_in_the_picture_and_move_further_by_mouse_and_keyboard(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    market, stars = office.add("Fish market", 6), office.add("Observatory", 21)
    open_timetable(page, office)
    drag(page, drawn(page, "Fish market"), hours=-1)
    expect(said(page)).to_contain_text("05:00–06:00")
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(market)[0] == f"{office.day}T03:00:00Z"
    handle = page.locator("#timetable-calendar").get_by_role("button", name="Observatory")
    handle.focus()
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(said(page)).to_contain_text("22:00–23:00")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(stars) == (f"{office.day}T20:00:00Z", f"{office.day}T21:00:00Z")
    for title in ("Fish market", "Observatory"):
        item = drawn(page, title)
        item.scroll_into_view_if_needed()
        expect(item).to_be_in_viewport(ratio=1)
    assert violations(page) == []


def fits(item: Locator) -> bool:
    """Return whether the title of an item is to be read as a whole."""
    return bool(
        item.evaluate(
            """item => {
                const inside = item.querySelector(".timetable__title");
                const [title, box] = [inside, item].map(each => each.getBoundingClientRect());
                return title.bottom <= box.bottom && title.right <= box.right && title.width > 1;
            }"""
        )
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_titles_of_four_items_side_by_side_are_readable(open_page: OpenPage, width: int) -> None:
    page = open_page("coordinator", language="de", width=width)
    office = Office(page)
    for topic in ("Bildung", "Klimaschutz", "Kultur", "Steuerung"):
        times = {"startTime": f"{office.day}T11:00:00Z", "endTime": f"{office.day}T13:00:00Z"}
        office.post(f"/v1/{office.visit}/agendaItems", {"title": f"Ziele und Maßnahmen: {topic}", **times})
    open_timetable(page, office)
    for topic in ("Bildung", "Klimaschutz", "Kultur", "Steuerung"):
        item = drawn(page, topic)
        expect(item).to_be_visible()
        assert fits(item), topic
    item.hover()
    expect(item).to_have_attribute("title", "13:00–15:00\nZiele und Maßnahmen: Steuerung")
    handle = page.locator("#timetable-calendar").get_by_role("button", name="Steuerung")
    expect(handle).to_have_accessible_name(re.compile("13:00–15:00.*Steuerung"))
    assert violations(page) == []


def test_what_was_moved_is_undone_after_the_page_was_loaded_again(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    drag(page, drawn(page, "Welcome"), hours=2)
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    page.reload()
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("Undone.")
    assert office.span(item)[0] == f"{office.day}T07:00:00Z"
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.reload()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_both_clocks_are_right_on_the_days_around_a_change_of_the_clocks(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    bonds = office.get("/v1/partnerships?pageSize=100")["partnerships"]
    bond = next(one["name"] for one in bonds if one["city"] == "cities/qingdao")
    office.go_abroad(bond, "DIRECTION_INCOMING", date(2029, 3, 24), date(2029, 3, 26))
    for title, start in (("Before", "2029-03-24T08:00:00Z"), ("After", "2029-03-26T07:00:00Z")):
        office.post(f"/v1/{office.visit}/agendaItems", {"title": title, "startTime": start, "durationMinutes": 60})
    open_timetable(page, office)
    expect(drawn(page, "Before")).to_contain_text("09:00–10:00")
    expect(drawn(page, "Before")).to_contain_text("16:00–17:00")
    expect(drawn(page, "After")).to_contain_text("09:00–10:00")
    expect(drawn(page, "After")).to_contain_text("15:00–16:00")
    expect(page.locator("#timetable-clocks")).to_contain_text("changes during these days")
    expect(page.locator("#timetable-calendar .ec-sidebar .timetable__other")).to_have_count(0)


def test_a_move_around_a_change_of_the_clocks_keeps_how_long_an_item_takes(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    toronto = {"displayName": "Toronto", "countryCode": "CA", "timeZone": "America/Toronto"}
    city = office.post("/v1/cities?cityId=toronto", toronto)["name"]
    bond = office.post("/v1/partnerships", {"city": city, "kind": "KIND_CONTACT"})["name"]
    office.go_abroad(bond, "DIRECTION_OUTGOING", date(2033, 3, 13), date(2033, 3, 14))
    # From 01:30 to 03:30 on the clocks of the night in which they go forward.
    start = {"startTime": "2033-03-13T06:30:00Z", "durationMinutes": 60}
    item = office.post(f"/v1/{office.visit}/agendaItems", {"title": "Observatory", **start})["name"]
    open_timetable(page, office)
    handle = page.locator("#timetable-calendar").get_by_role("button", name="Observatory")
    handle.focus()
    for key in ("Enter", "ArrowRight"):
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("01:30–02:30")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(item) == ("2033-03-14T05:30:00Z", "2033-03-14T06:30:00Z")
    drag(page, drawn(page, "Observatory"), days=-1)
    expect(said(page)).to_contain_text("01:30–03:30")
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(item) == ("2033-03-13T06:30:00Z", "2033-03-13T07:30:00Z")
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("Undone.")
    assert office.span(item) == ("2033-03-14T05:30:00Z", "2033-03-14T06:30:00Z")
    # Made longer by keyboard, by as much as the key says.
    handle.focus()
    for key in ("Enter", "ArrowLeft", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("01:30–03:45. Saved.")
    assert office.span(item) == ("2033-03-13T06:30:00Z", "2033-03-13T07:45:00Z")
