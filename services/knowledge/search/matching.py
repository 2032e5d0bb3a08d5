"""From what is looked for to the queries that tantivy answers."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import tantivy

from services.knowledge.search.analysis import is_unspaced
from services.knowledge.search.documents import FACETS, STATES, Filters, Topic
from services.knowledge.search.expansion import UNCOUNTED, Expansion, Relation, Variant
from services.knowledge.search.query import Occurrence

_NEAR_WEIGHT, _NEAR_SLOP = 0.3, 3
_BEGINNING_WEIGHT = 0.4
_NAMED_WEIGHT, _TOPIC_WEIGHT = 0.3, 0.4
"""What it counts that a topic is named by another of its names, and that a document has it."""
_MAX_SCORED = 24
"""So many variants of a word are scored one by one; more are only found."""
_TIE_BREAKER = 0.1
_MAX_SINGLE = 32
_NONE = Filters()
# The topic of one of the Sustainable Development Goals.
_GOAL = re.compile("sdg-([1-9][0-9]?)")


def inverse_frequency(frequency: int, documents: int) -> float:
    """Return the weight of a word that occurs in so many of the documents (Robertson and Spärck Jones)."""
    return math.log(1 + (documents - min(frequency, documents) + 0.5) / (frequency + 0.5))


def get_ideal_score(expansions: Iterable[Expansion], documents: int) -> float:
    """Return about what a document scores in which every word occurs."""
    return sum(
        inverse_frequency(_get_frequency(expansion), documents)
        for expansion in expansions
        if expansion.unit.occurrence is not Occurrence.MUST_NOT
    )


def build_words_query(
    schema: tantivy.Schema, expansions: Sequence[Expansion], topics: Sequence[Topic], documents: int
) -> tantivy.Query:
    """Return the query for documents in which any of it occurs, the better the more and the rarer."""
    occurs = {Occurrence.SHOULD: tantivy.Occur.Should, Occurrence.MUST: tantivy.Occur.Must}
    clauses = [
        (occurs[expansion.unit.occurrence], _build_unit_query(schema, expansion, documents))
        for expansion in expansions
        if expansion.unit.occurrence in occurs
    ]
    clauses += [(tantivy.Occur.Should, near) for near in _build_near_queries(schema, expansions)]
    clauses += [(tantivy.Occur.Should, each) for each in _build_topic_queries(schema, expansions, topics, documents)]
    return tantivy.Query.boolean_query(clauses) if clauses else tantivy.Query.all_query()


def build_demands(schema: tantivy.Schema, expansions: Sequence[Expansion]) -> list[tuple[tantivy.Occur, tantivy.Query]]:
    """Return what must occur and what must not, for documents that are found by something else than their words."""
    occurs = {Occurrence.MUST: tantivy.Occur.Must, Occurrence.MUST_NOT: tantivy.Occur.MustNot}
    return [
        (occurs[expansion.unit.occurrence], silence(_build_unit_query(schema, expansion, 1)))
        for expansion in expansions
        if expansion.unit.occurrence in occurs
    ]


def build_filters(
    schema: tantivy.Schema, given: Sequence[Filters], unwanted: Filters = _NONE, leave_out: str | None = None
) -> list[tuple[tantivy.Occur, tantivy.Query]]:
    """
    Return what every found document must have, and must not.

    Args:
        given: All of them must hold.
        unwanted: Of these, no value may be there.
        leave_out: A field of the first whose filter is ignored, to count what else there is.
    """
    must, must_not = [], []
    for place, filters in enumerate(given):
        if filters.audience is not None:
            must.append(build_any_query(schema, "audience", filters.audience))
        for field in FACETS:
            values = getattr(filters, field)
            if not values or (place == 0 and field == leave_out):
                continue
            if field == "states" and len(values) > len(STATES) / 2:
                # Those that are left out have fewer documents, as a rule, and are found faster.
                must_not.append(build_any_query(schema, field, sorted(STATES.difference(values))))
                continue
            must.append(_build_facet_query(schema, field, values))
    must_not += [_build_facet_query(schema, field, values) for field in FACETS if (values := getattr(unwanted, field))]
    clauses = [(tantivy.Occur.Must, silence(query)) for query in must]
    return clauses + [(tantivy.Occur.MustNot, query) for query in must_not]


def _build_facet_query(schema: tantivy.Schema, field: str, values: Sequence[str]) -> tantivy.Query:
    """Return the query for documents that have one of the values of a facet."""
    match field:
        case "languages":
            return build_any_query(schema, field, [value.lower() for value in values])
        case "sdg_targets":
            goals = build_any_query(schema, "sdg_goals", [value for value in values if "." not in value])
            targets = build_any_query(schema, field, values)
            return tantivy.Query.boolean_query([(tantivy.Occur.Should, targets), (tantivy.Occur.Should, goals)])
    return build_any_query(schema, field, values)


def build_any_query(schema: tantivy.Schema, field: str, values: Sequence[str]) -> tantivy.Query:
    """Return the query for documents that have one of the values."""
    # To build the automaton of a term_set_query takes as long as to look for some thirty terms one by one.
    if len(values) > _MAX_SINGLE:
        return tantivy.Query.term_set_query(schema, field, list(values))
    terms = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, field, value, "basic")) for value in values]
    return tantivy.Query.boolean_query(terms)


def build_keys_query(schema: tantivy.Schema, keys: Iterable[int]) -> tantivy.Query:
    """Return the query for documents by their keys, which adds nothing to the score."""
    # A term_set_query of numbers takes five times as long.
    terms = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "key", key, "basic")) for key in keys]
    return silence(tantivy.Query.boolean_query(terms))


def build_beginning_query(schema: tantivy.Schema, beginning: str) -> tantivy.Query:
    """Return the query for documents with a word that begins so, which is of letters and digits only."""
    # A fuzzy_term_query without a slip would find the same, a millisecond later.
    return tantivy.Query.regex_query(schema, "words", f"{beginning}.*")


def build_term_query(schema: tantivy.Schema, term: str) -> tantivy.Query:
    """Return the query for documents with a term."""
    field = get_field(term)
    return tantivy.Query.term_query(schema, field, term, "freq" if field == "words" else "basic")


def get_field(term: str) -> str:
    """Return the field that has a term: single characters of an unspaced script have one of their own."""
    return "characters" if len(term) == 1 and is_unspaced(term) else "words"


def silence(query: tantivy.Query) -> tantivy.Query:
    """Return a query that says yes or no, and adds nothing to the score."""
    return tantivy.Query.const_score_query(query, 0.0)


def _build_unit_query(schema: tantivy.Schema, expansion: Expansion, documents: int) -> tantivy.Query:
    terms = expansion.unit.terms
    if len(terms) > 1:
        return tantivy.Query.phrase_query(schema, "words", list(terms))
    if expansion.unit.is_quoted:
        return build_term_query(schema, terms[0])
    rarity = inverse_frequency(_get_frequency(expansion), documents)
    counted = [variant for variant in expansion.variants if variant.frequency != UNCOUNTED]
    counted.sort(key=lambda variant: (-variant.weight, variant.term))
    scored, rest = counted[:_MAX_SCORED], counted[_MAX_SCORED:]
    rest += [variant for variant in expansion.variants if variant.frequency == UNCOUNTED]
    alternatives = list(_score_variants(schema, scored, rarity, documents))
    if rest:
        others = build_any_query(schema, "words", [variant.term for variant in rest])
        alternatives.append(tantivy.Query.const_score_query(others, max(variant.weight for variant in rest) * rarity))
    if expansion.beginning:
        longer = build_beginning_query(schema, expansion.beginning)
        alternatives.append(tantivy.Query.const_score_query(longer, _BEGINNING_WEIGHT * rarity))
    if expansion.parts:
        # Where the word itself occurs, what has some of its parts only is about something else.
        occur = tantivy.Occur.Must if expansion.is_direct else tantivy.Occur.Should
        parts = [_take_best(_score_variants(schema, part, rarity, documents)) for part in expansion.parts]
        alternatives.append(tantivy.Query.boolean_query([(occur, part) for part in parts]))
    return _take_best(alternatives)


def _score_variants(
    schema: tantivy.Schema, variants: Iterable[Variant], rarity: float, documents: int
) -> Iterator[tantivy.Query]:
    for variant in variants:
        if variant.frequency == UNCOUNTED:
            continue
        # A rare form of a word says no more than the word.
        own = inverse_frequency(variant.frequency, documents)
        boost = variant.weight * min(1.0, rarity / own if own else 1.0)
        yield tantivy.Query.boost_query(build_term_query(schema, variant.term), boost)


def _take_best(alternatives: Iterable[tantivy.Query]) -> tantivy.Query:
    queries = list(alternatives)
    if len(queries) == 1:
        return queries[0]
    return tantivy.Query.disjunction_max_query(queries, tie_breaker=_TIE_BREAKER)


def _get_frequency(expansion: Expansion) -> int:
    """Return in about how many documents what is looked for occurs."""
    direct = [variant.frequency for variant in expansion.variants if variant.relation is not Relation.COMPOUND]
    if direct:
        return max(direct)
    others = [*expansion.variants, *(variant for part in expansion.parts for variant in part)]
    return max((variant.frequency for variant in others), default=0)


def _build_topic_queries(
    schema: tantivy.Schema, expansions: Sequence[Expansion], topics: Sequence[Topic], documents: int
) -> Iterator[tantivy.Query]:
    """Yield queries for what a topic is called anywhere, and for documents that have it."""
    frequencies = [_get_frequency(each) for each in expansions for _ in each.unit.terms]
    for topic in topics:
        rarity = inverse_frequency(min(frequencies[topic.start : topic.end], default=0), documents)
        yield build_topic_query(schema, topic, rarity)


def build_topic_query(schema: tantivy.Schema, topic: Topic, rarity: float = 1.0) -> tantivy.Query:
    """Return the query for documents that name a topic, in any language, or have it."""
    names = [_build_label_query(schema, label) for label in topic.labels]
    named = tantivy.Query.boolean_query([(tantivy.Occur.Should, name) for name in names])
    has_it = build_any_query(schema, "topics", [topic.slug])
    if goal := _GOAL.fullmatch(topic.slug):
        has_it = tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, has_it), (tantivy.Occur.Should, build_any_query(schema, "sdg_goals", [goal[1]]))]
        )
    return tantivy.Query.disjunction_max_query(
        [
            tantivy.Query.const_score_query(named, _NAMED_WEIGHT * rarity),
            tantivy.Query.const_score_query(has_it, _TOPIC_WEIGHT * rarity),
        ]
    )


def _build_label_query(schema: tantivy.Schema, label: Sequence[str]) -> tantivy.Query:
    if len(label) == 1:
        return build_term_query(schema, label[0])
    return tantivy.Query.phrase_query(schema, "words", list(label))


def _build_near_queries(schema: tantivy.Schema, expansions: Sequence[Expansion]) -> Iterator[tantivy.Query]:
    """Yield queries for words that were typed one after the other, near each other."""
    for first, second in pairwise(expansions):
        units = (first.unit, second.unit)
        terms: list[str | tuple[int, str]] = [term for unit in units for term in unit.terms]
        are_wanted = all(unit.occurrence is not Occurrence.MUST_NOT for unit in units)
        are_there = all(any(v.relation is Relation.SAME for v in each.variants) for each in (first, second))
        if len(terms) == 2 and are_wanted and are_there:
            phrase = tantivy.Query.phrase_query(schema, "words", terms, _NEAR_SLOP)
            yield tantivy.Query.boost_query(phrase, _NEAR_WEIGHT)
