"""
Dates for a visit: windows of so many working days, the best first, each with what speaks for and against it.

Knows days and cities' calendars, and neither rows nor messages.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from services.exchange.public_holidays import PublicHoliday

DAY = timedelta(days=1)


class Kind(StrEnum):
    """What a day says for or against a visit."""

    PUBLIC_HOLIDAY = "public_holiday"
    HOLIDAYS_UNKNOWN = "holidays_unknown"
    DAY_OFF = "day_off"
    SCHOOL_HOLIDAYS = "school_holidays"
    OTHER_VISIT = "other_visit"
    BUSY = "busy"
    ALL_WORK = "all_work"
    EVERYBODY_FREE = "everybody_free"


COSTS = {
    Kind.PUBLIC_HOLIDAY: 4,
    Kind.HOLIDAYS_UNKNOWN: 2,
    Kind.DAY_OFF: 2,
    Kind.SCHOOL_HOLIDAYS: 1,
    Kind.OTHER_VISIT: 3,
    Kind.BUSY: 3,
    Kind.ALL_WORK: 0,
    Kind.EVERYBODY_FREE: 0,
}
"""What a day of each counts against a window; of years without data, what each such year counts."""
BUSY_DAY = timedelta(hours=4)
"""Whoever is busy for so long is lost for the day; a shorter time counts in proportion."""


@dataclass(frozen=True, slots=True)
class Reason:
    """
    What speaks for a window, or against it.

    Attributes:
        first, last: The days of the window that it is about.
        subject: Whose it is: a city, a visit, a person.
        title: What it is called: of a holiday its name, of a visit its title.
        is_estimated: Whether the day may yet turn out to be another.
        days: On how many of the days somebody is busy; 0 of other kinds, which are about all of them.
        busy: How long somebody is busy on these days, each day counted up to `BUSY_DAY`.
    """

    kind: Kind
    first: date
    last: date
    subject: str = ""
    title: str = ""
    is_estimated: bool = False
    days: int = 0
    busy: timedelta = timedelta()

    @property
    def cost(self) -> int:
        """What it counts against the window."""
        if self.kind is Kind.BUSY:
            return math.ceil(COSTS[self.kind] * (self.busy / BUSY_DAY))
        days = 1 if self.kind is Kind.HOLIDAYS_UNKNOWN else (self.last - self.first).days + 1
        return COSTS[self.kind] * days

    @property
    def is_against(self) -> bool:
        """Whether it speaks against the window."""
        return COSTS[self.kind] > 0


@dataclass(frozen=True, slots=True)
class Period:
    """Days that somebody has something on: a visit, school holidays."""

    first: date
    last: date
    title: str = ""


@dataclass(frozen=True, slots=True)
class CityCalendar:
    """
    When a city's administration works.

    Attributes:
        city: Its resource name.
        working_week: ISO 8601 weekdays, 1 for Monday.
        holidays: Year → public holidays; None for a year that nothing is known of.
    """

    city: str
    working_week: frozenset[int]
    holidays: Mapping[int, Sequence[PublicHoliday] | None]
    school_holidays: Sequence[Period] = ()

    def find_holiday(self, day: date) -> PublicHoliday | None:
        """Return the public holiday on a day."""
        return next((each for each in self.holidays.get(day.year) or () if each.day == day), None)

    def works(self, day: date) -> bool:
        """Return whether the administration works on a day, as far as that is known."""
        return day.isoweekday() in self.working_week and self.find_holiday(day) is None


@dataclass(frozen=True, slots=True)
class Window:
    """Days for a visit."""

    first: date
    last: date
    reasons: tuple[Reason, ...]

    @property
    def cost(self) -> int:
        """What speaks against it, added up; 0 is best."""
        return sum(reason.cost for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What dates are looked for.

    Attributes:
        first, last: Within these days.
        working_days: How many days the host works during the visit.
        blocked: Days on which it cannot be.
        visits: Resource name → other visits of the same people or departments.
        busy: Person → how long they are busy on which days, of everybody whose calendar is known.
    """

    first: date
    last: date
    working_days: int
    host: CityCalendar
    guest: CityCalendar
    blocked: Sequence[Period] = ()
    visits: Mapping[str, Period] = field(default_factory=dict)
    busy: Mapping[str, Mapping[date, timedelta]] = field(default_factory=dict)


