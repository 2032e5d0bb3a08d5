"""The programme of a visit as its timetable takes it: plain values, times as the host's clocks show them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from austausch.exchange.v1.calendars_pb2 import Booking
from austausch.exchange.v1.person_calendars_pb2 import BusyPerson
from flask_babel import gettext as _
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.convert import date_of
from gateway.i18n.formats import format_minutes
from gateway.pages.visits.free_times import DayHours, Span
from gateway.pages.visits.programme import list_attendance
from gateway.vocabulary.enum_labels import list_options
from gateway.web.links import href

# Between these hours something can always be put down by mouse.
MORNING, EVENING = "07:00", "22:00"


def write_programme(programme: pb.Programme) -> dict[str, Any]:
    """Return `items` and the `groups` of the delegation that they may book."""
    return {
        "items": [write_item(item, programme) for item in programme.agenda_items],
        "delegates": [{"name": one.name, "title": one.function} for one in programme.delegates],
        "groups": [{"name": name, "title": title} for name, title in list_options("Delegate.Group")],
    }


def write_item(item: pb.AgendaItem, programme: pb.Programme) -> dict[str, Any]:
    """Return an item: what it is, where and with whom, and what it `books`; without times where it is not placed."""
    zone = ZoneInfo(programme.visit.time_zone)
    placed = item.HasField("start_time") and item.HasField("end_time")
    return {
        "name": item.name,
        "id": item.name.rpartition("/")[2],
        "title": item.title,
        "start": _write_local(item.start_time, zone) if placed else "",
        "end": _write_local(item.end_time, zone) if placed else "",
        "minutes": item.duration_minutes,
        "length": format_minutes(item.duration_minutes),
        "room": item.room,
        "room_title": item.room_display_name,
        "further_rooms": [
            {"name": name, "title": title}
            for name, title in zip(item.additional_rooms, item.additional_room_display_names, strict=True)
        ],
        "venue": item.venue,
        "venue_title": item.venue_display_name,
        "place": item.place,
        "people": list_attendance(item, {one.name: one.function for one in programme.delegates}),
        "books": list_bookings(item, programme.delegates),
        "groups": _list_groups(item, programme.delegates),
        "fixed": item.fixed,
        "earliest": _write_local(item.earliest_start_time, zone) if item.HasField("earliest_start_time") else "",
        "latest": _write_local(item.latest_end_time, zone) if item.HasField("latest_end_time") else "",
        "after": [{"id": each.agenda_item.rpartition("/")[2], "gap": each.gap_minutes} for each in item.after],
        "updater": item.updater,
        "etag": item.etag,
        "page": f"{href(programme.visit.name)}/agendaItems/{item.name.rpartition('/')[2]}",
    }


def list_bookings(item: pb.AgendaItem, delegates: Iterable[pb.Delegate]) -> list[str]:
    """Return the resource names of whom an item books, its rooms left out; groups as those who travel in them now."""
    expected = [one.name for one in delegates if _expects(item, one)]
    return list(dict.fromkeys(filter(None, [*item.people, item.interpreter, *expected])))


def _expects(item: pb.AgendaItem, delegate: pb.Delegate) -> bool:
    """Return whether a delegate has to be at an item with all others, with a group, or with its city's delegation."""
    return item.whole_delegation or delegate.group in item.groups or delegate.city in item.delegations


def list_held(item: pb.AgendaItem, delegates: Iterable[pb.Delegate]) -> list[str]:
    """Return the resource names of all that an item books."""
    return list(filter(None, [item.room, *item.additional_rooms, *list_bookings(item, delegates)]))


def _list_groups(item: pb.AgendaItem, delegates: Iterable[pb.Delegate]) -> list[str]:
    """Return the groups that an item books, or of whom it books somebody."""
    booked = {*item.groups, *(one.group for one in delegates if _expects(item, one) or one.name in item.people)}
    return [name for name, _label in list_options("Delegate.Group") if pb.Delegate.Group.Value(name) in booked]


def _write_local(instant: Timestamp, zone: ZoneInfo) -> str:
    return f"{_get_local(instant, zone):%Y-%m-%dT%H:%M}"


