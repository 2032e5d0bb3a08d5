"""Visits in a calendar program: the file of one, and an address to subscribe to."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, sign_in

pytestmark = pytest.mark.browser


def test_a_visit_is_a_file_and_a_calendar_has_an_address_until_that_is_revoked(open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, "coordinator")  # anew: the password is asked for again where it was given long ago
    page.goto("/visits?view=list&state=STATE_CONFIRMED")
    page.locator("main table a[href^='/visits/']").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Calendar file").click()
    assert download.value.suggested_filename.endswith(".ics")
    assert Path(download.value.path()).read_text().startswith("BEGIN:VCALENDAR")

    page.goto("/visits")
    page.get_by_role("link", name="Subscribe").click()
    page.wait_for_url("**/account#calendar")
    page.get_by_label("Which program the new address is for").fill("Phone of the browser")
    page.get_by_role("button", name="Create address").click()
    address = page.locator("#new-address").inner_text()
    with urllib.request.urlopen(address) as answer:
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert b"BEGIN:VEVENT" in answer.read()

    row = page.get_by_role("row", name="Phone of the browser")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("It is revoked")).to_be_visible()
    expect(row).to_have_count(0)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address)
