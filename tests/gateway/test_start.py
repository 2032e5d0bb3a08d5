"""The start page: it offers each reader what they may do, and nothing else."""

import re
from collections.abc import Iterator

import pytest

from chassis.embedded import Postgres
from chassis.identity import Role
from tests.calls import Keys
from tests.gateway.browsing import sign_in
from tests.gateway.conftest import ROLES, Gateway, create_accounts, credentials, platform

LANGUAGES = ("en", "de")


@pytest.fixture(scope="module")
def empty(postgres_server: Postgres, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A platform with accounts and nothing else: every part of a page says what to do first."""
    with platform(postgres_server, keys, tmp_path_factory.mktemp("start"), "start") as running:
        create_accounts(running.store)
        yield running


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_on_the_start_page_leads_to_a_refusal(empty: Gateway, role: Role, language: str) -> None:
    browser = empty.app.test_client()
    sign_in(browser, **credentials(role))
    browser.set_cookie("language", language)

    page = browser.get("/").text

    assert f'<html lang="{language}"' in page
    for path in set(re.findall(r'href="(/[^"#]*)"', page)):
        assert browser.get(path).status_code == 200, path
    for path, may in (("/learnings/new", role in (Role.COORDINATOR, Role.MEMBER, Role.PARTNER)),):
        assert (f'href="{path}"' in page) == may
    proposing = ("propose", "vorschlagen", "vorzuschlagen")
    assert any(word in page for word in proposing) == (role in (Role.COORDINATOR, Role.MEMBER))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_expert_without_a_forum_is_told_what_will_be_here(empty: Gateway, language: str) -> None:
    browser = empty.app.test_client()
    sign_in(browser, **credentials(Role.EXPERT))
    browser.set_cookie("language", language)

    main = re.sub(r"<[^>]+>", "", browser.get("/").text.split("<main", 1)[1])

    said = {"en": "Once you sit on the panel of a forum", "de": "Sobald Sie dem Expertenkreis eines Forums angehören"}
    assert said[language] in main
