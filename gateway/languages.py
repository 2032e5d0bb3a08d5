"""Languages: those of the pages, and those in which people at work here speak and write."""

import re

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale

# The languages of the pages, each named in itself.
LANGUAGES = {"en": "English", "de": "Deutsch"}
# English as Europe's administrations write it: day before month.
LOCALES = {"en": "en_GB", "de": "de_DE"}
# Languages of the cities at work here, offered where somebody says in which language a text is written.
WRITTEN = ("ar", "cy", "de", "en", "fr", "he", "it", "lt", "pl", "tr", "uk", "zh")
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def direction(tag: str) -> str:
    """Return the direction of a language's writing: `ltr` or `rtl`."""
    return "rtl" if tag.split("-", maxsplit=1)[0] in RIGHT_TO_LEFT else "ltr"


def name_of(tag: str) -> str:
    """Return the name of a language (BCP 47 tag) in the reader's language."""
    try:
        return Locale.parse(tag, sep="-").get_display_name(get_locale()) or tag
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
