"""Countries, time zones and weekdays, as the reader's language has them."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location, get_timezone_name

from gateway.i18n.languages import LOCALES, current_language, sort_key

# Codes of ISO 3166 that CLDR keeps for what is no country.
NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def list_countries() -> list[tuple[str, str]]:
    """Return (ISO 3166-1 alpha-2 code, name) of every country, in the order of names."""
    return _list_countries(LOCALES[current_language()])


def list_weekdays() -> list[tuple[str, str]]:
    """Return (name in `google.type.DayOfWeek`, name) of every day of the week, from Monday on."""
    names = Locale.parse(LOCALES[current_language()]).days["stand-alone"]["wide"]
    return [(day, names[number]) for number, day in enumerate(WEEKDAYS)]


def list_time_zones() -> list[tuple[str, str]]:
    """Return (IANA zone, its best-known place and what its time is called) of every zone that a place is in."""
    return _list_time_zones(LOCALES[current_language()])


def find_time_zone(text: str) -> str:
    """Return the IANA zone that a person means: by its own name or its place's; else the text as it is."""
    wanted = text.casefold().replace(" ", "_")
    for zone, label in list_time_zones():
        place = label.partition(" – ")[0]
        if wanted in (zone.casefold(), zone.rpartition("/")[2].casefold(), place.casefold().replace(" ", "_")):
            return zone
    return text


def get_zone_name(zone: str) -> str:
    """Return what the time of an IANA zone is called in the reader's language: “United Kingdom Time”."""
    return _get_zone_name(zone, LOCALES[current_language()])


def get_country_name(code: str) -> str:
    """
    Return the name of a country (ISO 3166-1 alpha-2) in the reader's language.

    CLDR names no parts of countries (ISO 3166-2): of one, the country's name and the code, “United Kingdom (GB-WLS)”.
    A code that is not known stays as it is.
    """
    name = Locale.parse(LOCALES[current_language()]).territories.get(code.partition("-")[0])
    if name is None:
        return code
    return f"{name} ({code})" if "-" in code else str(name)


@lru_cache(maxsize=len(LOCALES))
def _list_countries(locale: str) -> list[tuple[str, str]]:
    names = Locale.parse(locale).territories.items()
    countries = [(code, name) for code, name in names if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    return sorted(countries, key=lambda entry: sort_key(entry[1]))


@lru_cache(maxsize=len(LOCALES))
def _list_time_zones(locale: str) -> list[tuple[str, str]]:
    zones = sorted(get_global("zone_territories").keys() & available_timezones())
    return [(zone, _format_zone(zone, locale)) for zone in zones if "/" in zone]


def _format_zone(zone: str, locale: str) -> str:
    place = get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)
    return f"{place} – {_get_zone_name(zone, locale)}"


@lru_cache(maxsize=1000)
def _get_zone_name(zone: str, locale: str) -> str:
    name = get_timezone_name(ZoneInfo(zone), width="long", zone_variant="generic", locale=locale)
    return name.removesuffix(" (Ortszeit)")  # German only, and wherever it is shown the page says so already
