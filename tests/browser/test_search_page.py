"""The search page in a real browser: the button Back brings all of it, and typing keeps its filters."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_every_page import violations
from tests.stack import Stack

pytestmark = pytest.mark.browser

# Each begins with Latin letters, and reads from right to left nevertheless.
RIGHT_TO_LEFT = {
    "ar": {"title": "SDG 6 ومياه الشرب في قطربل", "observation": "UNESCO تقول إن مياه الشرب في قطربل نظيفة."},
    "he": {"title": "SDG 6 ומי השתייה בקטרבל", "observation": "UNESCO אומרת שמי השתייה בקטרבל נקיים."},
}


def test_back_to_the_search_page_shows_the_page_with_what_was_typed(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.get_by_label("Search everything").press_sequentially("controlling", delay=20)
    page.wait_for_url("**/search?*query=controlling*")
    page.locator(".results a").first.click()
    page.wait_for_url("**/learnings/*")

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    expect(page.locator("header.site-header")).to_be_visible()
    expect(page.get_by_label("Search everything")).to_have_value("controlling")
    expect(page.locator(".results a").first).to_be_visible()
    page.reload()
    expect(page.locator("header.site-header")).to_be_visible()


def test_typing_on_the_search_page_keeps_its_filters(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.locator(".facet", has=page.get_by_role("heading", name="Languages")).get_by_role("link").first.click()
    page.wait_for_url("**languages=*")
    chosen = re.search(r"languages=(\w+)", page.url)
    assert chosen

    page.get_by_label("Search everything").press_sequentially("controlling", delay=20)
    page.wait_for_url("**query=controlling*")

    assert chosen[0] in page.url
    expect(page.locator(".facet strong")).to_have_count(1)
    page.get_by_label("Search everything").press("Enter")
    page.wait_for_load_state()
    assert chosen[0] in page.url
    expect(page.locator(".facet strong")).to_have_count(1)


def expect_whole(page: Page, heading: str) -> None:
    """Expect the whole page, and not a part of it alone."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("header.site-header")).to_have_count(1)
    expect(page.locator("footer.site-footer")).to_be_visible()


