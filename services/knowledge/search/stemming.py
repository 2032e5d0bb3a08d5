"""
What the inflected forms of a word have in common, language by language.

Where Snowball has a stemmer we use it; Hebrew, Ukrainian and Welsh, which it lacks, have light ones here: they take
away what is put before or behind a word, and may return more than one stem where only the sense would tell which is
right. Sounds that change inside a word with its ending (`okno`, `okien`) give it another stem beside Snowball's. Two
words are forms of each other where they share a stem of one language.
"""

import re
import threading
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

from services.knowledge.search.analysis import get_terms
from services.knowledge.search.stop_words import STOP_WORDS_OF

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

_TRANSLITERATED = re.compile("[ao]e|(?<![aeq])ue", re.IGNORECASE)
_UMLAUTS = {"a": "ä", "o": "ö", "u": "ü"}
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
        case "de":
            stems = _stem_german(lower)
        case "he":
            stems = _stem_hebrew(get_terms(lower))
        case "uk":
            stems = _stem_ukrainian(lower)
        case "cy":
            stems = _stem_welsh(get_terms(lower))
        case "pl":
            stems = _stem_polish(lower)
        case "lt":
            stems = _stem_lithuanian(lower)
        case "tr":
            stems = _stem_turkish(lower)
        case _ if language in SNOWBALL:
            stems = iter([_stem_by_snowball(lower, language)])
        case _:
            return ()
    return tuple(dict.fromkeys(term for stem in stems if (term := get_terms(stem))))


def restore_umlauts(word: str) -> str:
    """Return a word with ä, ö and ü wherever ae, oe and ue may stand for them (not in `neue` and `Quelle`)."""
    return _TRANSLITERATED.sub(lambda match: _UMLAUTS[match[0][0].lower()], word)


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


# Words that Latin makes end in -um, -us, -a, -o or -is, and German lets end in -en where there are several.
_GERMAN_LATIN_ENDING = re.compile("(?<=i)u[ms]$|(?<![at])um$|(?<![aeioub])us$|(?<![aeiou])(?:o|a|is)$")


def _stem_german(lower: str) -> Iterator[str]:
    yield _stem_by_snowball(lower, "de")
    stem = _strip_ending(lower, _GERMAN_LATIN_ENDING, 4)
    if stem != lower:
        yield stem


_ARABIC_PREFIX = re.compile("^[وف]?(?:[بك]?ال|لل)(?=..)|^و(?=....)")
_ARABIC_PREPOSITION = re.compile("^ل(?=....)")
_ARABIC_ENDING = re.compile("(?:ات|ون|ين|ان|ها|هم|نا|ه|ي)$")
_ARABIC_PLURALS = tuple(
    (re.compile(plural.replace("C", "([^اويء])").replace("W", "([^اء])").replace("K", "([^اويءه])")), singulars)
    for plural, singulars in (
        ("اCWاK", (r"\1\2\3",)),  # أطفال: طفل
        ("CCوK", (r"\1\2\3",)),  # جسور: جسر
        ("CCK", (r"\1\2ا\3", r"\1\2ي\3")),  # كتب: كتاب, طرق: طريق
        ("CCCاء", (r"\1\2ي\3",)),  # خبراء: خبير
        ("اCCCه", (r"\1\2ا\3", r"\1\2ي\3")),  # أنظمة: نظام, أرصفة: رصيف
        ("مCاCK", (r"م\1\2\3",)),  # مدارس: مدرسة
        ("مCاCيK", (r"م\1\2ا\3", r"م\1\2و\3")),  # مفاتيح: مفتاح, مشاريع: مشروع
        ("تCاCيK", (r"ت\1\2ي\3",)),  # تقارير: تقرير
        ("CواCK", (r"\1ا\2\3",)),  # شوارع: شارع
        ("CCايK", (r"\1\2ي\3", r"\1\2ا\3")),  # حدائق: حديقة, رسائل: رسالة
    )
)
"""Patterns of plurals that Arabic makes inside a word, with what their singulars may be; C, W and K are consonants."""
_ARABIC_NO_PLURALS = STOP_WORDS_OF["ar"] | {
    "مطر", "قطر", "نهر", "سفر", "كبر", "عمل", "عدد", "جمل", "شمل", "حسب", "بلد", "شعر", "سكن",
}  # fmt: skip
"""Singulars that look like a plural of another word: `مطر`, rain, is none of `مطار`, an airport."""


def _stem_arabic(lower: str) -> Iterator[str]:
    yield _stem_by_snowball(lower, "ar")
    # Snowball's stems of a word with and without the article differ now and then.
    term = get_terms(lower)
    bare = _ARABIC_PREFIX.sub("", term)
    # A preposition is not told from a first letter: `لعائلات`, for families.
    bares = {bare: None, _ARABIC_PREPOSITION.sub("", term): None} if bare == term else {bare: None}
    for each in bares:
        yield each
        yield _strip_ending(each, _ARABIC_ENDING)
    # Nor is the article: `ألواح`, boards.
    for each in bares | {term: None}:
        if each not in _ARABIC_NO_PLURALS:
            yield from _list_arabic_singulars(each)


def _list_arabic_singulars(term: str) -> Iterator[str]:
    for plural, singulars in _ARABIC_PLURALS:
        if match := plural.fullmatch(term):
            yield from (singular for each in singulars if (singular := match.expand(each)) not in STOP_WORDS_OF["ar"])


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
_UKRAINIAN_FLEETING = re.compile("(?<=[^аеєиіїоуюяйь])(?:о(?=[кнлв]$)|е(?=[цлрн]$))")


