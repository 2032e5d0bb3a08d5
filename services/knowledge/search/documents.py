"""What goes into the index and what comes out of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Document:
    """One text that can be found."""

    id: str
    language: str
    """BCP 47 tag; its first part says how words are inflected."""
    title: str
    passages: Sequence[str]
    """The text, in the order in which it is read; snippets come from here. A phrase never spans two of them."""
    context: Sequence[str] = ()
    """Words around the text that it can be found by, too: the title of its source, its topics and cities."""
    topics: Sequence[str] = ()
    cities: Sequence[str] = ()
    sdg_targets: Sequence[str] = ()
    """`6.3`; found by the goal `6`, too."""
    departments: Sequence[str] = ()
    state: str = ""
    audience: Sequence[str] = ()
    """Who may find it; see `Filters.audience`."""
    create_time: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """Newer documents come first among equals. With time zone."""
    application_count: int = 0
    """How often it was applied."""


class Order(StrEnum):
    """In which order what was found comes; ids break ties."""

    RELEVANCE = "relevance"
    """Best match first; the newest first where there is nothing to match."""
    NEWEST = "newest"
    MOST_APPLIED = "most_applied"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents a search may find. Fields that are not empty must all hold; of the values of one field, any."""

    topics: Sequence[str] = ()
    cities: Sequence[str] = ()
    sdg_targets: Sequence[str] = ()
    """Targets (`6.3`) or whole goals (`6`)."""
    languages: Sequence[str] = ()
    """BCP 47 tags; `en` stands for `en-GB`, too."""
    departments: Sequence[str] = ()
    years: Sequence[str] = ()
    """Of `create_time`, in UTC."""
    states: Sequence[str] = ()
    audience: Sequence[str] | None = None
    """What the searcher belongs to; a document is found, and counted, only if its own audience has one of these. `None`
    means everyone's documents; an empty sequence means none."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that words of a query name."""

    slug: str
    labels: Sequence[Sequence[str]]
    """What it is called in every language, each as its terms."""
    start: int
    end: int
    """Which words of the query name it: from this place on, before that one."""


STATES = frozenset(
    ("observation", "insight", "lesson_identified", "implemented", "validated", "embedded", "rejected", "superseded")
)
"""What `Document.state` can be."""
FACETS = ("topics", "cities", "sdg_targets", "languages", "departments", "years", "states")
"""The fields of `Filters` of which values are counted."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One found document."""

    id: str
    score: float
    """How well it matches, up to 1; comparable within one search; 0 where nothing was to be matched."""
    by_meaning: bool = False
    """Whether it is among those that are closest in meaning."""


@dataclass(frozen=True, slots=True)
class Facet:
    """How the found documents are spread over the values of one field."""

    counts: Sequence[tuple[str, int]] = ()
    """Values with how many documents have them, most frequent first."""
    is_cut: bool = False
    """Whether there are more values than these."""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of the found documents, and how all of them are spread."""

    hits: Sequence[Hit]
    total: int
    """Found documents on all pages."""
    facets: Mapping[str, Facet] = field(default_factory=dict)
    """By the names in `FACETS`."""
    cursor: tuple[float, int] | None = None
    """Where the next page goes on; None on the last."""


def get_key(id_: str) -> int:
    """Return the number that stands for a document where a number is wanted, below 2**63."""
    return int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=8).digest(), "big") >> 1
