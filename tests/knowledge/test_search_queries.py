"""What queries find in the index, how it is counted and in which order it comes."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.knowledge.search.analysis import find_terms, normalize
from services.knowledge.search.documents import Filters, Order, get_key
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.query import MAX_CHARACTERS, MAX_UNITS, Query
from services.knowledge.search.snippets import Snippets
from services.knowledge.topics import find_topics, make_expander
from services.knowledge.vocabulary.importing import read_own_labels
from tests.knowledge.documents import ALL, ENGLISH, GERMAN, NOON, expand, find, find_ids, make_document


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
        ("Haus", {"de"}),
        ("Prüfung", {"de"}),
        ("prufung", {"de"}),
        ("departments", {"en"}),
        ("director", {"en"}),
        ("SWANSEA", {"de", "en"}),
        ("污水", {"zh"}),
        ("水", {"zh"}),
        ("污水处理厂", {"zh"}),
        ("污水处理怎么管理", {"zh"}),
        ("水污", set()),
        ("icme", {"tr"}),
        ("İÇME", {"tr"}),
        ("Swansea Häusern", {"de", "en"}),
        ("swansea nowhere", {"de", "en"}),
        ("die Häuser", {"de"}),
        ("wie machen es die Häuser", {"de"}),
        ('"every department"', {"en"}),
        ("„every department“", {"en"}),
        ('"department every"', set()),
        ('"directors weekly It"', set()),  # a phrase does not span two passages
        ("directors-weekly", {"en"}),
        ("contr", {"de", "en"}),
        ("fachbe", {"de"}),
        ("fachbe swansea", {"de", "en"}),
        ("+fachbe swansea", {"de"}),
        ("swansea -departments", {"de"}),
        ("-swansea", {"zh", "tr"}),
        ("swansea language:de", {"de"}),
        ("city:swansea", {"de", "en"}),
        ("stadt:qingdao", {"zh"}),
        ("topic:wastewater year:2026", {"en", "zh"}),
        ("sdg:6", {"en", "zh"}),
        ("state:validated", {"en"}),
        ("zustand:bestätigt", {"en"}),
        ('department:"Kämmerei"', {"de"}),
        ("sdg:99 swansea", {"de", "en"}),  # no such goal: words
        ("stadt:Swånsea", {"de", "en"}),
        ("swansea -language:de", {"en"}),
        ("-city:swansea", {"zh", "tr"}),
        ("-sdg:6 -language:tr", {"de"}),
        ("swansea −departments", {"de"}),
        ("「every department」", {"en"}),
        ("", {"de", "en", "zh", "tr"}),
        ('  !?"', {"de", "en", "zh", "tr"}),
    ],
)
def test_query_finds(index: SearchIndex, query: str, ids: set[str]) -> None:
    assert set(find_ids(index, query)) == ids


def test_more_and_rarer_words_rank_higher(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    texts = {"both": "Wasser und Haushalt", "rare": "Haushalt und Verkehr", "common": "Wasser und Verkehr"}
    index.put([make_document(id_, text) for id_, text in texts.items()])
    index.put([make_document(f"w{number}", "Wasser und Verkehr in der Stadt") for number in range(20)])
    assert find_ids(index, "wasser haushalt")[:2] == ["both", "rare"]


def test_words_near_each_other_and_in_the_title_rank_higher(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put(
        [
            make_document(
                "far", "Haushalt ist das eine, was wir tun, und später kommt vielleicht das Controlling dazu"
            ),
            make_document("near", "Das eine, was wir tun, ist Haushalt und Controlling, und später kommt etwas dazu"),
            make_document(
                "title", "Das eine, was wir tun, und später kommt vielleicht etwas dazu", title="Haushalt, Controlling"
            ),
        ]
    )
    assert find_ids(index, "haushalt controlling") == ["title", "near", "far"]


def test_the_word_itself_comes_before_compounds_with_it(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([make_document(word, f"Der {word} sitzt hier.") for word in ("Dezernatscontroller", "Controller")])
    assert find_ids(index, "Controller") == ["Controller", "Dezernatscontroller"]


def test_the_newer_of_equals_comes_first(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    for year in (3, 1, 2):
        index.put([make_document(f"{year}", "Wasser", create_time=NOON + timedelta(days=365 * year))])
    assert find_ids(index, "wasser") == ["3", "2", "1"]


def test_scores_fall_and_do_not_pass_one(index: SearchIndex) -> None:
    scores = [hit.score for hit in find(index, "controlling swansea").hits]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] <= scores[0] <= 1


@pytest.mark.parametrize(
    ("order", "query", "first"),
    [
        (Order.RELEVANCE, "", ["zh", "en"]),
        (Order.NEWEST, "", ["zh", "en"]),
        (Order.NEWEST, "controller", ["en", "de"]),
        (Order.MOST_APPLIED, "", ["en", "tr"]),
        (Order.MOST_APPLIED, "controlling", ["en", "de"]),
    ],
)
def test_what_is_found_comes_in_the_order_asked_for(
    index: SearchIndex, order: Order, query: str, first: list[str]
) -> None:
    page = index.search(Query.parse(query), Filters(), order=order).page
    assert [hit.id for hit in page.hits][:2] == first


@pytest.mark.parametrize(
    ("typed", "state"),
    [("validiert", "validated"), ("abgelehnt", "rejected"), ('"Erkannte Lehre"', "lesson_identified")],
)
def test_a_state_is_known_by_the_word_that_pages_have_for_it(typed: str, state: str) -> None:
    query = Query.parse(f"stand:{typed}")
    assert (query.units, query.filters.states) == ((), [state])


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
        ({"languages": ["en"]}, {"en"}),
        ({"languages": ["en-GB"]}, {"en"}),
        ({"languages": ["en-US"]}, set()),
        ({"departments": ["Finance", "Kämmerei"]}, {"de", "en"}),
        ({"years": ["2026"]}, {"de", "en", "zh"}),
        ({"states": ["validated"]}, {"en"}),
        ({"audience": ["public"]}, {"en"}),
        ({"audience": ["public", "partners", "accounts/anna"]}, {"de", "en", "zh"}),
        ({"audience": []}, set()),
    ],
)
def test_filters_leave(index: SearchIndex, filters: dict[str, list[str]], ids: set[str]) -> None:
    assert set(find_ids(index, "", **filters)) == ids


def test_facets_count_what_matches_and_ignore_only_their_own_filter(index: SearchIndex) -> None:
    page = find(index, "", topics=["wastewater"])
    assert page.total == 2
    assert {name: dict(facet.counts) for name, facet in page.facets.items()} == {
        "topics": {"controlling": 2, "wastewater": 2},
        "cities": {"cities/qingdao": 1, "cities/swansea": 1},
        "sdg_targets": {"6.3": 2, "16.6": 1},
        "languages": {"en": 1, "zh": 1},
        "departments": {"Finance": 1},
        "years": {"2026": 2},
        "states": {"observation": 1, "validated": 1},
    }


def test_a_filter_that_was_typed_narrows_its_facet_too(index: SearchIndex) -> None:
    assert dict(find(index, "topic:wastewater").facets["topics"].counts) == {"controlling": 1, "wastewater": 2}


def test_a_facet_with_more_values_than_are_counted_says_so(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.put([make_document(f"{number}", "Wasser", topics=[f"topic-{number}"]) for number in range(101)])
    facets = find(index, "wasser").facets
    assert (len(facets["topics"].counts), facets["topics"].is_cut) == (100, True)
    assert not facets["states"].is_cut


def test_all_that_begins_so_is_found_and_counted(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    for part in range(3):
        words = [f"Sch{chr(97 + part)}{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(200)]
        index.put([make_document(word, word) for word in words])
    page = find(index, "sch")
    assert page.total == 600
    assert sum(count for _, count in page.facets["years"].counts) == 600


@pytest.mark.parametrize("query", ["controller", "", "-nothing"])
@pytest.mark.parametrize("order", Order)
def test_pages_follow_each_other_without_gap_or_repetition(tmp_path: Path, query: str, order: Order) -> None:
    index = SearchIndex(tmp_path)
    index.put([replace(ENGLISH, id=f"e{number}") for number in range(25)])
    seen: list[str] = []
    cursor = None
    while True:
        page = index.search(Query.parse(query), Filters(), order=order, cursor=cursor, limit=10).page
        seen += [hit.id for hit in page.hits]
        assert page.total == 25
        if page.cursor is None:
            break
        cursor = page.cursor
    assert sorted(seen) == sorted(f"e{number}" for number in range(25))


@pytest.mark.parametrize("order", Order)
def test_no_page_leaves_out_what_comes_at_the_same_place_in_its_order(tmp_path: Path, order: Order) -> None:
    # The last bits of their keys, by which equals are told apart, are the same.
    ids = ["e4", "e16"]
    assert len({get_key(id_) & 0xFFF for id_ in ids}) == 1
    index = SearchIndex(tmp_path)
    index.put([replace(ENGLISH, id=id_) for id_ in ids])
    first = index.search(Query.parse(""), Filters(), order=order, limit=1).page
    second = index.search(Query.parse(""), Filters(), order=order, cursor=first.cursor, limit=1).page
    assert sorted(hit.id for hit in (*first.hits, *second.hits)) == sorted(ids)
    assert (first.total, second.total, second.cursor) == (2, 2, None)


@pytest.mark.parametrize("query", ["controller", ""])
def test_a_document_that_is_written_anew_does_not_move_its_equals(tmp_path: Path, query: str) -> None:
    index = SearchIndex(tmp_path)
    documents = [replace(ENGLISH, id=f"e{number}") for number in range(30)]
    index.put(documents)
    before = find_ids(index, query)
    index.put([documents[7], documents[3]])
    assert find_ids(index, query) == before


def test_two_indexes_page_alike_however_they_were_fed(tmp_path: Path) -> None:
    one, other = SearchIndex(tmp_path / "one"), SearchIndex(tmp_path / "other")
    documents = [
        make_document(
            f"{number}", "Wasser " * (number % 3 + 1) + f"Wort{number % 7} und Haushalt", title=f"Titel {number % 5}"
        )
        for number in range(60)
    ]
    one.put(documents)
    for document in reversed(documents):
        other.put([document])
    for query in ("wasser haushalt", "", "titel"):
        assert find_ids(one, query) == find_ids(other, query)


def test_a_long_query_is_cut_and_says_so() -> None:
    assert not Query.parse("wasser " * 20).is_cut
    assert Query.parse("x" * (MAX_CHARACTERS + 1)).is_cut
    many = Query.parse(" ".join(f"w{number}" for number in range(MAX_UNITS + 1)))
    assert many.is_cut
    assert len(many.units) == MAX_UNITS


def test_words_that_say_nothing_are_looked_for_only_where_there_is_nothing_else(index: SearchIndex) -> None:
    assert [unit.text for unit in Query.parse("wie haben andere Städte ihr Abwasser geregelt").units] == [
        "Städte",
        "Abwasser",
        "geregelt",
    ]
    assert [unit.text for unit in Query.parse("die").units] == ["die"]
    assert set(find_ids(index, "every")) == {"en"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("KI Strategie", ["KI", "Strategie"]),
        ("OB Wahl", ["OB", "Wahl"]),
        ("IT im Rathaus", ["IT", "Rathaus"]),
        ("+die Strategie", ["die", "Strategie"]),
        ("war refugees", ["war", "refugees"]),
        ("mentally ill people", ["mentally", "ill", "people"]),
        ("the people who are mentally ill", ["people", "mentally", "ill"]),
        ("WIE IST DAS WETTER", ["WETTER"]),
        ("sut mae dinasoedd yn ailgylchu", ["dinasoedd", "ailgylchu"]),
    ],
)
def test_small_words_are_those_of_the_language_of_the_query(query: str, words: list[str]) -> None:
    assert [unit.text for unit in Query.parse(query).units] == words


def test_what_is_not_wanted_names_no_topic() -> None:
    expander = make_expander(read_own_labels())
    assert [topic.slug for topic in find_topics(expander, Query.parse("Wasser"))] == ["water"]
    assert find_topics(expander, Query.parse("-Wasser Haushalt")) == find_topics(expander, Query.parse("-x Haushalt"))


@pytest.mark.parametrize("query", ["SDG 6", "SDG6", "sdg-6", "ODS6"])
def test_a_goal_is_found_by_its_number_where_a_learning_has_one_of_its_targets(tmp_path: Path, query: str) -> None:
    index = SearchIndex(tmp_path)
    index.put([make_document("target", "Sauberes", sdg_targets=["6.4"]), make_document("other", "Anderes")])
    parsed = Query.parse(query)
    topics = find_topics(make_expander(read_own_labels()), parsed)
    found = index.search(parsed, Filters(), topics=topics)
    assert [hit.id for hit in found.page.hits] == ["target"]
    assert Snippets(found.expansions, topics).cut(make_document("target", "Sauberes", sdg_targets=["6.4"])).reasons


def test_what_was_not_found_and_what_was_corrected_is_told(index: SearchIndex) -> None:
    words = expand(index, "Swanse qqqqqq Fachbreichen ")
    assert [(word.unit.text, word.is_found, word.corrected) for word in words] == [
        ("Swanse", True, ""),  # it begins a word
        ("qqqqqq", False, ""),
        ("Fachbreichen", True, "fachbereichen"),
    ]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300))
def test_any_query_is_answered(index: SearchIndex, text: str) -> None:
    found = index.search(Query.parse(text), Filters())
    assert found.page.total >= len(found.page.hits)
    snippets = Snippets(found.expansions)
    for document in ALL:
        snippets.cut(document)


OPERATORS = st.sampled_from(
    [
        '"',
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "*",
        "~2",
        "title:",
        "city:",
        "year:",
        "+",
        "-",
        "[a TO z]",
        "^",
        "\\",
        "/",
        "a",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(OPERATORS), space=st.sampled_from(["", " "]))
def test_query_syntax_of_other_systems_is_answered(index: SearchIndex, pieces: list[str], space: str) -> None:
    index.search(Query.parse(space.join(pieces)), Filters())


@pytest.mark.parametrize(
    "text",
    [
        "ab " * 700_000,
        "a" * 2_000_000,
        '"' * 1_000_000,
        "\u0301" * 1_000_000,
        "水" * 700_000,
        "-" * 1_000_000,
        "a:" * 500_000,
    ],
    ids=["words", "letters", "quotes", "accents", "characters", "signs", "names"],
)
def test_megabytes_are_answered_as_fast_as_what_is_looked_at_of_them(index: SearchIndex, text: str) -> None:
    start = time.perf_counter()
    index.search(Query.parse(text), Filters())
    assert time.perf_counter() - start < 5


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=100).filter(lambda text: any(find_terms(normalize(text)))),
    title=st.text(max_size=40),
    language=st.sampled_from(["de", "en", "ar", "zh", "tr", "uk", "he", "cy", "fr", "xx"]),
)
def test_every_document_is_found_and_marked_by_each_of_its_terms(
    index: SearchIndex, text: str, title: str, language: str
) -> None:
    document = replace(GERMAN, id="any", language=language, title=title, passages=[text], context=())
    index.put([document])
    for term in {term for term, _, _ in find_terms(normalize(text))}:
        for typed in (term, f'"{term}"', f"{term} ", f"+{term}"):
            assert "any" in find_ids(index, typed), typed
            snippet = Snippets(expand(index, typed)).cut(document)
            assert "<mark>" in snippet.title + snippet.passage
            assert snippet.reasons
