"""Topics on pages: in the reader's words, picked while one types, and readable while the service is away."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from flask import get_flashed_messages

from chassis import contract
from chassis.identity import Role
from deploy.embedded import free_port
from gateway import create_app
from gateway.vocabulary import topics
from tests.gateway.browsing import PageForm, browser, text_of
from tests.gateway.conftest import Browse, Gateway, Rest
from tests.gateway.samples import an_exchange

ASK_SECONDS = topics.ASK_SECONDS
GERMAN = {"Accept-Language": "de"}


pytestmark = pytest.mark.usefixtures("known_vocabulary")


def offer(browse: Browse, typed: str, language: str = "de") -> list[tuple[str, str]]:
    """Return (value, label) of the options for a field in which somebody has typed so much."""
    answer = browse(Role.MEMBER).get(
        "/topics/options", query_string={"learning.topics": typed}, headers={"Accept-Language": language}
    )
    assert answer.status_code == 200
    found = re.findall(r'<option value="([^"]*)"(?:\s+label="([^"]*)")?', answer.text)
    return [(unescape(value), unescape(label)) for value, label in found]


@pytest.mark.parametrize(
    ("typed", "slugs"),
    [
        ("Haushalt, Abwasser", ["budget", "wastewater"]),
        ("kläranlage; Climate", ["wastewater", "climate"]),
        ("очисні споруди", ["wastewater"]),
        ("wastewater", ["wastewater"]),
        ("Wildwiesen & Hecken", ["wildwiesen-hecken"]),
    ],
)
def test_what_is_typed_is_a_topic_that_is_called_so_or_a_new_one(browse: Browse, typed: str, slugs: list[str]) -> None:
    client = browse(Role.COORDINATOR)
    form = PageForm(client.get("/learnings/new", headers=GERMAN).text).fields
    form.update({"learning.title": "Topics", "learning.observation": "As typed.", "learning.topics": typed})
    recorded = client.post("/learnings/new", data=form, headers=GERMAN)
    assert recorded.status_code == 303
    shown = client.get(recorded.headers["Location"] + "/edit", headers=GERMAN).text
    words = PageForm(shown).fields["learning.topics"].split(", ")
    labels = {"budget": "Haushalt", "wastewater": "Abwasser", "climate": "Klima"}
    assert words == [labels.get(slug, "Wildwiesen hecken") for slug in slugs]


def test_what_is_new_among_the_topics_of_an_exchange_is_told(browse: Browse, gateway: Gateway) -> None:
    client, form = browse(Role.COORDINATOR), f"/{an_exchange(gateway.as_(Role.COORDINATOR))['name']}/edit"
    for typed, told in (("Budget, Zauneidechsen", True), ("Budget, Zauneidechsen, Climate", False)):
        saved = client.post(form, data={**PageForm(client.get(form).text).fields, "exchange.topics": typed})
        assert saved.status_code == 303
        assert ("New among the topics: Zauneidechsen." in text_of(client.get(saved.location))) is told
    fields = {**PageForm(client.get("/exchanges/new").text).fields, "exchange.topics": "Hecken"}
    partnership = client.get("/exchanges/new").text.partition('value="partnerships/')[2].partition('"')[0]
    fields |= {"exchange.partnership": f"partnerships/{partnership}", "exchange.title": "Hedges"}
    created = client.post("/exchanges/new", data={**fields, "exchange.department": "Controlling"})
    assert created.status_code == 303
    assert "New among the topics: Hecken." in text_of(client.get(created.location))


def test_topics_are_offered_for_the_last_word_and_those_before_it_stay(browse: Browse) -> None:
    values = [value for value, _ in offer(browse, "Haushalt, Abw")]
    assert values[0] == "Haushalt, Abwasser"
    assert all(value.startswith("Haushalt, ") for value in values)
    assert "Haushalt, Haushalt" not in [value for value, _ in offer(browse, "Haushalt, haus")]


def test_a_topic_that_was_found_by_another_word_says_by_which(browse: Browse) -> None:
    assert ("Abwasser", "kläranl → Kläranlage") in offer(browse, "kläranl")
    assert ("Wastewater", "abwass → Abwasser") in offer(browse, "abwass", "en")


@pytest.mark.parametrize("typed", ["<script>", "%", "Haushalt, …", "x" * 5000])
def test_whatever_is_typed_is_answered(browse: Browse, typed: str) -> None:
    assert offer(browse, typed) == []


@pytest.mark.parametrize("typed", ["", "Haushalt,"])
def test_who_has_typed_nothing_is_offered_the_vocabulary(browse: Browse, typed: str) -> None:
    labels = [value.removeprefix(typed).strip() for value, _ in offer(browse, typed)]
    assert labels[0] == "Abfall"
    assert len(labels) == 20


def test_a_field_asks_for_topics_while_one_types(browse: Browse) -> None:
    page = browse(Role.MEMBER).get("/learnings/new").text
    field = page[page.index('name="learning.topics"') :]
    assert 'hx-get="/topics/options"' in field[:800]
    assert '<option value="Wastewater">' in field


@pytest.fixture
def lonely(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway before the same services, but with the knowledge service away."""
    monkeypatch.setattr(topics, "ASK_SECONDS", ASK_SECONDS)
    settings = replace(gateway.settings, knowledge_address=f"127.0.0.1:{free_port()}")
    app = create_app(settings)
    yield Gateway(app, app.extensions["accounts"], settings)
    app.extensions["rpc"].close()
    app.extensions["accounts"].dispose()


