"""One search: what is found, in which order, and how it is spread."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import tantivy

from services.knowledge.search.documents import FACETS, Facet, Filters, Hit, Order, Page, Topic
from services.knowledge.search.engine import count_matches
from services.knowledge.search.expansion import Expansion, expand
from services.knowledge.search.lexicon import Lexicon
from services.knowledge.search.matching import (
    build_beginning_query,
    build_demands,
    build_filters,
    build_keys_query,
    build_term_query,
    build_topic_query,
    build_words_query,
    get_field,
    get_ideal_score,
)
from services.knowledge.search.query import Occurrence, Query
from services.knowledge.search.vectors import Meaning

FACET_SIZE = 100
_SURE_FREQUENCY = 16
"""Words of fewer documents are counted one by one: no word is told of that only a deleted document had."""
NEAREST = 100
"""So many documents, at most, are found by their meaning."""
FLOOR = 0.1
"""Documents that are farther from the query than this cosine have nothing to do with it."""
CLOSE = 0.4
"""A document that is so near says the same as the query."""
WORDS_WEIGHT = 0.5
"""What the words count beside the meaning, of 1."""
MAX_CONVEXITY = 3.0
"""A document in which half of the words of a long query occur counts an eighth of one with all."""

_COUNTING = ThreadPoolExecutor(4, "facets")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and what it looked for."""

    page: Page
    expansions: Sequence[Expansion]


