"""The timetable of a visit: its page, what the page asks for while it is open, and the moves that are made on it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, Response, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from chassis.convert import date_of
from chassis.errors import DomainError
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_day
from gateway.i18n.languages import LOCALES, current_language
from gateway.pages.bookings import list_bookings
from gateway.pages.visits import timetable_values
from gateway.pages.visits.agenda_days import group_by_day
from gateway.pages.visits.alternatives import Choice, propose_alternatives
from gateway.pages.visits.bookable import list_people, list_rooms, list_venues
from gateway.pages.visits.busy_people import find_first_days, list_busy_people
from gateway.pages.visits.day_hours import read_hours
from gateway.pages.visits.day_notes import describe_days
from gateway.pages.visits.places import describe_closures, describe_transfers, list_places
from gateway.pages.visits.programme import list_attendance
from gateway.pages.visits.timeline import list_days
from gateway.pages.visits.timetable_texts import list_texts
from gateway.vocabulary.cities import list_guests
from gateway.web.links import href

# What a move may change of an item.
MOVABLE = ("start_time", "end_time", "duration_minutes", "room")


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of timetables."""
    blueprint.add_url_rule("/<visit_id>/timetable", view_func=timetable)
    blueprint.add_url_rule("/<visit_id>/timetable.json", view_func=timetable_items)
    blueprint.add_url_rule("/<visit_id>/agendaItems/<item_id>/move", view_func=move_item, methods=["POST"])


@sign_in_required
def timetable(visit_id: str) -> ResponseReturnValue:
    """
    Answer the timetable; to the page itself, once something has changed, the list that it prints.

    As long as the dates of the visit are open there is none: the reader is led to the programme.
    """
    programme = _get_programme(visit_id)
    visit = programme.visit
    if not visit.HasField("start_date"):
        return redirect(f"{href(visit.name)}#programme", 303)
    other_clock = _choose_other_clock(visit)
    shown = {
        "visit": visit,
        "agenda": group_by_day(programme.agenda_items, visit.time_zone),
        "list_attendance": partial(
            list_attendance, delegates={delegate.name: delegate.function for delegate in programme.delegates}
        ),
        "list_places": list_places,
        "ways": describe_transfers(programme),
        "closures": describe_closures(programme),
        "other_clock": other_clock,
        "now": datetime.now(UTC),
    }
    if request.headers.get("HX-Request"):
        return render_template("visits/timetable_list.html", **shown)
    return render_template("visits/timetable.html", frame=_build_frame(programme, other_clock), **shown)


@sign_in_required
def timetable_items(visit_id: str) -> ResponseReturnValue:
    """Answer what changes on a timetable; nothing but 304 to whoever has it already."""
    response: Response = jsonify(timetable_values.write_programme(_get_programme(visit_id)))
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:20])
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(["Cookie", "Accept-Language"])
    return response.make_conditional(request)


@sign_in_required
def move_item(visit_id: str, item_id: str) -> ResponseReturnValue:
    """
    Move an item of the programme, and answer it as it is then.

    A refusal is answered with its status: `title`, `text`, `advice`, `links`, and free `alternatives` of a clash.
    """
    programme = _get_programme(visit_id)
    form = Form(zone=programme.visit.time_zone)
    alternatives: list[dict[str, str]] = []
    with form.catch_refusal():
        permissions.require("AgendaItemService.UpdateAgendaItem")
        wanted = form.build_request(pb.UpdateAgendaItemRequest)
        wanted.agenda_item.name = f"visits/{visit_id}/agendaItems/{item_id}"
        wanted.update_mask.paths.extend(field for field in MOVABLE if f"agenda_item.{field}" in form.values)
        try:
            saved = rpc.agenda_items.UpdateAgendaItem(wanted)
            return jsonify(timetable_values.write_item(saved, programme))
        except DomainError as refusal:
            alternatives = _propose_alternatives(wanted.agenda_item, programme, refusal)
            raise
    explanation = form.explanation
    complaints = [text for texts in form.complaints.values() for text in texts]
    return jsonify(
        title=explanation.title if explanation else "",
        text=explanation.text if explanation else "\n".join(dict.fromkeys(complaints)),
        advice=explanation.advice if explanation else "",
        links=[{"href": href(name), "title": title} for name, title in explanation.links] if explanation else [],
        alternatives=alternatives,
    ), form.status


