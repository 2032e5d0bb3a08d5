"""What a searcher may not see changes nothing that the searcher is told: compared with an index that lacks it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.knowledge.search.documents import Document, Filters
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.query import Query
from services.knowledge.search.ranking import Found
from services.knowledge.search.snippets import Snippets
from tests.knowledge.documents import make_document

AUDIENCES = ["internal", "partners", "public", "accounts/anna"]
SEARCHERS: list[Sequence[str] | None] = [
    None,
    ["partners", "public"],
    ["partners", "public", "accounts/anna"],
    ["public"],
    [],
]
WORDS = [
    "Abwasser", "Abwasserkonzept", "Konzept", "Konzepte", "Haushalt", "Haushaltsplan", "Planung", "Controller",
    "Controllern", "Contoller", "Dezernat", "Schule", "Schulen", "Schulbau", "2030", "污水处理", "水", "Swansea",
]  # fmt: skip

documents = st.lists(
    st.builds(
        lambda words, audience, topics, title: (words, audience, topics, title),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
        st.sampled_from(AUDIENCES),
        st.lists(st.sampled_from(["water", "budget", "schools"]), max_size=2, unique=True),
        st.sampled_from(WORDS),
    ),
    max_size=12,
)
typed = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(WORDS).map(lambda word: word[:-1]),
        st.sampled_from(WORDS).map(lambda word: word[:1] + word[2:]),
        st.sampled_from(WORDS).map(lambda word: f"+{word}"),
        st.sampled_from(WORDS).map(lambda word: f"-{word}"),
        st.sampled_from(WORDS).map(lambda word: f'"{word}"'),
        st.just("topic:water"),
    ),
    min_size=1,
    max_size=3,
).map(" ".join)


def make_documents(drawn: Sequence[tuple[list[str], str, list[str], str]]) -> list[Document]:
    return [
        make_document(f"{number}", " ".join(words), title=title, audience=[audience], topics=topics)
        for number, (words, audience, topics, title) in enumerate(drawn)
    ]


def describe(found: Found, documents: Sequence[Document]) -> object:
    """Return all that a searcher is told."""
    by_id = {document.id: document for document in documents}
    snippets = Snippets(found.expansions)
    return (
        found.page.total,
        {hit.id: snippets.cut(by_id[hit.id]) for hit in found.page.hits},
        {name: dict(facet.counts) for name, facet in found.page.facets.items()},
        [(each.unit, each.is_found, each.corrected) for each in found.expansions],
    )


@pytest.mark.parametrize("searcher", SEARCHERS, ids=str)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=documents, query=typed)
@example(drawn=[(["Abwasser"], "internal", [], "Schule"), (["Schulbau"], "public", [], "Abwasser")], query="Schule")
def test_what_one_may_not_see_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    searcher: Sequence[str] | None,
    drawn: Sequence[tuple[list[str], str, list[str], str]],
    query: str,
) -> None:
    every = make_documents(drawn)
    visible = [each for each in every if searcher is None or set(searcher) & set(each.audience)]
    told = []
    for held in (every, visible):
        index = _make_index(tmp_path_factory.mktemp("index"), held)
        told.append(describe(index.search(Query.parse(query), Filters(audience=searcher)), every))
        index.close()
    assert told[0] == told[1]


def _make_index(folder: Path, held: Sequence[Document]) -> SearchIndex:
    index = SearchIndex(folder)
    index.put(held)
    return index
