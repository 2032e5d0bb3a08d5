"""Where a text matched, for people to see."""

import html
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from services.knowledge.search.analysis import (
    COMPOUNDING,
    PLAIN,
    analysis_of,
    distinct_words,
    heads,
    normalized,
    term,
    words,
)
from services.knowledge.search.documents import Document
from services.knowledge.search.query import MIN_PREFIX, Query, Unit

MAX_CHARACTERS = 300
_LEAD = 60  # characters of context before the first match


class _Mark(NamedTuple):
    """A stretch of a text that matched a unit of the query."""

    start: int
    end: int
    unit: Unit


class Snippets:
    """Shows where documents matched a query. What it finds out about a word in one, it knows in the next."""

    def __init__(self, query: Query) -> None:
        self._units = query.units
        self._openings: dict[str, _Openings] = {}

    def of(self, document: Document) -> str:
        """
        Return the passage that matches best, as HTML: matched words in `<mark>`, everything else escaped.

        The passage with most of the query's words wins, the earlier among equals. Without a match it is the beginning
        of the first passage. At most `MAX_CHARACTERS` of text, cut between words and marked with `…` where something
        was left off.
        """
        openings = self._openings_for(document)
        texts = [normalized(text) for text in document.passages if text] or [""]
        best, best_text, best_marks, most = 0, texts[0], list[_Mark](), 0
        for text in texts:
            if most == len(self._units):
                break
            marks = list(_marks(openings, text))
            start, count = _best_start(marks)
            if count > most:
                best, best_text, best_marks, most = start, text, marks, count
        return _render(best_text, best_marks, *_cut(best_text, best))

    def title(self, document: Document) -> str:
        """Return the whole title, as HTML like `of`."""
        return self._openings_for(document).whole(document.title)[0]

    def context(self, document: Document) -> str:
        """Return those of the words around the text that match, as HTML like `of`; "" where none do."""
        openings = self._openings_for(document)
        parts = (openings.whole(text) for text in document.context if text)
        return " · ".join(html for html, matched in parts if matched)

    def _openings_for(self, document: Document) -> "_Openings":
        analysis = analysis_of(document.language)
        openings = self._openings.get(analysis)
        if openings is None:
            openings = self._openings[analysis] = _Openings(self._units, analysis)
        return openings


class _Openings(dict[str, "list[_Matcher]"]):
    """Word → the units of a query that can begin with it; worked out when a word is met first."""

    def __init__(self, units: Sequence[Unit], analysis: str) -> None:
        super().__init__()
        self._matchers = [_Matcher(unit, analysis) for unit in units]

    def __missing__(self, word: str) -> "list[_Matcher]":
        self[word] = found = [matcher for matcher in self._matchers if matcher.matches(word, 0)]
        return found

    def whole(self, text: str) -> tuple[str, bool]:
        """Return all of a short text as HTML, and whether anything in it matched."""
        shown = normalized(text)
        marks = list(_marks_among(self, _words_of_short(shown)))
        return _render(shown, marks, 0, len(shown)), bool(marks)


def _marks(openings: _Openings, text: str) -> Iterator[_Mark]:
    # Most texts of most pages match nothing: their words need no places.
    if any(map(openings.__getitem__, distinct_words(text))):
        yield from _marks_among(openings, list(words(text)))


@lru_cache(maxsize=8_192)
def _words_of_short(text: str) -> Sequence[tuple[str, int, int]]:
    """Return the words of a title or the like; many searches meet the same ones."""
    return tuple(words(text))


def _marks_among(openings: _Openings, found: Sequence[tuple[str, int, int]]) -> Iterator[_Mark]:
    position = 0
    while position < len(found):
        for matcher in openings[found[position][0]]:
            if length := matcher.length_at(found, position):
                yield _Mark(found[position][1], found[position + length - 1][2], matcher.unit)
                position += length
                break
        else:
            position += 1


class _Matcher:
    """Finds one unit of the query in a text, by the same terms as the index does."""

    def __init__(self, unit: Unit, analysis: str) -> None:
        self.unit = unit
        self._analysis = analysis
        self._plain = unit.terms(PLAIN)
        self._stems = unit.terms(analysis)
        self._open = unit.open_ended and len(self._plain[-1]) >= MIN_PREFIX

    def length_at(self, found: Sequence[tuple[str, int, int]], position: int) -> int:
        """Return how many words match from a position on, whose word can begin the unit: all of the unit's, or 0."""
        length = len(self._plain)
        if position + length > len(found):
            return 0
        # That the first word matches is what opened it.
        return length if all(self.matches(found[position + offset][0], offset) for offset in range(1, length)) else 0

    def matches(self, word: str, offset: int) -> bool:
        """Tell whether a word of the text matches one of the unit."""
        if term(word, self._analysis) == self._stems[offset]:
            return True
        plain, wanted = term(word, PLAIN), self._plain[offset]
        if plain == wanted or (self._open and offset == len(self._plain) - 1 and plain.startswith(wanted)):
            return True
        if self._analysis != COMPOUNDING or len(self._plain) > 1:
            return False
        return any(term(head, COMPOUNDING) == self._stems[0] for head in heads(word))


def _best_start(marks: Sequence[_Mark]) -> tuple[int, int]:
    """Return where the stretch with most different units starts, and how many there are in it."""
    best, most = 0, 0
    for index, first in enumerate(marks[:200]):
        inside = set()
        for mark in marks[index:]:
            if mark.end > first.start + MAX_CHARACTERS - _LEAD:
                break
            inside.add(mark.unit)
        inside.add(first.unit)
        if len(inside) > most:
            best, most = first.start, len(inside)
    return best, most


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
