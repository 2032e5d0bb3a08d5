"""
Text → words → terms.

Words are cut here, once for indexing, queries and highlighting, so that the three can never disagree. Before, a text is
*normalized*: `m²` is `m2`, a soft hyphen is nothing, `9.000` and `9 000` are `9000`. A *term* is what words are
compared by: lower case, without accents, vowel points and the like, so that `Łódź` is found by `lodz`.
Scripts that are written without spaces have no words to cut: their terms are pairs of neighbouring characters.

What a word has in common with its inflected forms is another matter: see `stemming` and `lexicon`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
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
# All but letters and signs that are normalized, seen, and no marks, whatever stands beside them: rare in texts.
_UNUSUAL = re.compile(r"[^\t\n\r -^`-~§«°»À-ÖØ-öø-ıĴ-ľŁ-ňŊ-žЀ-ҁҊ-ԯא-תء-غف-ي–—‘-‚“-„€]")
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


# What is not seen (category Cf): soft hyphens, joiners, marks of direction. It stands in words, and is no part of them.
_INVISIBLE = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
# A number in groups of three, `9.000` or `12 500`: not `6.3`, not a date, not an address, which has more groups.
_GROUPED_NUMBER = re.compile(
    r"(?<![\w.,'’٬])(?![0٠۰])\d{1,3}(?:(?P<mark>[.,'’٬])\d{3}(?:(?P=mark)\d{3})?(?!\d|(?P=mark)\d)"
    r"|(?<!\d \d)(?<!\d \d\d)(?<!\d \d\d\d) \d{3}(?: \d{3})?(?! ?\d))"
)
_MAY_BE_GROUPED = re.compile(r"\d[.,'’٬ ]\d\d\d")
# The same for usual texts, in half the time.
_MAY_BE_GROUPED_IN_USUAL = re.compile("[0-9][.,'’ ][0-9][0-9][0-9]")
_SEPARATORS = re.compile("[.,'’٬ ]")


class Reading:
    """
    A text as it is read for words.

    Args:
        text: As it was written.
    """

    def __init__(self, text: str) -> None:
        is_usual = not _UNUSUAL.search(text)
        self.shown = text if is_usual else unicodedata.normalize("NFC", text)
        """For people: composed, and nothing else."""
        self.normalized = self.shown
        """What words are cut from (see `normalize`)."""
        # Where each of its characters stands in what is shown; None where it is the same place.
        self._places: list[tuple[int, int]] | None = None
        may_be_grouped = _MAY_BE_GROUPED_IN_USUAL if is_usual else _MAY_BE_GROUPED
        is_composed = is_usual or (unicodedata.is_normalized("NFKC", self.shown) and not _INVISIBLE.search(self.shown))
        if not is_composed or may_be_grouped.search(self.shown):
            self._normalize()

    def _normalize(self) -> None:
        places = [(start, end, char) for start, end, piece in _list_pieces(self.shown) for char in piece]
        joined = "".join([char for _, _, char in places])
        left_out = {
            match.start() + separator.start()
            for match in _GROUPED_NUMBER.finditer(joined)
            for separator in _SEPARATORS.finditer(match[0])
        }
        kept = [place for number, place in enumerate(places) if number not in left_out]
        self.normalized = "".join([char for _, _, char in kept])
        self._places = [(start, end) for start, end, _ in kept]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Return start and end, in what is shown, of a stretch of the normalized text that is not empty."""
        if self._places is None:
            return start, end
        return self._places[start][0], self._places[end - 1][1]


def strip_invisible(text: str) -> str:
    """Return a text without what is not seen."""
    return _INVISIBLE.sub("", text)


def _list_pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """
    Yield start, end and normalized form of each character.

    Args:
        text: Composed; what is otherwise normalized comes with the marks that follow, which it may be composed with.
    """
    changed = {char for char in set(text) if _normalize_cluster(char) != char}
    end = 0
    for start, char in enumerate(text):
        if start < end:
            continue
        end = start + 1
        if char not in changed:
            yield start, end, char
            continue
        while end < len(text) and _is_mark(text[end]):
            end += 1
        yield start, end, _normalize_cluster(text[start:end])


@lru_cache(maxsize=65_536)
def _is_mark(char: str) -> bool:
    """Return whether a character may be composed with the one before; vowels and finals of Hangul are, too."""
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.combining(first) > 0 or "\u1160" <= first <= "\u11ff"


@lru_cache(maxsize=65_536)
def _normalize_cluster(cluster: str) -> str:
    return strip_invisible(unicodedata.normalize("NFKC", cluster))


def normalize(text: str) -> str:
    """
    Return the text as words are cut from it, so that what is the same is written the same.

    Characters of the same value (NFKC: `m²`, `ＷＡＳＳＥＲ`) are one; what is not seen is left out, and so is what
    stands between groups of three digits of a number.
    """
    return Reading(text).normalized


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
    if text.isascii():
        return _WORD if "_" in text else _PLAIN_WORD
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
