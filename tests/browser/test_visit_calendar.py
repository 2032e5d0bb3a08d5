"""The calendar of visits in a browser: ways through it, on a phone, without scripts; and what forms say of days."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

# The demo data has two visits in 2024.
SWANSEA_CAME, IN_2024 = "Controller aus Swansea in Mannheim", "/visits?view=year&from=2024-01-01"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_year_leads_to_its_months_and_visits_and_back(scripts: bool, open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    if not scripts:
        page = open_page("coordinator", scripts=False)
    page.goto("/visits?view=year&from=2025-01-01")
    page.get_by_role("navigation", name="Time").get_by_role("link", name="2024").click()
    expect(page.get_by_role("heading", name="2024")).to_be_visible()
    calendar = page.get_by_role("region", name="2024")
    row = calendar.get_by_role("rowgroup").filter(has=page.get_by_role("rowheader", name="Swansea"))
    expect(row.get_by_role("link", name=SWANSEA_CAME)).to_contain_text("13–16 May Closed")

    calendar.get_by_role("columnheader", name="May").get_by_role("link").click()
    expect(page.get_by_role("heading", name="May 2024")).to_be_visible()
    holiday = page.get_by_role("listitem").filter(has_text="Mon, 20 May 2024 is a public holiday in Mannheim")
    expect(holiday).to_be_visible()
    page.get_by_role("link", name=SWANSEA_CAME).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(SWANSEA_CAME)
    # A page that the browser has kept whole does not load again.
    page.go_back(wait_until="commit")
    expect(page.get_by_role("heading", name="May 2024")).to_be_visible()
    page.go_back(wait_until="commit")
    expect(page.get_by_role("heading", name="2024", exact=True)).to_be_visible()


def test_filters_and_rows_hold_while_one_goes_through_time(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="de")
    page.goto(IN_2024)
    page.get_by_label("Stadt", exact=True).select_option("cities/hebron")
    page.get_by_role("button", name="Filtern").click()
    expect(page.locator(".bar")).to_have_count(1)
    expect(page.get_by_role("heading", name="2024")).to_be_visible()
    page.get_by_role("navigation", name="Ansicht").get_by_role("link", name="Quartal").click()
    page.get_by_role("navigation", name="Zeit").get_by_role("link", name="Q2 2024").click()
    page.get_by_role("navigation", name="Zeit").get_by_role("link", name="Q3 2024").click()
    expect(page.locator(".bar")).to_have_count(1)
    page.get_by_role("navigation", name="Zeilen").get_by_role("link", name="Räume").click()
    expect(page.get_by_role("heading", name="Q3 2024")).to_be_visible()
    booked = page.get_by_role("rowgroup").filter(has=page.get_by_role("rowheader", name="Ratssaal"))
    expect(booked.locator(".load")).to_have_count(1)


def test_on_a_phone_the_visits_of_a_city_stand_below_each_other(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", width=390)
    page.goto(IN_2024)
    boxes = [each.bounding_box() for each in page.locator(".calendar tbody th, .calendar .bar").all()]
    assert len(boxes) == 4
    bottoms = [box["y"] + box["height"] for box in boxes if box]
    assert all(box["y"] >= bottom for box, bottom in zip(boxes[1:], bottoms, strict=False) if box)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_picture_runs_the_other_way_where_one_reads_from_the_right(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits?view=month&from=2024-05-13")

    def measure() -> tuple[float, float]:
        """Return where the first public holiday, the first of May, and the visit begin."""
        places = [page.locator(each).first.bounding_box() for each in (".day--public", ".bar")]
        assert all(places)
        return tuple(place["x"] for place in places if place)  # type: ignore[return-value]

    holiday, visit = measure()
    assert holiday < visit
    page.evaluate("document.documentElement.dir = 'rtl'")
    holiday, visit = measure()
    assert holiday > visit


def test_the_form_of_a_visit_tells_of_days_while_they_are_typed(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits/new")
    hints = page.get_by_role("list", name="To be known of these days")
    page.get_by_label("Exchange").select_option(label="Controlling in den Dezernaten – Swansea")
    page.get_by_label("First day").fill("2031-12-24")
    page.get_by_label("Last day").fill("2031-12-26")
    page.get_by_label("Last day").blur()
    expect(hints).to_contain_text("Thu, 25 Dec 2031 is a public holiday in Mannheim and Swansea: Christmas Day")
    page.get_by_label("Last day").fill("2031-12-24")
    page.get_by_label("Last day").blur()
    expect(hints).to_have_count(0)
