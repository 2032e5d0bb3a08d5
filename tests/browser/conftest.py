"""
Browser tests: Debian's Chromium on the whole platform, driven by Playwright.

Without a browser they are skipped; in CI a skip is a failure.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.stack import Stack

PASSWORD = "demo"

OpenPage = Callable[..., Page]

# As long as a page may take: other tests keep the machine busy.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for a file: until Playwright ends, its event loop stays in the thread, and no other can run there."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, dict[str, object]]:
    """Role → the cookies of its session: signing in is costly by design, so each role does it once."""
    return {}


@pytest.fixture
def open_page(browser: Browser, stack: Stack, sessions: dict[str, dict[str, object]]) -> Iterator[OpenPage]:
    """
    Open a browser of its own for a role: ``open_page("coordinator", language="de", width=390)``.

    Its page fails the test when the browser reports an error: a script that throws, a file that the
    Content-Security-Policy refuses.
    """
    contexts = []
    errors: list[str] = []

    def open_(role: str = "", *, language: str = "en", width: int = 1280, scripts: bool = True) -> Page:
        context = browser.new_context(
            base_url=stack.url,
            viewport={"width": width, "height": 900},
            locale=language,
            java_script_enabled=scripts,
            storage_state=sessions.get(role),  # type: ignore[arg-type]
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
        )
        if role and role not in sessions:
            sign_in(page, role)
            sessions[role] = context.storage_state()  # type: ignore[assignment]
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture(scope="module")
def reading(browser: Browser, stack: Stack) -> Iterator[Callable[[str, str], Page]]:
    """Read as a role: ``reading("de", "coordinator")`` is one page for all tests, so that files are fetched once."""
    pages: dict[tuple[str, str], Page] = {}

    def read(language: str, role: str) -> Page:
        if (language, role) not in pages:
            context = browser.new_context(base_url=stack.url, locale=language)
            context.set_default_timeout(60_000)
            pages[language, role] = context.new_page()
            sign_in(pages[language, role], role)
        return pages[language, role]

    yield read
    for page in pages.values():
        page.context.close()


def sign_in(page: Page, role: str) -> None:
    """Sign in with the demo account of a role."""
    account = "admin" if role == "administrator" else role
    page.goto("/sign-in")
    page.fill("#email", f"{account}@mannheim.example")
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/")
