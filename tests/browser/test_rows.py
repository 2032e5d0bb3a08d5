"""Many rows at once: pasted from a spreadsheet, moved about in by keys, saved together; and then planned."""

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
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("15 rows are added.")).to_be_visible()
    expect(office.get_by_role("row", name="Mayor Politics")).to_contain_text("Head of delegation")
    expect(office.get_by_role("row", name="Engineer 13 Staff")).to_be_visible()


def test_a_row_that_is_wrong_is_marked_and_nothing_typed_is_lost(office: Page, a_visit: Callable[[str], str]) -> None:
    office.goto(f"{a_visit('Typed')}/agendaItems/rows")
    cells = ["Welcome", "0:45", "09.03.2033 09:00", "ratssaal", "", "", "Whole delegation", "English, German"]
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "\t".join(cells) + "\nTour\t\t\t\t\t\tPort\tstaff"])
    expect(office.get_by_label("Minutes, row 1", exact=True)).to_have_value("45")
    expect(office.get_by_label("Day, row 1", exact=True)).to_have_value("2033-03-09")
    expect(office.get_by_label("Begins at, row 1", exact=True)).to_have_value("09:00")
    expect(office.get_by_label("Who takes part, row 2", exact=True)).to_have_value("GROUP_STAFF")
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_label("Minutes, row 2", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(office.get_by_label("Other place, row 2", exact=True)).to_have_value("Port")
    office.get_by_label("Minutes, row 2", exact=True).fill("90")
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("2 rows are added.")).to_be_visible()
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
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("Still without a time")).to_be_visible()
    office.get_by_role("link", name="Plan the programme").click()
    office.get_by_role("button", name="Look for a plan").click()
    expect(office.get_by_text("3 items get a time.")).to_be_visible()
    expect(office.get_by_text("There is no better plan.")).to_be_visible()
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
    office.get_by_role("button", name="Save", exact=True).click()
    office.get_by_role("link", name="Plan the programme").click()
    office.get_by_role("button", name="Look for a plan").click()
    expect(office.get_by_role("heading", name="Why it cannot be done")).to_be_visible()
    assert violations(office) == []
    office.get_by_role("button", name="Do without this break").first.click()
    expect(office.get_by_role("button", name="Accept the plan")).to_be_visible()


@pytest.fixture
def programme(office: Page, a_visit: Callable[[str], str]) -> Page:
    """The table of a programme of three items, opened."""
    visit = a_visit("Edited")
    office.goto(f"{visit}/agendaItems/rows")
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "Welcome\t45\nTour\t90\nDebrief\t60"])
    office.get_by_role("button", name="Save", exact=True).click()
    office.locator("#programme").wait_for()
    office.get_by_role("link", name="Edit all").last.click()
    office.locator("[data-rows]").wait_for()
    return office


def get_focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label')"))


def test_keys_lead_from_cell_to_cell(programme: Page) -> None:
    programme.get_by_label("Title, row 1", exact=True).focus()
    for key, cell in (
        ("Enter", "Title, row 2"),
        ("ArrowDown", "Title, row 3"),
        ("Tab", "Minutes, row 3"),
        ("Tab", "Day, row 3"),
        ("Enter", "Title, row 4"),
        ("Shift+Enter", "Title, row 3"),
        ("Tab", "Minutes, row 3"),
        ("Shift+Enter", "Minutes, row 2"),
        ("ArrowUp", "Minutes, row 1"),
        ("ArrowLeft", "Title, row 1"),
        ("End", "Title, row 1"),
        ("ArrowLeft", "Title, row 1"),
        ("End", "Title, row 1"),
        ("ArrowRight", "Minutes, row 1"),
    ):
        programme.keyboard.press(key)
        assert get_focused(programme) == cell, key
    last = programme.locator("[data-rows] tr").count()
    programme.get_by_label(f"Title, row {last}", exact=True).focus()
    programme.keyboard.press("Enter")
    assert get_focused(programme) == f"Title, row {last + 1}", "below the last row there is always another"
    programme.get_by_label("Fixed, row 1", exact=True).focus()
    programme.keyboard.press("ArrowDown")
    assert get_focused(programme) == "Fixed, row 2"
    assert programme.url.endswith("/rows"), "Enter saves nothing"


