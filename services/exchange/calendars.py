"""
Calendars of people: when somebody is busy, read from an iCalendar text.

Nothing is read in part: a calendar with a line that cannot be understood, and that tells when somebody is busy, is
refused with that line, for what it says may be the very appointment that counts. What a calendar says besides
(alarms, tasks, attendees) is not looked at.

Source: RFC 5545 (iCalendar). What makes an event busy: 3.8.2.7 (TRANSP), 3.8.1.11 (STATUS), 3.2.9 (FBTYPE); days and
weeks of a duration go by the calendar, hours by the clock: 3.3.6; a local time that is skipped: 3.3.5.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from dateutil.rrule import rruleset, rrulestr

from services.exchange.calendar_lines import Component, Unreadable, read_calendars, refuse_line
from services.exchange.calendar_values import Length, Moment, Zones, list_moments, read_length, read_moment, read_rule
from services.exchange.scheduling.problem import Span

FREE_STATUS = frozenset({"FREE", "WORKINGELSEWHERE"})
DAY = timedelta(days=1)


def list_busy(text: str, span: Span, zone: tzinfo) -> list[Span]:
    """
    Return when somebody is busy: in order, apart from each other, within a span.

    A text can be made to take hours; whoever reads one of strangers has to put an end to it.

    Args:
        text: One or several calendars.
        zone: In which days begin, and clocks go that name no zone.

    Raises:
        Unreadable: The text cannot be read.
    """
    spans: list[Span] = []
    events: list[_Event] = []
    for calendar in read_calendars(text):
        zones = Zones(calendar, zone)
        is_cancelled = calendar.get_text("METHOD") == "CANCEL"
        for component in calendar.parts:
            if component.name == "VEVENT" and not is_cancelled:
                events.append(_read_event(component, zones))
            elif component.name == "VFREEBUSY":
                spans += _list_of_free_busy(component, zones)
    spans += _list_of_events(events, span)
    return merge(spans, span)


@dataclass(slots=True)
class _Event:
    """
    An event with all its repetitions, or what became of one of them.

    Attributes:
        start: In the zone of the series, like all moments of it.
        replaced: The moment of the repetition that this takes the place of; None for a series.
        replaces_later: Whether of all later ones as well.
        recurrence: The beginnings of its repetitions on the wall clock, without end perhaps.
    """

    uid: str
    start: Moment
    length: Length
    is_busy: bool
    sequence: int
    replaced: Moment | None = None
    replaces_later: bool = False
    recurrence: Iterable[datetime] = field(default_factory=list)
    excluded_days: frozenset[Any] = frozenset()


def _read_event(component: Component, zones: Zones) -> _Event:
    start_property = component.get("DTSTART")
    if start_property is None:
        raise Unreadable("CALENDAR_INCOMPLETE", component.line, "an event has no start")
    start = read_moment(start_property, zones)
    replaced = component.get("RECURRENCE-ID")
    recurrence, excluded_days = _read_recurrence(component, start, zones)
    return _Event(
        # Without an id an event is one by itself.
        uid=component.get_text("UID") or f"line {component.line}",
        start=start,
        length=_read_event_length(component, start, zones),
        is_busy=(
            component.get_text("TRANSP") != "TRANSPARENT"
            and component.get_text("STATUS") != "CANCELLED"
            and component.get_text("X-MICROSOFT-CDO-BUSYSTATUS") not in FREE_STATUS
        ),
        sequence=int(sequence) if (sequence := component.get_text("SEQUENCE")).isdecimal() else 0,
        replaced=read_moment(replaced, zones) if replaced else None,
        replaces_later=replaced is not None and replaced.parameters.get("RANGE", "").upper() == "THISANDFUTURE",
        recurrence=recurrence,
        excluded_days=excluded_days,
    )


def _read_event_length(component: Component, start: Moment, zones: Zones) -> Length:
    end, duration = component.get("DTEND"), component.get("DURATION")
    if end is None:
        if duration is None:
            return Length(DAY) if start.is_day else Length()
        return read_length(duration)
    until = read_moment(end, zones)
    if until.is_day != start.is_day:
        raise refuse_line(end, "is a day where the start is a time, or a time where it is a day")
    if until.instant < start.instant:
        raise Unreadable("CALENDAR_END_BEFORE_START", end.line, "an event ends before it starts")
    # On the wall clock: a night shift ends at six, whether clocks change or not.
    return Length(max(until.to(start.zone) - start.local, DAY if start.is_day else timedelta()))


def _read_recurrence(component: Component, start: Moment, zones: Zones) -> tuple[rruleset, frozenset[Any]]:
    """Return the beginnings of an event's repetitions, and the days of which all are left out."""
    recurrence = rruleset()
    recurrence.rdate(start.local)
    for name, add in (("RRULE", recurrence.rrule), ("EXRULE", recurrence.exrule)):
        for rule in component.list_all(name):
            text = read_rule(rule, start)
            try:
                add(rrulestr(text, dtstart=start.local))
            except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
                raise refuse_line(rule, str(error)) from error
    days = set()
    for name, add in (("RDATE", recurrence.rdate), ("EXDATE", recurrence.exdate)):
        for written in component.list_all(name):
            for moment in list_moments(written, zones):
                if name == "EXDATE" and moment.is_day and not start.is_day:
                    days.add(moment.local.date())
                else:
                    add(moment.to(start.zone))
    return recurrence, frozenset(days)


