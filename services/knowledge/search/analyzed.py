"""Texts cut into words once, for all the queries that are yet to match them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property

from services.knowledge.search.analysis import (
    COMPOUNDING,
    PLAIN,
    choose_analysis,
    find_words,
    get_head_terms,
    get_term,
    normalize,
)
from services.knowledge.search.documents import Document


class AnalyzedTexts:
    """
    Texts, and where in them each term stands. A word's place is its number, with a gap between texts.

    Attributes:
        texts: The texts, normalized; an empty one where there is none.
        analysis: Their analysis.
        spans: Number of the text, start and end of the word in each place.
        plain: Plain term → places.
        stems: Stem → places; as `plain` where the language has no stemmer.
        heads: Term of what may be the head of a German compound → places of the compounds.
    """

    def __init__(self, texts: Sequence[str], analysis: str) -> None:
        self.texts = [normalize(text) for text in texts if text] or [""]
        self.analysis = analysis
        self.spans: list[tuple[int, int, int]] = []
        self.plain: dict[str, list[int]] = {}
        self.stems: dict[str, list[int]] = {} if analysis != PLAIN else self.plain
        self.heads: dict[str, list[int]] = {}
        for number, text in enumerate(self.texts):
            for word, start, end in find_words(text):
                self._add(word, len(self.spans))
                self.spans.append((number, start, end))
            self.spans.append((number, len(text), len(text)))

    def _add(self, word: str, place: int) -> None:
        self.plain.setdefault(get_term(word, PLAIN), []).append(place)
        if self.analysis != PLAIN:
            self.stems.setdefault(get_term(word, self.analysis), []).append(place)
        if self.analysis == COMPOUNDING:
            for head in get_head_terms(word):
                self.heads.setdefault(head, []).append(place)

    def find_prefix(self, prefix: str) -> Iterator[int]:
        """Yield the places of the plain terms that begin with a prefix."""
        for index in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[index].startswith(prefix):
                break
            yield from self.plain[self._sorted[index]]

    @cached_property
    def _sorted(self) -> Sequence[str]:
        return sorted(self.plain)


class AnalyzedDocument:
    """
    The texts of a document; analyzed when first asked for.

    To cut the texts of 50 hits anew for every query took nine tenths of a search's processor time.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._analysis = choose_analysis(document.language)

    @cached_property
    def title(self) -> AnalyzedTexts:
        """The title."""
        return AnalyzedTexts([self._document.title], self._analysis)

    @cached_property
    def passages(self) -> AnalyzedTexts:
        """The passages."""
        return AnalyzedTexts(self._document.passages, self._analysis)

    @cached_property
    def context(self) -> AnalyzedTexts:
        """The words around the text."""
        return AnalyzedTexts(self._document.context, self._analysis)
