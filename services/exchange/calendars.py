"""
Calendars of people: when somebody is busy, read from an iCalendar text.

Nothing is read in part: a calendar with a line that cannot be understood is refused with that line, for what it says
may be the very appointment that counts.

Source: RFC 5545 (iCalendar); what makes an event busy is told in 3.8.2.7 (TRANSP), 3.8.1.11 (STATUS), 3.2.9 (FBTYPE).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import icalendar
import recurring_ical_events
from icalendar.parser import Contentline

from chassis.errors import InvalidArgument
from services.exchange.scheduling.problem import Span

MAX_QUOTED = 80
TOO_FREQUENT = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
FREE_STATUS = frozenset({"FREE", "WORKINGELSEWHERE"})
TIMED = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")


def list_busy(text: str, span: Span, zone: tzinfo, path: str) -> list[Span]:
    """
    Return when somebody is busy: in order, apart from each other, within a span.

    Args:
        text: One or several calendars.
        zone: In which days begin, and clocks go that name no zone.
        path: Field of the request that holds the text, for errors.

    Raises:
        InvalidArgument: The text cannot be read; the metadata names the `line`. Reasons: CALENDAR_LINE_UNREADABLE
            (with the `text` of the line), CALENDAR_INCOMPLETE (something begins and does not end, an event has no
            start, or there is no calendar), CALENDAR_ZONE_UNKNOWN (`zone`), CALENDAR_END_BEFORE_START,
            CALENDAR_TOO_FREQUENT (something repeats several times a day).
    """
    parts = _list_parts(text, path)
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise _refuse_line(path, 1, str(error), str(error)) from error
    components = [component for calendar in calendars for component in calendar.walk()]
    for component, part in zip(components, parts, strict=True):
        _check(component, part, path)
    spans: list[Span] = []
    for calendar in calendars:
        spans += _list_of_events(calendar, span, zone, path)
        for component in calendar.walk("VFREEBUSY"):
            spans += _list_of_free_busy(component, zone)
    return merge(spans, span)


@dataclass(slots=True)
class _Part:
    """A component in the text: where it begins, and the lines of its properties."""

    line: int
    properties: dict[str, int] = field(default_factory=dict)


def _list_parts(text: str, path: str) -> list[_Part]:
    """Return the components of a text, in the order in which they begin; every line has been understood."""
    parts: list[_Part] = []
    open_parts: list[tuple[str, _Part]] = []
    for number, line in _unfold(text):
        try:
            name, _, value = Contentline.from_ical(line).parts()
        except ValueError as error:
            raise _refuse_line(path, number, line, str(error)) from error
        name, value = name.upper(), value.strip().upper()
        if name == "BEGIN":
            parts.append(part := _Part(number))
            open_parts.append((value, part))
        elif not open_parts:
            raise _refuse_line(path, number, line, "stands outside of a calendar")
        elif name == "END" and open_parts[-1][0] != value:
            raise _refuse_line(path, number, line, f"ends what did not begin; {open_parts[-1][0]} did")
        elif name == "END":
            open_parts.pop()
        else:
            open_parts[-1][1].properties.setdefault(name, number)
    if open_parts:
        name, part = open_parts[-1]
        raise _refuse_incomplete(path, part.line, f"{name} has no end")
    if not parts:
        raise _refuse_incomplete(path, 1, "holds no calendar")
    return parts


def _unfold(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text as they were before they were folded, each with the number that it begins at."""
    number, whole = 0, ""
    for place, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and whole:
            whole += line[1:]
            continue
        if whole.strip():
            yield number, whole
        number, whole = place, line
    if whole.strip():
        yield number, whole


def _check(component: Any, part: _Part, path: str) -> None:
    """Raise where a component says something that cannot be understood."""
    for name, reason in component.errors:
        number = part.properties.get(str(name).upper(), part.line)
        raise _refuse_line(path, number, f"{name}: {reason}", reason)
    if component.name not in ("VEVENT", "VFREEBUSY"):
        return
    for name in TIMED:
        for value in _list_values(component, name):
            zone = value.params.get("TZID", "")
            if zone and any(isinstance(moment, datetime) and moment.tzinfo is None for moment in _list_moments(value)):
                raise InvalidArgument(
                    path,
                    f"{zone} is no time zone",
                    reason="CALENDAR_ZONE_UNKNOWN",
                    metadata={"line": str(part.properties[name]), "zone": _quote(zone)},
                )
    if component.name == "VEVENT":
        _check_event(component, part, path)


