"""Values of an iCalendar text: moments, zones, durations, rules. Source: RFC 5545, 3.3."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from services.exchange.calendar_lines import ZONE, Component, Property, Unreadable, refuse_line
from services.exchange.time_zones import list_time_zones

MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?")
DURATION = re.compile(r"([+-]?)P(?=[\dT])(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
OFFSET = re.compile(r"TZOFFSET(?:FROM|TO):[+-]\d{4}(?:\d{2})?\s*", re.IGNORECASE)
MAX_DURATION = timedelta(days=36_525)
FREQUENCIES = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
TOO_FREQUENT = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
# Numbers that a part of a rule takes: from 1 on, and from the end, too, where that is True.
LIMITS = {
    "BYMONTH": (12, False),
    "BYMONTHDAY": (31, True),
    "BYYEARDAY": (366, True),
    "BYWEEKNO": (53, True),
    "BYSETPOS": (366, True),
}
AT_TIMES = {"BYHOUR": 23, "BYMINUTE": 59, "BYSECOND": 59}
DAY_OF_WEEK = re.compile(r"([+-]?\d{1,2})?(?:MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as a clock in a zone shows it; of a day its beginning."""

    local: datetime
    zone: tzinfo
    is_day: bool = False

    @property
    def instant(self) -> datetime:
        """The moment in UTC; of a time that is skipped, as clocks would have gone on; of one shown twice, the first."""
        try:
            return self.local.replace(tzinfo=self.zone).astimezone(UTC)
        except OverflowError:
            # At either end of the calendar it does not matter which zone it is.
            return self.local.replace(tzinfo=UTC)

    def to(self, zone: tzinfo) -> datetime:
        """Return what a clock in another zone shows; days are days everywhere."""
        if self.is_day or zone is self.zone:
            return self.local
        try:
            return self.instant.astimezone(zone).replace(tzinfo=None)
        except OverflowError:
            return self.local

    def at(self, local: datetime) -> "Moment":
        """Return another moment of the same clock."""
        return Moment(local, self.zone, self.is_day)


@dataclass(frozen=True, slots=True)
class Length:
    """How long something takes: by the calendar and the wall clock, and besides exactly."""

    nominal: timedelta = timedelta()
    exact: timedelta = timedelta()


class Zones:
    """The time zones that a calendar names: well-known ones as they are, others as it defines them."""

    def __init__(self, calendar: Component, default: tzinfo) -> None:
        self._defined: dict[str, Component] = {}
        for part in calendar.parts:
            if part.name == ZONE:
                names = [line.partition(":")[2].strip() for _, line in part.lines if line.upper().startswith("TZID")]
                self._defined.update(dict.fromkeys(names[:1], part))
        self._known: dict[str, tzinfo] = {}
        self._floating = calendar.get("X-WR-TIMEZONE")
        self._default = default

    def get(self, name: str, written: Property) -> tzinfo:
        """
        Return the zone of a name.

        Raises:
            Unreadable: There is none; reason CALENDAR_ZONE_UNKNOWN. Its definition is wrong; CALENDAR_LINE_UNREADABLE.
        """
        if name not in self._known:
            zone = _find_zone(name)
            if zone is None and name in self._defined:
                zone = _read_zone(self._defined[name])
            if zone is None:
                raise Unreadable("CALENDAR_ZONE_UNKNOWN", written.line, f"{name} is no time zone", name)
            self._known[name] = zone
        return self._known[name]

    def get_floating(self) -> tzinfo:
        """Return the zone of clocks that name none."""
        return self.get(self._floating.value, self._floating) if self._floating else self._default


def _find_zone(name: str) -> tzinfo | None:
    """Return a zone by its IANA or Windows name, with whatever some programs put before that."""
    if name.upper() in ("Z", "UTC", "GMT", "TZONE://MICROSOFT/UTC"):
        return UTC
    plain = WINDOWS_TO_OLSON.get(name, name)
    parts = plain.split("/")
    for place in range(len(parts)):
        wanted = "/".join(parts[place:])
        if wanted in list_time_zones():
            return ZoneInfo(wanted)
    return None


def _read_zone(component: Component) -> tzinfo:
    for number, line in component.lines:
        if line.upper().startswith("TZOFFSET") and not OFFSET.fullmatch(line):
            raise Unreadable("CALENDAR_LINE_UNREADABLE", number, "is no offset such as +0100", line)
    text = "\r\n".join(["BEGIN:VTIMEZONE", *(line for _, line in component.lines[1:]), "END:VTIMEZONE", ""])
    try:
        defined: Any = Timezone.from_ical(text)
        zone: tzinfo = defined.to_tz(lookup_tzid=False)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError) as error:
        number, line = component.lines[0]
        raise Unreadable("CALENDAR_LINE_UNREADABLE", number, str(error), line) from error
    return zone


