"""Pages of cities, and the names of cities as lists elsewhere show them and offer them as filters."""

import time
from collections.abc import Mapping

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import current_app

from gateway import rpc

KEPT_SECONDS = 30.0


def names(*, anew: bool = False) -> Mapping[str, str]:
    """
    Return the display name of every city by its resource name, in the order of display names.

    They are as they were at most `KEPT_SECONDS` ago: nearly every page needs them, and they hardly ever change. A form
    asks `anew`: whoever looks for a city in it may just have entered it.
    """
    kept: Mapping[str, str]
    kept, until = current_app.extensions.get("cities", ({}, 0.0))
    if not anew and time.monotonic() < until:
        return kept
    found = rpc.cities.ListCities(pb.ListCitiesRequest(page_size=1000)).cities
    kept = {city.name: city.display_name for city in found}
    current_app.extensions["cities"] = kept, time.monotonic() + KEPT_SECONDS
    return kept


def others() -> list[tuple[str, str]]:
    """Return (resource name, display name) of every city but the home city, as a form offers them."""
    home = current_app.config["HOME_CITY"]
    return [(name, title) for name, title in names(anew=True).items() if name != home]


def forget() -> None:
    """Ask for the names anew next time: whoever has just changed one wants to see it."""
    current_app.extensions.pop("cities", None)
