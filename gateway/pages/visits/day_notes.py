"""What is to be known of the days of a visit in both cities: holidays, school holidays, days on which nobody works."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1 import exchange_pb2
from flask_babel import gettext as _

from chassis.convert import date_of
from gateway.pages.visits.date_reasons import list_holidays
from gateway.pages.visits.timeline import list_days
from gateway.vocabulary.cities import list_guests

Kind = pb.DateReason


@dataclass
class DayNotes:
    """
    What is to be known of one day.

    Attributes:
        texts: Holidays and the like, in the reader's language.
        is_off: Whether the host does not work.
    """

    texts: list[str] = field(default_factory=list)
    is_off: bool = False


def describe_days(visit: exchange_pb2.Visit) -> Mapping[date, DayNotes]:
    """Return what is to be known of the days of a visit; of a day without notes, an empty one."""
    notes = defaultdict[date, DayNotes](DayNotes)
    names = {visit.host_city: visit.host_city_display_name, **dict(list_guests(visit))}
    for holiday in list_holidays(list(names), date_of(visit.start_date), date_of(visit.end_date)):
        text = _describe(holiday, names[holiday.subject])
        for day in list_days(date_of(holiday.start_date), date_of(holiday.end_date)) if text else ():
            notes[day].texts.append(text)
            if holiday.subject == visit.host_city and holiday.kind != Kind.KIND_SCHOOL_HOLIDAYS:
                notes[day].is_off = True
    return notes


def _describe(reason: pb.DateReason, city: str) -> str:
    """Return what a reason says of its days; "" for what is about no calendar of a city."""
    match reason.kind:
        case Kind.KIND_PUBLIC_HOLIDAY:
            return _("Public holiday in %(city)s: %(title)s", city=city, title=reason.title)
        case Kind.KIND_SCHOOL_HOLIDAYS:
            return _("School holidays in %(city)s: %(title)s", city=city, title=reason.title)
        case Kind.KIND_DAY_OFF:
            return _("Nobody works in %(city)s", city=city)
    return ""
