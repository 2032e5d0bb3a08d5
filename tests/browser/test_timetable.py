"""The timetable in a real browser: items are dragged, resized and moved by keyboard; clashes show; moves are undone."""

import re
from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD
from tests.browser.test_every_page import violations

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
_number = count(1)


class Office:
    """A visit of three days with a programme of its own, made through the API."""

    def __init__(self, page: Page) -> None:
        self.page = page
        credentials = {"email": "coordinator@mannheim.example", "password": PASSWORD}
        self.headers = {"Authorization": f"Bearer {self.post('/v1/sessions', credentials)['token']}"}
        number = next(_number)
        self.day = f"20{30 + number}-05-13"
        self.room = self.post("/v1/rooms", {"displayName": f"Saal {number}"})
        self.person = self.post("/v1/people", {"function": f"Mayor {number}"})
        self.visit = self.add_visit(f"Visit {number}")

    def add_visit(self, title: str) -> str:
        """Add a visit on the same days, and return its name."""
        exchange, year = self.get("/v1/exchanges")["exchanges"][0]["name"], int(self.day[:4])
        days = {f"{end}Date": {"year": year, "month": 5, "day": day} for end, day in (("start", 13), ("end", 15))}
        body = {"title": title, "exchange": exchange, "direction": "DIRECTION_INCOMING", **days}
        return str(self.post("/v1/visits", {**body, "hostDepartment": "Dezernatscontrolling"})["name"])

    def go_abroad(self, bond: str, direction: str, first: date, last: date) -> None:
        """Have another visit, with a partner in another time zone."""
        exchange = {"title": "Ports", "kind": "KIND_ADMINISTRATIVE", "partnership": bond, "department": "Hafen"}
        days = {"startDate": first, "endDate": last}
        body = {
            "title": "Ports in spring",
            "exchange": self.post("/v1/exchanges", {**exchange, "topics": ["controlling"]})["name"],
            "direction": direction,
            "hostDepartment": "Hafen",
            **{field: {"year": day.year, "month": day.month, "day": day.day} for field, day in days.items()},
        }
        self.visit = str(self.post("/v1/visits", body)["name"])

    def get(self, path: str) -> dict[str, Any]:
        answer = self.page.request.get(f"/api{path}", headers=self.headers)
        assert answer.ok, answer.text()
        read: dict[str, Any] = answer.json()
        return read

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.page.request.post(f"/api{path}", data=body, headers=getattr(self, "headers", {}))
        assert answer.ok, answer.text()
        made: dict[str, Any] = answer.json()
        return made

    def change(self, name: str, fields: dict[str, Any]) -> None:
        """Change fields of a resource as somebody else does."""
        mask = {"updateMask": ",".join(fields)}
        answer = self.page.request.patch(f"/api/v1/{name}", data=fields, params=mask, headers=self.headers)
        assert answer.ok, answer.text()

    def delete(self, name: str) -> None:
        """Remove a resource as somebody else does."""
        answer = self.page.request.delete(f"/api/v1/{name}", headers=self.headers)
        assert answer.ok, answer.text()

    def add(self, title: str, hour: int = 0, **fields: Any) -> str:
        """Add an item of an hour, from a full hour in Mannheim on the first day, or without a time; return its name."""
        times: dict[str, Any] = {"durationMinutes": 60}
        if hour:
            times = {"startTime": f"{self.day}T{hour - 2:02}:00:00Z", "endTime": f"{self.day}T{hour - 1:02}:00:00Z"}
        return str(self.post(f"/v1/{self.visit}/agendaItems", {"title": title, **times, **fields})["name"])

    def span(self, item: str) -> tuple[str, str]:
        """Return when an item is, on the clocks of UTC; "" where it has no time."""
        read = self.get(f"/v1/{item}")
        return read.get("startTime") or "", read.get("endTime") or ""


def open_timetable(page: Page, office: Office) -> None:
    page.goto(f"/{office.visit}/timetable")
    expect(page.locator("#timetable-calendar .ec")).to_be_visible()


