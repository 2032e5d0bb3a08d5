"""What a person typed is kept in a real browser, too: with and without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_the_language_is_switched_inside_a_form_without_losing_it(
    open_page: Callable[..., Page], scripts: bool
) -> None:
    page = open_page("coordinator", scripts=scripts)
    page.goto("/visits/new")
    page.get_by_label("Title").fill("Half a <visit>")
    page.get_by_label("First day").fill("2032-06-07")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Neuer Besuch")
    expect(page.get_by_label("Titel")).to_have_value("Half a <visit>")
    expect(page.get_by_label("Erster Tag")).to_have_value("2032-06-07")


def test_enter_in_a_form_saves_it_and_does_not_switch_the_language(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits/new")
    page.get_by_label("Title").fill("Enter")
    page.get_by_label("Title").press("Enter")
    expect(page.locator("#error-summary")).to_contain_text("Exchange: Please fill this in.")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_form_comes_back_filled_after_signing_in_again(open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page("coordinator", scripts=scripts)
    page.goto("/visits/new")
    page.get_by_label("Purpose").fill("Two lines\nof it")
    page.context.clear_cookies(name="austausch_session")
    page.get_by_role("button", name="Create visit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("E-mail address").fill("coordinator@mannheim.example")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New visit")
    expect(page.get_by_label("Purpose")).to_have_value("Two lines\nof it")


def test_whoever_goes_back_from_a_refused_form_and_forth_finds_what_was_typed(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/people/new")
    page.get_by_label("Department").fill("Waterworks")
    page.get_by_role("button", name="Create person").click()
    expect(page.locator("#error-summary")).to_contain_text("Function: Please fill this in.")
    page.get_by_label("Function").fill("Guide")
    page.goto("/cities")

    page.go_back()
    expect(page.locator("#error-summary")).to_be_visible()
    expect(page.get_by_label("Function")).to_have_value("Guide")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("New person")
    expect(page.locator("#error-summary")).to_have_count(0)
    expect(page.get_by_label("Department")).to_have_value("Waterworks")
    page.go_forward()
    expect(page.locator("#error-summary")).to_be_visible()
    expect(page.get_by_label("Department")).to_have_value("Waterworks")
