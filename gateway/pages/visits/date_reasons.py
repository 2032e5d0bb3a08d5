"""What speaks for some days or against them, in words: holidays, days off, other visits, appointments."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta

from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1.exchange_pb2 import Visit
from babel.lists import format_list
from flask import current_app
from flask_babel import gettext as _

from chassis.convert import date_message, date_of
from chassis.errors import DomainError
from gateway import rpc
from gateway.i18n.formats import format_days, format_weekday
from gateway.i18n.languages import current_language, current_locale
from gateway.vocabulary import cities

Kind = pb.DateReason
HOLIDAYS_SECONDS = 5.0
# In a longer stay weekends go without saying.
WEEKENDS_TOLD = timedelta(weeks=3)
# The states of a visit of which nobody needs to know any more that its days are unsuitable.
OVER = (Visit.STATE_REPORTED, Visit.STATE_CLOSED, Visit.STATE_CANCELLED)


def list_other_cities(visit: Visit) -> list[str]:
    """Return the cities that take part in a visit beside the home city, `cities/{city}`; the exchange's comes first."""
    partner = visit.guest_city if visit.direction == Visit.DIRECTION_INCOMING else visit.host_city
    return [partner, *visit.other_guest_cities]


def list_hints(visit: Visit) -> list[str]:
    """Return what is to be known of the days of a visit: both cities' holidays and days off; none once it is over."""
    if visit.state in OVER or not visit.HasField("start_date"):
        return []
    return describe_dates(list_other_cities(visit), date_of(visit.start_date), date_of(visit.end_date))


def describe_dates(other_cities: Sequence[str], first: date, last: date) -> list[str]:
    """Return a sentence for each holiday and each weekend of the home city and of others within some days."""
    of_cities = [current_app.config["HOME_CITY"], *other_cities]
    without_days_off = last - first >= WEEKENDS_TOLD
    return describe_holidays(list_holidays(of_cities, first, last, without_days_off=without_days_off))


def list_holidays(
    of_cities: Collection[str], first: date, last: date, *, without_days_off: bool = False
) -> Sequence[pb.DateReason]:
    """Return the holidays and days off of cities; none while the service does not tell: pages are good without."""
    if not of_cities:
        return []
    wanted = pb.ListHolidaysRequest(
        cities=of_cities,
        from_date=date_message(first),
        to_date=date_message(last),
        language=current_language(),
        without_days_off=without_days_off,
    )
    try:
        return rpc.calendars.ListHolidays(wanted, timeout=HOLIDAYS_SECONDS).holidays
    except DomainError:
        return []


def describe_holidays(holidays: Iterable[pb.DateReason]) -> list[str]:
    """Return a sentence for each holiday, in order of the days; of cities that have the same one, one for all."""
    together: dict[bytes, tuple[pb.DateReason, list[str]]] = {}
    names = cities.get_city_names()
    for holiday in holidays:
        common = pb.DateReason()
        common.CopyFrom(holiday)
        common.subject = ""
        _holiday, of_cities = together.setdefault(common.SerializeToString(deterministic=True), (common, []))
        of_cities.append(names.get(holiday.subject, holiday.subject))
    in_order = sorted(together.values(), key=lambda each: _get_days(each[0]))
    return [describe_reason(common, {"": format_list(named, locale=current_locale())}) for common, named in in_order]


def describe_days_off(holidays: Iterable[pb.DateReason]) -> list[str]:
    """Return on which weekdays nobody works where, a sentence for the cities of each kind of week."""
    weekdays: dict[str, set[int]] = {}
    for each in holidays:
        if each.kind == Kind.KIND_DAY_OFF:
            first, last = date_of(each.start_date), date_of(each.end_date)
            days = range(min(7, (last - first).days + 1))
            weekdays.setdefault(each.subject, set()).update((first.weekday() + number) % 7 for number in days)
    weeks: dict[tuple[int, ...], list[str]] = {}
    names = cities.get_city_names()
    for city, of_city in weekdays.items():
        weeks.setdefault(tuple(sorted(of_city)), []).append(names.get(city, city))
    locale = current_locale()
    return [
        _(
            "%(weekdays)s: nobody works in %(city)s.",
            weekdays=format_list(list(map(format_weekday, week)), locale=locale),
            city=format_list(named, locale=locale),
        )
        for week, named in weeks.items()
    ]


def _get_days(reason: pb.DateReason) -> tuple[date, date]:
    return date_of(reason.start_date), date_of(reason.end_date)


def describe_reason(reason: pb.DateReason, names: Mapping[str, str]) -> str:
    """Return what speaks for some days or against them; `names`: resource name → what cities and people are called."""
    days = format_days(reason.start_date, reason.end_date)
    subject = names.get(reason.subject, reason.subject)
    match reason.kind:
        case Kind.KIND_PUBLIC_HOLIDAY if reason.estimated:
            return _(
                "%(days)s is probably a public holiday in %(city)s: %(title)s (the moon decides)",
                days=days, city=subject, title=reason.title,
            )  # fmt: skip
        case Kind.KIND_PUBLIC_HOLIDAY:
            return _("%(days)s is a public holiday in %(city)s: %(title)s", days=days, city=subject, title=reason.title)
        case Kind.KIND_HOLIDAYS_UNKNOWN:
            year = str(reason.start_date.year)
            return _("The public holidays of %(city)s in %(year)s are not known.", city=subject, year=year)
        case Kind.KIND_DAY_OFF:
            return _("In %(city)s nobody works: %(days)s", city=subject, days=days)
        case Kind.KIND_SCHOOL_HOLIDAYS:
            return _("School holidays in %(city)s: %(title)s, %(days)s", city=subject, title=reason.title, days=days)
        case Kind.KIND_OTHER_VISIT:
            return _("Another visit: %(title)s, %(days)s", title=reason.title, days=days)
        case Kind.KIND_BUSY:
            return _(
                "Busy on %(busy)s of %(total)s days: %(person)s (%(days)s)",
                busy=reason.busy_days, total=reason.working_days, person=subject, days=days,
            )  # fmt: skip
        case Kind.KIND_ALL_WORK:
            return _("Both cities work on all days.")
        case Kind.KIND_EVERYBODY_FREE:
            return _("Nobody is busy.")
    return reason.title