class Search:
    """One search: a view of the index as it was when it began."""

    def __init__(
        self,
        searcher: tantivy.Searcher,
        lexicon: Lexicon,
        schema: tantivy.Schema,
        query: Query,
        filters: Filters,
        topics: Sequence[Topic],
        meaning: Meaning | None,
        order: Order,
    ) -> None:
        self._schema = schema
        self._searcher = searcher
        self._documents = self._searcher.num_docs
        self._filters = (filters, query.filters)
        self._unwanted = query.unwanted
        self._visible = build_filters(schema, [Filters(audience=filters.audience)])
        self._counts: dict[str, int] = {}
        expansions = expand(query.units, lexicon, self._count, self._count_beginning)
        self._expansions = self._find_by_topics(expansions, topics)
        self._words = build_words_query(schema, self._expansions, topics, self._documents)
        self._convexity = get_convexity(self._expansions)
        self._demands = build_demands(schema, self._expansions)
        self._order = order if query.units or order is not Order.RELEVANCE else Order.NEWEST
        self._nearest = self._find_nearest(meaning) if meaning and query.units else {}
        self._wanted = self._build_wanted()

    def run(self, cursor: tuple[float, int] | None, limit: int) -> Found:
        filtered = self._filter(self._wanted)
        # Beside the ranking: the library lets go of the interpreter's lock.
        counting = _COUNTING.submit(self._count_facets, filtered)
        if self._order is Order.RELEVANCE:
            ranked, total = self._rank(filtered, cursor, limit + 1)
        else:
            ranked, total = self._list(filtered, cursor, limit + 1)
        hits = [
            Hit(read_id(self._searcher, address), float(score), key in self._nearest)
            for score, key, address in ranked[:limit]
        ]
        following = (ranked[limit - 1][0], ranked[limit - 1][1]) if 0 < limit < len(ranked) else None
        if self._order is not Order.RELEVANCE:
            hits = [Hit(hit.id, 0.0, hit.by_meaning) for hit in hits]
        return Found(Page(hits, total, counting.result(), following), self._expansions)

    def _find_by_topics(self, expansions: list[Expansion], topics: Sequence[Topic]) -> list[Expansion]:
        """Return the expansions; those of words that only name a topic are found where a document is about it."""
        places = [place for place, expansion in enumerate(expansions) for _ in expansion.unit.terms]
        for topic in topics:
            missing = [place for place in places[topic.start : topic.end] if _is_missing(expansions[place])]
            if missing and self._count_visible(build_topic_query(self._schema, topic)):
                for place in missing:
                    expansions[place] = replace(expansions[place], is_found=True)
        return expansions

    def _count(self, term: str) -> int:
        """Count the documents with a term that the searcher may see."""
        if term not in self._counts:
            field = get_field(term)
            # Without a look at each document; deleted ones are counted until the library tidies up.
            known = self._searcher.doc_freq(field, term)
            if known and (self._filters[0].audience is not None or known <= _SURE_FREQUENCY):
                known = self._count_visible(build_term_query(self._schema, term))
            self._counts[term] = known
        return self._counts[term]

    def _count_beginning(self, beginning: str) -> int:
        return self._count_visible(build_beginning_query(self._schema, beginning))

    def _count_visible(self, query: tantivy.Query) -> int:
        if self._visible:
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *self._visible])
        return count_matches(self._searcher, query)

    def _find_nearest(self, meaning: Meaning) -> dict[int, float]:
        """Return key and nearness, from 0 to 1, of the documents that are closest in meaning."""
        allowed = [*build_filters(self._schema, self._filters, self._unwanted), *self._demands]
        near = find_nearest(self._searcher, self._schema, meaning, allowed, NEAREST)
        if not near:
            return {}
        best = max(near[0][1], CLOSE)
        return {key: (score - FLOOR) / (best - FLOOR) for key, score, _ in near}

    def _build_wanted(self) -> tantivy.Query:
        if not self._nearest:
            return self._words
        near = build_keys_query(self._schema, self._nearest)
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, self._words), (tantivy.Occur.Should, near)])

    def _filter(self, query: tantivy.Query, leave_out: str | None = None) -> tantivy.Query:
        filters = build_filters(self._schema, self._filters, self._unwanted, leave_out)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *filters, *self._demands])

    def _rank(
        self, filtered: tantivy.Query, cursor: tuple[float, int] | None, wanted: int
    ) -> tuple[list[tuple[float, int, tantivy.DocAddress]], int]:
        """Return score, key and place of the best documents after a cursor, and how many there are in all."""
        near = self._rank_nearest()
        # One more than is wanted: of those with the last score not all may have been read.
        limit = wanted + len(near) + 1
        while True:
            found = self._searcher.search(filtered, limit, weight_by_field="recency")
            total = int(found.count)  # type: ignore[attr-defined]
            hits = found.hits
            keys = _read_keys(self._searcher, [address for _, address in hits])
            full = self._get_full_score(hits)
            merged = [
                (self._weigh_words(float(score), full), key, address)
                for (score, address), key in zip(hits, keys, strict=True)
                if key not in near
            ]
            # Where the list of words ends, what comes by meaning only may be misplaced among what was not read.
            end = merged[-1][0] if len(hits) < total and merged else -1.0
            merged += [
                (self._weigh_words(score, full) + meant, key, address) for key, (score, meant, address) in near.items()
            ]
            merged.sort(key=lambda entry: (-entry[0], entry[1]))
            if cursor is not None:
                merged = [entry for entry in merged if (-entry[0], entry[1]) > (-cursor[0], cursor[1])]
            complete = [entry for entry in merged if entry[0] > end or end < 0]
            if len(complete) >= wanted or len(hits) >= total:
                return complete[:wanted], total
            limit *= 4

    def _get_full_score(self, hits: Sequence[tuple[Any, tantivy.DocAddress]]) -> float:
        """Return the score of a document in which every word occurs, or the best one, if that is higher."""
        best = float(hits[0][0]) if hits else 0.0
        return max(best, get_ideal_score(self._expansions, self._documents)) or 1.0

    def _weigh_words(self, score: float, full: float) -> float:
        """Return what a score of the words counts: that some of the words occur says less than their share."""
        return (WORDS_WEIGHT if self._nearest else 1.0) * (score / full) ** self._convexity

    def _rank_nearest(self) -> dict[int, tuple[float, float, tantivy.DocAddress]]:
        """Return by key what each document near in meaning scores by its words, by its meaning, and its place."""
        if not self._nearest:
            return {}
        # What they must have besides was asked when they were looked for.
        among = build_keys_query(self._schema, self._nearest)
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, among), (tantivy.Occur.Should, self._words)])
        hits = self._searcher.search(query, len(self._nearest), count=False, weight_by_field="recency").hits
        keys = _read_keys(self._searcher, [address for _, address in hits])
        return {
            key: (float(score), (1 - WORDS_WEIGHT) * self._nearest[key], address)
            for (score, address), key in zip(hits, keys, strict=True)
        }

    def _list(
        self, filtered: tantivy.Query, cursor: tuple[float, int] | None, wanted: int
    ) -> tuple[list[tuple[float, int, tantivy.DocAddress]], int]:
        """Return place in the order, key and place of the documents after a cursor, and how many there are in all."""
        field = "newest" if self._order is Order.NEWEST else "most_applied"
        rest = filtered
        if cursor is not None:
            # Few are at one place in the order, such as some entries of one debrief: their keys tell them apart.
            last = int(cursor[0])
            after = tantivy.Query.range_query(self._schema, field, tantivy.FieldType.Integer, upper_bound=last)
            rest = tantivy.Query.boolean_query([(tantivy.Occur.Must, filtered), (tantivy.Occur.Must, after)])
        limit = wanted + 1
        while True:
            found = self._searcher.search(rest, limit, order_by_field=field)
            count = int(found.count)  # type: ignore[attr-defined]
            keys = _read_keys(self._searcher, [address for _, address in found.hits])
            ranked = [(place, key, address) for (place, address), key in zip(found.hits, keys, strict=True)]
            # Of those at the last place not all may have been read.
            end = ranked[-1][0] if len(ranked) < count else None
            ranked.sort(key=lambda entry: (-entry[0], entry[1]))
            if cursor is not None:
                ranked = [entry for entry in ranked if (-entry[0], entry[1]) > (-cursor[0], cursor[1])]
            complete = [entry for entry in ranked if end is None or entry[0] > end]
            if len(complete) >= wanted or end is None:
                return complete[:wanted], count if cursor is None else count_matches(self._searcher, filtered)
            limit *= 4

    def _count_facets(self, filtered: tantivy.Query) -> dict[str, Facet]:
        own = [facet for facet in FACETS if getattr(self._filters[0], facet)]
        facets = self._aggregate(filtered, [facet for facet in FACETS if facet not in own])
        for facet in own:
            facets |= self._aggregate(self._filter(self._wanted, leave_out=facet), [facet])
        return facets

    def _aggregate(self, query: tantivy.Query, facets: Sequence[str]) -> dict[str, Facet]:
        if not facets:
            return {}
        fields = {facet: "language" if facet == "languages" else facet for facet in facets}
        wanted = {facet: {"terms": {"field": field, "size": FACET_SIZE}} for facet, field in fields.items()}
        answer = self._searcher.aggregate(query, wanted)
        return {
            facet: Facet(
                sorted(
                    ((bucket["key"], int(bucket["doc_count"])) for bucket in answer[facet]["buckets"]),
                    key=lambda pair: (-pair[1], pair[0]),
                ),
                is_cut=bool(answer[facet].get("sum_other_doc_count")),
            )
            for facet in facets
        }


