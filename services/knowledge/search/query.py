"""
What a person typed, read so that nothing typed is an error.

Words are joined by *and*; `"several words"` in any kind of quotation marks are a phrase, and so are words that are
written together (`foo-bar`, 控制系统). The last word, unless quoted or followed by a space, is still being typed and
matches as a beginning, too. Stop words are dropped where anything else is left to look for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import tantivy

from services.knowledge.search.analysis import (
    COMPOUNDING,
    PLAIN,
    STEMMERS,
    find_words,
    get_term,
    is_stop_word,
    normalize,
)

MAX_UNITS = 64
"""Words and phrases beyond these are not looked at."""
MIN_PREFIX = 2
"""Shortest beginning of a word that is looked for, in letters."""

ANALYSES = (PLAIN, *STEMMERS)
WEIGHTS: Mapping[str, float] = {"title": 3.0, "text": 1.0, "context": 1.0}
"""The fields that hold words, each once per analysis (`field_name`), and what a match in them counts."""
_STEM_WEIGHT = 0.8
_PREFIX_SCORE = 0.3
HEADS = "heads"
"""The field that holds what may be the heads of compounds."""
_HEAD_SCORE = 0.3

_QUOTES = str.maketrans(dict.fromkeys("„“”«»‟＂", '"'))
_PIECE = re.compile(r'"([^"]*)(?:"|$)|([^\s"]+)')


def field_name(part: str, analysis: str) -> str:
    """Return the name of the index field that holds a part of the document in one analysis."""
    return f"{part}_{analysis}"


@dataclass(frozen=True, slots=True)
class Unit:
    """Words that have to occur one after the other; mostly just one."""

    words: tuple[str, ...]
    open_ended: bool = False
    """The last word may be the beginning of a longer one."""

    @property
    def is_stop_word(self) -> bool:
        """Whether it says nothing by itself."""
        return len(self.words) == 1 and is_stop_word(self.words[0])

    def get_terms(self, analysis: str) -> list[str]:
        """Return the terms of one analysis."""
        return [get_term(word, analysis) for word in self.words]


@dataclass(frozen=True, slots=True)
class Query:
    """The words to look for; without units it finds everything."""

    units: tuple[Unit, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Read what a person typed: any text."""
        units = list(_parse_units(normalize(text.translate(_QUOTES))))[:MAX_UNITS]
        telling = [unit for unit in units if not unit.is_stop_word]
        return cls(tuple(dict.fromkeys(telling or units)))

    def to_tantivy(self, schema: tantivy.Schema) -> tantivy.Query:
        """Return the query over the fields of `WEIGHTS` in every analysis."""
        if not self.units:
            return tantivy.Query.all_query()
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, _build_unit_query(schema, unit)) for unit in self.units]
        )


def _parse_units(text: str) -> Iterator[Unit]:
    for match in _PIECE.finditer(text):
        quoted, piece = match[1], match[2]
        found = tuple(word for word, _, _ in find_words(quoted if piece is None else piece))
        if found:
            yield Unit(found, open_ended=piece is not None and match.end() == len(text))


def _build_unit_query(schema: tantivy.Schema, unit: Unit) -> tantivy.Query:
    alternatives = [
        tantivy.Query.boost_query(
            _build_terms_query(schema, field_name(part, analysis), unit.get_terms(analysis)),
            weight * (1.0 if analysis == PLAIN else _STEM_WEIGHT),
        )
        for part, weight in WEIGHTS.items()
        for analysis in ANALYSES
    ]
    terms = unit.get_terms(PLAIN)
    if unit.open_ended and len(terms[-1]) >= MIN_PREFIX:
        alternatives += [
            tantivy.Query.const_score_query(
                _build_prefix_query(schema, field_name(part, PLAIN), terms), _PREFIX_SCORE * weight
            )
            for part, weight in WEIGHTS.items()
        ]
    if len(unit.words) == 1:
        compound = tantivy.Query.term_query(schema, HEADS, get_term(unit.words[0], COMPOUNDING))
        alternatives.append(tantivy.Query.const_score_query(compound, _HEAD_SCORE))
    return tantivy.Query.disjunction_max_query(alternatives, tie_breaker=0.1)


def _build_terms_query(schema: tantivy.Schema, field: str, terms: list[str]) -> tantivy.Query:
    if len(terms) == 1:
        return tantivy.Query.term_query(schema, field, terms[0], index_option="freq")
    return tantivy.Query.phrase_query(schema, field, list(terms))


def _build_prefix_query(schema: tantivy.Schema, field: str, terms: list[str]) -> tantivy.Query:
    return tantivy.Query.phrase_prefix_query(schema, field, list(terms))
