"""Countries, time zones and weekdays, as the reader's language has them."""

import unicodedata
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location, get_timezone_name

from gateway.i18n.languages import LOCALES, language

# Codes of ISO 3166 that CLDR keeps for what is no country.
NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def countries() -> list[tuple[str, str]]:
    """Return (ISO 3166-1 alpha-2 code, name) of every country, in the order of names."""
    return _countries(LOCALES[language()])


def weekdays() -> list[tuple[str, str]]:
    """Return (name in `google.type.DayOfWeek`, name) of every day of the week, from Monday on."""
    names = Locale.parse(LOCALES[language()]).days["stand-alone"]["wide"]
    return [(day, names[number]) for number, day in enumerate(WEEKDAYS)]


def time_zones() -> list[tuple[str, str]]:
    """Return (IANA zone, its best-known place and what its time is called) of every zone that a place is in."""
    return _time_zones(LOCALES[language()])


def zone_of(text: str) -> str:
    """Return the IANA zone that a person means: by its own name or its place's; else the text as it is."""
    wanted = text.casefold().replace(" ", "_")
    for zone, label in time_zones():
        place = label.partition(" – ")[0]
        if wanted in (zone.casefold(), zone.rpartition("/")[2].casefold(), place.casefold().replace(" ", "_")):
            return zone
    return text


def zone_name(zone: str) -> str:
    """Return what the time of an IANA zone is called in the reader's language: “United Kingdom Time”."""
    return _zone_name(zone, LOCALES[language()])


def country_name(code: str) -> str:
    """
    Return the name of a country (ISO 3166-1 alpha-2) in the reader's language.

    CLDR names no parts of countries (ISO 3166-2): of one, the country's name and the code, “United Kingdom (GB-WLS)”.
    A code that is not known stays as it is.
    """
    name = Locale.parse(LOCALES[language()]).territories.get(code.partition("-")[0])
    if name is None:
        return code
    return f"{name} ({code})" if "-" in code else str(name)


@lru_cache(maxsize=len(LOCALES))
def _countries(locale: str) -> list[tuple[str, str]]:
    names = Locale.parse(locale).territories.items()
    found = [(code, name) for code, name in names if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    return sorted(found, key=lambda entry: _plain(entry[1]))


@lru_cache(maxsize=len(LOCALES))
def _time_zones(locale: str) -> list[tuple[str, str]]:
    zones = sorted(get_global("zone_territories").keys() & available_timezones())
    return [(zone, _zone_label(zone, locale)) for zone in zones if "/" in zone]


def _zone_label(zone: str, locale: str) -> str:
    place = get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)
    return f"{place} – {_zone_name(zone, locale)}"


@lru_cache(maxsize=1000)
def _zone_name(zone: str, locale: str) -> str:
    name = get_timezone_name(ZoneInfo(zone), width="long", zone_variant="generic", locale=locale)
    return name.removesuffix(" (Ortszeit)")  # German only, and wherever it is shown the page says so already


def _plain(name: str) -> str:
    """Return a name as it is sorted: without case, accents and signs."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name.casefold()) if letter.isalpha())