def _get_programme(visit_id: str) -> pb.Programme:
    return rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"visits/{visit_id}/programme"))


def _choose_other_clock(visit: pb.Visit) -> dict[str, str]:
    """Return the guest city whose clock is shown beside the host's, and its zone: as the address says, or the first."""
    guests = dict(list_guests(visit))
    city = request.args.get("clock", "")
    if city not in guests:
        city = visit.guest_city
    return {"city": guests[city], "zone": rpc.cities.GetCity(pb.GetCityRequest(name=city)).time_zone}


def _propose_alternatives(change: pb.AgendaItem, programme: pb.Programme, refusal: DomainError) -> list[dict[str, str]]:
    """Return free alternatives to a move that clashes; none to one that is refused for another reason."""
    stored = next((item for item in programme.agenda_items if item.name == change.name), None)
    if refusal.reason not in ("DOUBLE_BOOKING", "PERSON_ABSENT") or stored is None:
        return []
    wanted = pb.AgendaItem()
    wanted.CopyFrom(stored)
    wanted.ClearField("room")
    wanted.MergeFrom(change)
    if not wanted.HasField("start_time"):
        return []
    if change.duration_minutes:
        wanted.end_time.FromSeconds(wanted.start_time.seconds + 60 * change.duration_minutes)
    if wanted.end_time.ToNanoseconds() <= wanted.start_time.ToNanoseconds():
        wanted.end_time.FromSeconds(wanted.start_time.seconds + 60 * stored.duration_minutes)
    visit = programme.visit
    choice = Choice(list_rooms(visit), list_venues(visit), read_hours(visit))
    return propose_alternatives(wanted, programme, refusal, choice)


def _build_frame(programme: pb.Programme, other_clock: Mapping[str, str]) -> dict[str, Any]:
    """Return what stays as it is while a timetable is open: its days and hours, clocks, rooms, people and texts."""
    visit = programme.visit
    zone, notes = ZoneInfo(visit.time_zone), describe_days(visit)
    days = list_days(date_of(visit.start_date), date_of(visit.end_date))
    people, rooms, venues, hours = list_people(), list_rooms(visit), list_venues(visit), read_hours(visit)
    return {
        "address": f"{href(visit.name)}/timetable",
        "editable": visit.editable,
        "locale": LOCALES[current_language()].replace("_", "-"),
        "host": {"city": visit.host_city_display_name, "zone": visit.time_zone},
        "guest": other_clock,
        "days": [
            {"date": f"{day}", "label": format_day(day), "notes": notes[day].texts, "off": notes[day].is_off}
            for day in days
        ],
        "shown": timetable_values.find_shown_hours(programme, venues, hours),
        "hours": [f"{moment:%H:%M}" for moment in (hours.start, hours.end)],
        "breaks": [
            {"title": each.label, "start": f"{each.start:%H:%M}", "end": f"{each.end:%H:%M}"} for each in hours.breaks
        ],
        "rooms": [{"name": room.name, "title": room.display_name, "venue": room.venue_display_name} for room in rooms],
        "closed": timetable_values.list_closed(rooms, venues, days),
        "people": [{"name": person.name, "title": person.function} for person in people],
        "elsewhere": _list_elsewhere(visit, people, zone),
        "texts": list_texts(other_clock["city"]),
    }


def _list_elsewhere(visit: pb.Visit, people: Sequence[pb.Person], zone: ZoneInfo) -> list[Any]:
    """Return what other visits on the same days hold, and when people are away or busy, for who may change this one."""
    if not visit.editable:
        return []
    return [
        *timetable_values.list_bookings_elsewhere(list_bookings(*find_first_days(visit)), visit, zone),
        *timetable_values.list_absences(people, zone),
        *timetable_values.list_busy(list_busy_people(visit), zone),
    ]
