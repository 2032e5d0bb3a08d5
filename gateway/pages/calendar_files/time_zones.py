"""
What a calendar says of the clocks of a time zone. Source: RFC 5545, 3.6.5 (VTIMEZONE).

icalendar's `Timezone.from_tzid` writes when clocks are put forward as they show it afterwards; the RFC wants it as they
show it until then.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

ONE_DAY, ONE_MINUTE = timedelta(days=1), timedelta(minutes=1)


def make_zone(name: str, first: date, last: date) -> Timezone:
    """Return the clocks of a time zone (IANA) in all years from that of one day to that of another."""
    clocks, begin = ZoneInfo(name), datetime(first.year, 1, 1, tzinfo=UTC) - ONE_DAY
    zone = Timezone()
    zone.add("tzid", name)
    zone.add_component(_make_change(begin.astimezone(clocks), begin.astimezone(clocks)))
    for moment in _find_changes(clocks, begin, datetime(last.year + 1, 1, 1, tzinfo=UTC) + ONE_DAY):
        zone.add_component(_make_change((moment - ONE_MINUTE).astimezone(clocks), moment.astimezone(clocks)))
    return zone


def _find_changes(clocks: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the instants of a span at which clocks are put forward or back."""
    for day in range((end - begin) // ONE_DAY):
        start = begin + day * ONE_DAY
        before = start.astimezone(clocks).utcoffset()
        if (start + ONE_DAY).astimezone(clocks).utcoffset() != before:
            minutes = (start + minute * ONE_MINUTE for minute in range(ONE_DAY // ONE_MINUTE + 1))
            yield next(moment for moment in minutes if moment.astimezone(clocks).utcoffset() != before)


def _make_change(before: datetime, after: datetime) -> TimezoneStandard | TimezoneDaylight:
    """Return what clocks show from an instant on, which is given as they show it before and after."""
    change = TimezoneDaylight() if after.dst() else TimezoneStandard()
    offset = before.utcoffset() or timedelta()
    change.add("dtstart", (after.astimezone(UTC) + offset).replace(tzinfo=None))
    change.add("tzoffsetfrom", offset)
    change.add("tzoffsetto", after.utcoffset() or timedelta())
    change.add("tzname", after.tzname() or "")
    return change
