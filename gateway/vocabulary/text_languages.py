"""Languages in which people here write: those that a form offers for a text."""

from functools import lru_cache

from babel import Locale
from babel.core import parse_locale
from babel.localedata import locale_identifiers
from flask_babel import get_locale
from flask_babel import gettext as _

from chassis.errors import DomainError
from gateway.i18n.languages import LOCALES, current_language, get_language_name, sort_key
from gateway.vocabulary import cities

# Offered where somebody says in which language a text is written, beside those in which the cities here work.
ALWAYS_LOCAL = ("ar", "cy", "de", "en", "fr", "he", "it", "lt", "pl", "tr", "uk", "zh")


def list_local_languages() -> list[tuple[str, str]]:
    """Return (tag, name) of the languages of the cities here, which are offered for a text: the page's own first."""
    own, here = get_locale().language, [(tag, get_language_name(tag)) for tag in _find_local_tags()]
    return sorted(here, key=lambda entry: (entry[0] != own, sort_key(entry[1])))


def _find_local_tags() -> set[str]:
    """Return the tags of the languages of the cities here; only `ALWAYS_LOCAL` while the cities are out of reach."""
    try:
        return {*ALWAYS_LOCAL, *filter(is_known, cities.get_city_languages())}
    except DomainError:
        return {*ALWAYS_LOCAL}


def is_known(tag: str) -> bool:
    """Tell whether a text (BCP 47 tag) can be in this language: a known one, in a known script, land and variety."""
    names = Locale("en")
    try:
        primary, territory, script, variant = parse_locale(tag, sep="-")[:4]
    except ValueError:
        return False
    parts = ((territory, names.territories), (script, names.scripts), (variant, names.variants))
    return primary in _list_primary_tags() and all(part is None or part in known for part, known in parts)


def group_languages(chosen: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """
    Return (heading, [(tag, name)]) of the languages that a form offers: those of the cities here, and all other living
    ones.

    `chosen` is offered, too, where it is a known one, living or not.
    """
    here = list_local_languages()
    if is_known(chosen) and chosen not in dict(here):
        here.append((chosen, get_language_name(chosen)))
    tags = dict(here)
    others = [(tag, name) for tag, name in _list_living(LOCALES[current_language()]) if tag not in tags]
    return [(_("Languages of the cities here"), here), (_("Other languages"), others)]


@lru_cache(maxsize=1)
def _list_primary_tags() -> frozenset[str]:
    """Return the primary tags of the languages that have more than a name: somebody writes in them today."""
    return frozenset(tag for tag in locale_identifiers() if tag in Locale("en").languages)


@lru_cache(maxsize=len(LOCALES))
def _list_living(locale: str) -> list[tuple[str, str]]:
    """Return (tag, name) of every known living language, and of its varieties that have a name of their own."""
    names = [(tag.replace("_", "-"), name) for tag, name in Locale.parse(locale).languages.items()]
    known = ((tag, name) for tag, name in names if is_known(tag) and _is_living(tag))
    return sorted(known, key=lambda entry: sort_key(entry[1]))


def _is_living(tag: str) -> bool:
    """Tell whether people grow up with a language (ISO 639-3: type L): CLDR names constructed and dead ones, too."""
    import iso639  # 8,000 languages, 13 MB: not before somebody chooses one

    try:
        return iso639.Language.match(tag.partition("-")[0]).type == "L"
    except iso639.LanguageNotFoundError:
        return False
