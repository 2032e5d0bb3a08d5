"""Who is busy by their own calendars while a visit lasts, or while an item of its programme takes place."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1.person_calendars_pb2 import BusyPerson, ListBusySpansRequest
from flask_babel import gettext as _
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.convert import date_of, timestamp_message
from chassis.errors import DomainError
from gateway import rpc
from gateway.auth.permissions import may
from gateway.i18n.formats import format_local_text
from gateway.pages.bookings import MOST_DAYS
from gateway.pages.visits.bookable import MOST, list_people


def list_busy_people(visit: pb.Visit) -> Sequence[BusyPerson]:
    """Return when whom of the host is busy during the first days of a visit; nobody for who may not see people."""
    return _list_busy([], *find_first_days(visit))


def find_first_days(visit: pb.Visit) -> tuple[datetime, datetime]:
    """Return from when to when a visit lasts, as far as single times are listed at once."""
    zone = ZoneInfo(visit.time_zone)
    days = date_of(visit.start_date), date_of(visit.end_date) + timedelta(days=1)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in days)
    return start, min(end, start + MOST_DAYS)


def list_warnings(item: pb.AgendaItem, zone: str) -> list[str]:
    """
    Return a sentence for each of the host's people whom an item is to book while they are busy.

    None where that cannot be told: what is wrong with the item, saving it says.
    """
    people = [name for name in dict.fromkeys([*item.people, item.interpreter]) if name.startswith("people/")]
    if not people or not item.HasField("start_time"):
        return []
    try:
        start = item.start_time.ToDatetime(UTC)
        length = timedelta(minutes=item.duration_minutes)
        end = item.end_time.ToDatetime(UTC) if item.HasField("end_time") else start + length
        busy = [one for one in _list_busy(people, start, end) if one.busy]
    except (DomainError, OverflowError):
        return []
    titles = {person.name: person.function for person in list_people()} if busy else {}
    return [
        _(
            "%(person)s is booked, but busy at that time (own calendar): %(when)s.",
            person=titles.get(one.person, one.person),
            when="; ".join(f"{_write(span.start_time, zone)} – {_write(span.end_time, zone)}" for span in one.busy),
        )
        for one in busy
    ]


def _list_busy(people: Sequence[str], start: datetime, end: datetime) -> Sequence[BusyPerson]:
    if end <= start or not may("PersonCalendarService.ListBusySpans"):
        return []
    wanted = ListBusySpansRequest(
        people=people, start_time=timestamp_message(start), end_time=timestamp_message(end), page_size=MOST
    )
    return rpc.person_calendars.ListBusySpans(wanted).people


def _write(moment: Timestamp, zone: str) -> str:
    return format_local_text(f"{moment.ToDatetime(UTC).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}")