def read_moment(written: Property, zones: Zones) -> Moment:
    """
    Return the one moment of a property.

    Raises:
        Unreadable: It is none (CALENDAR_LINE_UNREADABLE), or its zone is unknown (CALENDAR_ZONE_UNKNOWN).
    """
    match = MOMENT.fullmatch(written.value)
    if match is None:
        raise refuse_line(written, "is no date, and no time")
    try:
        year, month, day, *clock = (int(part) if part else 0 for part in match.groups()[:6])
        # A leap second is the one after.
        local = datetime(year, month, day, clock[0], clock[1], min(clock[2], 59))  # noqa: DTZ001 - the zone stands apart
    except ValueError as error:
        raise refuse_line(written, str(error)) from error
    if match[4] is None:
        return Moment(datetime.combine(local, time()), zones.get_floating(), is_day=True)
    if match[7]:
        return Moment(local, UTC)
    name = written.parameters.get("TZID", "")
    return Moment(local, zones.get(name, written) if name else zones.get_floating())


def list_moments(written: Property, zones: Zones) -> Iterator[Moment]:
    """Yield the moments of a property that holds several; of periods their beginnings."""
    for value in filter(None, map(str.strip, written.value.split(","))):
        yield read_moment(written.with_value(value.partition("/")[0]), zones)


def read_length(written: Property) -> Length:
    """
    Return a duration.

    Raises:
        Unreadable: It is none (CALENDAR_LINE_UNREADABLE), or negative (CALENDAR_END_BEFORE_START).
    """
    match = DURATION.fullmatch(written.value)
    if match is None:
        raise refuse_line(written, "is no duration such as PT1H30M")
    weeks, days, hours, minutes, seconds = (int(part[:9]) if part else 0 for part in match.groups()[1:])
    try:
        length = Length(timedelta(days=days, weeks=weeks), timedelta(hours=hours, minutes=minutes, seconds=seconds))
    except OverflowError as error:
        raise refuse_line(written, "is too long") from error
    total = length.nominal + length.exact
    if total > MAX_DURATION:
        raise refuse_line(written, "is too long")
    if match[1] == "-" and total:
        raise Unreadable("CALENDAR_END_BEFORE_START", written.line, "an event ends before it starts")
    return length


def read_rule(written: Property, start: Moment) -> str:
    """
    Return a rule as dateutil reads it: its end on the clock of the start.

    Raises:
        Unreadable: It is none (CALENDAR_LINE_UNREADABLE), or several times a day (CALENDAR_TOO_FREQUENT).
    """
    parts: dict[str, str] = {}
    for part in filter(None, written.value.upper().replace(" ", "").split(";")):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise refuse_line(written, f"{part} is no part of a rule, or the second of its kind")
        parts[name] = value
    if parts.pop("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise refuse_line(written, "goes by another calendar")
    parts.pop("SKIP", None)
    parts = {name: value for name, value in parts.items() if not name.startswith("X-")}
    _check_frequency(written, parts)
    for name, value in parts.items():
        _check_part(written, name, value)
    if "UNTIL" in parts:
        parts["UNTIL"] = _read_until(written.with_value(parts["UNTIL"]), start)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _check_frequency(written: Property, parts: dict[str, str]) -> None:
    frequency = parts.get("FREQ", "")
    several = [name for name in AT_TIMES if "," in parts.get(name, "")]
    if frequency in TOO_FREQUENT or several:
        raise Unreadable("CALENDAR_TOO_FREQUENT", written.line, "an event repeats several times a day", written.text)
    if frequency not in FREQUENCIES:
        raise refuse_line(written, f"{frequency or 'nothing'} is no frequency")
    if "COUNT" in parts and "UNTIL" in parts:
        raise refuse_line(written, "has two ends")


def _check_part(written: Property, name: str, value: str) -> None:
    if name in LIMITS:
        most, is_from_end = LIMITS[name]
        for number in value.split(","):
            digits = number.lstrip("+-") if is_from_end else number
            if not (digits.isdecimal() and len(number) - len(digits) <= 1 and 1 <= int(digits) <= most):
                raise refuse_line(written, f"{name} cannot be {number}")
    elif name in AT_TIMES:
        if not value.isdecimal() or int(value) > AT_TIMES[name]:
            raise refuse_line(written, f"{name} cannot be {value}")
    elif name in ("INTERVAL", "COUNT"):
        if not value.isdecimal() or not 1 <= int(value) <= 1_000_000:
            raise refuse_line(written, f"{name} cannot be {value}")
    elif name == "BYDAY":
        for day in value.split(","):
            match = DAY_OF_WEEK.fullmatch(day)
            if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
                raise refuse_line(written, f"BYDAY cannot be {day}")
    elif name == "WKST":
        if not DAY_OF_WEEK.fullmatch(value):
            raise refuse_line(written, f"WKST cannot be {value}")
    elif name not in ("FREQ", "UNTIL"):
        raise refuse_line(written, f"{name} is no part of a rule")


def _read_until(written: Property, start: Moment) -> str:
    match = MOMENT.fullmatch(written.value)
    if match is None:
        raise refuse_line(written, f"{written.value} is no end")
    if match[4] is None:
        # A day as the end of a series of times is its last: programs differ from the letter of the standard here.
        return written.value + "T235959"
    try:
        end = datetime(*(int(part) for part in match.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise refuse_line(written, str(error)) from error
    local = Moment(end, UTC).to(start.zone) if match[7] and not start.is_day else end
    return f"{local:%Y%m%dT%H%M%S}"