def drawn(page: Page, title: str) -> Locator:
    """Return an item in the calendar."""
    return page.locator("#timetable-calendar article:not(.ec-preview)", has_text=title)


def said(page: Page) -> Locator:
    return page.locator("#timetable-said")


def drag(page: Page, item: Locator, *, hours: float = 0, days: int = 0, by_its_end: bool = False) -> None:
    """Drag an item, or its end, by hours down and days to the right; the button of the mouse stays pressed."""
    # In one go: what is drawn anew meanwhile stands at the same place, but has no box of its own any more.
    box = item.evaluate(
        "item => { item.scrollIntoView({block: 'center', behavior: 'instant'}); return item.getBoundingClientRect() }"
    )
    width = page.locator("#timetable-calendar .ec-body .ec-day").first.bounding_box()
    assert width
    x, y = box["x"] + 30, box["y"] + (box["height"] - 3 if by_its_end else 10)
    page.mouse.move(x, y)
    page.mouse.down()
    # An item of an hour is as high as an hour is.
    page.mouse.move(x + days * width["width"], y + hours * box["height"], steps=8)


def test_an_item_is_dragged_to_another_day_and_back_by_undo(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    assert violations(page) == []
    drag(page, drawn(page, "Welcome"), hours=2, days=1)
    expect(said(page)).to_contain_text("11:00–12:00. Nothing clashes.")
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(item) == (f"{office.day[:8]}14T09:00:00Z", f"{office.day[:8]}14T10:00:00Z")

    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("Undone.")
    assert office.span(item) == (f"{office.day}T07:00:00Z", f"{office.day}T08:00:00Z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_an_item_is_made_longer_by_its_end(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    drag(page, drawn(page, "Welcome"), hours=1, by_its_end=True)
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(item) == (f"{office.day}T07:00:00Z", f"{office.day}T09:00:00Z")
    page.keyboard.press("Control+z")
    expect(said(page)).to_contain_text("Undone.")
    assert office.span(item) == (f"{office.day}T07:00:00Z", f"{office.day}T08:00:00Z")


def test_what_would_clash_shows_while_one_drags_and_a_refused_move_goes_back(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    people = [office.person["name"]]
    office.add("Welcome", 9, people=people)
    item = office.add("Workshop", 11, people=people)
    open_timetable(page, office)
    drag(page, drawn(page, "Workshop"), hours=-2)
    expect(said(page)).to_contain_text("Clashes with “Welcome”, 09:00–10:00: Mayor")
    expect(page.locator("#timetable-free [data-of=person] .timetable__taken")).to_contain_text("Mayor")
    expect(page.locator("#timetable-free [data-of=room] .timetable__open").first).to_contain_text("free")
    page.mouse.up()
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("“Workshop” stays where it was: Already taken at that time")
    expect(drawn(page, "Workshop")).to_contain_text("11:00–12:00")
    assert violations(page) == []
    assert office.span(item)[0] == f"{office.day}T09:00:00Z"

    refusal.get_by_role("button", name="10:00–11:00").click()
    expect(said(page)).to_contain_text("Saved.")
    expect(refusal).to_be_empty()
    expect(page.locator("#timetable-calendar").get_by_role("button", name="Workshop")).to_be_focused()
    assert office.span(item)[0] == f"{office.day}T08:00:00Z"


def test_what_another_visit_has_booked_meanwhile_is_learned_from_a_refusal(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    office.add("Workshop", 11, room=office.room["name"])
    open_timetable(page, office)
    ours, office.visit = office.visit, office.add_visit("Another visit")
    office.add("Rehearsal", 9, room=office.room["name"])
    drag(page, drawn(page, "Workshop"), hours=-2)
    expect(said(page)).to_contain_text("Nothing clashes.")
    # The page is asked for once more: its list for what changed, and whole for what others hold.
    with page.expect_response(
        lambda answer: answer.url == page.url and "hx-request" not in answer.request.headers
    ) as whole:
        page.mouse.up()
    whole.value.finished()
    expect(page.get_by_role("alert")).to_contain_text("Rehearsal")
    expect(drawn(page, "Workshop")).to_contain_text("11:00–12:00")
    drag(page, drawn(page, "Workshop"), hours=-2)
    expect(said(page)).to_contain_text(
        f"Clashes with “Another visit: Rehearsal”, 09:00–10:00: {office.room['displayName']}"
    )
    page.mouse.up()
    assert office.get(f"/v1/{ours}/agendaItems")["agendaItems"][0]["startTime"] == f"{office.day}T09:00:00Z"


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (390, "de")])
def test_an_item_is_moved_by_keyboard(width: int, language: str, open_page: OpenPage) -> None:
    page = open_page("coordinator", width=width, language=language)
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    handle = page.locator("#timetable-calendar").get_by_role("button", name="Welcome")
    handle.press("Enter")
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowDown", "ArrowRight", "PageDown"):
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("09:30–10:45, ")
    if width == 390:
        assert page.locator("#timetable-calendar .ec-body .ec-day").count() == 1
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(handle).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawn(page, "Welcome")).to_have_count(1 if width == 1280 else 0)
    assert office.span(item)[0] == f"{office.day}T07:00:00Z"


def test_what_is_picked_up_by_keyboard_is_put_down_and_saved(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    handle = page.locator("#timetable-calendar").get_by_role("button", name="Welcome")
    handle.press("Space")
    expect(said(page)).to_contain_text("“Welcome” is picked up")
    expect(handle).to_be_focused()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(item) == (f"{office.day[:8]}14T06:45:00Z", f"{office.day[:8]}14T07:45:00Z")
    expect(handle).to_be_focused()


def test_what_is_fixed_says_so_and_can_be_moved_all_the_same(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Ceremony", 9, fixed=True)
    office.add("Tour", 14)
    open_timetable(page, office)
    expect(drawn(page, "Ceremony").get_by_text("fixed")).to_be_visible()
    expect(drawn(page, "Tour").get_by_text("fixed")).to_have_count(0)
    handle = page.locator("#timetable-calendar").get_by_role("button", name="Ceremony")
    expect(handle).to_have_accessible_name(re.compile("fixed"))
    handle.press("Enter")
    expect(said(page)).to_contain_text("Its time and place are fixed.")
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(said(page)).to_contain_text("Saved. Its time and place are fixed.")
    assert office.span(item)[0] == f"{office.day}T07:15:00Z"
    drag(page, drawn(page, "Ceremony"), hours=1)
    expect(said(page)).to_contain_text("Its time and place are fixed.")
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved. Its time and place are fixed.")
    page.emulate_media(media="print")
    expect(page.locator("#timetable-list").get_by_text("fixed")).to_be_visible()
    assert violations(page) == []


def test_an_item_changes_its_room_from_lane_to_lane(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("Welcome", 9, room=office.room["name"])
    open_timetable(page, office)
    page.get_by_label("By room").check()
    expect(page.locator("#timetable-calendar .ec-col-head", has_text="No room")).to_be_attached()
    lanes = page.locator("#timetable-calendar .ec-col-head").all_inner_texts()
    here, there = lanes.index(office.room["displayName"]), lanes.index("No room")
    drag(page, drawn(page, "Welcome"), days=there - here)
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    assert office.get(f"/v1/{item}").get("room", "") == ""
    assert violations(page) == []


def test_an_item_without_a_time_is_dragged_out_of_the_tray_and_taken_out_again(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    item = office.add("City walk")
    open_timetable(page, office)
    tray = page.locator("#timetable-tray")
    tray.get_by_role("button", name="City walk").drag_to(
        page.locator("#timetable-calendar"), target_position={"x": 300, "y": 200}
    )
    expect(said(page)).to_contain_text("Saved.")
    expect(tray).to_be_hidden()
    assert office.span(item)[0].startswith(office.day)
    drawn(page, "City walk").click()
    page.get_by_role("button", name="Take out").click()
    expect(tray.get_by_role("button", name="City walk")).to_be_visible()
    assert office.span(item) == ("", "")


def test_an_item_without_a_time_is_placed_by_tapping_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("coordinator", width=390)
    office = Office(page)
    office.add("Welcome", 8, people=[office.person["name"]])
    item = office.add("City walk", people=[office.person["name"]])
    open_timetable(page, office)
    page.locator("#timetable-tray").get_by_role("button", name="City walk").click()
    expect(said(page)).to_contain_text("“City walk” is picked up")
    expect(drawn(page, "City walk")).to_contain_text("09:00–10:00")  # the first hour that is free
    assert violations(page) == []
    # The day begins at 7, and an hour is 60 pixels high.
    page.locator("#timetable-calendar .ec-body .ec-day").click(position={"x": 40, "y": 3.5 * 60 + 5})
    expect(said(page)).to_contain_text("10:30–11:30. Nothing clashes.")
    page.get_by_role("button", name="Put it here").click()
    expect(said(page)).to_contain_text("Saved.")
    assert office.span(item)[0] == f"{office.day}T08:30:00Z"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_another_does_appears_by_itself_and_is_not_overwritten(open_page: OpenPage) -> None:
    page, other = open_page("coordinator"), open_page("member")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(page, office)
    open_timetable(other, office)
    expect(drawn(other, "Welcome")).to_contain_text("09:00–10:00")
    drag(page, drawn(page, "Welcome"), hours=2)
    page.mouse.up()
    expect(drawn(other, "Welcome")).to_contain_text("11:00–12:00")
    expect(said(other)).to_contain_text("has changed “Welcome”")

    # What one of them holds in hand while the other changes it stays as the other left it.
    drag(other, drawn(other, "Welcome"), hours=1)
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("Undone.")
    other.mouse.up()
    expect(other.get_by_role("alert")).to_contain_text("Changed meanwhile")
    expect(drawn(other, "Welcome")).to_contain_text("09:00–10:00")
    assert office.span(item)[0] == f"{office.day}T07:00:00Z"


def test_items_of_a_quarter_of_an_hour_are_high_enough_to_be_hit(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    for minute in (0, 15):
        start = {"startTime": f"{office.day}T07:{minute:02}:00Z", "durationMinutes": 15}
        office.post(f"/v1/{office.visit}/agendaItems", {"title": "Coffee", **start})
    open_timetable(page, office)
    expect(drawn(page, "Coffee")).to_have_count(2)
    assert violations(page) == []


def test_who_may_not_change_the_programme_reads_it(open_page: OpenPage) -> None:
    page, reader = open_page("coordinator"), open_page("administrator")
    office = Office(page)
    item = office.add("Welcome", 9)
    open_timetable(reader, office)
    drawn(reader, "Welcome").click()
    expect(reader.locator("#timetable-chosen")).to_contain_text("09:00–10:00")
    expect(reader.get_by_role("button", name="Move")).to_have_count(0)
    drag(reader, drawn(reader, "Welcome"), hours=2)
    reader.mouse.up()
    reader.keyboard.press("Enter")
    reader.keyboard.press("ArrowDown")
    reader.reload()
    expect(drawn(reader, "Welcome")).to_contain_text("09:00–10:00")
    assert office.span(item)[0] == f"{office.day}T07:00:00Z"
    assert violations(reader) == []


def test_what_is_printed_is_the_list_as_it_is_now(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    office.add("Welcome", 9)
    open_timetable(page, office)
    drag(page, drawn(page, "Welcome"), hours=2)
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    expect(page.locator("#timetable-list")).to_contain_text("11:00–12:00")
    page.emulate_media(media="print")
    expect(page.get_by_role("cell", name="11:00–12:00")).to_be_visible()
    expect(page.locator("#timetable-board")).to_be_hidden()
    expect(page.get_by_role("button")).to_have_count(0)


def test_without_scripts_the_programme_is_a_list_with_forms(open_page: OpenPage) -> None:
    page, plain = open_page("coordinator"), open_page("coordinator", scripts=False)
    office = Office(page)
    office.add("Welcome", 9)
    plain.goto(f"/{office.visit}/timetable")
    expect(plain.locator("#timetable-board")).to_be_hidden()
    plain.get_by_role("link", name="Change Welcome").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Change programme item")
