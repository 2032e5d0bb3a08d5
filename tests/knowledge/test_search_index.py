"""The search index by itself: what is found, marked, counted and kept."""

import html
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.knowledge.search import (
    AnalyzedDocument,
    Document,
    Filters,
    IndexDamaged,
    IndexInUse,
    Query,
    SearchIndex,
    Snippets,
)
from services.knowledge.search.analysis import find_words, normalize

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GERMAN = Document(
    id="de",
    language="de",
    title="Controlling braucht kurze Wege",
    passages=["Das Controlling in Swansea sitzt bei den Fachbereichen.", "Die Häuser haben eigene Prüfungen."],
    context=["Controller aus Swansea in Mannheim", "swansea"],
    topics=["controlling"],
    cities=["cities/swansea", "cities/mannheim"],
    sdg_targets=["16.6"],
    state="observation",
    audience=["internal", "cities/swansea"],
    create_time=NOON,
)
ENGLISH = Document(
    id="en",
    language="en-GB",
    title="A controller sits in every department",
    passages=["Swansea's controller meets the directors weekly.", "It is <b>cheap</b> & quick."],
    topics=["controlling", "wastewater"],
    cities=["cities/swansea"],
    sdg_targets=["16.6", "6.3"],
    state="validated",
    audience=["public"],
    create_time=NOON + timedelta(days=1),
)
CHINESE = Document(
    id="zh",
    language="zh-Hans",
    title="青岛污水处理",
    passages=["青岛的污水处理厂由市政府管理。"],
    topics=["wastewater"],
    cities=["cities/qingdao"],
    sdg_targets=["6.3"],
    state="observation",
    audience=["partners"],
    create_time=NOON + timedelta(days=2),
)
TURKISH = Document(id="tr", language="tr", title="İçme suyu", passages=["Kilis'te içme suyu pahalıdır."])
ALL = (GERMAN, ENGLISH, CHINESE, TURKISH)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    index = SearchIndex(tmp_path_factory.mktemp("index"))
    index.put(ALL)
    yield index
    index.close()


def found(index: SearchIndex, text: str, **filters: object) -> list[str]:
    return [hit.id for hit in index.search(Query.parse(text), Filters(**filters)).hits]  # type: ignore[arg-type]


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
    assert set(found(index, query)) == ids


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
    assert bool(found(index, query)) is expected
    assert ("<mark>" in Snippets(Query.parse(query)).mark_passage(AnalyzedDocument(document))) is expected


