"""Languages: those of the pages, and those in which people at work here speak and write."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.core import parse_locale
from babel.localedata import locale_identifiers
from flask import Response, after_this_request, g, request
from flask_babel import get_locale
from flask_babel import gettext as _

from chassis.errors import DomainError
from gateway import cookies

TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGE_COOKIE = "language"
LANGUAGE_SECONDS = 365 * 24 * 3600

# The languages of the pages, each named in itself.
LANGUAGES = {"en": "English", "de": "Deutsch"}
# English as Europe's administrations write it: day before month.
LOCALES = {"en": "en_GB", "de": "de_DE"}
# Offered where somebody says in which language a text is written, beside those in which the cities here work.
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


def choose(tag: str) -> None:
    """Give this page and those after it another language."""
    g.language = tag

    @after_this_request
    def remember(response: Response) -> Response:
        response.set_cookie(
            LANGUAGE_COOKIE, tag, max_age=LANGUAGE_SECONDS, secure=cookies.secure(), httponly=True, samesite="Lax"
        )
        return response


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
    return "rtl" if tag.split("-", maxsplit=1)[0] in RIGHT_TO_LEFT else "ltr"


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


def written() -> list[tuple[str, str]]:
    """Return (tag, name) of the languages of the cities here, which are offered for a text: the page's own first."""
    own, here = get_locale().language, [(tag, name_of(tag)) for tag in _spoken_here()]
    return sorted(here, key=lambda entry: (entry[0] != own, _without_accents(entry[1])))


def _spoken_here() -> set[str]:
    """Return the tags of the languages of the cities here; only `WRITTEN` while the cities are out of reach."""
    from gateway import cities  # which stands on this module

    try:
        return {*WRITTEN, *filter(is_known, cities.languages())}
    except DomainError:
        return {*WRITTEN}


def is_known(tag: str) -> bool:
    """Tell whether a text (BCP 47 tag) can be in this language: a known one, in a known script, land and variety."""
    names = Locale("en")
    try:
        primary, territory, script, variant = parse_locale(tag, sep="-")[:4]
    except ValueError:
        return False
    parts = ((territory, names.territories), (script, names.scripts), (variant, names.variants))
    return primary in _known() and all(part is None or part in known for part, known in parts)


def text_languages(chosen: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """
    Return (heading, [(tag, name)]) of the languages that a text can be in: those of the cities here, and all others.

    `chosen` is offered, too, where it is a known one.
    """
    here = written()
    if is_known(chosen) and chosen not in dict(here):
        here.append((chosen, name_of(chosen)))
    tags = dict(here)
    others = [(tag, name) for tag, name in _known_by_name(LOCALES[language()]) if tag not in tags]
    return [(_("Languages of the cities here"), here), (_("Other languages"), others)]


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Return the primary tags of the languages that have more than a name: somebody writes in them today."""
    return frozenset(tag for tag in locale_identifiers() if tag in Locale("en").languages)


@lru_cache(maxsize=len(LOCALES))
def _known_by_name(locale: str) -> list[tuple[str, str]]:
    """Return (tag, name) of every known language, and of its varieties that have a name of their own."""
    names = [(tag.replace("_", "-"), name) for tag, name in Locale.parse(locale).languages.items()]
    return sorted(((tag, name) for tag, name in names if is_known(tag)), key=lambda entry: _without_accents(entry[1]))


def _without_accents(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", name.casefold()) if letter.isalpha())
