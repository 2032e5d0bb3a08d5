"""
What the inflected forms of a word have in common, language by language.

Where Snowball has a stemmer we use it; Hebrew, Ukrainian and Welsh, which it lacks, have light ones here: they take
away what is put before or behind a word, and may return more than one stem where only the sense would tell which is
right. Two words are forms of each other where they share a stem of one language.
"""

import re
import threading
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

from services.knowledge.search.analysis import get_terms

SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "nb": "norwegian", "nn": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""Primary language subtag → Snowball's name of its stemmer."""
COMPOUNDING = frozenset({"de", "nl", "da", "sv", "no", "nb", "nn"})
"""Languages that write compounds as one word."""

_lock = threading.Lock()
_stemmers: dict[str, Stemmer.Stemmer] = {}


def get_primary(language: str) -> str:
    """Return the primary subtag of a BCP 47 tag: `de` of `de-AT`."""
    return language.split("-", 1)[0].lower()


@lru_cache(maxsize=262_144)
def get_stems(word: str, language: str) -> tuple[str, ...]:
    """
    Return the stems that a word may have.

    Args:
        word: As it is written.
        language: Primary subtag; one that is not known here has no stems.
    """
    lower = word.lower()
    match language:
        case "ar":
            stems = _stem_arabic(lower)
        case "he":
            stems = _stem_hebrew(get_terms(lower))
        case "uk":
            stems = _stem_ukrainian(lower)
        case "cy":
            stems = _stem_welsh(get_terms(lower))
        case _ if language in SNOWBALL:
            stems = iter([_stem_by_snowball(lower, language)])
        case _:
            return ()
    return tuple(dict.fromkeys(term for stem in stems if (term := get_terms(stem))))


def _stem_by_snowball(lower: str, language: str) -> str:
    # A stemmer is not safe to be shared by threads.
    with _lock:
        stemmer = _stemmers.get(language)
        if stemmer is None:
            stemmer = _stemmers[language] = Stemmer.Stemmer(SNOWBALL[language], 0)
        return str(stemmer.stemWord(lower))


def _strip_ending(word: str, endings: re.Pattern[str], min_stem: int = 3) -> str:
    """Return a word without the longest of the endings that leaves enough of it."""
    match = endings.search(word, min_stem)
    return word[: match.start()] if match else word


_ARABIC_PREFIX = re.compile("^[وف]?(?:[بك]?ال|لل)(?=..)|^و(?=....)")
_ARABIC_ENDING = re.compile("(?:ات|ون|ين|ان|ها|هم|نا|ه|ي)$")


def _stem_arabic(lower: str) -> Iterator[str]:
    yield _stem_by_snowball(lower, "ar")
    # Snowball's stems of a word with and without the article differ now and then.
    bare = _ARABIC_PREFIX.sub("", get_terms(lower))
    yield bare
    yield _strip_ending(bare, _ARABIC_ENDING)


# Hebrew: conjunction, conjunction of time, preposition and article, in this order; plural, construct and possessives.
_HEBREW_PREFIX = re.compile("^(?=.{4})ו?(?:כש|ש|כ)?[בלמה]?ה?")
_HEBREW_ENDING = re.compile("(?:ותיהמ|ותיהנ|ותינו|ותיכמ|ותיו|ותיה|יהמ|יהנ|יכמ|ינו|ימ|ות|יו|נו|ה|ת|י|ו)$")


def _stem_hebrew(term: str) -> Iterator[str]:
    prefix = _HEBREW_PREFIX.match(term)
    for length in range(prefix.end() + 1 if prefix else 1):
        rest = term[length:].replace("יי", "י")
        if length and len(rest) < 3:
            break
        # With and without the letters that stand for vowels, which writers leave out or write: תוכנית, תכנית.
        stem = _strip_ending(rest, _HEBREW_ENDING)
        yield stem
        bare = stem[:1] + re.sub("[וי]", "", stem[1:-1]) + stem[-1:]
        if len(bare) >= 3:
            yield bare


