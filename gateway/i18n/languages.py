"""Languages: those of the pages, and the names of all others in them."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from flask import g, request

TRANSLATIONS = Path(__file__).parent.parent / "translations"
LANGUAGE_COOKIE = "language"

# The languages of the pages, each named in itself.
LANGUAGES = {"en": "English", "de": "Deutsch"}
# English as Europe's administrations write it: day before month.
LOCALES = {"en": "en_GB", "de": "de_DE"}
TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def current_language() -> str:
    """Return the language of the page: the cookie's choice, else the best of what the browser asks for."""
    tag: str | None = g.get("language")
    if tag is None:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        tag = g.language = chosen if chosen in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES), "en")
    return tag


def current_locale() -> str:
    """Return the locale of the page's texts and formats."""
    return LOCALES[current_language()]


def set_language(tag: str) -> None:
    """Give this page another language."""
    g.language = tag


@contextmanager
def use_language(tag: str) -> Iterator[None]:
    """Take the words of a language for the reader's inside the block."""
    own, g.language = current_language(), tag
    try:
        yield
    finally:
        g.language = own


def get_direction(tag: str) -> str:
    """Return the direction of a language's writing: `ltr` or `rtl`."""
    try:
        return Locale.parse(tag, sep="-").text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


def get_text_direction(tag: str) -> str:
    """
    Return the `dir` of a text in a language.

    A text in Hebrew or Arabic may begin with a Latin abbreviation, and a text in any language may quote another: only
    what is declared to run from right to left is told so, and the letters decide about the rest.
    """
    return "rtl" if get_direction(tag) == "rtl" else "auto"


def get_language_name(tag: str) -> str:
    """Return the name of a language (BCP 47 tag) in the reader's language."""
    return _get_name(LOCALES[current_language()], tag)


@lru_cache(maxsize=1000)
def _get_name(locale: str, tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(locale) or tag
    except (UnknownLocaleError, ValueError):
        return str(Locale.parse(locale).languages.get(tag.split("-", maxsplit=1)[0], tag))


def find_language(name: str) -> str:
    """Return the tag of a language by its name in the reader's language; what is no such name stays as it is."""
    if TAG.fullmatch(name):
        return name
    names = Locale.parse(LOCALES[current_language()]).languages
    tags = {known.lower(): tag.replace("_", "-") for tag, known in names.items()}
    return tags.get(name.lower(), name)


PAIR = re.compile(r"[a-z]{2,3}-[a-z]{2,3}")
BETWEEN = re.compile(r"\s*[–—/]\s*|\s+-\s+|-")


def get_pair_name(pair: str) -> str:
    """Return the name of a pair of languages such as ``ar-de``: Arabic–German; anything else as it is."""
    return "–".join(map(get_language_name, pair.split("-"))) if PAIR.fullmatch(pair) else pair


def find_pair(name: str) -> str:
    """Return the pair of languages by the names of both, as `find_language`; what is no such pair stays as it is."""
    parts = BETWEEN.split(name)
    pair = "-".join(map(find_language, parts))
    return pair if len(parts) == 2 and PAIR.fullmatch(pair) else name


def sort_key(name: str) -> str:
    """Return a name as it is sorted: without case, accents and signs."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name.casefold()) if letter.isalpha())
