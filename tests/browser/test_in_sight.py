"""What has to be in sight: the message after an action, wherever the page is scrolled to, and lists before filters."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

FORUM = "/forums/leitbild-mannheim-2030"
LISTS = {"/visits?view=list": "state", "/exchanges": "kind", "/learnings": "state", "/partnerships": "state"}
NARROW, WIDE = 390, 1280


def box(page: Page, selector: str) -> tuple[float, float]:
    """Return where an element begins and ends, in pixels below the upper edge of the window."""
    found = page.locator(selector).bounding_box()
    assert found, selector
    return found["y"], found["y"] + found["height"]


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("scripts", [True, False])
def test_the_message_after_an_action_is_in_sight_and_covers_nothing_that_it_is_about(
    open_page: Callable[..., Page], width: int, *, scripts: bool
) -> None:
    page = open_page("coordinator", width=width, scripts=scripts)
    page.emulate_media(reduced_motion="reduce")  # The page jumps then, instead of gliding.
    page.goto(FORUM)
    entry = page.locator("[id^=recommendations-]").filter(has=page.get_by_role("link", name="Change recommendation"))
    place = entry.last.get_attribute("id")
    entry.last.get_by_role("link", name="Change recommendation").click()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**{FORUM}#{place}")

    expect(page.locator(f"#{place}")).to_be_in_viewport(ratio=0.5)
    message = page.locator(".messages")
    expect(message).to_contain_text("is saved")
    expect(message).to_be_in_viewport(ratio=1)
    assert box(page, "main")[0] < 0, "the page is scrolled to the entry"
    heading, told = box(page, f"#{place} h4"), box(page, ".messages")
    assert heading[0] >= 0
    assert heading[1] <= told[0] or heading[0] >= told[1], "the message covers no heading"
    page.mouse.wheel(0, -300)
    expect(message).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("path", LISTS)
def test_on_a_phone_filters_are_folded_unless_asked_for_or_set(open_page: Callable[..., Page], path: str) -> None:
    page = open_page("coordinator", width=NARROW)
    page.goto(path)
    filters = page.locator("form.filters")
    expect(filters).to_be_hidden()
    expect(page.locator("main table tbody tr, main .results > li").first).to_be_in_viewport()

    page.locator(".folded > summary").click()
    expect(filters).to_be_visible()
    filters.locator(f"[name={LISTS[path]}]").select_option(index=1)
    filters.get_by_role("button", name="Filter").click()
    page.wait_for_url(f"**{path.partition('?')[0]}?*{LISTS[path]}=*")
    expect(filters).to_be_visible()
    page.locator(".folded > summary").click()
    expect(filters).to_be_hidden()


@pytest.mark.parametrize("path", LISTS)
def test_where_there_is_room_filters_are_open(open_page: Callable[..., Page], path: str) -> None:
    page = open_page("coordinator", width=WIDE)
    page.goto(path)
    expect(page.locator("form.filters")).to_be_visible()
    expect(page.locator(".folded > summary")).to_be_hidden()
