"""
What is found everywhere for what somebody types: pages, names that the services keep, and learnings.

All services are asked at once, each for a second. One that does not answer is named and left out.
"""

from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest
from austausch.knowledge.v1 import knowledge_pb2 as pb

from chassis.errors import DeadlineExceeded, Internal, ResourceExhausted, Unavailable
from chassis.folded_names import fold_name
from gateway import rpc
from gateway.auth.permissions import may
from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import current_language
from gateway.web import navigation
from gateway.web.links import href

SECONDS = 1.0
MAX_LEARNINGS = 5
MAX_NAMES = 5
MAX_PAGES = 5
MAX_NAMES_ABOVE_LEARNINGS = 3

HEADINGS = {
    NameHit.KIND_CITY: _l("Cities"),
    NameHit.KIND_PARTNERSHIP: _l("Partnerships"),
    NameHit.KIND_EXCHANGE: _l("Exchanges"),
    NameHit.KIND_VISIT: _l("Visits"),
    NameHit.KIND_PERSON: _l("People"),
    NameHit.KIND_VENUE: _l("Venues"),
    NameHit.KIND_ROOM: _l("Rooms"),
    NameHit.KIND_FORUM: _l("Expert forums"),
    NameHit.KIND_CONCLUSION: _l("Conclusions"),
    NameHit.KIND_RECOMMENDATION: _l("Recommendations"),
}
AWAY = {
    "exchange": _l("Visits and cities can’t be searched at the moment."),
    "forum": _l("Expert forums can’t be searched at the moment."),
    "knowledge": _l("Learnings can’t be searched at the moment."),
}
# Rooms and people have no page but the one on which they are changed, and their list.
CHANGED_BY = {NameHit.KIND_PERSON: "PersonService.UpdatePerson", NameHit.KIND_ROOM: "RoomService.UpdateRoom"}
# What is found by less than the beginnings of words stands behind the learnings.
BEFORE_LEARNINGS = 0.7
# What is found by less has not every word of the query in its name, its city's or its year.
EVERY_WORD = 0.5


@dataclass(frozen=True)
class Names:
    """Hits of one kind, best first."""

    heading: Any
    hits: list[NameHit]
    more: bool
    """Whether there are more than these."""

    @property
    def above_learnings(self) -> list[NameHit]:
        """The hits for which there is room above the learnings."""
        return self.hits[:MAX_NAMES_ABOVE_LEARNINGS]


@dataclass
class Found:
    """What was found; `away` says by service what could not be searched."""

    pages: list[tuple[str, str]] = field(default_factory=list)
    names: list[Names] = field(default_factory=list)
    learnings: pb.SearchLearningsResponse | None = None
    away: dict[str, Any] = field(default_factory=dict)

    @property
    def first_names(self) -> list[Names]:
        """Kinds with hits that are called so, or begin so."""
        return [names for names in self.names if names.hits[0].score >= BEFORE_LEARNINGS]

    @property
    def last_names(self) -> list[Names]:
        """The other kinds."""
        return [names for names in self.names if names.hits[0].score < BEFORE_LEARNINGS]

    @property
    def count(self) -> int:
        """How many hits are shown."""
        learnings = len(self.learnings.results) if self.learnings else 0
        return len(self.pages) + sum(len(names.hits) for names in self.names) + learnings

    def has_above_learnings(self, word: str) -> bool:
        """Return whether what is shown above the learnings has a word of the query."""
        shown = [hit for names in self.names for hit in names.above_learnings]
        if self.pages or any(hit.score >= EVERY_WORD for hit in shown):
            return True
        beginning = fold_name(word).rstrip()
        return any(beginning in fold_name(f"{hit.title} {hit.detail} {hit.city_display_name}") for hit in shown)


class Search:
    """
    A search under way.

    The services are asked when it is made; `collect` waits for them. Who asks for something else meanwhile does not
    wait for the sum of it all.
    """

    def __init__(self, query: str, *, with_learnings: bool) -> None:
        """Ask for what is called like the query, and for the learnings that speak of it if they are wanted."""
        self._query = query
        self._calls: dict[str, Any] = {}
        if not query.strip():
            return
        names = SearchNamesRequest(query=query, page_size=MAX_NAMES + 1)
        learnings = pb.SearchLearningsRequest(query=query, page_size=MAX_LEARNINGS, reader_language=current_language())
        calls: dict[str, tuple[str, Any, Any]] = {
            "exchange": ("ExchangeNameService.SearchExchangeNames", rpc.exchange_names.SearchExchangeNames, names),
            "forum": ("ForumNameService.SearchForumNames", rpc.forum_names.SearchForumNames, names),
        }
        if with_learnings:
            calls["knowledge"] = ("LearningService.SearchLearnings", rpc.learnings.SearchLearnings, learnings)
        self._calls = {
            service: call.future(request, timeout=SECONDS)
            for service, (method, call, request) in calls.items()
            if may(method)
        }

    def collect(self) -> Found:
        """Return what was found."""
        found = Found(pages=navigation.find_pages(self._query)[:MAX_PAGES])
        answers = {}
        for service, call in self._calls.items():
            try:
                answers[service] = call.result()
            except (Unavailable, DeadlineExceeded, ResourceExhausted, Internal):
                found.away[service] = AWAY[service]
        found.learnings = answers.pop("knowledge", None)
        found.names = _group([hit for answer in answers.values() for hit in answer.hits])
        return found


def _group(hits: list[NameHit]) -> list[Names]:
    """Return the hits by kind, the kind with the best hit first."""
    by_kind = attrgetter("kind")
    kinds = [list(several) for _, several in groupby(sorted(hits, key=by_kind), by_kind)]
    kinds.sort(key=lambda several: several[0].score, reverse=True)
    return [Names(HEADINGS[hits[0].kind], hits[:MAX_NAMES], len(hits) > MAX_NAMES) for hits in kinds]


def get_address(hit: NameHit) -> str:
    """Return the address of the page of a hit."""
    if hit.kind not in CHANGED_BY:
        return href(hit.name)
    return href(hit.name) + "/edit" if may(CHANGED_BY[hit.kind]) else href(hit.name.partition("/")[0])
