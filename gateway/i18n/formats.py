"""Days, times, numbers and places as the reader's language writes them."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel import numbers, units
from babel.dates import format_interval, format_skeleton, get_day_names
from flask import current_app
from flask_babel import gettext as _
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.latlng_pb2 import LatLng

from chassis.convert import date_of
from gateway.i18n.languages import LOCALES, current_language

LONGEST_IN_MINUTES = 90
DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?")


def format_day(value: Date | date) -> str:
    """Return a day with its weekday: “Mon, 23 Nov 2026”; "" for an unset one."""
    if isinstance(value, Date):
        if not value.year:
            return ""
        value = date_of(value)
    return _format("yMMMEd", value)


def format_days(start: Date, end: Date) -> str:
    """Return a span of days: “Mon, 23 Nov 2026 – Thu, 26 Nov 2026”; one day if both are the same."""
    first, last = format_day(start), format_day(end)
    return f"{first} – {last}" if last and last != first else first


def format_short_days(first: date, last: date) -> str:
    """Return a span of days without weekdays: “14–16 May”; with the year where it goes on into another."""
    skeleton = "MMMd" if first.year == last.year else "yMMMd"
    return _format_interval_in(LOCALES[current_language()], skeleton, first, last)


def format_parts(skeleton: str, day: date) -> str:
    """Return the parts of a day that a skeleton (Unicode CLDR) names: `yMMMM` is “May 2031”, `yQQQ` “Q2 2031”."""
    return _format(skeleton, day)


def format_weekday(weekday: int, width: Literal["wide", "short"] = "wide") -> str:
    """Return a weekday, 0 for Monday, in full: “Monday”, or as short as it gets: “Mo” (`short`)."""
    return str(get_day_names(width, locale=LOCALES[current_language()])[weekday])


def format_instant(value: Timestamp | datetime, zone: str = "") -> str:
    """Return an instant with weekday, day and time in `zone` (default: the home city's)."""
    local = to_local(value, zone)
    return f"{_format('yMMMEd', local.date())}, {_format('Hm', local)}"


def format_local_text(text: str) -> str:
    """Return a day, or a day and a time (ISO 8601 without a zone), as the reader writes it; else the text as it is."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return text
    time = f", {_format('Hm', local)}" if "T" in text else ""
    return _format("yMMMEd", local.date()) + time


def format_time(value: Timestamp | datetime, zone: str = "") -> str:
    """Return the time of day of an instant in `zone` (default: the home city's)."""
    return _format("Hm", to_local(value, zone))


def format_span(start: Timestamp, end: Timestamp, zone: str) -> str:
    """Return the time between two instants like `format_instant`; a day that both share is said once."""
    if to_local(start, zone).date() == to_local(end, zone).date():
        return f"{format_instant(start, zone)}–{format_time(end, zone)}"
    return f"{format_instant(start, zone)} – {format_instant(end, zone)}"


def format_minutes(minutes: int) -> str:
    """Return a duration in the reader's language: 90 min."""
    return units.format_unit(minutes, "duration-minute", "short", locale=LOCALES[current_language()])


def format_duration(minutes: int) -> str:
    """Return a duration in the reader's language: 90 min, and longer than that 1 hr 45 min."""
    if minutes <= LONGEST_IN_MINUTES:
        return format_minutes(minutes)
    hours, rest = divmod(minutes, 60)
    told = units.format_unit(hours, "duration-hour", "short", locale=LOCALES[current_language()])
    return f"{told} {format_minutes(rest)}" if rest else told


def format_coordinates(location: LatLng) -> str:
    """Return where a place lies as the reader writes it: “51.6214° N, 3.9436° W”."""
    latitude, longitude = (format_decimal(abs(degrees)) for degrees in (location.latitude, location.longitude))
    north = _("%(degrees)s° S", degrees=latitude) if location.latitude < 0 else _("%(degrees)s° N", degrees=latitude)
    east = _("%(degrees)s° W", degrees=longitude) if location.longitude < 0 else _("%(degrees)s° E", degrees=longitude)
    return f"{north}, {east}"


def format_decimal(number: float) -> str:
    """Return a number as the reader writes it: “-3.9436”, in German “-3,9436”; six decimal places at most."""
    return numbers.format_decimal(number, "0.######", LOCALES[current_language()])


def format_count(number: int) -> str:
    """Return how many there are as the reader writes it: “10,000”, in German “10.000”."""
    return numbers.format_decimal(number, locale=LOCALES[current_language()])


def parse_degrees(text: str) -> float:
    """
    Return the number that a person wrote, with a point or a comma, and with the degree sign or without.

    Raises:
        ValueError: The text is no number.
    """
    written = text.removesuffix("°").strip().replace("\N{MINUS SIGN}", "-").replace(",", ".")
    if not DECIMAL.fullmatch(written):
        raise ValueError(f"{text} is no number")
    return float(written)


def to_local(value: Timestamp | datetime, zone: str = "") -> datetime:
    """Return the minute of an instant as the clocks of a zone show it (default: the home city's)."""
    instant = value.ToDatetime(UTC) if isinstance(value, Timestamp) else value
    local = instant.astimezone(ZoneInfo(zone or current_app.config.get("HOME_TIME_ZONE", "Europe/Berlin")))
    return local.replace(second=0, microsecond=0, tzinfo=None)


def _format(skeleton: str, value: date) -> str:
    return _format_in(LOCALES[current_language()], skeleton, value)


@lru_cache(maxsize=10_000)
def _format_in(locale: str, skeleton: str, value: date) -> str:
    return format_skeleton(skeleton, value, locale=locale)


@lru_cache(maxsize=10_000)
def _format_interval_in(locale: str, skeleton: str, first: date, last: date) -> str:
    return str(format_interval(first, last, skeleton, locale=locale))
