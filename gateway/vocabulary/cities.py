"""What pages need of the cities: their names, for lists and filters, and their languages."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from babel.lists import format_list
from flask import current_app
from flask_babel import ngettext

from chassis.errors import DeadlineExceeded, Unavailable
from gateway import rpc
from gateway.i18n.languages import current_locale

CACHE_SECONDS = 30.0
# Pages that only name cities can do without: while the exchange service is away, it is asked again after that time.
RETRY_SECONDS = 15.0
MAX_NAMED = 2


@dataclass(frozen=True)
class CachedCities:
    """What every page may need of the cities."""

    names: Mapping[str, str]
    languages: frozenset[str]
    until: float


def get_city_names(*, anew: bool = False) -> Mapping[str, str]:
    """
    Return the display name of every city by its resource name, in the order of display names.

    They are as they were at most `CACHE_SECONDS` ago: nearly every page needs them, and they hardly ever change. While
    the exchange service is away they are as they were last, or none. A form asks `anew`: whoever looks for a city in it
    may just have entered it.

    Raises:
        Unavailable: The exchange service is away, and a form asks.
    """
    return _get_cached(anew=anew).names


def load_city_names(_resources: object = None) -> None:
    """
    Ask for the cities, for what is kept and must not lack their names, such as a file.

    Raises:
        Unavailable: The exchange service is away.
    """
    get_city_names(anew=True)


def get_city_languages() -> frozenset[str]:
    """Return the languages (BCP 47 tags) in which the cities work, as `get_city_names` returns their names."""
    return _get_cached().languages


def _get_cached(*, anew: bool = False) -> CachedCities:
    cached: CachedCities | None = current_app.extensions.get("cities")
    if cached is None or anew or time.monotonic() >= cached.until:
        try:
            cached = _list_cities()
        except (Unavailable, DeadlineExceeded):
            if anew:
                raise
            known = cached or CachedCities({}, frozenset(), 0.0)
            cached = replace(known, until=time.monotonic() + RETRY_SECONDS)
        current_app.extensions["cities"] = cached
    return cached


def _list_cities() -> CachedCities:
    cities = rpc.cities.ListCities(pb.ListCitiesRequest(page_size=1000)).cities
    return CachedCities(
        {city.name: city.display_name for city in cities},
        frozenset(tag for city in cities for tag in city.languages),
        time.monotonic() + CACHE_SECONDS,
    )


def list_other_cities() -> list[tuple[str, str]]:
    """Return (resource name, display name) of every city but the home city, as a form offers them."""
    home = current_app.config["HOME_CITY"]
    return [(name, title) for name, title in get_city_names(anew=True).items() if name != home]


def list_guests(visit: pb.Visit) -> list[tuple[str, str]]:
    """Return (resource name, display name) of the cities that travel, the one that a visit is arranged with first."""
    names = [visit.guest_city_display_name, *visit.other_guest_city_display_names]
    return list(zip([visit.guest_city, *visit.other_guest_cities], names, strict=True))


def describe_guests(visit: pb.Visit) -> str:
    """Return which cities travel, where there is little room: two at most, and how many more."""
    names = [name for _city, name in list_guests(visit)]
    more = len(names) - MAX_NAMED
    if more < 2:
        return format_list(names, locale=current_locale())
    first = ", ".join(names[:MAX_NAMED])
    return ngettext("%(names)s and %(num)s more city", "%(names)s and %(num)s more cities", more, names=first)


def forget_cities() -> None:
    """Ask for the names anew next time: whoever has just changed one wants to see it."""
    current_app.extensions.pop("cities", None)


def get_home_city_name() -> str:
    """Return the home city's name for the header: the last part of its resource name, as a word."""
    return str(current_app.config.get("HOME_CITY", "")).rsplit("/", 1)[-1].replace("-", " ").title()


def get_home_day() -> date:
    """Return the day that it is in the home city."""
    return datetime.now(ZoneInfo(current_app.config["HOME_TIME_ZONE"])).date()
