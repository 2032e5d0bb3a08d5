"""Errors as pages: what happened, and only such advice as the reader can follow; and the pages beside the features."""

import re

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import sign_in
from tests.gateway.conftest import Gateway, credentials


def browser_of(gateway: Gateway, role: Role | None) -> FlaskClient:
    browser = gateway.app.test_client()
    if role:
        sign_in(browser, **credentials(role))
    return browser


@pytest.mark.parametrize(("role", "searches"), [(Role.MEMBER, True), (Role.EXPERT, True), (None, False)])
@pytest.mark.parametrize(("language", "search"), [("en", "Search"), ("de", "Suche")])
def test_only_who_can_search_is_told_to(
    gateway: Gateway, role: Role | None, language: str, search: str, *, searches: bool
) -> None:
    browser = browser_of(gateway, role)
    browser.set_cookie("language", language)

    answer = browser.get("/nothing")

    assert answer.status_code == 404
    assert (search in answer.text.split("<main", 1)[1]) == searches


def test_a_refused_request_leads_to_signing_in_where_nobody_is_signed_in(gateway: Gateway) -> None:
    for role, led in ((None, True), (Role.EXPERT, False)):
        answer = browser_of(gateway, role).post("/sign-out", data={"csrf_token": "old"})

        assert answer.status_code == 400
        assert ('href="/sign-in"' in answer.text.split("<main", 1)[1]) == led


@pytest.mark.parametrize(("chosen", "browsers", "shown"), [("de", "en", "de"), ("en", "de", "en"), ("", "de", "de")])
def test_the_reference_of_the_api_follows_the_language(
    gateway: Gateway, chosen: str, browsers: str, shown: str
) -> None:
    browser = gateway.app.test_client()
    if chosen:
        browser.set_cookie("language", chosen)

    page = browser.get("/api/reference", headers={"Accept-Language": browsers}).text

    assert f'<html lang="{shown}"' in page
    assert ("Antwort:" in page, "Answer:" in page) == (shown == "de", shown == "en")
    assert ("Die Beschreibungen sind auf Englisch." in page) == (shown == "de")
    # What stands in English whatever the language says so.
    assert all(" lang=" in heading for heading in re.findall(r'<h2 [^>]*id="tag-[^>]*>', page))


@pytest.mark.parametrize(
    ("role", "path"),
    [
        (Role.ADMINISTRATOR, "/visits/new"),
        (Role.PARTNER, "/visits/new"),
        (Role.PARTNER, "/exchanges/new"),
        (Role.ADMINISTRATOR, "/learnings/new"),
        (Role.MEMBER, "/forums/new"),
        (Role.MEMBER, "/forums/any/conclusions/new"),
        (Role.MEMBER, "/forums/any/recommendations/new"),
        (Role.EXPERT, "/forums/any/workingGroups/new"),
        (Role.EXPERT, "/forums/any/subjectNodes/new"),
        (Role.EXPERT, "/forums/any/panelists/new"),
        (Role.ADMINISTRATOR, "/visits/any/agendaItems/new"),
        (Role.ADMINISTRATOR, "/visits/any/delegates/new"),
        (Role.PARTNER, "/visits/any/report"),
    ],
)
def test_a_form_that_a_role_can_never_send_is_refused_at_once(gateway: Gateway, role: Role, path: str) -> None:
    assert browser_of(gateway, role).get(path).status_code == 403


@pytest.mark.parametrize(
    "path", ["/visits?view=list", "/learnings?state=STATE_INSIGHT", "/exchanges?kind=KIND_CULTURE"]
)
def test_an_address_with_a_bad_page_leads_to_the_beginning_of_its_list(gateway: Gateway, path: str) -> None:
    client = browser_of(gateway, Role.COORDINATOR)
    answer = client.get(f"{path}&page_token=nonsense")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert "This page of the list does not exist (any more)." in client.get(answer.headers["Location"]).text
