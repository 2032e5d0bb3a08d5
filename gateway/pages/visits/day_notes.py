"""What is to be known of the days of a visit in both cities: holidays, school holidays, days on which nobody works."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1 import exchange_pb2
from flask import current_app
from flask_babel import gettext as _

from chassis.convert import date_message, date_of
from gateway import rpc
from gateway.auth.permissions import may
from gateway.i18n.languages import current_language
from gateway.pages.visits.free_times import list_days

Kind = pb.DateReason
# Between two working days lies every day off; around a visit, the next working day is not further away.
AROUND = timedelta(days=14)
# As many windows as one question answers; of longer visits nothing is told.
MAX_WINDOWS = 100


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
    """
    Return what is to be known of days around a visit; of a day without notes, an empty one.

    Nothing is known to a reader who may not ask for dates.
    """
    notes = defaultdict[date, DayNotes](DayNotes)
    first, last = date_of(visit.start_date) - AROUND, date_of(visit.end_date) + AROUND
    if not may("CalendarService.ProposeDates") or (last - first).days > MAX_WINDOWS:
        return notes
    home = current_app.config["HOME_CITY"]
    wanted = pb.ProposeDatesRequest(
        city=visit.guest_city if visit.host_city == home else visit.host_city,
        direction=visit.direction,
        working_days=2,
        earliest_date=date_message(first),
        latest_date=date_message(last),
        language=current_language(),
        page_size=MAX_WINDOWS,
    )
    names = {visit.host_city: visit.host_city_display_name, visit.guest_city: visit.guest_city_display_name}
    for window in rpc.calendars.ProposeDates(wanted).windows:
        for reason in window.reasons:
            text = _describe(reason, names.get(reason.subject, reason.subject))
            for day in list_days(date_of(reason.start_date), date_of(reason.end_date)) if text else ():
                if text not in notes[day].texts:
                    notes[day].texts.append(text)
                if reason.subject == visit.host_city and reason.kind != Kind.KIND_SCHOOL_HOLIDAYS:
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
