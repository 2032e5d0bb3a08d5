"""Documents of the search index in several languages, and what a query finds of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.knowledge.search.documents import Document, Filters, Page
from services.knowledge.search.expansion import Expansion
from services.knowledge.search.index import SearchIndex
from services.knowledge.search.query import Query
from services.knowledge.search.snippets import Snippet, Snippets

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
    departments=["Kämmerei"],
    state="observation",
    audience=["internal", "accounts/anna"],
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
    departments=["Finance"],
    state="validated",
    audience=["public"],
    create_time=NOON + timedelta(days=1),
    application_count=2,
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
TURKISH = Document(
    id="tr", language="tr", title="İçme suyu", passages=["Kilis'te içme suyu pahalıdır."], application_count=1
)
ALL = (GERMAN, ENGLISH, CHINESE, TURKISH)


def make_document(id_: str, text: str, language: str = "de", **fields: Any) -> Document:
    """Return a document of one passage."""
    return Document(id=id_, language=language, title=fields.pop("title", ""), passages=[text], **fields)


def find(index: SearchIndex, text: str, **filters: Any) -> Page:
    """Return the first page of what a query finds."""
    return index.search(Query.parse(text), Filters(**filters)).page


def find_ids(index: SearchIndex, text: str, **filters: Any) -> list[str]:
    """Return the ids of what a query finds, best first."""
    return [hit.id for hit in find(index, text, **filters).hits]


def expand(index: SearchIndex, text: str, **filters: Any) -> Sequence[Expansion]:
    """Return what is looked for in place of what was typed."""
    return index.search(Query.parse(text), Filters(**filters)).expansions


def cut(index: SearchIndex, text: str, document: Document) -> Snippet:
    """Return where and why a document matches a query, once it is in the index."""
    index.put([replace(document, id="cut")])
    return Snippets(expand(index, text)).cut(document)
