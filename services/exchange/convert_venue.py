"""Venues and rooms: rows ↔ messages, and the fields that a caller may set."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, cast

from austausch.exchange.v1 import exchange_pb2, venues_pb2
from google.type.latlng_pb2 import LatLng
from sqlalchemy.dialects.postgresql import Range

from chassis.convert import Reader, date_message, read_columns, read_date, resource_fields, unique_nfc
from chassis.errors import InvalidArgument
from services.exchange.model import City, Location, Room, Venue
from services.exchange.model.venue import MINUTES_OF_DAY
from services.exchange.opening_hours import split_by_day
from services.exchange.spans import join_ranges
from services.exchange.ways import Mode, Travel

MODES = {None: venues_pb2.Way.MODE_UNSPECIFIED, Mode.WALK: venues_pb2.Way.MODE_WALK,
         Mode.VEHICLE: venues_pb2.Way.MODE_VEHICLE}  # fmt: skip


def read_location(value: LatLng | None, _path: str) -> Location | None:
    """Return a field with a location, as the row has it."""
    return None if value is None else Location(value.latitude, value.longitude)


def location_message(location: Location | None) -> LatLng | None:
    """Return a location as a message; None stays unset."""
    return LatLng(latitude=location.latitude, longitude=location.longitude) if location else None


# The city cannot change, and ways are rows of their own: the servicer reads them.
VENUE_FIELDS = frozenset({"display_name", "address", "location", "step_free", "opening_hours", "closed_dates"})
DAY = timedelta(days=1)


def venue_columns(message: venues_pb2.Venue, fields: Iterable[str] = VENUE_FIELDS) -> dict[str, Any]:
    """
    Return fields of a venue as the columns take them; raises as `read_columns`.

    Raises:
        InvalidArgument: A time is over before it begins (reason END_NOT_AFTER_START), or a day comes before the first
            (LAST_DAY_BEFORE_FIRST).
    """
    readers: dict[str, Reader] = {
        "location": read_location,
        "opening_hours": _read_opening_hours,
        "closed_dates": _read_closed_dates,
    }
    return read_columns(message, Venue, fields, readers)


def _read_opening_hours(spans: Iterable[venues_pb2.Venue.OpeningHours], path: str) -> list[Range[int]]:
    hours: list[Range[int]] = []
    for index, span in enumerate(spans):
        start, end = _read_minute(span.start_time), _read_minute(span.end_time) or MINUTES_OF_DAY
        if end <= start:
            raise InvalidArgument(f"{path}[{index}].end_time", "is not after the start", reason="END_NOT_AFTER_START")
        midnight = (span.weekday - 1) * MINUTES_OF_DAY
        hours.append(Range(midnight + start, midnight + end, bounds="[)"))
    return join_ranges(hours)


def _read_closed_dates(spans: Iterable[venues_pb2.Venue.ClosedDates], path: str) -> list[dict[str, str]]:
    by_note: dict[str, list[Range[date]]] = defaultdict(list)
    for index, span in enumerate(spans):
        first = read_date(span.start_date, f"{path}[{index}].start_date")
        last = read_date(span.end_date, f"{path}[{index}].end_date") if span.HasField("end_date") else first
        if last < first:
            raise InvalidArgument(
                f"{path}[{index}].end_date", "is before the first day", reason="LAST_DAY_BEFORE_FIRST"
            )
        by_note[span.note].append(Range(first, last + DAY, bounds="[)"))
    joined = sorted(
        (cast(date, each.lower), cast(date, each.upper), note)
        for note, days in by_note.items()
        for each in join_ranges(days)
    )
    return [{"start_date": f"{first}", "end_date": f"{after - DAY}", "note": note} for first, after, note in joined]


def _read_minute(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _write_minute(minute: int) -> str:
    """Return a minute of the day as a clock shows it: the end of the day as 00:00."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def venue_message(venue: Venue, city: City) -> venues_pb2.Venue:
    """
    Return a venue as a message.

    Args:
        city: Where it is.
    """
    return venues_pb2.Venue(
        display_name=venue.display_name,
        city=city.name,
        city_display_name=city.display_name,
        time_zone=city.time_zone,
        address=venue.address,
        location=location_message(venue.location),
        step_free=venue.step_free,
        opening_hours=[
            venues_pb2.Venue.OpeningHours(
                weekday=weekday + 1,
                start_time=_write_minute(start),
                end_time=_write_minute(end),
            )
            for weekday, start, end in split_by_day(venue.opening_hours)
        ],
        closed_dates=[
            venues_pb2.Venue.ClosedDates(start_date=date_message(first), end_date=date_message(last), note=each["note"])
            for each, (first, last) in zip(venue.closed_dates, venue.list_closed_days(), strict=True)
        ],
        ways=[
            venues_pb2.Way(venue=f"venues/{end}", minutes=minutes)
            for end, minutes in sorted(venue.entered_ways.items())
        ],
        **resource_fields(venue),
    )


def way_message(venue: Venue, travel: Travel | None) -> venues_pb2.Way:
    """Return the way to a venue as a message; None where it is not known."""
    return venues_pb2.Way(
        venue=venue.name,
        venue_display_name=venue.display_name,
        minutes=travel.minutes if travel else 0,
        mode=MODES[travel.mode if travel else None],
        estimated=travel is not None and travel.is_estimated,
    )


# The venue is a row of its own: the servicer reads it.
ROOM_FIELDS = frozenset({"display_name", "address", "venue", "seats", "step_free", "equipment"})


def room_columns(message: exchange_pb2.Room, fields: Iterable[str] = ROOM_FIELDS) -> dict[str, Any]:
    """Return fields of a room as the columns take them, the venue as sent; raises as `read_columns`."""
    readers = {"equipment": lambda words, _path: unique_nfc(words), "venue": lambda name, _path: name}
    return read_columns(message, Room, fields, readers)


def room_message(room: Room, home_city: str) -> exchange_pb2.Room:
    """
    Return a room as a message.

    Args:
        home_city: ``cities/{city}`` in which rooms are that are not abroad.
    """
    return exchange_pb2.Room(
        display_name=room.display_name,
        address=room.address,
        venue=room.venue.name if room.venue else "",
        venue_display_name=room.venue.display_name if room.venue else "",
        city=f"cities/{room.city_abroad}" if room.city_abroad else home_city,
        seats=room.seats,
        step_free=room.step_free,
        equipment=room.equipment,
        **resource_fields(room),
    )