def test_a_block_fills_old_rows_and_new_ones_and_is_taken_back_at_once(programme: Page) -> None:
    rows = programme.locator("[data-rows] tr")
    before = rows.count()
    block = "\n".join(f"{number}\t10.03.2033" for number in range(1, before + 3))
    programme.evaluate(PASTE, ["#field-agenda_items-1-duration_minutes", block])
    expect(rows).to_have_count(before + 3)
    expect(programme.get_by_label("Minutes, row 1", exact=True)).to_have_value("45")
    expect(programme.get_by_label("Minutes, row 2", exact=True)).to_have_value("1")
    expect(programme.get_by_label(f"Day, row {before + 3}", exact=True)).to_have_value("2033-03-10")
    programme.keyboard.press("Control+z")
    expect(programme.get_by_label("Minutes, row 2", exact=True)).to_have_value("90")
    expect(programme.get_by_label("Day, row 2", exact=True)).to_have_value("")
    # What was typed into a cell is the browser's to take back.
    programme.get_by_label("Other place, row 1", exact=True).press_sequentially("Port")
    programme.keyboard.press("Control+z")
    expect(programme.get_by_label("Other place, row 1", exact=True)).not_to_have_value("Port")
    programme.evaluate(PASTE, ["#field-agenda_items-0-day", "09.03.2033"])
    expect(programme.get_by_label("Day, row 1", exact=True)).to_have_value("2033-03-09")
    # What a choice does not offer is marked.
    programme.evaluate(PASTE, ["#field-agenda_items-0-day", "Sunday\t9:00"])
    expect(programme.get_by_label("Day, row 1", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(programme.get_by_role("status").last).to_have_text(
        "The marked cells were not understood. Please correct them."
    )


def test_many_rows_are_filled_at_once_and_saved_together(programme: Page) -> None:
    programme.get_by_label("Tick all rows").check()
    programme.get_by_label("Who takes part of all ticked rows").select_option("Whole delegation")
    programme.get_by_label("Room of all ticked rows").select_option("any room")
    programme.get_by_role("button", name="Fill", exact=True).click()
    for number in (1, 2, 3):
        expect(programme.get_by_label(f"Room, row {number}", exact=True)).to_have_value("any")
    expect(programme.get_by_label("Room, row 4", exact=True)).to_have_value(""), "a blank row stays blank"
    programme.get_by_role("button", name="Undo").click()
    expect(programme.get_by_label("Room, row 2", exact=True)).to_have_value("")
    programme.get_by_label("Tick all rows").uncheck()
    programme.get_by_label("Tick row 1", exact=True).click()
    programme.get_by_label("Tick row 3", exact=True).click(modifiers=["Shift"])
    expect(programme.get_by_label("Tick row 2", exact=True)).to_be_checked()
    programme.get_by_label("Who takes part, row 2", exact=True).select_option("Staff")
    programme.get_by_label("Who takes part, row 2", exact=True).press("Delete")
    expect(programme.get_by_label("Who takes part, row 2", exact=True)).to_have_value("")
    programme.get_by_label("Other place, row 1", exact=True).fill("Port")
    programme.get_by_label("Other place, row 2", exact=True).focus()
    programme.keyboard.press("Control+d")
    expect(programme.get_by_label("Other place, row 2", exact=True)).to_have_value("Port")
    programme.get_by_label("Order, row 1", exact=True).select_option("first of all")
    programme.get_by_label("Order, row 3", exact=True).select_option("last of all")
    programme.get_by_label("Remove row 2", exact=True).check()
    assert violations(programme) == []
    programme.get_by_role("button", name="Save", exact=True).click()
    expect(programme.get_by_text("2 rows are changed. 1 row is removed.")).to_be_visible()
    expect(programme.get_by_role("row", name="Welcome")).to_contain_text("Port")


def test_what_two_change_at_once_is_merged_and_a_refusal_keeps_what_was_typed(
    programme: Page, open_page: OpenPage
) -> None:
    other = open_page("coordinator")
    other.goto(programme.url)
    other.get_by_label("Other place, row 1", exact=True).fill("Town hall")
    other.get_by_label("Title, row 2", exact=True).fill("Tour of the port")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_text("2 rows are changed.")).to_be_visible()
    programme.get_by_label("Minutes, row 1", exact=True).fill("30")
    programme.get_by_label("Title, row 2", exact=True).fill("Tour of the town")
    programme.get_by_role("button", name="Save", exact=True).click()
    expect(programme.get_by_label("Title, row 2", exact=True)).to_have_value("Tour of the town")
    expect(programme.get_by_label("Minutes, row 1", exact=True)).to_have_value("30")
    assert violations(programme) == []
    programme.get_by_label("Take this instead: “Tour of the port”").check()
    programme.get_by_role("button", name="Save", exact=True).click()
    expect(programme.get_by_role("row", name="Tour of the port")).to_be_visible()
    expect(programme.get_by_role("row", name="Welcome")).to_contain_text("Town hall")
    expect(programme.get_by_role("row", name="Welcome")).to_contain_text("30 min")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("kind", ["agendaItems", "delegates"])
def test_a_table_scrolls_in_its_own_box(
    open_page: OpenPage, a_visit: Callable[[str], str], width: int, kind: str
) -> None:
    office = open_page("coordinator", width=width)
    office.goto(f"{a_visit('Narrow')}/{kind}/rows")
    assert office.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(office) == []
    cells = office.locator("[data-rows] tr").first.locator("td > :is(input:not([type=hidden]), select)")
    for number in range(cells.count()):
        cells.nth(number).focus()
        # Neither the column of numbers nor that of ticks lies over what has the focus.
        covering = office.evaluate(
            """() => {
              const { left, top, width, height } = document.activeElement.getBoundingClientRect();
              const found = document.elementFromPoint(left + width / 2, top + height / 2);
              return found === document.activeElement ? "" : `${found?.outerHTML.slice(0, 300)} ${left} ${top}`;
            }"""
        )
        assert covering == "", number


UNDERSTOOD = {
    "90": "90", "45 min": "45", "45 Min.": "45", "20 minutes": "20", "20 Minuten": "20", "30'": "30", "2 h": "120",
    "2h": "120", "2 Std.": "120", "1 Stunde": "60", "3 hours": "180", "1,5 h": "90", "1.5 hours": "90",
    "0,75 Std.": "45", "1:30": "90", "1:30:00": "90", "1:30 h": "90", "1h30": "90", "1 h 30": "90",
    "1 Std. 30 Min.": "90", "1 hour and 15 minutes": "75",
}  # fmt: skip
NOT_UNDERSTOOD = ["0,75", "1.5", "1,33 h", "1.000 h", "soon", "2 h or so", "ca. 2 h", "90–120", "9 Uhr", "1:75", "2 d"]


def test_durations_are_read_as_people_write_them_and_never_in_part(office: Page, a_visit: Callable[[str], str]) -> None:
    office.goto(f"{a_visit('Durations')}/agendaItems/rows")
    texts = [*UNDERSTOOD, *NOT_UNDERSTOOD]
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "\n".join(f"Talk\t{text}" for text in texts)])
    minutes = office.locator("[data-rows] [name$='.duration_minutes']")
    read = minutes.evaluate_all("fields => fields.map(field => [field.value, field.getAttribute('aria-invalid')])")
    expected = [[text, None] for text in UNDERSTOOD.values()] + [[text, "true"] for text in NOT_UNDERSTOOD]
    assert dict(zip(texts, read, strict=False)) == dict(zip(texts, expected, strict=True))
    office.evaluate(PASTE, ["#field-agenda_items-1-title", "Vortrag\t2 h\nWorkshop\t1,5 h"])
    # What is typed is read like what is pasted.
    office.get_by_label("Minutes, row 1", exact=True).fill("1,5 h")
    office.get_by_label("Minutes, row 1", exact=True).press("Tab")
    for number, value in ((1, "90"), (2, "120"), (3, "90")):
        expect(office.get_by_label(f"Minutes, row {number}", exact=True)).to_have_value(value)


