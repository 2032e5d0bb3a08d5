"""A title of one very long word: no page scrolls sideways for it, and the columns beside it stay readable."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_no_page_scrolls_sideways_for_a_very_long_word(open_page: Callable[..., Page], width: int) -> None:
    page = open_page("coordinator", width=width)
    page.goto("/visits?view=list")
    page.locator("main tbody a").first.click()
    page.get_by_role("link", name="Change visit").click()
    page.get_by_label("Title").fill(WORD)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name=WORD).wait_for()
    for path in (page.url, "/visits", "/visits?view=list", "/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.goto("/visits?view=list")
    days = page.locator("main tbody tr").first.locator("td").nth(1).bounding_box()
    assert days
    assert days["width"] > 100
