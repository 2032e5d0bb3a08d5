"""Languages: those of the pages, and those in which people at work here speak and write."""

import re
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from flask import g, request
from flask_babel import get_locale

TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGE_COOKIE = "language"

# The languages of the pages, each named in itself.
LANGUAGES = {"en": "English", "de": "Deutsch"}
# English as Europe's administrations write it: day before month.
LOCALES = {"en": "en_GB", "de": "de_DE"}
# Languages of the cities at work here, offered where somebody says in which language a text is written.
WRITTEN = ("ar", "cy", "de", "en", "fr", "he", "it", "lt", "pl", "tr", "uk", "zh")
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def language() -> str:
    """Return the language of the page: the cookie's choice, else the best of what the browser asks for."""
    found: str | None = g.get("language")
    if found is None:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        found = chosen if chosen in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES), "en")
        g.language = found
    return found


def direction(tag: str) -> str:
    """Return the direction of a language's writing: `ltr` or `rtl`."""
    return "rtl" if tag.split("-", maxsplit=1)[0] in RIGHT_TO_LEFT else "ltr"


def name_of(tag: str) -> str:
    """Return the name of a language (BCP 47 tag) in the reader's language."""
    return _name_in(LOCALES[language()], tag)


@lru_cache(maxsize=1000)
def _name_in(locale: str, tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(locale) or tag
    except (UnknownLocaleError, ValueError):
        return tag


def tag_of(name: str) -> str:
    """Return the tag of a language by its name in the reader's language; what is no such name stays as it is."""
    if TAG.fullmatch(name):
        return name
    tags = {known.lower(): tag.replace("_", "-") for tag, known in get_locale().languages.items()}
    return tags.get(name.lower(), name)


def written() -> list[tuple[str, str]]:
    """Return (tag, name) of the languages offered for a text: the page's own first."""
    own = get_locale().language
    return [(tag, name_of(tag)) for tag in sorted(WRITTEN, key=lambda tag: (tag != own, name_of(tag)))]