def test_rows_that_find_no_place_are_counted_and_named(office: Page, a_visit: Callable[[str], str]) -> None:
    office.goto(f"{a_visit('Many')}/delegates/rows")
    rows = "\n".join(f"Engineer {number}" for number in range(1, 104))
    office.evaluate(PASTE, ["#field-delegates-0-function", rows + "\n\n\n"])
    expect(office.locator("[data-rows] tr")).to_have_count(100)
    said = office.locator("#rows-said")
    expect(said).to_contain_text("Rows not taken: 3, from “Engineer 101” on. One page holds 100 rows")
    office.evaluate(PASTE, ["#field-delegates-0-dietary_needs", "vegan\tLift\tnowhere"])
    expect(said).to_contain_text("Cells not taken: 1,")
    office.get_by_role("button", name="More rows").click()
    expect(office.get_by_text("One page holds 100 rows.")).to_be_visible()
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("100 rows are added.")).to_be_visible()


def test_what_is_not_understood_stays_until_it_is_mended_or_emptied(
    office: Page, a_visit: Callable[[str], str]
) -> None:
    office.goto(f"{a_visit('Kept')}/agendaItems/rows")
    office.evaluate(PASTE, ["#field-agenda_items-0-title", "Tour\t60\t32.13.2030\t9:00\tFestsaal"])
    office.evaluate(PASTE, ["#field-agenda_items-0-fixed", "vielleicht\tirgendwann"])
    office.evaluate(PASTE, ["#field-agenda_items-1-title", "Walk\t60"])
    room, day, fixed, order = (
        office.get_by_label(f"{column}, row 1", exact=True) for column in ("Room", "Day", "Fixed", "Order")
    )
    below = office.get_by_label("Room, row 2", exact=True)
    below.focus()
    office.keyboard.press("Control+d")
    for cell in (room, below):
        expect(cell).to_have_value("Festsaal")
        expect(cell).to_have_attribute("aria-invalid", "true")
    office.get_by_role("button", name="Undo").click()
    expect(below).to_have_value("")
    assert violations(office) == []
    office.get_by_role("button", name="Save", exact=True).click()
    summary = office.get_by_role("alert")
    for column in ("Room", "Day", "Fixed", "Order"):
        expect(summary).to_contain_text(f"{column}, row 1")
    for cell, text in ((room, "Festsaal"), (day, "32.13.2030"), (order, "irgendwann")):
        expect(cell).to_have_value(text)
        expect(cell).to_have_attribute("aria-invalid", "true")
    expect(fixed).to_have_attribute("aria-invalid", "true")
    expect(office.locator("td:has(#field-agenda_items-0-fixed)")).to_have_attribute("data-unread", "vielleicht")
    room.select_option("any room")
    fixed.focus()
    office.keyboard.press("Delete")
    order.focus()
    office.keyboard.press("Delete")
    office.get_by_role("button", name="Save", exact=True).click()
    expect(day).to_have_value("32.13.2030")
    day.select_option(index=1)
    office.get_by_role("button", name="Save", exact=True).click()
    expect(office.get_by_text("2 rows are added.")).to_be_visible()
