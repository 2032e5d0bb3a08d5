"""
Small pieces of the world that tests arrange with, made through the public surface.

Each takes a caller (`tests.calls.Caller`) with the right to make the piece, and fields that differ from the usual ones.
"""

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from tests.calls import Caller

HOME_CITY = "cities/mannheim"
FIRST_DAY = date(2031, 5, 12)
_numbers = count(1)


def day(value: date) -> Date:
    """Return a date as a message."""
    return Date(year=value.year, month=value.month, day=value.day)


def moment(value: datetime) -> Timestamp:
    """Return an instant as a message; `value` has a time zone."""
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def at(hour: int, minute: int = 0, *, days: int = 0, zone: str = "Europe/Berlin") -> Timestamp:
    """Return a time on the visits' first day, or ``days`` later, as the clocks of ``zone`` show it."""
    wanted = FIRST_DAY + timedelta(days=days)
    return moment(datetime(wanted.year, wanted.month, wanted.day, hour, minute, tzinfo=ZoneInfo(zone)))


async def city(caller: Caller, city_id: str = "", **fields: Any) -> pb.City:
    """Create a city."""
    city_id = city_id or f"city-{next(_numbers)}"
    usual = {"display_name": city_id.capitalize(), "country_code": "GB", "time_zone": "Europe/London"}
    return await caller.CreateCity(pb.CreateCityRequest(city_id=city_id, city=pb.City(**{**usual, **fields})))


async def home_city(caller: Caller) -> pb.City:
    """Create the home city."""
    place = {"display_name": "Mannheim", "country_code": "DE", "time_zone": "Europe/Berlin"}
    return await city(caller, HOME_CITY.removeprefix("cities/"), **place)


async def partnership(caller: Caller, city_name: str = "", **fields: Any) -> pb.Partnership:
    """Create a partnership, with a new city unless one is named."""
    city_name = city_name or (await city(caller)).name
    usual = {"city": city_name, "kind": pb.Partnership.KIND_PARTNERSHIP}
    request = pb.CreatePartnershipRequest(partnership=pb.Partnership(**{**usual, **fields}))
    return await caller.CreatePartnership(request)


async def exchange(caller: Caller, partnership_name: str = "", **fields: Any) -> pb.Exchange:
    """Create an exchange, with a new partnership and city unless one is named."""
    usual = {
        "title": "Controlling in the directorates",
        "kind": pb.Exchange.KIND_ADMINISTRATIVE,
        "partnership": partnership_name or (await partnership(caller)).name,
        "department": "Dezernatscontrolling",
        "topics": ["controlling"],
    }
    return await caller.CreateExchange(pb.CreateExchangeRequest(exchange=pb.Exchange(**{**usual, **fields})))


async def visit(caller: Caller, exchange_name: str = "", **fields: Any) -> pb.Visit:
    """Create an incoming visit of five days from `FIRST_DAY`, with a new exchange unless one is named."""
    usual = {
        "title": "Controllers in Mannheim",
        "exchange": exchange_name or (await exchange(caller)).name,
        "direction": pb.Visit.DIRECTION_INCOMING,
        "start_date": day(FIRST_DAY),
        "end_date": day(FIRST_DAY + timedelta(days=4)),
        "host_department": "Dezernatscontrolling",
    }
    return await caller.CreateVisit(pb.CreateVisitRequest(visit=pb.Visit(**{**usual, **fields})))


async def delegate(caller: Caller, visit_name: str, **fields: Any) -> pb.Delegate:
    """Add a delegate."""
    usual = {"function": "Head of controlling", "languages": ["en"]}
    request = pb.CreateDelegateRequest(parent=visit_name, delegate=pb.Delegate(**{**usual, **fields}))
    return await caller.CreateDelegate(request)


async def agenda_item(caller: Caller, visit_name: str, **fields: Any) -> pb.AgendaItem:
    """Add an agenda item, from nine to ten o'clock on the first day in Mannheim."""
    usual = {"title": "Budget control in the directorates", "start_time": at(9), "end_time": at(10)}
    request = pb.CreateAgendaItemRequest(parent=visit_name, agenda_item=pb.AgendaItem(**{**usual, **fields}))
    return await caller.CreateAgendaItem(request)


async def unplaced_item(caller: Caller, visit_name: str, **fields: Any) -> pb.AgendaItem:
    """Add an agenda item of an hour that has no time yet."""
    item = pb.AgendaItem(**{"title": "Tour of the port", "duration_minutes": 60, **fields})
    return await caller.CreateAgendaItem(pb.CreateAgendaItemRequest(parent=visit_name, agenda_item=item))


async def room(caller: Caller, room_id: str = "", **fields: Any) -> pb.Room:
    """Create a room."""
    usual = {"display_name": "Council chamber"}
    return await caller.CreateRoom(pb.CreateRoomRequest(room_id=room_id, room=pb.Room(**{**usual, **fields})))


async def venue(caller: Caller, venue_id: str = "", **fields: Any) -> venues_pb2.Venue:
    """Create a venue, of the home city unless another is named."""
    usual = {"display_name": "Town hall"}
    wanted = venues_pb2.Venue(**{**usual, **fields})
    return await caller.CreateVenue(venues_pb2.CreateVenueRequest(venue_id=venue_id, venue=wanted))


def open_on(*weekdays: int, start: str, end: str) -> list[venues_pb2.Venue.OpeningHours]:
    """Return opening hours on some weekdays, 1 for Monday."""
    return [venues_pb2.Venue.OpeningHours(weekday=day, start_time=start, end_time=end) for day in weekdays]  # type: ignore[arg-type]


def closed_on(start: date, end: date | None = None, note: str = "") -> venues_pb2.Venue.ClosedDates:
    """Return days on which a venue is closed; the first alone without an end."""
    return venues_pb2.Venue.ClosedDates(start_date=day(start), end_date=day(end) if end else None, note=note)


async def person(caller: Caller, person_id: str = "", **fields: Any) -> pb.Person:
    """Create one of the host's people."""
    usual = {"function": "Interpreter English–German"}
    request = pb.CreatePersonRequest(person_id=person_id, person=pb.Person(**{**usual, **fields}))
    return await caller.CreatePerson(request)


def debrief(*titles: str) -> pb.Debrief:
    """Return a debrief with one entry per title."""
    entries = [
        pb.DebriefEntry(title=title, language="en", observation=f"{title}, seen on the spot.") for title in titles
    ]
    return pb.Debrief(summary="It went well.", entries=entries)


STEPS = {
    "agree": pb.AgreeVisitRequest,
    "plan": pb.PlanVisitRequest,
    "confirm": pb.ConfirmVisitRequest,
    "start": pb.StartVisitRequest,
    "report": pb.ReportVisitRequest,
    "close": pb.CloseVisitRequest,
    "cancel": pb.CancelVisitRequest,
    "postpone": pb.PostponeVisitRequest,
}


async def take(caller: Caller, visit_name: str, *verbs: str, etag: str = "") -> pb.Visit:
    """Take a visit through transitions, one or more; returns it as it is after the last."""
    answer = pb.Visit()
    for verb in verbs:
        more: dict[str, Any] = {}
        if verb == "report":
            more["debrief"] = debrief("Monthly reports replace quarterly ones")
        if verb in ("cancel", "postpone"):
            more["reason"] = "The guests fell ill."
        request = STEPS[verb](name=visit_name, etag=etag, **more)
        answer = await getattr(caller, f"{verb.capitalize()}Visit")(request)
        etag = ""
    return answer
