"""Many rows at once: pasted from a spreadsheet, corrected where they are wrong, saved together; and then planned."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_every_page import violations
from tests.stack import Stack

pytestmark = pytest.mark.browser

PASTE = """([selector, text]) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const field = document.querySelector(selector);
  field.focus();
  field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""
SPAN = {"startDate": {"year": 2033, "month": 3, "day": 8}, "endDate": {"year": 2033, "month": 3, "day": 10}}


@pytest.fixture
def a_visit(open_page: OpenPage, stack: Stack) -> Callable[[str], str]:
    """Create a visit of three days and return the address of its page: ``a_visit("Controllers")``."""
    page = open_page()

    def create(title: str) -> str:
        account = {"email": "coordinator@mannheim.example", "password": "demo"}
        token = page.request.post(f"{stack.url}/api/v1/sessions", data=account).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        exchange = page.request.get(f"{stack.url}/api/v1/exchanges", headers=headers).json()["exchanges"][0]["name"]
        visit: dict[str, Any] = {"title": title, "exchange": exchange, "direction": "DIRECTION_INCOMING", **SPAN}
        answer = page.request.post(
            f"{stack.url}/api/v1/visits", data={**visit, "hostDepartment": "Controlling"}, headers=headers
        )
        return f"/{answer.json()['name']}"

    return create


@pytest.fixture
def office(open_page: OpenPage) -> Page:
    """The browser of the international office."""
    return open_page("coordinator")


def test_rows_of_a_spreadsheet_become_the_delegation(office: Page, a_visit: Callable[[str], str]) -> None:
    office.goto(f"{a_visit('Pasted')}/delegates/rows")
    rows = "\n".join(
        ["Mayor\tAnna Berg\tPolitics\tEnglish\t\tx"] + [f"Engineer {number}\t\tStaff" for number in range(14)]
    )
    office.evaluate(PASTE, ["#field-delegates-0-function", rows + "\n"])
    expect(office.locator("[data-rows] tr")).to_have_count(15)
    office.get_by_role("button", name="Add all").click()
    expect(office.get_by_text("15 people join the delegation.")).to_be_visible()
    expect(office.get_by_role("row", name="Mayor Politics")).to_contain_text("Head of delegation")
    expect(office.get_by_role("row", name="Engineer 13 Staff")).to_be_visible()


def test_a_row_that_is_wrong_is_marked_and_nothing_typed_is_lost(office: Page, a_visit: Callable[[str], str]) -> None:
    office.goto(f"{a_visit('Typed')}/agendaItems/rows")
    cells = ["Welcome", "0:45", "09.03.2033 09:00", "", "x", "", "Ratssaal", "", "English, German"]
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "\t".join(cells) + "\nTour\t\t\tPort\t\tstaff"])
    expect(office.get_by_label("Minutes, row 1", exact=True)).to_have_value("45")
    expect(office.get_by_label("Begins at, row 1", exact=True)).to_have_value("2033-03-09T09:00")
    expect(office.get_by_label("Group, row 2", exact=True)).to_have_value("GROUP_STAFF")
    office.get_by_role("button", name="Add all").click()
    expect(office.get_by_label("Minutes, row 2")).to_have_attribute("aria-invalid", "true")
    expect(office.get_by_label("Place, row 2")).to_have_value("Port")
    office.get_by_label("Minutes, row 2").fill("90")
    office.get_by_role("button", name="Add all").click()
    expect(office.get_by_text("2 items are in the programme.")).to_be_visible()
    expect(office.get_by_role("row", name="09:00–09:45")).to_contain_text("Ratssaal")
    expect(office.get_by_role("row", name="Tour")).to_contain_text("Staff")
    expect(office.get_by_role("heading", name="Programme", exact=True)).to_be_in_viewport()


@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_pasted_is_planned_and_accepted(
    open_page: OpenPage, a_visit: Callable[[str], str], width: int
) -> None:
    office, visit = open_page("coordinator", width=width), a_visit("Planned")
    office.goto(f"{visit}/agendaItems/rows")
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "Welcome\t45\nTour\t90\nReview\t60"])
    office.get_by_role("button", name="Add all").click()
    expect(office.get_by_text("Still without a time")).to_be_visible()
    office.get_by_role("link", name="Plan the programme").click()
    office.get_by_role("button", name="Look for a plan").click()
    expect(office.get_by_text("3 items get a time.")).to_be_visible()
    expect(office.get_by_text("No plan is better.")).to_be_visible()
    assert violations(office) == []
    assert office.evaluate("document.documentElement.scrollWidth") <= width
    office.get_by_role("button", name="Accept the plan").click()
    expect(office.get_by_text("The plan is accepted.")).to_be_visible()
    expect(office.locator("#timetable-calendar")).to_be_visible()
    expect(office.locator("#timetable-tray")).to_be_hidden()


def test_why_a_programme_cannot_be_planned_is_given_up_by_a_button(office: Page, a_visit: Callable[[str], str]) -> None:
    visit = a_visit("Impossible")
    office.goto(f"{visit}/agendaItems/rows")
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "Excursion\t500"])
    office.get_by_role("button", name="Add all").click()
    office.get_by_role("link", name="Plan the programme").click()
    office.get_by_role("button", name="Look for a plan").click()
    expect(office.get_by_role("heading", name="Why it cannot be done")).to_be_visible()
    assert violations(office) == []
    office.get_by_role("button", name="Do without this break").first.click()
    expect(office.get_by_role("button", name="Accept the plan")).to_be_visible()
