"""What is shown of a document that was found: what matched is marked, and nothing else is markup."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.knowledge.search import AnalyzedDocument, Document, Query, Snippets
from services.knowledge.search.analysis import normalize
from tests.knowledge.documents import CHINESE, ENGLISH, GERMAN


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


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="<>&\"'a b/script;", min_size=1, max_size=700), query=st.text(max_size=20))
def test_snippet_escapes_everything_but_its_marks(text: str, query: str) -> None:
    shown = Snippets(Query.parse(query + " a script")).mark_passage(AnalyzedDocument(replace(ENGLISH, passages=[text])))
    bare = shown.replace("<mark>", "").replace("</mark>", "")
    assert not re.search(r"[<>\"']", bare)
    assert shown.count("<mark>") == shown.count("</mark>")
    assert html.unescape(bare).removeprefix("… ").removesuffix(" …") in normalize(text) + normalize(ENGLISH.title)
