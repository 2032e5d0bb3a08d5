"""Venues on the timetable in a real browser: when they are closed, and items that take further rooms."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import violations
from tests.browser.test_timetable import Office, OpenPage, drag, drawn, open_timetable, said

pytestmark = pytest.mark.browser


def test_a_lane_shows_when_its_venue_is_closed_and_an_item_in_each_of_its_rooms(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    week = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
    hours = [{"weekday": day, "startTime": "08:00", "endTime": "15:00"} for day in week]
    venue = office.post("/v1/venues", {"displayName": "Glasshouse", "openingHours": hours})
    hall, foyer, garden = [
        office.post("/v1/rooms", {"displayName": f"{title} {office.day}", "venue": venue["name"]})
        for title in ("Hall", "Foyer", "Garden")
    ]
    party = office.add("Party", 10, room=hall["name"], additionalRooms=[foyer["name"]])
    talk = office.add("Talk", 12, room=garden["name"])
    open_timetable(page, office)
    page.get_by_text("By room").click()
    expect(drawn(page, "Party")).to_have_count(2)
    expect(
        page.locator("#timetable-calendar .timetable__shaded", has_text="Glasshouse is closed").first
    ).to_be_attached()
    assert violations(page) == []

    drag(page, drawn(page, "Talk"), hours=-2)
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    page.get_by_text("Days only").click()
    drag(page, drawn(page, "Talk"), hours=2)
    page.mouse.up()
    expect(said(page)).to_contain_text("12:00–13:00")
    assert office.get(f"/v1/{party}")["additionalRooms"] == [foyer["name"]]
    assert office.get(f"/v1/{talk}")["room"] == garden["name"]


def test_an_item_is_moved_out_of_opening_hours_with_a_warning(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    week = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
    hours = [{"weekday": day, "startTime": "08:00", "endTime": "15:00"} for day in week]
    venue = office.post("/v1/venues", {"displayName": "Glasshouse", "openingHours": hours})
    item = office.add("Party", 12, venue=venue["name"])
    open_timetable(page, office)
    expect(drawn(page, "Party")).not_to_have_class(re.compile("timetable__item--clash"))
    drag(page, drawn(page, "Party"), hours=3)
    expect(said(page)).to_contain_text("Glasshouse is closed then.")
    page.mouse.up()
    expect(said(page)).to_contain_text("Saved.")
    expect(drawn(page, "Party")).to_have_class(re.compile("timetable__item--clash"))
    expect(page.locator("#timetable-chosen-facts")).to_contain_text("Glasshouse is closed then.")
    assert office.get(f"/v1/{item}")["venue"] == venue["name"]
    assert violations(page) == []


def test_what_would_clash_in_a_further_room_shows_while_one_drags(open_page: OpenPage) -> None:
    page = open_page("coordinator")
    office = Office(page)
    foyer = office.post("/v1/rooms", {"displayName": f"Foyer {office.day}"})
    office.add("Party", 10, room=office.room["name"], additionalRooms=[foyer["name"]])
    office.add("Talk", 13, room=foyer["name"])
    open_timetable(page, office)
    drag(page, drawn(page, "Talk"), hours=-3)
    expect(said(page)).to_contain_text(f"Clashes with “Party”, 10:00–11:00: Foyer {office.day}")
    page.mouse.up()
    expect(page.get_by_role("alert")).to_contain_text("“Talk” stays where it was")
