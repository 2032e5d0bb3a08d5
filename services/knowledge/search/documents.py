"""What goes into the index and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Document:
    """One text that can be found."""

    id: str
    language: str
    """BCP 47 tag; its first part chooses the analysis."""
    title: str
    passages: Sequence[str]
    """The text, in the order in which it is read; snippets come from here. A phrase never spans two of them."""
    context: Sequence[str] = ()
    """Words around the text that it can be found by, too: the title of its source, its topics and cities."""
    topics: Sequence[str] = ()
    cities: Sequence[str] = ()
    sdg_targets: Sequence[str] = ()
    """`6.3`; found by the goal `6`, too."""
    state: str = ""
    audience: Sequence[str] = ()
    """Who may find it; see `Filters.audience`."""
    create_time: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """Newer documents come first among equals. With time zone."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents a search may find. Fields that are not empty must all hold; of the values of one field, any."""

    topics: Sequence[str] = ()
    cities: Sequence[str] = ()
    sdg_targets: Sequence[str] = ()
    """Targets (`6.3`) or whole goals (`6`)."""
    languages: Sequence[str] = ()
    states: Sequence[str] = ()
    audience: Sequence[str] | None = None
    """What the searcher belongs to; a document is found, and counted, only if its own audience has one of these. `None`
    means everyone's documents; an empty sequence means none."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One found document."""

    id: str
    score: float
    """BM25 with a slight lead for newer documents; comparable within one search; 0 without words to look for."""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of the found documents, and how all of them are spread."""

    hits: Sequence[Hit]
    total: int
    """Found documents on all pages."""
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    """`topics`, `cities`, `sdg_targets`, `languages`: values with how many documents have them, most frequent first."""
