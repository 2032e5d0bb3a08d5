"""
Visits, items of their programmes and due dates as a calendar. Source: RFC 5545 (iCalendar), RFC 7986 (its names).

An event keeps its UID, and its SEQUENCE grows whenever what it is made of changes: taken in twice, it is there once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import current_app, request
from flask_babel import gettext as _
from google.protobuf.timestamp_pb2 import Timestamp
from icalendar import Calendar, Event

from chassis.convert import date_of
from gateway.i18n.languages import current_language, get_language_name
from gateway.pages.calendar_files.time_zones import make_zone
from gateway.pages.visits.places import list_places
from gateway.vocabulary.cities import describe_guests
from gateway.vocabulary.enum_labels import get_term
from gateway.web.links import href

Visit = pb.Visit
ONE_DAY = timedelta(days=1)
# How often calendar programs are to ask again.
REFRESH = timedelta(hours=1)
# Of those that take place, all others are confirmed.
TENTATIVE_STATES = (Visit.STATE_IDEA, Visit.STATE_AGREED, Visit.STATE_POSTPONED)


def make_calendar(title: str) -> Calendar:
    """Return an empty calendar."""
    calendar = Calendar()
    calendar.add("prodid", f"-//Austausch//Austausch//{current_language().upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for name in ("name", "x-wr-calname"):
        calendar.add(name, title)
    return calendar


def ask_to_refresh(calendar: Calendar) -> None:
    """Tell the programs that subscribe to a calendar how often to ask for it."""
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")


def add_zones(calendar: Calendar, zones: Iterable[str], first: date, last: date) -> None:
    """Add what tells the clocks of time zones in all years from one day to another."""
    for zone in sorted(set(zones)):
        calendar.add_component(make_zone(zone, first, last))


def make_visit_event(visit: pb.Visit) -> Event:
    """Return a visit whose days are known, as days that keep nobody busy."""
    event = _make_event(visit.name, _mark_cancelled(visit, visit.title), [visit.update_time], int(visit.etag))
    _set_days(event, date_of(visit.start_date), date_of(visit.end_date))
    event.add("status", _get_status(visit))
    event.add("location", ", ".join(filter(None, [visit.host_city_display_name, visit.host_department])))
    course = _("Visit from %(guest)s to %(host)s", guest=describe_guests(visit), host=visit.host_city_display_name)
    _describe(event, [course, get_term(visit, "state"), visit.reason, visit.purpose], visit.name)
    return event


def make_item_event(item: pb.AgendaItem, visit: pb.Visit, addresses: Mapping[str, str], *, busy: bool) -> Event:
    """
    Return an item that has a time, on the clocks of the visit's host.

    Args:
        addresses: Street address of each venue that the reader may know, by resource name.
        busy: Whether it keeps the reader busy.
    """
    # The visit counts as well: whether it takes place is said of each of its items.
    changes = [item.update_time, visit.update_time]
    event = _make_event(item.name, _mark_cancelled(visit, item.title), changes, int(item.etag) + int(visit.etag))
    event.add("dtstart", _to_clock(item.start_time, visit.time_zone))
    event.add("dtend", _to_clock(item.end_time, visit.time_zone))
    event.add("status", _get_status(visit))
    event.add("transp", "OPAQUE" if busy else "TRANSPARENT")
    if places := list(filter(None, [*list_places(item), addresses.get(item.venue)])):
        event.add("location", ", ".join(places))
    languages = " – ".join(map(get_language_name, item.interpretation_languages))
    lines = [
        item.notes,
        _("open end") if item.open_end else "",
        _("When it rains: %(place)s", place=item.rain_place) if item.rain_place else "",
        _("Interpretation: %(languages)s", languages=languages) if languages else "",
        visit.title,
    ]
    _describe(event, lines, item.name)
    return event


def make_due_event(name: str, title: str, day: date, change: Timestamp, version: int, lines: Sequence[str]) -> Event:
    """Return the day on which something about a resource is due, as a day that keeps nobody busy."""
    event = _make_event(name, title, [change], version)
    _set_days(event, day, day)
    _describe(event, lines, name)
    return event


def _make_event(name: str, title: str, changes: Iterable[Timestamp], version: int) -> Event:
    home = current_app.config["HOME_CITY"].removeprefix("cities/")
    change = max(each.ToDatetime(UTC) for each in changes).replace(microsecond=0)
    event = Event()
    event.add("uid", f"{name}@{home}.austausch")
    event.add("summary", title)
    # What is published, and invites nobody, has the moment of its last change in both.
    event.add("dtstamp", change)
    event.add("last-modified", change)
    event.add("sequence", version)
    return event


def _set_days(event: Event, first: date, last: date) -> None:
    event.add("dtstart", first)
    event.add("dtend", last + ONE_DAY)
    event.add("transp", "TRANSPARENT")


def _describe(event: Event, lines: Iterable[str], name: str) -> None:
    """Add what an event says of itself, and where its page is: also as a line, for some programs show no more."""
    page = request.host_url.rstrip("/") + href(name)
    event.add("description", "\n".join([*filter(None, lines), page]))
    event.add("url", page)


def _mark_cancelled(visit: pb.Visit, title: str) -> str:
    """Return a title that says that it does not take place: some programs do not look at the status."""
    return _("Cancelled: %(title)s", title=title) if visit.state == Visit.STATE_CANCELLED else title


def _get_status(visit: pb.Visit) -> str:
    if visit.state == Visit.STATE_CANCELLED:
        return "CANCELLED"
    return "TENTATIVE" if visit.state in TENTATIVE_STATES else "CONFIRMED"


def _to_clock(moment: Timestamp, zone: str) -> datetime:
    """Return an instant as the clocks of a zone show it; in UTC where they show that time a second time."""
    instant = moment.ToDatetime(UTC)
    local = instant.astimezone(ZoneInfo(zone))
    return instant if local.fold else local
