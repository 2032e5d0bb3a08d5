"""Visits, a delegation and a programme as files: what they hold, and the addresses of the last two."""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.i18n.formats import to_local
from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_language_name
from gateway.pages.visits.delegation import get_title
from gateway.pages.visits.places import list_places
from gateway.pages.visits.programme import list_attendance
from gateway.vocabulary.cities import list_guests
from gateway.vocabulary.enum_labels import get_term
from gateway.web import exports
from gateway.web.exports import Export, get_address
from gateway.web.links import href

VISITS = Export(
    _l("Visits"),
    attrgetter("visits"),
    [
        (_l("Visit"), attrgetter("title")),
        (_l("Exchange"), attrgetter("exchange_title")),
        (_l("Direction"), lambda visit: get_term(visit, "direction")),
        (_l("First day"), attrgetter("start_date")),
        (_l("Last day"), attrgetter("end_date")),
        (_l("Host"), attrgetter("host_city_display_name")),
        (_l("Host department"), attrgetter("host_department")),
        (_l("Guests"), lambda visit: [title for _city, title in list_guests(visit)]),
        (_l("Announced guests"), lambda visit: visit.head_count or None),
        (_l("State"), get_term),
        (_l("Purpose"), attrgetter("purpose")),
        (_l("Time zone"), attrgetter("time_zone")),
        (_l("Link"), get_address),
    ],
)


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the files of what belongs to one."""
    blueprint.add_url_rule("/<visit_id>/delegates", view_func=list_delegation)
    blueprint.add_url_rule("/<visit_id>/programme", view_func=list_programme)


@sign_in_required
def list_delegation(visit_id: str) -> ResponseReturnValue:
    """Answer with the delegation as a file; it is shown on the page of the visit."""
    permissions.require("DelegateService.ListDelegates")
    programme = _get_programme(visit_id)
    if not exports.is_wanted():
        return redirect(href(programme.visit.name) + "#delegation", 303)
    return exports.send_rows(_describe_delegation(programme), programme.delegates)


@sign_in_required
def list_programme(visit_id: str) -> ResponseReturnValue:
    """Answer with the programme as a file; it is shown on the page of the visit."""
    programme = _get_programme(visit_id)
    if not exports.is_wanted():
        return redirect(href(programme.visit.name) + "#programme", 303)
    return exports.send_rows(_describe_programme(programme), programme.agenda_items)


def _get_programme(visit_id: str) -> pb.Programme:
    return rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"visits/{visit_id}/programme"))


def _describe_delegation(programme: pb.Programme) -> Export:
    titles = {delegate.name: get_title(delegate) for delegate in programme.delegates}
    return Export(
        _l("Delegation"),
        attrgetter("delegates"),
        [
            (_l("Function"), attrgetter("function")),
            (_l("Name"), attrgetter("display_name")),
            (_l("City"), attrgetter("city_display_name")),
            (_l("Group"), lambda delegate: get_term(delegate, "group")),
            (_l("Head of delegation"), attrgetter("head")),
            (_l("Accompanies"), lambda delegate: titles.get(delegate.companion_of, "")),
            (_l("Place in the protocol order"), lambda delegate: delegate.rank or None),
            (_l("Languages"), lambda delegate: map(get_language_name, delegate.languages)),
            (_l("Dietary needs"), attrgetter("dietary_needs")),
            (_l("Access needs"), attrgetter("access_needs")),
            (_l("E-mail"), attrgetter("email")),
            (_l("Link"), get_address),
        ],
        of=programme.visit.title,
    )


def _describe_programme(programme: pb.Programme) -> Export:
    """Return what the file of a programme holds; its times are the host's local time."""
    zone = programme.visit.time_zone
    # Of those whom the reader may see.
    delegates = {delegate.name: delegate.function for delegate in programme.delegates}

    def read_local(field: str) -> Callable[[Any], datetime | None]:
        return lambda item: to_local(getattr(item, field), zone) if item.HasField(field) else None

    return Export(
        _l("Programme"),
        attrgetter("agenda_items"),
        [
            (_l("Begins at"), read_local("start_time")),
            (_l("Ends at"), read_local("end_time")),
            (_l("Duration in minutes"), attrgetter("duration_minutes")),
            (_l("Item"), attrgetter("title")),
            (_l("Place"), list_places),
            (_l("Place when it rains"), attrgetter("rain_place")),
            (_l("Transport"), lambda item: get_term(item, "transport")),
            (_l("People"), lambda item: list_attendance(item, delegates)),
            (_l("Interpretation between"), lambda item: map(get_language_name, item.interpretation_languages)),
            (_l("Open end"), attrgetter("open_end")),
            (_l("Time and place are fixed"), attrgetter("fixed")),
            (_l("Notes for the hosts"), attrgetter("notes")),
            (_l("Time zone"), lambda _item: zone),
            (_l("Link"), get_address),
        ],
        of=programme.visit.title,
    )
