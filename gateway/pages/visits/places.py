"""Where the items of a programme take place, in words: rooms, venues, when these are closed, and the ways to them."""

from collections.abc import Mapping
from dataclasses import dataclass

from austausch.exchange.v1 import exchange_pb2 as pb
from flask_babel import gettext as _

from gateway import rpc
from gateway.i18n.formats import format_minutes, format_time
from gateway.vocabulary.ways import describe_way


@dataclass(frozen=True)
class WayNote:
    """
    The way to an item from the one before.

    Attributes:
        warning: That there is too little time for it; "" where there is enough.
    """

    text: str
    warning: str


def list_places(item: pb.AgendaItem) -> list[str]:
    """Return where an item takes place: its rooms, the venue, and the place that is neither."""
    rooms = [item.room_display_name, *item.additional_room_display_names]
    return list(filter(None, [", ".join(filter(None, rooms)), item.venue_display_name, item.place]))


def describe_transfers(programme: pb.Programme) -> Mapping[str, list[WayNote]]:
    """Return the ways of the delegation by the resource name of the item that each leads to."""
    items = {item.name: item for item in programme.agenda_items}
    notes: dict[str, list[WayNote]] = {}
    for transfer in programme.transfers:
        before = items[transfer.from_agenda_item]
        text = _("From %(venue)s: %(way)s", venue=before.venue_display_name, way=describe_way(transfer.way))
        notes.setdefault(transfer.to_agenda_item, []).append(WayNote(text, _describe_shortage(transfer)))
    return notes


def describe_closures(programme: pb.Programme) -> Mapping[str, list[str]]:
    """Return that venues are closed, and when, by the resource name of the item that takes place there then."""
    zone = programme.visit.time_zone
    notes: dict[str, list[str]] = {}
    for closure in programme.closures:
        start, end = format_time(closure.start_time, zone), format_time(closure.end_time, zone)
        text = _(
            "%(venue)s is closed from %(start)s to %(end)s", venue=closure.venue_display_name, start=start, end=end
        )
        notes.setdefault(closure.agenda_item, []).append(text)
    return notes


def list_warnings(item: pb.AgendaItem) -> list[str]:
    """Return what speaks against where and when an item of a programme takes place: sentences."""
    visit = item.name.partition("/agendaItems/")[0]
    programme = rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"{visit}/programme"))
    short = [f"{way.text}. {way.warning}." for way in describe_transfers(programme).get(item.name, ()) if way.warning]
    return [*(f"{text}." for text in describe_closures(programme).get(item.name, ())), *short]


def _describe_shortage(transfer: pb.Transfer) -> str:
    available = transfer.available_minutes
    if available >= transfer.way.minutes:
        return ""
    if available <= 0:
        return _("No time for the way")
    return _("Only %(minutes)s for the way", minutes=format_minutes(available))
