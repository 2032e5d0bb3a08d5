"""Documents of the search index in four languages, and what a query finds of them."""

from datetime import UTC, datetime, timedelta

from services.knowledge.search import Document, Filters, Query, SearchIndex

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


def find_ids(index: SearchIndex, text: str, **filters: object) -> list[str]:
    """Return the ids of what a query finds, best first."""
    return [hit.id for hit in index.search(Query.parse(text), Filters(**filters)).hits]  # type: ignore[arg-type]
