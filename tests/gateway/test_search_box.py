"""The box in the header: everything that a reader may open, in groups; what is away is named, and the rest answers."""

import re
import socket
from collections.abc import Callable, Iterator
from itertools import count
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.identity import Role
from gateway import create_app
from gateway.pages.search import everything
from gateway.settings import GatewaySettings
from tests.gateway.browsing import browser
from tests.gateway.conftest import Browse, Gateway, Rest
from tests.gateway.samples import a_city, a_visit, created

_number = count(1)
AWAY = {
    "exchange": "Visits and cities can’t be searched",
    "forum": "Expert forums can’t be searched",
    "knowledge": "Learnings can’t be searched",
}


def list_groups(page: str) -> dict[str, list[str]]:
    """Return the titles of the options under each heading."""
    groups = re.findall(r'<div role="group" aria-label="([^"]+)">(.*?)\n  </div>', page, re.DOTALL)
    titles = re.compile(r'found__title"[^>]*>(.*?)</span>\n')
    return {heading: [re.sub("<[^>]+>", "", title) for title in titles.findall(part)] for heading, part in groups}


@pytest.fixture
def word(rest: Rest, forum: str) -> str:
    """A word that a city, its partnership, a visit, a room, a person, a forum and a learning are called by."""
    word = f"Zwiebel{'abcdefghijklmnopqrstuvwxyz'[next(_number) % 26]}{next(_number)}x"
    a_city(rest, word.lower(), displayName=word)
    visit = a_visit(rest)
    created(rest.patch(f"/v1/{visit['name']}", {"title": f"{word} visit"}, updateMask="title"))
    created(rest.post("/v1/rooms", {"displayName": f"{word} room"}))
    created(rest.post("/v1/people", {"function": f"{word} guide"}))
    created(rest.patch(f"/v1/{forum}", {"title": f"{word} forum"}, updateMask="title"))
    return word


def test_everything_is_found_in_groups(browse: Browse, word: str) -> None:
    answer = browse(Role.COORDINATOR).get("/search/found", query_string={"query": word})

    assert answer.status_code == 200
    groups = list_groups(answer.text)
    # Learnings may mean something similar.
    assert set(groups) - {"Learnings"} == {"Cities", "Visits", "Rooms", "People", "Expert forums"}
    assert f"{word} visit" in answer.text
    assert re.search(r'href="/rooms/[^"]+/edit"', answer.text)
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_may_not_change_a_room_is_led_to_the_list(browse: Browse, word: str) -> None:
    page = browse(Role.MEMBER).get("/search/found", query_string={"query": word}).text

    assert 'href="/rooms"' in page
    assert 'href="/people"' in page


def test_an_expert_finds_cities_and_the_pages_it_may_open(browse: Browse, word: str) -> None:
    expert = browse(Role.EXPERT)

    assert set(list_groups(expert.get("/search/found", query_string={"query": word}).text)) == {"Cities"}
    page = expert.get("/search", query_string={"query": word})
    assert page.status_code == 200
    assert f'href="/cities/{word.lower()}"' in page.text
    headers = {"HX-Request": "true", "HX-Target": "div#results"}
    part = expert.get("/search", query_string={"query": word}, headers=headers)
    assert part.text.lstrip().startswith('<div class="stack" id="results">')
    assert "New visit" not in expert.get("/search/found?query=new").text


@pytest.mark.parametrize(
    ("language", "query", "path"),
    [
        ("en", "new vi", "/visits/new"),
        ("en", "VISIT new", "/visits/new"),
        ("en", "room", "/rooms"),
        ("de", "neuer bes", "/visits/new"),
        ("de", "raume", "/rooms"),
    ],
)
def test_pages_are_found_by_the_beginnings_of_their_words(browse: Browse, language: str, query: str, path: str) -> None:
    headers = {"Accept-Language": language}
    page = browse(Role.COORDINATOR).get("/search/found", query_string={"query": query}, headers=headers).text

    assert f'href="{path}"' in page


def test_the_search_page_shows_names_above_the_learnings(browse: Browse, word: str) -> None:
    page = browse(Role.COORDINATOR).get("/search", query_string={"query": word}).text

    assert page.index(f'href="/cities/{word.lower()}"') < re.search("learnings? for", page).start()


@pytest.fixture
def box_without(gateway: Gateway, usual_deadlines: None) -> Iterator[Callable[[str, str], tuple[str, str]]]:
    """Return the box and the search page of a gateway in front of services of which one is away."""
    made = []

    def ask(service: str, query: str) -> tuple[str, str]:
        away = GatewaySettings(**{**gateway.settings.__dict__, f"{service}_address": "127.0.0.1:1"})
        app = create_app(away)
        made.append(app)
        client = browser(Gateway(app, gateway.database, away), Role.COORDINATOR)
        box = client.get("/search/found", query_string={"query": query})
        assert box.status_code == 200
        page = client.get("/search", query_string={"query": query})
        assert page.status_code == (503 if service == "knowledge" else 200)
        return box.text, page.text

    yield ask
    for app in made:
        app.extensions["rpc"].close()
        app.extensions["accounts"].dispose()


@pytest.mark.parametrize("service", ["exchange", "forum", "knowledge"])
def test_a_service_that_is_away_is_named_and_the_others_answer(
    box_without: Callable[[str, str], tuple[str, str]], word: str, service: str
) -> None:
    box, page = box_without(service, word)

    assert [name for name, sentence in AWAY.items() if sentence in box] == [service]
    assert ("Visits" in list_groups(box)) is (service != "exchange")
    assert ("Expert forums" in list_groups(box)) is (service != "forum")
    if service != "knowledge":
        assert AWAY[service] in page


def test_the_search_page_asks_for_learnings_while_it_waits_for_names(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everything, "SECONDS", 300.0)
    with socket.create_server(("127.0.0.1", 0)) as exchange, socket.create_server(("127.0.0.1", 0)) as knowledge:
        silent = {
            "exchange_address": f"127.0.0.1:{exchange.getsockname()[1]}",
            "knowledge_address": f"127.0.0.1:{knowledge.getsockname()[1]}",
        }
        settings = GatewaySettings(**{**gateway.settings.__dict__, **silent})
        app = create_app(settings)
        client = browser(Gateway(app, gateway.database, settings), Role.COORDINATOR)
        page = Thread(target=client.get, args=("/search?query=x",))
        page.start()
        try:
            knowledge.settimeout(30)
            knowledge.accept()
        finally:
            app.extensions["rpc"].close()
            page.join()
            app.extensions["accounts"].dispose()


def test_nobody_searches_without_signing_in(gateway: Gateway) -> None:
    answer = gateway.app.test_client().get("/search/found?query=x", headers={"HX-Request": "true"})

    assert answer.status_code == 401


@given(query=st.text(max_size=200))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_whatever_is_typed_is_answered(browse: Browse, query: str) -> None:
    client = browse(Role.COORDINATOR)

    answer = client.get("/search/found", query_string={"query": query.encode("utf-8", "replace")})

    assert answer.status_code in (200, 400)
    assert "<script" not in answer.text
