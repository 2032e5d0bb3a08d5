"""
What a person typed, read so that nothing typed is an error.

Every word counts and none is a must. Those who want more can have it:

- `"several words"`, in any kind of quotation marks, must occur as they stand;
- `+word` must occur, `-word` must not;
- `city:swansea`, `topic:water`, `sdg:6.3`, `year:2025`, `state:validated`, `language:cy`, `department:"Haus 61"` are
  filters, by their English or German names; `-city:swansea` leaves out what has the value.

The last word, unless quoted or followed by a space, is still being typed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from services.knowledge.search.analysis import (
    get_terms,
    is_unspaced,
    join_abbreviations,
    join_terms,
    list_words,
    normalize,
)
from services.knowledge.search.documents import Filters
from services.knowledge.search.language_detection import guess_languages
from services.knowledge.search.stop_words import STOP_WORDS, STOP_WORDS_OF

MAX_CHARACTERS = 2_000
MAX_UNITS = 48
"""What is typed beyond these is not looked at, and `Query.is_cut` says so."""

_SIGNS = str.maketrans(
    dict.fromkeys("„“”«»‟＂「」『』《》〈〉", '"') | {"\x00": " ", "：": ":", "＋": "+", "－": "-", "−": "-"}
)
# A goal without a blank before its number.
_GOAL = re.compile(r"\b(?:sdg|ods)-?(?=\d)", re.IGNORECASE)
_PIECE = re.compile(r'(?P<sign>(?<!\S)[+-])?(?:(?P<name>\w+):)?(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<plain>[^\s"]+))')
_FILTER_NAMES = {
    "topic": "topics", "topics": "topics", "thema": "topics", "themen": "topics",
    "city": "cities", "stadt": "cities",
    "sdg": "sdg_targets",
    "year": "years", "jahr": "years",
    "state": "states", "stand": "states", "zustand": "states",
    "language": "languages", "lang": "languages", "sprache": "languages",
    "department": "departments", "fachbereich": "departments",
}  # fmt: skip
_VALUES = {
    "sdg_targets": re.compile(r"([1-9]|1[0-7])(\.([1-9][0-9]?|[a-f]))?"),
    "years": re.compile(r"\d{4}"),
    "languages": re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"),
}
_PROBABLE = 0.3
"""Share from which on a query is taken to be in a language."""
# States by the names that people read, German ones folded as terms are.
_STATES = {
    "observation": "observation", "beobachtung": "observation",
    "insight": "insight", "erkenntnis": "insight",
    "lesson_identified": "lesson_identified", "lesson-identified": "lesson_identified",
    "identified": "lesson_identified", "erkannte_lehre": "lesson_identified",
    "implemented": "implemented", "umgesetzt": "implemented",
    "validated": "validated", "validiert": "validated", "bestatigt": "validated",
    "embedded": "embedded", "verankert": "embedded",
    "rejected": "rejected", "abgelehnt": "rejected", "verworfen": "rejected",
    "superseded": "superseded", "abgelost": "superseded",
}  # fmt: skip


class Occurrence(StrEnum):
    """What a word or phrase means for a document."""

    SHOULD = "should"
    """The better it matches, the better."""
    MUST = "must"
    MUST_NOT = "must_not"


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, or words that have to stand one after the other."""

    words: tuple[str, ...]
    """As typed."""
    occurrence: Occurrence = Occurrence.SHOULD
    is_quoted: bool = False
    """It is looked for as it stands, not in other forms."""
    is_open: bool = False
    """It may be the beginning of a longer word."""
    stretch: str = ""
    """The stretch of an unspaced script that it was cut from."""

    @property
    def text(self) -> str:
        """What was typed; of an unspaced script, the whole stretch."""
        return self.stretch or " ".join(self.words)

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms that its words are compared by."""
        return tuple(join_terms(self.words).split())


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; without units it finds everything."""

    text: str = ""
    """The words without filters, for their meaning."""
    units: tuple[Unit, ...] = ()
    filters: Filters = field(default_factory=Filters)
    unwanted: Filters = field(default_factory=Filters)
    """What no document may have: any of the values."""
    is_cut: bool = False
    """Whether more was typed than is looked at."""

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Read what a person typed: any text."""
        cut = _GOAL.sub("SDG ", normalize(join_abbreviations(text[:MAX_CHARACTERS]).translate(_SIGNS)))
        filters: dict[str, dict[str, list[str]]] = {"": {}, "-": {}}
        units: list[Unit] = []
        rest = []
        for piece in _PIECE.finditer(cut):
            if found := _read_filter(piece):
                filters[piece["sign"] or ""].setdefault(found[0], []).append(found[1])
                continue
            new = list(_read_units(piece, is_last=piece.end() == len(cut)))
            units += new
            if new and new[0].occurrence is not Occurrence.MUST_NOT:
                rest.append(piece["quoted"] or piece[0].lstrip("+"))
        units = list(dict.fromkeys(units))
        return cls(
            " ".join(rest),
            tuple(_drop_stop_words(units, " ".join(rest))[:MAX_UNITS]),
            Filters(**filters[""]),
            Filters(**filters["-"]),
            len(text) > MAX_CHARACTERS or len(units) > MAX_UNITS,
        )


def _read_filter(piece: re.Match[str]) -> tuple[str, str] | None:
    """Return field and value of a filter; None where a piece is no filter that there is."""
    field_name = _FILTER_NAMES.get((piece["name"] or "").lower())
    value = (piece["plain"] if piece["quoted"] is None else piece["quoted"]).strip()
    if not field_name or not value or piece["sign"] == "+":
        return None
    if (pattern := _VALUES.get(field_name)) and not pattern.fullmatch(value):
        return None
    match field_name:
        case "states":
            state = _STATES.get(get_terms(value).replace(" ", "_"))
            return (field_name, state) if state else None
        case "cities":
            # As ids are made of names: without accents, with hyphens.
            return field_name, f"cities/{'-'.join(join_terms(list_words(value.removeprefix('cities/'))).split())}"
        case "topics":
            return field_name, value.lower().replace(" ", "-")
    return field_name, value


def _read_units(piece: re.Match[str], *, is_last: bool) -> Iterator[Unit]:
    is_quoted = piece["quoted"] is not None
    text = (f"{piece['name']} " if piece["name"] else "") + (piece["quoted"] if is_quoted else piece["plain"])
    words = [word for word in list_words(text) if get_terms(word)]
    if not words:
        return
    match piece["sign"], is_quoted:
        case "-", _:
            occurrence = Occurrence.MUST_NOT
        case ("+", _) | (_, True):
            occurrence = Occurrence.MUST
        case _:
            occurrence = Occurrence.SHOULD
    if is_quoted or occurrence is not Occurrence.SHOULD:
        yield Unit(tuple(words), occurrence, is_quoted)
        return
    for place, word in enumerate(words):
        terms = get_terms(word).split() if is_unspaced(word) else [word]
        for term in terms:
            is_open = is_last and place == len(words) - 1 and term == terms[-1]
            yield Unit((term,), occurrence, is_open=is_open, stretch=word if is_unspaced(word) else "")


def _drop_stop_words(units: list[Unit], text: str) -> list[Unit]:
    """Return the units that say something; all of them where none does."""
    if STOP_WORDS.isdisjoint(term for unit in units for term in unit.terms):
        return units
    silent = frozenset().union(*(STOP_WORDS_OF[language] for language in _list_probable(units, text)))
    # `KI`, `IT` and `EU` are words in some language, but not where other letters are small.
    has_small = any(map(str.islower, text))
    telling = [
        unit
        for unit in units
        if unit.occurrence is not Occurrence.SHOULD
        or (has_small and len(unit.words[0]) > 1 and unit.words[0].isupper())
        or not silent.issuperset(unit.terms)
    ]
    return telling or units


def _list_probable(units: list[Unit], text: str) -> list[str]:
    """Return the languages that a query probably is in: by its letters, or by several words that say nothing."""
    shares = guess_languages(text)
    return [
        language
        for language, words in STOP_WORDS_OF.items()
        if shares.get(language, 0.0) >= _PROBABLE or sum(words.issuperset(unit.terms) for unit in units) > 1
    ]
