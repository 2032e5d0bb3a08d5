"""
Text → words → terms.

Words are cut here, once for indexing, queries and highlighting, so that the three can never disagree. A *term* is what
words are compared by: lower case, without accents, vowel points and the like, so that `Łódź` is found by `lodz`.
Scripts that are written without spaces have no words to cut: their terms are pairs of neighbouring characters.

What a word has in common with its inflected forms is another matter: see `languages` and `lexicon`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

# Written without spaces: Japanese syllables, Han characters, Thai.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u0e00-\u0e7f"
# Accents, vowel points and the Arabic elongation belong to the word they stand in.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u0640\u064b-\u065f\u0670"
_LETTER = rf"[^\W_{_UNSPACED}]"
# An apostrophe inside a Cyrillic word (`м'який`) and the quotation mark of a Hebrew abbreviation (`תב"ע`) are letters.
_INNER = "(?<=[\u0400-\u04ff])['’ʼ](?=[\u0400-\u04ff])|(?<=[\u05d0-\u05ea])[\"'׳״](?=[\u05d0-\u05ea])"
# No word is longer than a term may be; what is longer is cut.
_WORD = re.compile(rf"[{_UNSPACED}]{{1,64}}|(?:{_LETTER}|[{_MARKS}]|{_INNER}){{1,64}}")
# The same for a text without any of these, in a quarter of the time.
_PLAIN_WORD = re.compile(r"\w{1,64}")
_SPECIAL = re.compile(f"[_{_UNSPACED}{_MARKS}]")
_QUOTE = re.compile("['’ʼ\"׳״]")
_CYRILLIC_OR_HEBREW = re.compile("[\u0400-\u04ff\u05d0-\u05ea]")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_POSSESSIVE = re.compile(r"(?<=\w)['’][sS]\b")
_HEBREW_ABBREVIATION = re.compile('(?<=[\u05d0-\u05ea])["״](?=[\u05d0-\u05ea](?:[^\u05d0-\u05ea]|$))')
# Letters that do not decompose into a plain one and an accent, and variants of letters.
_VARIANTS = {
    "ł": "l", "đ": "d", "ð": "d", "ø": "o", "ı": "i", "ŧ": "t", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th",
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ـ": "", "ґ": "г",
    "ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ",
    "'": "", "’": "", "ʼ": "", '"': "", "׳": "", "״": "",
}  # fmt: skip


class _Folds(dict[int, str]):
    """What each character is compared by: the plain letter, the digit of our own script, nothing for a mark."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFD", chr(code))
        folded = "".join(
            str(unicodedata.decimal(char)) if char.isdecimal() else _VARIANTS.get(char, char)
            for char in decomposed
            if unicodedata.category(char) != "Mn"
        )
        self[code] = folded
        return folded


_FOLDS = _Folds()
_MAX_KEPT = 262_144


def normalize(text: str) -> str:
    """Return the text in composed form (NFC), so that equal letters are equal; what words and offsets refer to."""
    return unicodedata.normalize("NFC", text)


def list_words(text: str) -> list[str]:
    """
    Return the words of a text; of an unspaced script, each stretch of it.

    Args:
        text: Normalized text. An English or German possessive (`Swansea's`) counts as the word without it.
    """
    text = _blank_possessives(text)
    return _choose_pattern(text).findall(text)


def find_words(text: str) -> Iterator[tuple[str, int]]:
    """Yield the words of `list_words`, each with its start."""
    text = _blank_possessives(text)
    for match in _choose_pattern(text).finditer(text):
        yield match[0], match.start()


def find_terms(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each term of a normalized text with start and end of what it stands for."""
    for word, start in find_words(text):
        for term, offset, length in cut_terms(word):
            yield term, start + offset, start + offset + length


def cut_terms(word: str) -> Iterator[tuple[str, int, int]]:
    """Yield the terms of a word, each with start and length of what it stands for."""
    terms = _TERMS[word]
    if " " in terms:
        for place in range(len(word) - 1):
            yield word[place : place + 2], place, 2
    elif terms:
        yield terms, 0, len(word)


class _Terms(dict[str, str]):
    """The terms of words that were seen lately: a text is a thousand look-ups, and nearly all are of the same words."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MAX_KEPT:
            self.clear()
        terms = self[word] = _fold(word)
        return terms


def get_terms(word: str) -> str:
    """Return the term of a word; of a stretch of an unspaced script its terms, separated by spaces."""
    # Sooner folded than looked up among so many.
    return word.lower() if word.isascii() else _TERMS[word]


def join_terms(words: Iterable[str]) -> str:
    """Return the terms of words, separated by spaces."""
    return " ".join(map(_TERMS.__getitem__, words))


def _fold(word: str) -> str:
    if word.isascii():
        return word.lower()
    if is_unspaced(word):
        return " ".join(map("".join, pairwise(word))) or word
    folded = word.casefold()
    if folded.isascii():
        return folded
    return folded.translate(_FOLDS)


def _choose_pattern(text: str) -> re.Pattern[str]:
    if _SPECIAL.search(text) or (_QUOTE.search(text) and _CYRILLIC_OR_HEBREW.search(text)):
        return _WORD
    return _PLAIN_WORD


def is_unspaced(word: str) -> bool:
    """Return whether a word is a stretch of a script that is written without spaces."""
    return word > "\u0e00" and _IS_UNSPACED.match(word) is not None


def has_digit(term: str) -> bool:
    """Return whether a term is or contains a number, in which no slip of the pen is guessed at."""
    return any(map(str.isdecimal, term))


def join_abbreviations(text: str) -> str:
    """Return a typed text with the quotation marks inside Hebrew abbreviations as the letters that they are."""
    return _HEBREW_ABBREVIATION.sub("״", text)


def _blank_possessives(text: str) -> str:
    return _POSSESSIVE.sub("  ", text) if "'" in text or "’" in text else text


_TERMS = _Terms()
