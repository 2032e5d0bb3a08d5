"""Where an item of a programme could be instead of where it clashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from flask_babel import gettext as _

from chassis.convert import date_of
from chassis.error_metadata import read_indexed
from chassis.errors import DomainError
from gateway.i18n.formats import format_local_text
from gateway.pages.visits.free_times import DayHours, Span, find_free_spans
from gateway.pages.visits.timeline import list_days
from gateway.pages.visits.timetable_values import get_span, list_held, list_shut_times

MAX_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """
    What an item may have instead of what is taken.

    Attributes:
        rooms: Rooms of the host.
        venues: Their venues, and those of items that are in no room.
        hours: From when to when something takes place on the days of the visit.
    """

    rooms: Sequence[pb.Room]
    venues: Sequence[venues_pb2.Venue]
    hours: DayHours


def propose_alternatives(
    wanted: pb.AgendaItem, programme: pb.Programme, refusal: DomainError, choice: Choice
) -> list[dict[str, str]]:
    """
    Return where an item could be instead of where it clashes: another room at that time, or other times.

    Free is what neither the visit's own items hold nor the clashes and absences that the refusal names, while the venue
    is open. A room has what the item needs; one whose seats are not known comes last, and says so. Where it is already
    is no alternative.

    Args:
        wanted: The item as it was to be: with times, room and people.
    """
    zone, taken = ZoneInfo(programme.visit.time_zone), set(list_held(wanted, programme.delegates))
    at, present = get_span(wanted, zone), _find_place(wanted.name, programme, zone)
    held_by_others = [
        (clash["resource"], Span(*(_read_local(clash[field], zone) for field in ("start_time", "end_time"))))
        for things in ("clashes", "absences")
        for clash in read_indexed(refusal.metadata, things).values()
    ]
    others = [item for item in programme.agenda_items if item.name != wanted.name and item.HasField("start_time")]
    held = [(get_span(item, zone), set(list_held(item, programme.delegates))) for item in others]
    days = list_days(date_of(programme.visit.start_date), date_of(programme.visit.end_date))
    shut = {each.name: [Span(*times) for times in list_shut_times(each, days)] for each in choice.venues}
    found = []
    if {resource for resource, _ in held_by_others} == {wanted.room}:
        occupied = {name for span, names in held if span.overlaps(at) for name in names}
        occupied |= {wanted.room, *wanted.additional_rooms}
        if present and present[0] == at:
            occupied.add(present[1])
        free = [
            room
            for room in choice.rooms
            if room.name not in occupied
            and _suits(room, wanted)
            and not any(at.overlaps(span) for span in shut.get(room.venue, ()))
        ]
        free.sort(key=lambda room: _lacks_count(room, wanted))
        found = [_write_alternative(at, room.name, _name_room(room, wanted)) for room in free][:1]
    busy = [*(span for _, span in held_by_others), *(span for span, names in held if taken & names)]
    venue = next((room.venue for room in choice.rooms if room.name == wanted.room), wanted.venue)
    unmoved = present[0] if present and present[1] == wanted.room else None
    spans = find_free_spans(
        at, [*busy, *shut.get(venue, ())], days, choice.hours, MAX_ALTERNATIVES - len(found), unmoved
    )
    return found + [_write_alternative(span, wanted.room) for span in spans]


def _suits(room: pb.Room, item: pb.AgendaItem) -> bool:
    """Return whether a room has the seats, as far as they are known, and all else that an item needs."""
    present = {word.casefold() for word in room.equipment}
    return (
        (not room.seats or room.seats >= item.seats)
        and all(word.casefold() in present for word in item.equipment)
        and (room.step_free or not item.step_free)
    )


def _lacks_count(room: pb.Room, item: pb.AgendaItem) -> bool:
    """Return whether an item needs seats in a room where nobody has counted them."""
    return item.seats > 0 and not room.seats


def _name_room(room: pb.Room, item: pb.AgendaItem) -> str:
    if _lacks_count(room, item):
        return _("%(room)s (seats not known)", room=room.display_name)
    return room.display_name


def _find_place(name: str, programme: pb.Programme, zone: ZoneInfo) -> tuple[Span, str] | None:
    """Return when an item of a programme takes place now, and in which room; None where it has no time."""
    stored = next((item for item in programme.agenda_items if item.name == name), pb.AgendaItem())
    return (get_span(stored, zone), stored.room) if stored.HasField("start_time") else None


def _read_local(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone).replace(tzinfo=None)


def _write_alternative(span: Span, room: str, title: str = "") -> dict[str, str]:
    start, end = (f"{moment:%Y-%m-%dT%H:%M}" for moment in (span.start, span.end))
    when = f"{format_local_text(start)}–{span.end:%H:%M}"
    return {"start": start, "end": end, "room": room, "label": f"{title}, {when}" if title else when}
