"""The search page: what became of the words, how it is narrowed down and ordered, and why each result is there."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import text_of
from tests.gateway.conftest import Browse, Rest
from tests.gateway.samples import created
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
    titles = re.findall(r'<h2 class="kern-title"><a[^>]*><span>(.*?)</span></a></h2>', page)
    return [unescape(re.sub("<[^>]+>", "", title)) for title in titles]


def find_link(page: str, label: str) -> dict[str, list[str]]:
    """Return the query of the address that a link of the facets leads to."""
    found = re.search(rf'href="([^"]+)">(?:<strong>)?<bdi>{label}</bdi>', page)
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


@pytest.mark.parametrize("filters", [{"states": "STATE_NONSENSE"}, {"years": "no"}, {"order_by": "nonsense"}])
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


def test_a_corrected_word_is_named(office: FlaskClient) -> None:
    page = search(office, query="Quitenkonzepte ")
    assert "Showing results for <strong><bdi>quittenkonzepte</bdi></strong>" in " ".join(page.split())
    assert 'query=%2BQuitenkonzepte"' in page


def test_each_result_says_why_it_was_found(office: FlaskClient) -> None:
    page = text_of(office.get("/search", query_string={"query": "Quitten"}))
    assert "Found by: compound ( Quittenkonzept" in page


def test_a_topic_of_the_query_is_named(office: FlaskClient) -> None:
    page = search(office, query="climate")
    assert "Also by what these topics are called in other languages:" in page


def test_a_long_query_is_cut_and_the_page_says_so(office: FlaskClient) -> None:
    assert "The query is long" in search(office, query="Quitte " * 400)


def test_a_learning_names_similar_ones(office: FlaskClient, rest: Rest) -> None:
    def find_similar() -> str | None:
        (learning, *_) = rest.get("/v1/learnings:search", query="+Quittenkonzepte").json["results"]
        page = text_of(office.get(f"/{learning['learning']['name']}"))
        return page if "Similar learnings" in page else None

    assert "Quittenkonzept" in eventually(find_similar).partition("Similar learnings")[2]
