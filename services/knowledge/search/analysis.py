"""
Text → words → terms.

Words are cut here, once for indexing, queries and highlighting, so that the three can never disagree. A word becomes a
*plain* term (lower case, without accents), which every document has, and where we know the language's stemmer a *stem*,
in which the inflected forms meet: `Controllings` and `Controlling`, `controllers` and `controller`.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

PLAIN = "plain"
COMPOUNDING = "de"
"""The language whose compounds are found by their heads."""
STEMMERS = {"de": "german", "en": "english"}
"""Languages with an analysis of their own: primary subtag → tantivy's name of the stemmer. One line adds one."""

# Written without spaces: each character is a word, and a word of several characters is looked for as a phrase.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u0e00-\u0e7f"
# Accents and vowel points that remain after composition belong to the word they stand in.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f\u0670"
# No word is longer than a term may be; what is longer is cut, and found as a phrase.
# The second alternative is the third for words without such marks, which is nearly all of them, in half the time.
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]{{1,64}}+(?![{_MARKS}])|(?:[^\W_{_UNSPACED}]|[{_MARKS}]){{1,64}}")
_MIN_MODIFIER, _MIN_HEAD = 4, 5
_POSSESSIVE = re.compile(r"(?<=\w)['’][sS]\b")


def normalize(text: str) -> str:
    """Return the text in composed form (NFC), so that equal letters are equal; what words and offsets refer to."""
    return unicodedata.normalize("NFC", text)


def find_words(text: str) -> Iterator[tuple[str, int, int]]:
    """
    Yield each word with its start and end.

    Args:
        text: Normalized text. An English or German possessive (`Swansea's`) counts as the word without it.
    """
    for match in _WORD.finditer(_blank_possessives(text)):
        yield match[0], match.start(), match.end()


def find_distinct_words(text: str) -> set[str]:
    """Return the words that `find_words` yields, each once; much faster."""
    return set(_WORD.findall(_blank_possessives(text)))


def choose_analysis(language: str) -> str:
    """Return the analysis for a text in a language (BCP 47): a key of `STEMMERS`, or `PLAIN`."""
    primary = language.split("-", 1)[0].lower()
    return primary if primary in STEMMERS else PLAIN


def build_analyzers() -> dict[str, TextAnalyzer]:
    """Return the tantivy analyzer of each analysis. They expect words that are separated by spaces."""
    return {PLAIN: _build_analyzer()} | {key: _build_analyzer(Filter.stemmer(name)) for key, name in STEMMERS.items()}


def space_words(text: str) -> str:
    """Return the words of any text, separated by spaces: what the analyzers take."""
    return _undot(" ".join(word for word, _, _ in find_words(normalize(text))))


@lru_cache(maxsize=65_536)
def get_term(word: str, analysis: str) -> str:
    """Return the term that a word is compared by."""
    return str(_ANALYZERS[analysis].analyze(_undot(word))[0])


@lru_cache(maxsize=4_096)
def is_stop_word(word: str) -> bool:
    """Return whether a word is so common in one of our languages (`die`, `of`) that it says nothing."""
    return any(not analyzer.analyze(word) for analyzer in _STOP_WORDS)


def list_heads(word: str) -> list[str]:
    """
    Return what may be the head of a German compound, its last part: `controller` of `Dezernatscontroller`.

    Nobody has to know the words: it is every ending of at least 5 letters that leaves at least 4. Compounds that matter
    are nouns, which are written with a capital.
    """
    if not may_be_compound(word):
        return []
    return [word[start:] for start in range(_MIN_MODIFIER, len(word) - _MIN_HEAD + 1)]


def may_be_compound(word: str) -> bool:
    """Return whether a word may be a German compound, and has heads."""
    return len(word) >= _MIN_MODIFIER + _MIN_HEAD and word[0].isupper()


@lru_cache(maxsize=16_384)
def get_head_terms(word: str) -> frozenset[str]:
    """Return the terms of a word's heads."""
    return frozenset(get_term(head, COMPOUNDING) for head in list_heads(word))


def _blank_possessives(text: str) -> str:
    return _POSSESSIVE.sub("  ", text) if "'" in text or "’" in text else text


def _undot(text: str) -> str:
    # The lower case of the Turkish İ is two characters, which no stemmer or folding joins with an i.
    return text.replace("İ", "I")


def _start_analyzer() -> TextAnalyzerBuilder:
    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.lowercase())


def _build_analyzer(*filters: Filter) -> TextAnalyzer:
    builder = _start_analyzer().filter(Filter.ascii_fold())
    for each in filters:
        builder = builder.filter(each)
    return builder.build()


_ANALYZERS = build_analyzers()
_STOP_WORDS = [_start_analyzer().filter(Filter.stopword(name)).build() for name in STEMMERS.values()]
