"""What was written down in Arabic is found by a German question, through the pages, and reads from right to left."""

import contextlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.browser.test_every_page import violations
from tests.journeys.test_search_journey import QUESTION, WATER_TURNS

pytestmark = pytest.mark.browser


def test_a_learning_in_arabic_is_found_by_a_german_question_in_the_browser(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language="de")
    page.goto("/learnings/new")
    for field in ("title", "observation", "conclusion"):
        page.locator(f"[name='learning.{field}']").fill(WATER_TURNS[field])
    page.locator("[name='learning.language']").select_option("ar")
    page.locator("[name='learning.title']").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(WATER_TURNS["title"])
    page.locator("#search").fill(QUESTION)
    page.locator("#search").press("Enter")
    page.wait_for_url("**/search?*")
    hit = page.locator(".results a", has_text=WATER_TURNS["title"]).first
    for _attempt in range(60):
        with contextlib.suppress(NotInTime):  # Its meaning is known within seconds: ask again.
            hit.wait_for(timeout=1_000)
            break
        page.reload()
    expect(hit).to_be_visible()
    assert hit.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert hit.get_attribute("lang") == "ar"
    assert not violations(page)
    hit.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WATER_TURNS["title"])