def get_convexity(expansions: Sequence[Expansion]) -> float:
    """
    Return the power to which the share of a query's words that occur in a document is raised.

    The longer the query, the less a part of it says: some words of a question occur by chance in many texts, above all
    in those of its language, while a single word that is part of a compound, or begins another, is what was looked for.
    """
    words = sum(expansion.unit.occurrence is not Occurrence.MUST_NOT for expansion in expansions)
    return min(1 + words / 4, MAX_CONVEXITY)


def _is_missing(expansion: Expansion) -> bool:
    """Tell whether a word is not found that need not occur."""
    return not expansion.is_found and expansion.unit.occurrence is Occurrence.SHOULD


def find_nearest(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    meaning: Meaning,
    allowed: Sequence[tuple[tantivy.Occur, tantivy.Query]],
    limit: int,
) -> list[tuple[int, float, tantivy.DocAddress]]:
    """
    Return key, nearness (a cosine) and place of the documents that are nearest in meaning, nearest first.

    Args:
        allowed: What documents must have, and must not.
    """
    looked_at = 2 * limit
    while True:
        ranked = meaning.list_nearest(FLOOR, looked_at)
        if not ranked:
            return []
        among = build_keys_query(schema, [key for key, _ in ranked])
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, among), *allowed])
        addresses = [address for _, address in searcher.search(query, len(ranked), count=False).hits]
        places = dict(zip(_read_keys(searcher, addresses), addresses, strict=True))
        near = [(key, score, places[key]) for key, score in ranked if key in places]
        if len(near) >= limit or len(ranked) < looked_at:
            return near[:limit]
        looked_at *= 4


def read_id(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> str:
    """Return the id of the document at a place."""
    return bytes(searcher.doc(address)["id"][0]).decode()


def _read_keys(searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[int]:
    return searcher.fast_field_values("key", addresses) if addresses else []  # type: ignore[return-value]