def _get_local(instant: Timestamp, zone: ZoneInfo) -> datetime:
    return instant.ToDatetime(UTC).astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)


def get_span(item: pb.AgendaItem, zone: ZoneInfo) -> Span:
    """Return when an item takes place, on the clocks of a zone."""
    return Span(_get_local(item.start_time, zone), _get_local(item.end_time, zone))


def list_bookings_elsewhere(
    bookings: Iterable[Booking], visit: pb.Visit, zone: ZoneInfo
) -> Iterator[Mapping[str, str]]:
    """Yield what other visits hold, and when: `resource`, `start`, `end` and the `title` of the item."""
    for booking in bookings:
        if not booking.agenda_item.startswith(f"{visit.name}/"):
            yield {
                "resource": booking.resource,
                "start": _write_local(booking.start_time, zone),
                "end": _write_local(booking.end_time, zone),
                "title": f"{booking.visit_title}: {booking.agenda_item_title}",
            }


def list_absences(people: Iterable[pb.Person], zone: ZoneInfo) -> Iterator[Mapping[str, str]]:
    """Yield when people are away, as `list_bookings_elsewhere` yields what they do."""
    for person in people:
        for absence in person.absences:
            yield {
                "resource": person.name,
                "start": _write_local(absence.start_time, zone),
                "end": _write_local(absence.end_time, zone),
                "title": _("Away"),
            }


def list_busy(people: Iterable[BusyPerson], zone: ZoneInfo) -> Iterator[Mapping[str, str]]:
    """Yield when people are busy by their own calendars, as `list_bookings_elsewhere` yields what they do."""
    for one in people:
        for span in one.busy:
            yield {
                "resource": one.person,
                "start": _write_local(span.start_time, zone),
                "end": _write_local(span.end_time, zone),
                "title": _("Busy (own calendar)"),
            }


def list_closed(
    rooms: Iterable[pb.Room], venues: Iterable[venues_pb2.Venue], days: Iterable[date]
) -> list[Mapping[str, str]]:
    """Return when venues are closed, by room and by venue, as `list_bookings_elsewhere` yields what takes them."""
    in_venue = defaultdict[str, list[str]](list)
    for room in rooms:
        in_venue[room.venue].append(room.name)
    return [
        {
            "resource": resource,
            "start": f"{start:%Y-%m-%dT%H:%M}",
            "end": f"{end:%Y-%m-%dT%H:%M}",
            "title": _("%(venue)s is closed", venue=venue.display_name),
        }
        for venue in venues
        for start, end in list_shut_times(venue, days)
        for resource in (venue.name, *in_venue[venue.name])
    ]


def find_shown_hours(programme: pb.Programme, venues: Iterable[venues_pb2.Venue], hours: DayHours) -> tuple[str, str]:
    """
    Return from when to when days are drawn at least, `HH:MM`, the end of the day as 24:00.

    That is: what is planned, mornings and evenings, and as long as the venues of the programme are open.
    """
    used = {item.venue for item in programme.agenda_items}
    open_hours = [each for venue in venues if venue.name in used for each in venue.opening_hours]
    starts = [f"{hours.start:%H:%M}", *(each.start_time for each in open_hours)]
    ends = [f"{hours.end:%H:%M}", *(each.end_time for each in open_hours)]
    return min(MORNING, *starts), max(EVENING, *("24:00" if end == "00:00" else end for end in ends))


def list_shut_times(venue: venues_pb2.Venue, days: Iterable[date]) -> list[tuple[datetime, datetime]]:
    """Return the times of some days at which a venue is closed, as its own clocks show them."""
    closed_days = [(date_of(each.start_date), date_of(each.end_date)) for each in venue.closed_dates]
    shut = []
    for day in days:
        at, end = datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())
        if any(first <= day <= last for first, last in closed_days):
            shut.append((at, end))
            continue
        if not venue.opening_hours:
            continue
        for span in venue.opening_hours:
            if span.weekday != day.isoweekday():
                continue
            opens = datetime.combine(day, time.fromisoformat(span.start_time))
            if at < opens:
                shut.append((at, opens))
            closes = time.fromisoformat(span.end_time)
            at = datetime.combine(day, closes) if closes > time() else end
        if at < end:
            shut.append((at, end))
    return shut