def _stem_ukrainian(lower: str) -> Iterator[str]:
    word = re.sub("['’ʼ]|(?<=.{4})с[яь]$", "", lower)
    stem = _strip_ending(word, _UKRAINIAN_ENDING)
    # A vowel of the last syllable changes with the ending: рік, року; камінь, каменя.
    yield _level_vowels(stem)
    # Without an ending, one is put in: внесок, внеску; земель, земля.
    if word.removesuffix("ь") == stem and len(bare := _UKRAINIAN_FLEETING.sub("", stem)) > 2:
        yield _level_vowels(bare)
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


_WELSH_PERSON = re.compile("(?:i?wr|wyr|wraig)$")


def _stem_welsh(term: str) -> Iterator[str]:
    for mutated, radicals in _WELSH_MUTATED:
        if term.startswith(mutated) and len(term) > len(mutated) + 1:
            for radical in radicals:
                yield from _strip_welsh(radical + term[len(mutated) :])
            return
    yield from _strip_welsh(term)


def _strip_welsh(radical: str) -> Iterator[str]:
    # Who does something: gyrrwr, gyrwyr.
    if (person := _strip_ending(radical, _WELSH_PERSON)) != radical:
        yield re.sub(r"(.)\1$", r"\1", person)
        return
    stem = _strip_ending(radical, _WELSH_ENDING, 4)
    yield stem
    # Another vowel before the ending, and of several without one: gair, geiriau; ffordd, ffyrdd; castell, cestyll.
    if (levelled := re.sub("ai(?=[^aeiouwy]+$)", "ei", stem)) != stem:
        yield levelled
    if len(stem) > 4 and stem == radical and (match := _WELSH_PLURAL.match(stem)):
        before, end = match.groups()
        if (several := re.sub("e(?=[^aeiouwy]+$)", "a", before)) != before:
            yield from (f"{several}{vowel}{end}" for vowel in "ew")
        else:
            yield f"{before}o{end}"


_WELSH_PLURAL = re.compile("(.*[^aeiouwy])y([^aeiouwy]+)$")

# What Polish declines words with, as it is left without accents.
_POLISH_ENDING = re.compile(
    "(?:i?ami|i?ach|i?om|i?owi|i?owie|i?ów|i?ego|i?emu|[iy]mi|[iy]ch|[iy]m|i?ej|i?em|i?[aąęouie]|mi|y)$"
)
# The consonants before the ending -e, with and without an i: o mieście, o rzece.
_POLISH_SOFTENED = {
    "ie": (("śc", "st"), ("dz", "d"), ("c", "t")),
    "e": (("dz", "g"), ("rz", "r"), ("sz", "ch"), ("c", "k")),
}
_POLISH_FLEETING = re.compile("(?<=[^aeiouyąęó])i?e(?=[kcnńlłrmw]$)")


def _stem_polish(lower: str) -> Iterator[str]:
    yield _stem_by_snowball(lower, "pl")
    stem = _strip_ending(lower, _POLISH_ENDING)
    yield _level_polish(stem)
    # Without an ending, a vowel is put in: okien, okno.
    if stem == lower and len(bare := _POLISH_FLEETING.sub("", stem)) > 2:
        yield _level_polish(bare)
    for consonant, hard in _POLISH_SOFTENED.get(lower[len(stem) :], ()):
        if stem.endswith(consonant):
            yield _level_polish(stem.removesuffix(consonant) + hard)
            break


def _level_polish(stem: str) -> str:
    # The vowel of the last syllable changes with the ending: ząb, zęby; miasto, mieście; accents go anyway: ogród.
    levelled = re.sub("ą(?=[^aeiouyąęó]+$)", "ę", stem)
    return re.sub("ia(?=[^aeiouyąęó]+$)", "ie", levelled).removesuffix("k" if levelled.endswith("ieck") else "")


# Snowball takes more from Lithuanian and Turkish words than their endings, and from those with a slip of the pen less.
_LITHUANIAN_ENDING = re.compile(
    "(?:i?uose|i?ose|yse|ese|i?ams|iems|i?oms|ims|ems|i?ais|i?omis|emis|imis|umis|i?ame|i?oje|eje|yje|uje|ime|imi|umi"
    "|i?ui|i?ai|i?am|i?om|i?aus|i?[uo]s|i?as|i?es|is|ys|i?[uoae]|ie|im|em|i|y)$"
)


def _stem_lithuanian(lower: str) -> Iterator[str]:
    yield _stem_by_snowball(lower, "lt")
    stem = _strip_ending(get_terms(lower), _LITHUANIAN_ENDING, 4)
    # dviratis, dviračio; didis, didžio
    yield re.sub("c$", "t", re.sub("dz$", "d", stem))


_TURKISH_ENDING = re.compile("(?:l[ae]r|[iu]m[iu]z|[iu]n[iu]z|n[iu]n|[iu]n|[iu]m|n?[dt][ae]n?|[ys][iu]|y[ae]|[iuae])$")
_TURKISH_HARD = str.maketrans("bdg", "ptk")


def _stem_turkish(lower: str) -> Iterator[str]:
    yield _stem_by_snowball(lower, "tr")
    stem = get_terms(lower)
    # Ending follows ending: okullarında.
    while (shorter := _strip_ending(stem, _TURKISH_ENDING, 4)) != stem:
        stem = shorter
    # The last consonant changes with the ending (çocuk, çocuğu), and a vowel goes: şehir, şehrin.
    stem = stem[:-1] + stem[-1:].translate(_TURKISH_HARD)
    yield stem
    if len(stem) == 5 and (bare := re.sub("(?<=[^aeiou])[iu](?=[^aeiou]$)", "", stem)) != stem:
        yield bare
