"""Recording where a learning was applied: by keyboard, on a phone, with and without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_every_page import violations

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_department_records_that_it_applied_a_learning(open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page("member", language="de", width=390, scripts=scripts)
    page.goto("/learnings")
    page.locator("main table a").first.click()
    page.get_by_text("Anwendung festhalten").click()
    expect(page.get_by_label("Fachbereich")).to_have_value("Dezernatscontrolling")
    page.get_by_role("button", name="Festhalten").press("Enter")
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.get_by_label("Ergebnis")).to_be_visible()
    result = f"Bei uns in einem Jahr umgesetzt, {'mit' if scripts else 'ohne'} Skripte."
    page.get_by_label("Ergebnis").fill(result)
    page.get_by_label("Hat sie geholfen?").select_option(label="Hat geholfen")
    if scripts:
        assert violations(page) == []
    page.get_by_role("button", name="Festhalten").press("Enter")
    entry = page.get_by_role("article").filter(has_text=result)
    expect(entry.get_by_role("heading", name="Dezernatscontrolling")).to_be_visible()
    expect(entry).to_contain_text("Hat geholfen")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if scripts:
        assert violations(page) == []

    entry.get_by_role("link", name="Löschen").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Den Eintrag löschen, dass Dezernatscontrolling sie angewendet hat?"
    )
    if scripts:
        assert violations(page) == []
    page.get_by_role("button", name="Löschen").press("Enter")
    expect(page.get_by_role("article").filter(has_text=result)).to_have_count(0)