_UKRAINIAN_ENDING = re.compile(
    "(?:(?:у|ю|а|я)?ват(?:и|ися)|(?:у|ю)є(?:ть|мо|те)?ся|(?:у|ю)ють(?:ся)?|(?:у|ю)вання(?:м|ми|х)?|ування|[еаі]нн(?:я|ю|ям|і|ями|ях)"
    "|ост(?:і|ей|ям|ями|ях)|істю?|ість"
    "|ами|ями|ому|ого|ої|ою|ими|іми|ові|еві|єві|ення|ань|ень|інь"
    "|ить|ять|ать|уть|ють|ите|имо|емо|ете|ала|ало|али|ила|ило|или|ати|ити|іти|ено|ано|ено"
    "|ах|ях|ам|ям|ом|ем|єм|им|ім|их|іх|ий|ій|ої|ею|єю|ів|їв|ев|ей|а|я|о|е|є|и|і|ї|у|ю|ь|й)$"
)
# The consonants before the ending -і: дорога, на дорозі.
_UKRAINIAN_SOFTENED = {"ц": "к", "з": "г", "с": "х"}


def _stem_ukrainian(lower: str) -> Iterator[str]:
    word = re.sub("['’ʼ]|(?<=.{4})с[яь]$", "", lower)
    stem = _strip_ending(word, _UKRAINIAN_ENDING)
    # A vowel of the last syllable changes with the ending: рік, року; камінь, каменя.
    yield _level_vowels(stem)
    if word.endswith("і") and stem[-1:] in _UKRAINIAN_SOFTENED:
        yield _level_vowels(stem[:-1] + _UKRAINIAN_SOFTENED[stem[-1]])


def _level_vowels(stem: str) -> str:
    return re.sub("[іеє](?=[^аеєиіїоуюя]{1,2}$)", "о", stem)


# Welsh changes the first consonant after many words: what it may have been.
_WELSH_MUTATED = (
    ("ngh", ("c",)), ("ng", ("g",)), ("mh", ("p",)), ("nh", ("t",)), ("ph", ("p",)), ("th", ("t",)), ("ch", ("c",)),
    ("dd", ("d",)), ("ll", ("ll",)), ("rh", ("rh",)), ("b", ("b", "p")), ("d", ("d", "t")), ("g", ("g", "c")),
    ("f", ("f", "b", "m")), ("m", ("m", "b")), ("n", ("n", "d")), ("l", ("l", "ll", "gl")), ("r", ("r", "rh", "gr")),
    ("ha", ("ha", "a")), ("he", ("he", "e")), ("hi", ("hi", "i")), ("ho", ("ho", "o")), ("hu", ("hu", "u")),
    ("hw", ("hw", "w")), ("hy", ("hy", "y")),
    ("a", ("a", "ga")), ("e", ("e", "ge")), ("i", ("i", "gi")), ("o", ("o", "go")),
    ("w", ("w", "gw")), ("y", ("y", "gy")),
)  # fmt: skip
_WELSH_ENDING = re.compile(
    "(?:iadau|iadol|iannau|aethau|eydd|oedd|iaeth|aeth|iadau|adau|iaid|iad|iau|ion|iol|ydd|wyr|wyd|wch|odd|ais|asom|ant|ent"
    "|ed|ir|au|on|od|en|yn|io|ol|ad|u|i|o|a|wn|af)$"
)


def _stem_welsh(term: str) -> Iterator[str]:
    for mutated, radicals in _WELSH_MUTATED:
        if term.startswith(mutated) and len(term) > len(mutated) + 1:
            for radical in radicals:
                yield _strip_ending(radical + term[len(mutated) :], _WELSH_ENDING, 4)
            return
    yield _strip_ending(term, _WELSH_ENDING, 4)