def test_while_the_knowledge_service_is_away_no_topic_is_called_new(lonely: Gateway) -> None:
    with lonely.app.test_request_context("/learnings/new"):
        topics.flash_new_topics(["budget", "wildwiesen"], known_before=[])
        assert get_flashed_messages() == []


def test_while_the_knowledge_service_is_away_topics_are_their_slugs_in_words(lonely: Gateway, gateway: Gateway) -> None:
    office = gateway.as_(Role.COORDINATOR)
    topics = [f"storm-water-{number}" for number in range(15)]
    exchange = an_exchange(office, topics=topics)
    client = browser(lonely, Role.COORDINATOR)
    started = time.monotonic()
    for path in (f"/{exchange['name']}", "/exchanges", f"/{exchange['name']}/edit", "/exchanges/new"):
        answer = client.get(path)
        assert answer.status_code == 200, path
    assert "Storm water 7" in text_of(client.get(f"/{exchange['name']}"))
    # No page has waited for as long as a call may take.
    assert time.monotonic() - started < contract.DEADLINE_SECONDS
    edited = PageForm(client.get(f"/{exchange['name']}/edit").text).fields
    assert client.post(f"/{exchange['name']}/edit", data=edited).status_code == 303
    assert office.get(f"/v1/{exchange['name']}").json["topics"] == topics
    assert client.get("/topics/options", query_string={"exchange.topics": "Abw"}).status_code == 200


def test_the_api_finds_topics(rest: Rest) -> None:
    found = rest.client.get("/api/v1/topics?query=abwasser&language=de", headers=rest.headers).json
    assert found["topics"][0]["name"] == "topics/wastewater"
    topic = rest.client.get("/api/v1/topics/wastewater?language=pl", headers=rest.headers).json
    assert topic["label"] == "Ścieki"


@pytest.mark.parametrize("topic", ["NO TOPIC", "𝐀", "x" * 500, "a\nb", "%"])
def test_an_address_with_a_malformed_topic_leaves_the_labels_of_the_others(browse: Browse, topic: str) -> None:
    client = browse(Role.MEMBER)
    client.get("/learnings", query_string={"topic": topic})
    assert "Wastewater" in client.get("/exchanges/new").text + client.get("/exchanges").text