def _check_event(event: Any, part: _Part, path: str) -> None:
    if "DTSTART" not in event:
        raise _refuse_incomplete(path, part.line, "an event has no start")
    start, end = event["DTSTART"].dt, event["DTEND"].dt if "DTEND" in event else None
    if end is not None and (type(start) is not type(end) or _is_later(start, end)):
        raise InvalidArgument(
            path,
            "an event ends before it starts",
            reason="CALENDAR_END_BEFORE_START",
            metadata={"line": str(part.properties["DTEND"])},
        )
    for rule in _list_values(event, "RRULE"):
        times = [len(rule.get(name, "1")) for name in ("BYHOUR", "BYMINUTE", "BYSECOND")]
        if TOO_FREQUENT & set(rule.get("FREQ", ())) or times[0] * times[1] * times[2] > 1:
            raise InvalidArgument(
                path,
                "an event repeats several times a day",
                reason="CALENDAR_TOO_FREQUENT",
                metadata={"line": str(part.properties["RRULE"])},
            )


def _is_later(start: Any, end: Any) -> bool:
    if isinstance(start, datetime) and (start.tzinfo is None) != (end.tzinfo is None):
        return False
    return bool(end < start)


def _list_values(component: Any, name: str) -> list[Any]:
    value = component.get(name, [])
    return value if isinstance(value, list) else [value]


def _list_moments(value: Any) -> Iterator[Any]:
    """Yield the dates and times of a property, of periods their beginnings."""
    for each in value.dts if hasattr(value, "dts") else [value]:
        moment = each.dt
        yield moment[0] if isinstance(moment, tuple) else moment


def _list_of_events(calendar: Any, span: Span, zone: tzinfo, path: str) -> Iterator[Span]:
    """Yield the times of the events that make somebody busy, every repetition by itself."""
    try:
        # Days and clocks without a zone may begin up to a day before the span does in UTC.
        events = recurring_ical_events.of(calendar).between(
            span.start - timedelta(days=1), span.end + timedelta(days=1)
        )
    except (ValueError, TypeError, OverflowError, recurring_ical_events.InvalidCalendar) as error:
        raise _refuse_line(path, 1, str(error), str(error)) from error
    for event in events:
        if (
            str(event.get("TRANSP", "OPAQUE")).upper() != "TRANSPARENT"
            and str(event.get("STATUS", "")).upper() != "CANCELLED"
            and str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() not in FREE_STATUS
        ):
            yield Span(_get_instant(event["DTSTART"].dt, zone), _get_instant(event["DTEND"].dt, zone))


def _list_of_free_busy(component: Any, zone: tzinfo) -> Iterator[Span]:
    for value in _list_values(component, "FREEBUSY"):
        if str(value.params.get("FBTYPE", "BUSY")).upper() == "FREE":
            continue
        for period in value.dts if hasattr(value, "dts") else [value]:
            start, end = period.dt
            if isinstance(end, timedelta):
                end = start + end
            yield Span(_get_instant(start, zone), _get_instant(end, zone))


def _get_instant(moment: date | datetime, zone: tzinfo) -> datetime:
    """Return the instant of a moment, in UTC; of a day its beginning."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def merge(spans: Iterable[Span], within: Span) -> list[Span]:
    """Return spans in order and apart from each other, as far as they lie within one."""
    merged: list[Span] = []
    for each in sorted(spans, key=lambda span: span.start):
        start, end = max(each.start, within.start), min(each.end, within.end)
        if start >= end:
            continue
        if merged and start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, end))
        else:
            merged.append(Span(start, end))
    return merged


def _quote(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


def _refuse_line(path: str, line: int, text: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        path,
        f"line {line}: {_quote(description)}",
        reason="CALENDAR_LINE_UNREADABLE",
        metadata={"line": str(line), "text": _quote(text)},
    )


def _refuse_incomplete(path: str, line: int, description: str) -> InvalidArgument:
    return InvalidArgument(
        path, f"line {line}: {description}", reason="CALENDAR_INCOMPLETE", metadata={"line": str(line)}
    )