def propose(wish: Wish) -> list[Window]:
    """Return all windows that are not blocked, the best first, of equal ones the earlier."""
    working = {person: sorted(filter(wish.host.works, days)) for person, days in wish.busy.items()}
    windows = [_weigh(wish, working, first, last) for first, last in _list_windows(wish)]
    return sorted(windows, key=lambda window: (window.cost, window.first))


def _list_windows(wish: Wish) -> Iterator[tuple[date, date]]:
    """Yield the windows that begin and end on a working day of the host, with so many in it."""
    span = (wish.last - wish.first).days + 1
    days = [day for number in range(span) if wish.host.works(day := wish.first + number * DAY)]
    for place in range(len(days) - wish.working_days + 1):
        first, last = days[place], days[place + wish.working_days - 1]
        if not any(each.first <= last and first <= each.last for each in wish.blocked):
            yield first, last


def _weigh(wish: Wish, busy: Mapping[str, Sequence[date]], first: date, last: date) -> Window:
    """Return a window with its reasons; `busy`: person → working days of the host, in order."""
    against = [
        *list_city_reasons(wish.host, first, last),
        *(list_city_reasons(wish.guest, first, last) if wish.guest.city != wish.host.city else ()),
        *_list_overlaps(Kind.OTHER_VISIT, wish.visits.items(), first, last),
        *_list_busy(wish, busy, first, last),
    ]
    kinds = {reason.kind for reason in against}
    favour = []
    if kinds.isdisjoint((Kind.PUBLIC_HOLIDAY, Kind.DAY_OFF, Kind.HOLIDAYS_UNKNOWN)):
        favour.append(Reason(Kind.ALL_WORK, first, last))
    if wish.busy and Kind.BUSY not in kinds:
        favour.append(Reason(Kind.EVERYBODY_FREE, first, last))
    return Window(first, last, (*favour, *against))


def list_city_reasons(calendar: CityCalendar, first: date, last: date) -> Iterator[Reason]:
    """Yield what a city's calendar says against the days from first to last, one kind after the other."""
    for year in range(first.year, last.year + 1):
        if calendar.holidays.get(year) is None:
            of_year = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
            yield Reason(Kind.HOLIDAYS_UNKNOWN, *of_year, calendar.city)
    holidays = {each.day: each for of_year in calendar.holidays.values() for each in of_year or ()}
    off: list[date] = []
    for number in range((last - first).days + 1):
        day = first + number * DAY
        if holiday := holidays.get(day):
            yield Reason(Kind.PUBLIC_HOLIDAY, day, day, calendar.city, holiday.name, holiday.is_estimated)
        elif day.isoweekday() not in calendar.working_week:
            off.append(day)
    for period in _join(off):
        yield Reason(Kind.DAY_OFF, period.first, period.last, calendar.city)
    schools = ((calendar.city, period) for period in calendar.school_holidays)
    yield from _list_overlaps(Kind.SCHOOL_HOLIDAYS, schools, first, last)


def _list_overlaps(kind: Kind, periods: Iterable[tuple[str, Period]], first: date, last: date) -> Iterator[Reason]:
    for subject, period in periods:
        if period.first <= last and first <= period.last:
            yield Reason(kind, max(period.first, first), min(period.last, last), subject, period.title)


def _list_busy(wish: Wish, days_of: Mapping[str, Sequence[date]], first: date, last: date) -> Iterator[Reason]:
    for person, days in days_of.items():
        lengths = wish.busy[person]
        within = days[bisect_left(days, first) : bisect_right(days, last)]
        if within:
            busy = sum((min(lengths[day], BUSY_DAY) for day in within), timedelta())
            yield Reason(Kind.BUSY, within[0], within[-1], person, days=len(within), busy=busy)


def _join(days: Iterable[date]) -> list[Period]:
    """Return days in order as periods without a gap."""
    periods: list[Period] = []
    for day in days:
        if periods and periods[-1].last + DAY == day:
            periods[-1] = Period(periods[-1].first, day)
        else:
            periods.append(Period(day, day))
    return periods
