"""What is shown of a document that was found: what matched is marked, and nothing else is markup."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.knowledge.search.analysis import normalize
from services.knowledge.search.documents import Document, Topic
from services.knowledge.search.expansion import Relation
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.snippets import Snippets
from tests.knowledge.documents import CHINESE, ENGLISH, GERMAN, cut, expand, make_document


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    index = SearchIndex(tmp_path_factory.mktemp("index"))
    yield index
    index.close()


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
def test_snippet_marks_what_matched(index: SearchIndex, query: str, document: Document, expected: str) -> None:
    assert cut(index, query, document).passage == expected


def test_a_topic_by_another_name_says_no_more_than_the_word_that_names_it(index: SearchIndex) -> None:
    passages = ["Wasser heißt englisch water.", "Wasser braucht kurze Wege."]
    document = replace(make_document("snippet", ""), passages=passages)
    index.put([document])
    topic = Topic("water", [["wasser"], ["water"]], start=2, end=3)
    snippets = Snippets(expand(index, '"kurze Wege" Wasser'), [topic])
    assert snippets.cut(document).passage == "<mark>Wasser</mark> braucht <mark>kurze</mark> <mark>Wege</mark>."


@pytest.mark.parametrize(
    ("query", "document", "expected"),
    [
        ("kurze Wege", GERMAN, "Controlling braucht <mark>kurze</mark> <mark>Wege</mark>"),
        ('"kurze Wege"', GERMAN, "Controlling braucht <mark>kurze</mark> <mark>Wege</mark>"),
        ("Controllings", GERMAN, "<mark>Controlling</mark> braucht kurze Wege"),
        ("Fachbereich", GERMAN, "Controlling braucht kurze Wege"),
        ("", GERMAN, "Controlling braucht kurze Wege"),
        ("cheap", replace(ENGLISH, title="<i>Cheap</i> & quick"), "&lt;i&gt;<mark>Cheap</mark>&lt;/i&gt; &amp; quick"),
        ("last", replace(ENGLISH, title="long " * 80 + "last"), "long " * 80 + "<mark>last</mark>"),
        ("", replace(ENGLISH, title="<i>"), "&lt;i&gt;"),
    ],
)
def test_title_is_shown_whole_with_what_matched(
    index: SearchIndex, query: str, document: Document, expected: str
) -> None:
    assert cut(index, query, document).title == expected


def test_snippet_shows_the_stretch_of_a_long_text_where_most_words_meet(index: SearchIndex) -> None:
    text = "Wasser. " + "Anderes. " * 100 + "Wasser und Controlling. " + "Anderes. " * 100
    shown = cut(index, "wasser controlling", replace(GERMAN, passages=[text])).passage
    assert "<mark>Wasser</mark> und <mark>Controlling</mark>" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 400


@settings(max_examples=50, deadline=None)
@given(text=st.text(alphabet="<>&\"'a b/script;", min_size=1, max_size=700), query=st.text(max_size=20))
def test_snippet_escapes_everything_but_its_marks(index: SearchIndex, text: str, query: str) -> None:
    shown = cut(index, query + " a script", replace(ENGLISH, passages=[text])).passage
    bare = shown.replace("<mark>", "").replace("</mark>", "")
    assert not re.search(r"[<>\"']", bare)
    assert shown.count("<mark>") == shown.count("</mark>")
    assert html.unescape(bare).removeprefix("… ").removesuffix(" …") in normalize(text) + normalize(ENGLISH.title)


@pytest.mark.parametrize(
    ("query", "text", "language", "shown", "relation", "words"),
    [
        ("Häuser ", "Das Haus steht.", "de", "Das <mark>Haus</mark> steht.", Relation.INFLECTION, ["Haus"]),
        ("Wasser ", "Das Abwasser!", "de", "Das <mark>Abwasser</mark>!", Relation.COMPOUND, ["Abwasser"]),
        (
            "Kanalbau ",
            "Bau am Kanal",
            "de",
            "<mark>Bau</mark> am <mark>Kanal</mark>",
            Relation.COMPOUND,
            ["Bau", "Kanal"],
        ),
        ("Kanl ", "Der Kanal", "de", "Der <mark>Kanal</mark>", Relation.CORRECTION, ["Kanal"]),
        ("kan", "Der Kanal", "de", "Der <mark>Kanal</mark>", Relation.BEGINNING, ["Kanal"]),
        ("lodz ", "Łódź!", "pl", "<mark>Łódź</mark>!", Relation.SAME, ["Łódź"]),
        ("ספרייה ", "שתי ספריות", "he", "שתי <mark>ספריות</mark>", Relation.INFLECTION, ["ספריות"]),
        ("水 ", "污水处理", "zh", "污<mark>水</mark>处理", Relation.SAME, ["水"]),
    ],
)
def test_a_match_is_marked_and_explained_whatever_it_is(
    index: SearchIndex, query: str, text: str, language: str, shown: str, relation: Relation, words: list[str]
) -> None:
    snippet = cut(index, query, make_document("x", text, language))
    assert snippet.passage == shown
    assert snippet.reasons == [(relation, words)]


@pytest.mark.parametrize(
    ("query", "text", "shown", "word"),
    [
        ("Abwasser ", "Das Ab\u00adwas\u00adser.", "Das <mark>Ab\u00adwas\u00adser</mark>.", "Abwasser"),
        ("m2 ", "Auf 20 m² Dach", "Auf 20 <mark>m²</mark> Dach", "m²"),
        ("CO₂ ", "Weniger CO2!", "Weniger <mark>CO2</mark>!", "CO2"),
        ("wasser ", "Das ＷＡＳＳＥＲ.", "Das <mark>ＷＡＳＳＥＲ</mark>.", "ＷＡＳＳＥＲ"),
        ("9000 ", "Für 9\u00a0000 Euro", "Für <mark>9\u00a0000</mark> Euro", "9\u00a0000"),
        ("דליפות ", "\u200fדליפות\u200f מים", "\u200f<mark>דליפות</mark>\u200f מים", "דליפות"),
    ],
)
def test_what_is_written_in_another_way_is_marked_as_it_stands(
    index: SearchIndex, query: str, text: str, shown: str, word: str
) -> None:
    snippet = cut(index, query, make_document("x", text, "he" if "ד" in text else "de"))
    assert snippet.passage == shown
    assert snippet.reasons == [(Relation.SAME, [word])]


WORDS = st.lists(
    st.sampled_from(["Ａbwasser", "㎡", "ﬁx", "e\u0301te\u0301", "12 500", "1.000", "ｶﾞ", "א\u200fב", "x"]), max_size=8
)


@settings(max_examples=100, deadline=None)
@given(before=WORDS, after=WORDS, places=st.sets(st.integers(1, 7)), char=st.sampled_from("\u00ad\u200b\u200d\u2060"))
def test_a_word_is_marked_whole_whatever_stands_in_it_and_around_it(
    index: SearchIndex, before: list[str], after: list[str], places: set[int], char: str
) -> None:
    word = "".join(char + letter if place in places else letter for place, letter in enumerate("Kläranla"))
    text = " / ".join([*before, word, *after])
    shown = cut(index, '"Kläranla"', make_document("x", text)).passage
    assert f"<mark>{word}</mark>" in shown
    assert shown.count("<mark>") == 1


def test_the_passage_is_shown_in_which_a_phrase_stands_not_its_single_words(index: SearchIndex) -> None:
    passages = [
        "Ein Alarm, laut und früh, im System.",
        "Das System für Alarm im Alltag.",
        "Das frühe Alarm System half.",
    ]
    document = replace(make_document("x", ""), passages=passages)
    index.put([document])
    topic = Topic("sirens", [["sirene"], ["alarm", "system"]], start=0, end=1)
    snippet = Snippets(expand(index, "Sirene "), [topic]).cut(document)
    assert snippet.passage == "Das frühe <mark>Alarm</mark> <mark>System</mark> half."
    assert snippet.reasons == [(Relation.TOPIC, ["Alarm", "System"])]


def test_the_words_of_a_phrase_are_marked_only_where_they_stand_together(index: SearchIndex) -> None:
    document = make_document("x", "Weite Wege und kurze Pausen. Kurze Wege.")
    assert cut(index, '"kurze Wege"', document).passage == (
        "Weite Wege und kurze Pausen. <mark>Kurze</mark> <mark>Wege</mark>."
    )


def test_what_was_excluded_is_not_marked(index: SearchIndex) -> None:
    assert "<mark>" not in cut(index, "-Wasser", make_document("x", "Wasser")).passage


def test_what_matches_around_the_text_is_shown_where_nothing_else_does(index: SearchIndex) -> None:
    document = make_document("x", "Kurze Wege", context=["Besuch in Swansea", "controlling"])
    assert cut(index, "swansea", document).context == "Besuch in <mark>Swansea</mark>"
    assert cut(index, "swansea wege", document).context == ""