def test_back_and_forward_over_the_search_page_show_whole_pages(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    page.goto("/search")
    field = page.get_by_label("Search everything")
    for typed in ("swansea", "controlling"):
        field.fill("")
        field.press_sequentially(typed, delay=20)
        page.wait_for_url(f"**/search?*query={typed}*")
    page.locator(".results a").first.click()
    page.wait_for_url("**/learnings/*")
    title = page.get_by_role("heading", level=1).inner_text()

    page.go_back()
    expect_whole(page, "Search")
    expect(field).to_have_value("controlling")
    page.go_back()
    expect_whole(page, "Visits")
    page.go_forward()
    expect_whole(page, "Search")
    expect(field).to_have_value("controlling")
    page.go_forward()
    expect_whole(page, title)


def test_the_search_page_shows_names_that_change_as_one_types(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search")
    page.get_by_label("Search everything").press_sequentially("Klaipėd", delay=20)

    names = page.get_by_role("region", name="Found by name")
    expect(names.get_by_role("link", name="Klaipeda").first).to_be_visible()
    assert page.locator("#found").is_hidden()


def record(stack: Stack, page: Page, **learning: str) -> None:
    """Record a learning as a program does."""
    signed_in = {"email": "coordinator@mannheim.example", "password": "demo"}
    token = page.request.post(f"{stack.url}/api/v1/sessions", data=signed_in).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert page.request.post(f"{stack.url}/api/v1/learnings", data=learning, headers=headers).ok


@pytest.mark.parametrize("reader", ["en", "de"])
@pytest.mark.parametrize("language", RIGHT_TO_LEFT)
def test_a_result_in_hebrew_or_arabic_keeps_its_order(
    language: str, reader: str, stack: Stack, open_page: Callable[..., Page]
) -> None:
    page = open_page("coordinator", language=reader)
    text = RIGHT_TO_LEFT[language]
    record(stack, page, language=language, **text)
    query = "+" + text["title"].split()[-1]
    hit = page.locator(".results li", has=page.locator(f"a[lang={language}]")).first
    for _attempt in range(50):
        page.goto(f"/search?query={query}")
        if hit.count():
            break
        page.wait_for_timeout(100)

    for part in (hit.locator("h2 a"), hit.locator("h2 + p")):
        first, last = part.evaluate(
            """part => {
                const texts = [];
                const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode);
                const place = (text, at) => {
                    const range = document.createRange();
                    range.setStart(text, at);
                    range.setEnd(text, at + 1);
                    return range.getBoundingClientRect().x;
                };
                const last = texts.at(-1);
                return [place(texts[0], 0), place(last, last.data.trimEnd().length - 1)];
            }"""
        )
        assert first > last
    assert page.evaluate("document.documentElement.dir") in ("", "ltr")
    assert violations(page) == []


def test_typing_keeps_several_filters_and_the_order(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/search?order_by=create_time+desc&languages=de&languages=en&states=STATE_OBSERVATION")
    field = page.get_by_label("Search everything")
    field.press_sequentially("controlling", delay=20)
    page.wait_for_url("**query=controlling*")

    def read_parameters() -> dict[str, list[str]]:
        return {name: values for name, values in parse_qs(urlsplit(page.url).query).items() if name != "query"}

    kept = {"order_by": ["create_time desc"], "languages": ["de", "en"], "states": ["STATE_OBSERVATION"]}
    assert read_parameters() == kept
    expect(page.locator(".facet strong")).to_have_count(3)
    page.go_back()
    page.go_forward()
    expect_whole(page, "Search")
    page.locator(".chosen a", has_text="English").click()
    page.wait_for_url(lambda url: "languages=en" not in url)
    assert read_parameters() == {**kept, "languages": ["de"]}
    expect(field).to_have_value("controlling")
    field.press("Enter")
    page.wait_for_load_state()
    assert read_parameters() == {**kept, "languages": ["de"]}


@pytest.mark.parametrize("language", ["en", "de"])
def test_on_a_phone_the_facets_are_folded_above_the_results(language: str, open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", language=language, width=390)
    page.goto("/search?query=controlling&languages=de")
    summary = page.locator(".facets > summary")
    expect(page.locator(".facet a").first).to_be_hidden()
    box, results = summary.bounding_box(), page.locator(".results").bounding_box()
    assert box
    assert results
    assert box["y"] < results["y"]
    summary.click()
    expect(page.locator(".facet a").first).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    page.reload()
    expect(page.locator(".facet a").first).to_be_visible()
    expect(summary).to_be_hidden()
    assert violations(page) == []


@pytest.mark.parametrize("letter", ["x", "ü", "م", "水"])
def test_what_is_pasted_is_cut_to_what_an_address_has_room_for(letter: str, open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator")
    page.goto("/visits")
    field = page.get_by_label("Search everything")
    # What must not occur has no meaning to be found out, which takes long for so much text.
    field.fill("-" + letter * 6_050)
    field.press("Enter")
    page.wait_for_url("**/search?query=*")
    expect_whole(page, "Search")
    assert len(urlsplit(page.url).query) > 5_900
    field.press_sequentially("y", delay=20)
    page.wait_for_timeout(500)
    expect_whole(page, "Search")


def test_narrowing_down_works_without_scripts(open_page: Callable[..., Page]) -> None:
    page = open_page("coordinator", scripts=False)
    page.goto("/search?query=controlling")
    for name, parameter in (("Languages", "languages"), ("States", "states")):
        page.locator(".facet", has=page.get_by_role("heading", name=name)).get_by_role("link").first.click()
        page.wait_for_url(f"**{parameter}=*")
    page.get_by_role("link", name="Newest").click()
    page.wait_for_url("**order_by=*")
    asked = parse_qs(urlsplit(page.url).query)
    assert set(asked) == {"query", "languages", "states", "order_by"}
    expect(page.locator(".facet strong")).to_have_count(2)
    page.get_by_role("link", name="Take all filters away").click()
    page.wait_for_url(lambda url: "languages=" not in url)
    assert set(parse_qs(urlsplit(page.url).query)) == {"query", "order_by"}
