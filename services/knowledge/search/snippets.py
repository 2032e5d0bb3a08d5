"""Where a text matched, for people to see."""

import html
from collections.abc import Collection, Sequence
from typing import NamedTuple

from services.knowledge.search.analysis import COMPOUNDING, PLAIN
from services.knowledge.search.analyzed import AnalyzedDocument, AnalyzedTexts
from services.knowledge.search.query import MIN_PREFIX, Query, Unit

MAX_CHARACTERS = 300
_LEAD = 60  # characters of context before the first match


class _Mark(NamedTuple):
    """A stretch of a text that matched a unit of the query."""

    start: int
    end: int
    unit: Unit


class Snippets:
    """Shows where documents matched a query."""

    def __init__(self, query: Query) -> None:
        self.units = query.units
        self._matchers: dict[str, list[_Matcher]] = {}

    def mark_passage(self, document: AnalyzedDocument) -> str:
        """
        Return the passage that matches best, as HTML: matched words in `<mark>`, everything else escaped.

        The passage with most of the query's words wins, the earlier among equals. Without a match it is the beginning
        of the first passage. At most `MAX_CHARACTERS` of text, cut between words and marked with `…` where something
        was left off.
        """
        texts, marks = document.passages.texts, self._find_marks(document.passages)
        best_start, best_text, most = 0, 0, 0
        for number, found in marks.items():
            start, count = _find_best_start(found)
            if count > most:
                best_start, best_text, most = start, number, count
        text = texts[best_text]
        return _render(text, marks.get(best_text, []), *_cut(text, best_start))

    def mark_title(self, document: AnalyzedDocument) -> str:
        """Return the whole title, as HTML like `mark_passage`."""
        (title,) = document.title.texts
        return _render(title, self._find_marks(document.title).get(0, []), 0, len(title))

    def mark_context(self, document: AnalyzedDocument) -> str:
        """Return those of the words around the text that match, as HTML like `mark_passage`; "" where none do."""
        texts = document.context.texts
        return " · ".join(
            _render(texts[number], found, 0, len(texts[number]))
            for number, found in self._find_marks(document.context).items()
        )

    def _find_marks(self, texts: AnalyzedTexts) -> dict[int, list[_Mark]]:
        """
        Return what matched, from left to right, by the number of the text; only texts in which something did.

        Where two units meet, the one that the query names first is marked, and once.
        """
        matchers = self._matchers.get(texts.analysis)
        if matchers is None:
            matchers = self._matchers[texts.analysis] = [_Matcher(unit, texts.analysis) for unit in self.units]
        begins = [(place, rank) for rank, matcher in enumerate(matchers) for place in matcher.find_places(texts)]
        if not begins:
            return {}
        begins.sort()
        marks: dict[int, list[_Mark]] = {}
        free = 0
        for place, rank in begins:
            if place >= free:
                free = place + matchers[rank].length
                number, start, _ = texts.spans[place]
                marks.setdefault(number, []).append(_Mark(start, texts.spans[free - 1][2], matchers[rank].unit))
        return marks


class _Matcher:
    """Finds one unit of the query in a text, by the same terms as the index does."""

    def __init__(self, unit: Unit, analysis: str) -> None:
        self.unit = unit
        self._plain = unit.get_terms(PLAIN)
        self._stems = unit.get_terms(analysis)
        self.length = len(self._plain)
        self._open = unit.open_ended and len(self._plain[-1]) >= MIN_PREFIX
        self._in_compounds = analysis == COMPOUNDING and self.length == 1

    def find_places(self, texts: AnalyzedTexts) -> Collection[int]:
        """Return the places of the words with which the unit begins in texts; one may be there twice."""
        if self.length == 1:
            return self._find_word_places(texts, 0)
        places = set(self._find_word_places(texts, 0))
        for offset in range(1, self.length):
            if not places:
                break
            places &= {place - offset for place in self._find_word_places(texts, offset)}
        return places

    def _find_word_places(self, texts: AnalyzedTexts, offset: int) -> list[int]:
        """Return the places of the words that match one of the unit's; one may be there twice."""
        wanted, stem = self._plain[offset], self._stems[offset]
        places = [*texts.plain.get(wanted, ()), *texts.stems.get(stem, ())]
        if self._open and offset == self.length - 1:
            places += texts.find_prefix(wanted)
        if self._in_compounds:
            places += texts.heads.get(stem, ())
        return places


def _find_best_start(marks: Sequence[_Mark]) -> tuple[int, int]:
    """Return where the stretch with most different units starts, and how many there are in it."""
    if len(marks) == 1:
        return marks[0].start, 1
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