def _list_of_events(events: Iterable[_Event], span: Span) -> Iterator[Span]:
    """Yield the times at which events make somebody busy, every repetition by itself."""
    series: dict[str, list[_Event]] = defaultdict(list)
    exceptions: dict[str, list[_Event]] = defaultdict(list)
    for event in events:
        (series if event.replaced is None else exceptions)[event.uid].append(event)
    for uid, same in series.items():
        newest = max(event.sequence for event in same)
        for event in same:
            # An export may hold former versions of an event as well.
            if event.sequence == newest and event.is_busy:
                yield from _list_of_series(event, exceptions[uid], span)
    for changed in exceptions.values():
        yield from (_make_span(event, event.start.local, event.length) for event in changed if event.is_busy)


def _list_of_series(event: _Event, exceptions: Iterable[_Event], span: Span) -> Iterator[Span]:
    zone = event.start.zone
    replaced_days = {each.replaced.local.date() for each in exceptions if each.replaced and each.replaced.is_day}
    replaced = {each.replaced.to(zone) for each in exceptions if each.replaced and not each.replaced.is_day}
    later = sorted(
        ((each.replaced.to(zone), each) for each in exceptions if each.replaced and each.replaces_later),
        key=lambda pair: pair[0],
    )
    end = span.end + 2 * DAY
    for local in event.recurrence:
        if local.replace(tzinfo=UTC) > end:
            return
        if local in replaced or local.date() in replaced_days or local.date() in event.excluded_days:
            continue
        changed = [(since, each) for since, each in later if since < local]
        if not changed:
            yield _make_span(event, local, event.length)
        elif changed[-1][1].is_busy:
            since, change = changed[-1]
            yield _make_span(change, local + (change.start.to(zone) - since), change.length)


def _make_span(event: _Event, local: datetime, length: Length) -> Span:
    start = event.start.at(local)
    return Span(start.instant, max(event.start.at(local + length.nominal).instant + length.exact, start.instant))


def _list_of_free_busy(component: Component, zones: Zones) -> Iterator[Span]:
    for written in component.list_all("FREEBUSY"):
        is_free = written.parameters.get("FBTYPE", "BUSY").upper() == "FREE"
        for period in filter(None, map(str.strip, written.value.split(","))):
            first, slash, last = period.partition("/")
            if not slash:
                raise refuse_line(written, "is no period")
            start = read_moment(written.with_value(first), zones)
            if last.lstrip("+-").startswith("P"):
                length = read_length(written.with_value(last))
                end = start.at(start.local + length.nominal).instant + length.exact
            else:
                end = read_moment(written.with_value(last), zones).instant
            if end < start.instant:
                raise Unreadable("CALENDAR_END_BEFORE_START", written.line, "a period ends before it starts")
            if not is_free:
                yield Span(start.instant, end)


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
