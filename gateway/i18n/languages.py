"""Languages: those of the pages, and the names of all others in them."""

import re
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


def language() -> str:
    """Return the language of the page: the cookie's choice, else the best of what the browser asks for."""
    found: str | None = g.get("language")
    if found is None:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        found = chosen if chosen in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES), "en")
        g.language = found
    return found


def locale() -> str:
    """Return the locale of the page's texts and formats."""
    return LOCALES[language()]


def choose(tag: str) -> None:
    """Give this page another language."""
    g.language = tag


@contextmanager
def reading(tag: str) -> Iterator[None]:
    """Take the words of a language for the reader's inside the block."""
    own, g.language = language(), tag
    try:
        yield
    finally:
        g.language = own


def direction(tag: str) -> str:
    """Return the direction of a language's writing: `ltr` or `rtl`."""
    try:
        return Locale.parse(tag, sep="-").text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


def name_of(tag: str) -> str:
    """Return the name of a language (BCP 47 tag) in the reader's language."""
    return _name_in(LOCALES[language()], tag)


@lru_cache(maxsize=1000)
def _name_in(locale: str, tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(locale) or tag
    except (UnknownLocaleError, ValueError):
        return str(Locale.parse(locale).languages.get(tag.split("-", maxsplit=1)[0], tag))


def tag_of(name: str) -> str:
    """Return the tag of a language by its name in the reader's language; what is no such name stays as it is."""
    if TAG.fullmatch(name):
        return name
    tags = {known.lower(): tag.replace("_", "-") for tag, known in Locale.parse(LOCALES[language()]).languages.items()}
    return tags.get(name.lower(), name)
