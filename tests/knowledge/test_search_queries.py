"""What queries find in the index, how it is counted and in which order it comes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.knowledge.search import AnalyzedDocument, Filters, Query, SearchIndex, Snippets
from services.knowledge.search.analysis import find_words, normalize
from tests.knowledge.documents import ALL, ENGLISH, GERMAN, find_ids


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    index = SearchIndex(tmp_path_factory.mktemp("index"))
    index.put(ALL)
    yield index
    index.close()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Controllings", {"de", "en"}),  # stems to control in English
        ("controllers", {"de", "en"}),
        ("Controllers", {"de", "en"}),
        ("Haus", {"de"}),
        ("Prüfung", {"de"}),
        ("prufung", {"de"}),
        ("departments", {"en"}),
        ("director", {"en"}),
        ("SWANSEA", {"de", "en"}),
        ("污水", {"zh"}),
        ("水污", set()),
        ("icme", {"tr"}),
        ("İÇME", {"tr"}),
        ("Swansea Häusern", {"de"}),
        ("swansea department", {"en"}),
        ("swansea nowhere", set()),
        ("die Häuser", {"de"}),
        ("the controller", {"de", "en"}),
        ('"every department"', {"en"}),
        ("„every department“", {"en"}),
        ('"department every"', set()),
        ('"directors weekly It"', set()),  # a phrase does not span two passages
        ('"the', {"en"}),
        ("directors-weekly", {"en"}),
        ("contr", {"de", "en"}),
        ("fachbe", {"de"}),
        ("fachbe ", set()),
        ("fachbe swansea", set()),
        ("swansea fachbe", {"de"}),
        ("", {"de", "en", "zh", "tr"}),
        ('  !?"', {"de", "en", "zh", "tr"}),
    ],
)
def test_query_finds(index: SearchIndex, query: str, ids: set[str]) -> None:
    assert set(find_ids(index, query)) == ids


@pytest.mark.parametrize(
    ("query", "word", "language", "expected"),
    [
        ("Controller ", "Dezernatscontroller", "de", True),
        ("Controllern ", "Dezernatscontrollers", "de", True),
        ("Planungen ", "Haushaltsplanung", "de-AT", True),
        ("Dezernat ", "Dezernatscontroller", "de", False),  # not the last part
        ("arbeiten ", "zusammenarbeiten", "de", False),  # not a noun
        ("Bereich ", "Arbeitsbereich", "nl", False),
        ('"der Controller"', "der Dezernatscontroller", "de", False),  # words of a phrase stand as they are
    ],
)
def test_only_german_nouns_are_taken_for_compounds(
    tmp_path: Path, query: str, word: str, language: str, expected: bool
) -> None:
    index = SearchIndex(tmp_path)
    document = replace(GERMAN, language=language, title="", passages=[word], context=())
    index.put([document])
    assert bool(find_ids(index, query)) is expected
    assert ("<mark>" in Snippets(Query.parse(query)).mark_passage(AnalyzedDocument(document))) is expected


def test_the_word_itself_comes_before_compounds_with_it(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    for id_, word in (("compound", "Dezernatscontroller"), ("word", "Controller")):
        index.put([replace(GERMAN, id=id_, title="Ort", passages=[f"Der {word} sitzt hier."], context=())])
    assert find_ids(index, "Controller") == ["word", "compound"]


def test_a_title_weighs_more_than_a_text_and_the_best_comes_first(index: SearchIndex) -> None:
    page = index.search(Query.parse("controlling"), Filters())
    assert page.hits[0].id == "de"
    scores = [hit.score for hit in page.hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_without_words_the_newest_comes_first(index: SearchIndex) -> None:
    assert find_ids(index, "")[:2] == ["zh", "en"]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"topics": ["controlling"]}, {"de", "en"}),
        ({"topics": ["controlling", "wastewater"]}, {"de", "en", "zh"}),
        ({"topics": ["wastewater"], "cities": ["cities/swansea"]}, {"en"}),
        ({"sdg_targets": ["6.3"]}, {"en", "zh"}),
        ({"sdg_targets": ["6"]}, {"en", "zh"}),
        ({"sdg_targets": ["1"]}, set()),
        ({"sdg_targets": ["1", "16.6"]}, {"de", "en"}),
        ({"languages": ["de"]}, {"de"}),
        ({"states": ["validated"]}, {"en"}),
        ({"audience": ["public"]}, {"en"}),
        ({"audience": ["public", "partners", "cities/swansea"]}, {"de", "en", "zh"}),
        ({"audience": []}, set()),
    ],
)
def test_filters_leave(index: SearchIndex, filters: dict[str, list[str]], ids: set[str]) -> None:
    assert set(find_ids(index, "", **filters)) == ids


def test_filters_do_not_change_the_score(index: SearchIndex) -> None:
    free = index.search(Query.parse("controller"), Filters()).hits
    filtered = index.search(Query.parse("controller"), Filters(topics=["controlling"], audience=["public"])).hits
    assert filtered[0].score == pytest.approx({hit.id: hit.score for hit in free}["en"])


def test_facets_count_what_matches_and_ignore_only_their_own_filter(index: SearchIndex) -> None:
    page = index.search(Query.parse(""), Filters(topics=["wastewater"]))
    assert page.total == 2
    assert page.facets["topics"] == [("controlling", 2), ("wastewater", 2)]
    assert page.facets["cities"] == [("cities/qingdao", 1), ("cities/swansea", 1)]
    assert page.facets["sdg_targets"] == [("6.3", 2), ("16.6", 1)]
    assert page.facets["languages"] == [("en-GB", 1), ("zh-Hans", 1)]


def test_counts_do_not_tell_of_what_the_searcher_may_not_see(index: SearchIndex) -> None:
    page = index.search(Query.parse("controller"), Filters(audience=["public"]))
    assert page.total == 1
    assert page.facets["cities"] == [("cities/swansea", 1)]


def test_pages_follow_each_other_without_gap_or_repetition(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([replace(ENGLISH, id=f"e{number}") for number in range(25)])
    for query in ("controller", ""):
        ids = [
            hit.id
            for offset in range(0, 30, 10)
            for hit in index.search(Query.parse(query), Filters(), offset=offset, limit=10).hits
        ]
        assert sorted(ids) == sorted(f"e{number}" for number in range(25))


def test_beyond_the_last_page_there_is_nothing_but_the_counts(index: SearchIndex) -> None:
    page = index.search(Query.parse("controller"), Filters(), offset=10**12, limit=50)
    assert page.hits == []
    assert page.total == 2
    assert page.facets["topics"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_any_query_is_answered(index: SearchIndex, text: str) -> None:
    query = Query.parse(text)
    page = index.search(query, Filters())
    assert page.total >= len(page.hits)
    for document in ALL:
        Snippets(query).mark_passage(AnalyzedDocument(document))


OPERATORS = st.sampled_from(
    ['"', "AND", "OR", "NOT", "(", ")", "*", "~2", "title:", "+", "-", "[a TO z]", "^", "\\", "/", "a"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(OPERATORS), space=st.sampled_from(["", " "]))
def test_query_syntax_of_other_systems_is_answered(index: SearchIndex, pieces: list[str], space: str) -> None:
    index.search(Query.parse(space.join(pieces)), Filters())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=100).filter(lambda text: any(find_words(normalize(text)))),
    title=st.text(max_size=40),
    language=st.sampled_from(["de", "en", "ar", "zh", "tr", "uk"]),
)
def test_every_document_is_found_and_marked_by_each_of_its_words(
    index: SearchIndex, text: str, title: str, language: str
) -> None:
    document = replace(GERMAN, id="any", language=language, title=title, passages=[text], context=())
    analyzed = AnalyzedDocument(document)
    index.put([document])
    for word in {word for word, _, _ in find_words(normalize(text))}:
        for typed in (word, f'"{word}"', f"{word} "):
            assert "any" in find_ids(index, typed), typed
            snippets = Snippets(Query.parse(typed))
            assert "<mark>" in snippets.mark_passage(analyzed) + snippets.mark_title(analyzed)


LOWER_CASE = st.text("abcdefghijklmnopqrstuvwxyzäöüß", max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    modifier=LOWER_CASE.filter(lambda text: len(text) >= 4 and text[0] != "ß"),
    head=LOWER_CASE.filter(lambda text: len(text) >= 5),
)
def test_a_german_compound_is_found_and_marked_by_its_head(index: SearchIndex, modifier: str, head: str) -> None:
    compound = (modifier + head).capitalize()
    document = replace(GERMAN, id="any", title="", passages=[compound], context=())
    index.put([document])
    for typed in (head, f"{head.capitalize()} "):
        assert "any" in find_ids(index, typed)
        assert Snippets(Query.parse(typed)).mark_passage(AnalyzedDocument(document)) == f"<mark>{compound}</mark>"