def test_the_word_itself_comes_before_compounds_with_it(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    for id_, word in (("compound", "Dezernatscontroller"), ("word", "Controller")):
        index.put([replace(GERMAN, id=id_, title="Ort", passages=[f"Der {word} sitzt hier."], context=())])
    assert found(index, "Controller") == ["word", "compound"]


def test_a_title_weighs_more_than_a_text_and_the_best_comes_first(index: SearchIndex) -> None:
    page = index.search(Query.parse("controlling"), Filters())
    assert page.hits[0].id == "de"
    scores = [hit.score for hit in page.hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_without_words_the_newest_comes_first(index: SearchIndex) -> None:
    assert found(index, "")[:2] == ["zh", "en"]


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
    assert set(found(index, "", **filters)) == ids


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


@pytest.mark.parametrize(
    ("query", "document", "expected"),
    [
        ("Controllings", GERMAN, "Das <mark>Controlling</mark> in Swansea sitzt bei den Fachbereichen."),
        ("controllers", ENGLISH, "Swansea&#x27;s <mark>controller</mark> meets the directors weekly."),
        ("swansea", ENGLISH, "<mark>Swansea</mark>&#x27;s controller meets the directors weekly."),
        ("cheap", ENGLISH, "It is &lt;b&gt;<mark>cheap</mark>&lt;/b&gt; &amp; quick."),
        ("fachb", GERMAN, "Das Controlling in Swansea sitzt bei den <mark>Fachbereichen</mark>."),
        ("污水", CHINESE, "青岛的<mark>污水</mark>处理厂由市政府管理。"),
        ("kurze Wege", GERMAN, "Das Controlling in Swansea sitzt bei den Fachbereichen."),
        ("mannheim", GERMAN, "Das Controlling in Swansea sitzt bei den Fachbereichen."),
        ("", GERMAN, "Das Controlling in Swansea sitzt bei den Fachbereichen."),
    ],
)
def test_snippet_marks_what_matched(query: str, document: Document, expected: str) -> None:
    assert Snippets(Query.parse(query)).mark_passage(AnalyzedDocument(document)) == expected


@pytest.mark.parametrize(
    ("query", "document", "expected"),
    [
        ("kurze Wege", GERMAN, "Controlling braucht <mark>kurze</mark> <mark>Wege</mark>"),
        ('"kurze Wege"', GERMAN, "Controlling braucht <mark>kurze Wege</mark>"),
        ("Controllings", GERMAN, "<mark>Controlling</mark> braucht kurze Wege"),
        ("Fachbereich", GERMAN, "Controlling braucht kurze Wege"),
        ("", GERMAN, "Controlling braucht kurze Wege"),
        ("cheap", replace(ENGLISH, title="<i>Cheap</i> & quick"), "&lt;i&gt;<mark>Cheap</mark>&lt;/i&gt; &amp; quick"),
        ("last", replace(ENGLISH, title="long " * 80 + "last"), "long " * 80 + "<mark>last</mark>"),
        ("", replace(ENGLISH, title="<i>"), "&lt;i&gt;"),
    ],
)
def test_title_is_shown_whole_with_what_matched(query: str, document: Document, expected: str) -> None:
    assert Snippets(Query.parse(query)).mark_title(AnalyzedDocument(document)) == expected


def test_snippet_shows_the_stretch_of_a_long_text_where_most_words_meet() -> None:
    text = "Wasser. " + "Anderes. " * 100 + "Wasser und Controlling. " + "Anderes. " * 100
    shown = Snippets(Query.parse("wasser controlling")).mark_passage(AnalyzedDocument(replace(GERMAN, passages=[text])))
    assert "<mark>Wasser</mark> und <mark>Controlling</mark>" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 400


def test_a_changed_document_is_replaced(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([GERMAN])
    index.put([replace(GERMAN, title="Anderes", passages=["Anderes"])])
    assert found(index, "fachbereichen") == []
    assert found(index, "anderes") == ["de"]
    assert len(index) == 1


def test_documents_and_checkpoint_survive_a_restart(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    assert index.read_checkpoint() is None
    index.put(ALL)
    index.write_checkpoint({"seen": 7})
    index.close()
    again = SearchIndex(tmp_path)
    assert again.read_checkpoint() == {"seen": 7}
    assert len(again) == len(ALL)
    assert found(again, "Controllings") == ["de", "en"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 5000])
@pytest.mark.parametrize("files", ["meta.json", "*.term", "*.store", "*.idx", "*.fast"])
def test_a_damaged_index_is_made_anew_and_empty(tmp_path: Path, files: str, content: bytes) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.write_checkpoint(1)
    index.close()
    (folder,) = tmp_path.glob("v*")
    for file in folder.glob(files):
        file.write_bytes(content)
    again = SearchIndex(tmp_path)
    assert again.read_checkpoint() is None
    assert len(again) == 0
    again.put(ALL)
    assert set(found(again, "controllers")) == {"de", "en"}


def test_an_unreadable_checkpoint_is_none(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    index.write_checkpoint(1)
    next(tmp_path.glob("*/checkpoint.json")).write_bytes(b"\0garbage")
    assert index.read_checkpoint() is None


def test_an_index_in_use_is_left_alone(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    with pytest.raises(IndexInUse):
        SearchIndex(tmp_path)
    assert len(index) == len(ALL)
    index.close()
    with pytest.raises(IndexDamaged):
        index.search(Query.parse("controller"), Filters())
    SearchIndex(tmp_path).close()


def test_an_index_of_another_version_is_left_and_removed(tmp_path: Path) -> None:
    (tmp_path / "v0-0.1").mkdir()
    SearchIndex(tmp_path).clear()
    assert not (tmp_path / "v0-0.1").exists()


def test_files_that_vanish_while_running_are_reported_and_made_anew(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(ALL)
    (folder,) = tmp_path.glob("v*")
    shutil.rmtree(folder)
    with pytest.raises(IndexDamaged):
        index.put(ALL)
    index.clear()
    index.put(ALL)
    assert len(index) == len(ALL)


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
    index.put([document])
    for word in {word for word, _, _ in find_words(normalize(text))}:
        for typed in (word, f'"{word}"', f"{word} "):
            assert "any" in found(index, typed), typed
            snippets = Snippets(Query.parse(typed))
            assert "<mark>" in snippets.mark_passage(AnalyzedDocument(document)) + snippets.mark_title(
                AnalyzedDocument(document)
            )


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
        assert "any" in found(index, typed)
        assert Snippets(Query.parse(typed)).mark_passage(AnalyzedDocument(document)) == f"<mark>{compound}</mark>"


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="<>&\"'a b/script;", min_size=1, max_size=700), query=st.text(max_size=20))
def test_snippet_escapes_everything_but_its_marks(text: str, query: str) -> None:
    shown = Snippets(Query.parse(query + " a script")).mark_passage(AnalyzedDocument(replace(ENGLISH, passages=[text])))
    bare = shown.replace("<mark>", "").replace("</mark>", "")
    assert not re.search(r"[<>\"']", bare)
    assert shown.count("<mark>") == shown.count("</mark>")
    assert html.unescape(bare).removeprefix("… ").removesuffix(" …") in normalize(text) + normalize(ENGLISH.title)
