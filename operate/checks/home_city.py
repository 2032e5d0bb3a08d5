"""The city that the platform serves, and its clock: whether all processes agree on them."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import psycopg

from operate.databases import connected
from operate.findings import Finding, State, fine, unset
from operate.settings import DoctorSettings

CITY = "home city"


def check_home_city(settings: DoctorSettings) -> Iterator[Finding]:
    """Yield what is found of city and time zone."""
    yield _check_zone(settings.gateway_home_time_zone)
    yield _check_city(settings)


def _check_zone(zone: str) -> Finding:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, LookupError):
        remedy = "set GATEWAY_HOME_TIME_ZONE to an IANA name such as Europe/Berlin"
        return Finding("time zone", State.WRONG, f"there is no {zone!r}", remedy)
    return fine("time zone", zone)


def _check_city(settings: DoctorSettings) -> Finding:
    city = settings.gateway_home_city
    if settings.exchange_home_city != city:
        return Finding(
            CITY, State.WRONG, f"{city} for the gateway, {settings.exchange_home_city} for exchange",
            "set GATEWAY_HOME_CITY and EXCHANGE_HOME_CITY to the same",
        )  # fmt: skip
    if not city.startswith("cities/"):
        return Finding(CITY, State.WRONG, f"{city} is no name of a city", "set GATEWAY_HOME_CITY to cities/…")
    if not settings.exchange_database_url:
        return unset(CITY, "EXCHANGE_DATABASE_URL")
    try:
        with connected(settings.exchange_database_url) as connection:
            select = "SELECT time_zone FROM cities WHERE id = %s"
            row = connection.execute(select, [city.removeprefix("cities/")]).fetchone()
    except psycopg.Error:
        return Finding(CITY, State.UNKNOWN, f"{city} can't be looked up", "see what is said of the database exchange")
    if row is None:
        remedy = "enter it under Administration, with this short name"
        return Finding(CITY, State.WARNING, f"{city} is not there", remedy)
    if row[0] != settings.gateway_home_time_zone:
        return Finding(
            CITY, State.WARNING, f"{city} has the time zone {row[0]}, the gateway {settings.gateway_home_time_zone}",
            "set GATEWAY_HOME_TIME_ZONE to that of the city, or change the city under Administration",
        )  # fmt: skip
    return fine(CITY, f"{city}, {row[0]}")
