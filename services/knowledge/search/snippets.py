"""Where a text matched and why, for people to see."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.knowledge.search.analysis import (
    Reading,
    cut_terms,
    find_terms,
    find_words,
    get_terms,
    is_unspaced,
    list_words,
    strip_invisible,
)
from services.knowledge.search.documents import Document, Topic
from services.knowledge.search.expansion import Expansion, Relation
from services.knowledge.search.query import Occurrence

MAX_CHARACTERS = 300
_LEAD = 60  # characters of context before the first match
# The strongest reason first.
_ORDER = list(Relation)


class _Match(NamedTuple):
    """What a term of a text has to do with the query."""

    unit: int
    relation: Relation


class _Text(NamedTuple):
    """A text that was looked through."""

    reading: Reading
    words: set[str]
    """Those of its words that have to do with the query."""


class _Mark(NamedTuple):
    """A stretch of a text that matched."""

    start: int
    end: int
    match: _Match


@dataclass(frozen=True)
class Snippet:
    """Where and why one document matched, as HTML with `<mark>`; everything else is escaped."""

    title: str
    """The whole title."""
    passage: str
    """
    The passage that matches best: most of the query's words, the earlier among equals. Without a match the beginning of
    the first one. At most `MAX_CHARACTERS` of text, cut between words and marked with `…` where something was left off.
    """
    context: str
    """Those of the words around the text that match, where neither title nor passage do."""
    reasons: Sequence[tuple[Relation, Sequence[str]]]
    """Why it was found: with the words of the text, as they stand there; the strongest first."""


class Snippets:
    """
    Shows where documents matched a query.

    Args:
        expansions: What was looked for.
        topics: Topics that the query names.
    """

    def __init__(self, expansions: Sequence[Expansion], topics: Sequence[Topic] = ()) -> None:
        wanted = [
            (number, expansion)
            for number, expansion in enumerate(expansions)
            if expansion.unit.occurrence is not Occurrence.MUST_NOT
        ]
        self._terms: dict[str, _Match] = {}
        self._beginnings: list[tuple[str, _Match]] = []
        # First term → the phrases that begin with it.
        self._phrases: dict[str, list[list[str]]] = {}
        for _, expansion in wanted:
            self._add_phrase(expansion.unit.terms)
        # Terms that match wherever they stand; others only as a part of a phrase.
        self._alone = {label[0] for topic in topics for label in topic.labels if len(label) == 1}
        for number, expansion in wanted:
            terms = expansion.unit.terms
            if len(terms) > 1 or expansion.unit.is_quoted:
                for term in terms:
                    self._terms.setdefault(term, _Match(number, Relation.SAME))
            if len(terms) == 1 and expansion.unit.is_quoted:
                self._alone.add(terms[0])
            for variant in (*expansion.variants, *(each for part in expansion.parts for each in part)):
                self._terms.setdefault(variant.term, _Match(number, variant.relation))
                self._alone.add(variant.term)
            if expansion.beginning:
                self._beginnings.append((expansion.beginning, _Match(number, Relation.BEGINNING)))
        self._topics = {topic.slug for topic in topics}
        # Which unit each term of the query is of.
        numbers = [number for number, expansion in enumerate(expansions) for _ in expansion.unit.terms]
        for topic in topics:
            for label in topic.labels:
                self._add_phrase(label)
                for term in label:
                    self._terms.setdefault(term, _Match(numbers[topic.start], Relation.TOPIC))
        self._characters = frozenset(term for term in self._terms if len(term) == 1 and is_unspaced(term))
        self._beginning_texts = tuple(beginning for beginning, _ in self._beginnings)
        # The words that were seen in texts so far, and which units of the query are in those that match.
        self._seen: set[str] = set()
        self._units_of: dict[str, set[int]] = {}

    def _add_phrase(self, terms: Sequence[str]) -> None:
        if len(terms) > 1:
            self._phrases.setdefault(terms[0], []).append(list(terms))

    def cut(self, document: Document) -> Snippet:
        """Return where and why a document matched."""
        found: dict[Relation, dict[str, None]] = {}
        title = self._look_through(document.title)
        title_marks = self._find_marks(title, found)
        best = self._choose_passage([self._look_through(text) for text in filter(None, document.passages)])
        marks = self._find_marks(best, found)
        around = map(self._look_through, document.context) if not title_marks and not marks else ()
        matching = [(text.reading.shown, self._find_marks(text, found)) for text in around]
        goals = (f"sdg-{target.partition('.')[0]}" for target in document.sdg_targets)
        if not self._topics.isdisjoint([*document.topics, *goals]):
            found.setdefault(Relation.TOPIC, {})
        return Snippet(
            _render(title.reading.shown, title_marks, 0, len(title.reading.shown)),
            _render(best.reading.shown, marks, *_cut(best.reading.shown, _find_best_start(marks))),
            " · ".join(_render(text, some, 0, len(text)) for text, some in matching if some),
            [(relation, list(found[relation])) for relation in _ORDER if relation in found],
        )

    def _look_through(self, text: str) -> _Text:
        reading = Reading(text)
        words = set(list_words(reading.normalized))
        # Found texts have many words in common: each is looked at once.
        if new := words - self._seen:
            self._seen |= new
            beginnings = self._beginning_texts
            for word in new:
                term = get_terms(word)
                if term in self._terms or " " in term or (beginnings and term.startswith(beginnings)):
                    self._units_of[word] = self._read_units(word)
        return _Text(reading, words & self._units_of.keys())

    def _choose_passage(self, passages: Sequence[_Text]) -> _Text:
        """Return the passage in which most units of the query would be marked, the earlier among equals."""
        if not passages:
            return _Text(Reading(""), set())
        counts = [len(set().union(*[self._units_of[word] for word in text.words])) for text in passages]
        if not self._phrases:
            return passages[counts.index(max(counts))]
        # Single words of a phrase are not marked. To look for marks takes longer: where there may be most, first.
        best, most = 0, 0
        for place in sorted(range(len(passages)), key=lambda place: -counts[place]):
            if counts[place] < most:
                break
            marked = len({match.unit for _, _, match in self._match_terms(passages[place])})
            if marked > most or (marked == most and place < best):
                best, most = place, marked
        return passages[best]

    def _read_units(self, word: str) -> set[int]:
        units = {self._terms[char].unit for char in self._characters.intersection(word)}
        for term, _, _ in cut_terms(word):
            if match := self._terms.get(term) or self._match_beginning(term):
                units.add(match.unit)
        return units

    def _find_marks(self, text: _Text, found: dict[Relation, dict[str, None]]) -> list[_Mark]:
        """Return what matched, from left to right, and take down why."""
        marks: list[_Mark] = []
        for place, behind, match in self._match_terms(text):
            start, end = text.reading.locate(place, behind)
            found.setdefault(match.relation, {}).setdefault(strip_invisible(text.reading.shown[start:end]))
            # Pairs of characters overlap.
            if marks and start < marks[-1].end:
                marks[-1] = marks[-1]._replace(end=end)
            else:
                marks.append(_Mark(start, end, match))
        return marks

    def _match_terms(self, text: _Text) -> Iterator[tuple[int, int, _Match]]:
        """Yield what matches in a text."""
        if not text.words:
            return
        in_phrases = self._find_phrases(text)
        for word, start in find_words(text.reading.normalized):
            if word not in text.words:
                continue
            for term, offset, length in cut_terms(word):
                place = start + offset
                match = self._terms.get(term)
                if match and (term in self._alone or place in in_phrases):
                    yield place, place + length, match
                elif longer := self._match_beginning(term):
                    yield place, place + length, longer
                elif self._characters:
                    # One character that was looked for, in a pair.
                    for inner, char in enumerate(term, place):
                        if char in self._characters:
                            yield inner, inner + 1, self._terms[char]

    def _match_beginning(self, term: str) -> _Match | None:
        for beginning, match in self._beginnings:
            if term.startswith(beginning):
                return match
        return None

    def _find_phrases(self, text: _Text) -> set[int]:
        """Return the starts of the terms that belong to a phrase that was looked for."""
        found: set[int] = set()
        if not any(term in self._phrases for word in text.words for term, _, _ in cut_terms(word)):
            return found
        places = list(find_terms(text.reading.normalized))
        for first, (term, _, _) in enumerate(places):
            for phrase in self._phrases.get(term, ()):
                inside = places[first : first + len(phrase)]
                if [each for each, _, _ in inside] == phrase:
                    found.update(start for _, start, _ in inside)
        return found


def _find_best_start(marks: Sequence[_Mark]) -> int:
    """Return where the stretch with most different units starts."""
    best, most = 0, 0
    for index, first in enumerate(marks[:200]):
        inside = set()
        for mark in marks[index:]:
            if mark.end > first.start + MAX_CHARACTERS - _LEAD:
                break
            inside.add(mark.match.unit)
        inside.add(first.match.unit)
        if len(inside) > most:
            best, most = first.start, len(inside)
    return best


def _render(text: str, marks: Sequence[_Mark], start: int, end: int) -> str:
    parts = ["… " if start else ""]
    position = start
    for mark in marks:
        if mark.start < start:
            continue
        if mark.end > end:
            break
        parts += [
            html.escape(text[position : mark.start]),
            "<mark>",
            html.escape(text[mark.start : mark.end]),
            "</mark>",
        ]
        position = mark.end
    parts += [html.escape(text[position:end]), " …" if end < len(text) else ""]
    return "".join(parts)


def _cut(text: str, focus: int) -> tuple[int, int]:
    """Return start and end of the stretch around a match, between words where there are any."""
    start = 0
    if len(text) > MAX_CHARACTERS and focus > _LEAD:
        start = text.find(" ", focus - _LEAD, focus) + 1 or focus
    end = len(text)
    if end - start > MAX_CHARACTERS:
        end = start + MAX_CHARACTERS
        space = text.rfind(" ", start + MAX_CHARACTERS // 2, end)
        end = space if space > focus else end
    return start, end
