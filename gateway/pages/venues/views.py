"""Pages of venues: where they are, when they are open, their rooms, and the ways between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from austausch.exchange.v1 import exchange_pb2, venues_pb2
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.errors import FieldRequired
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.entries import MAX_ENTRIES
from gateway.forms.form import Form
from gateway.i18n import formats
from gateway.pages.deletion import delete_after_asking
from gateway.pages.venues import closed_dates, opening_hours
from gateway.pages.venues.exports import VENUES
from gateway.vocabulary import cities
from gateway.vocabulary.ways import describe_way
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("venues", __name__, url_prefix="/venues")

COORDINATES = ("venue.location.latitude", "venue.location.longitude")
WAYS = "venue.ways"
MOST = 1000


@dataclass(frozen=True)
class WayField:
    """The field of a way in a form: where it leads, the index of its entry, and how long it is estimated to take."""

    venue: str
    label: str
    index: int
    estimate: str


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = venues_pb2.ListVenuesRequest(**list_filters.read_paging())
    if exports.is_wanted():
        return exports.send_list(VENUES, rpc.venues.ListVenues, wanted)
    answer = rpc.venues.ListVenues(wanted)
    return render_template("venues/list.html", answer=answer, describe_next=closed_dates.describe_next)


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("VenueService.CreateVenue")
    form = Form({"venue.city": request.args.get("city") or current_app.config["HOME_CITY"]})
    if form.submitted:
        opening_hours.drop_blank_times(form)
        form.drop_blank_entries(closed_dates.CLOSED)
        with form.catch_refusal():
            _require_both_coordinates(form)
            venue = rpc.venues.CreateVenue(form.build_request(venues_pb2.CreateVenueRequest))
            flash(_("“%(name)s” is entered.", name=venue.display_name), "success")
            return redirect(href(venue.name), 303)
    return _render_form(form, None)


@blueprint.get("/<venue_id>")
@sign_in_required
def show(venue_id: str) -> ResponseReturnValue:
    venue = _get_venue(venue_id)
    rooms = rpc.rooms.ListRooms(exchange_pb2.ListRoomsRequest(venue=venue.name, page_size=MOST)).rooms
    ways = [(way.venue, way.venue_display_name, describe_way(way)) for way in _list_ways(venue)]
    return render_template(
        "venues/show.html",
        venue=venue,
        coordinates=formats.format_coordinates(venue.location) if venue.HasField("location") else "",
        hours=opening_hours.describe_hours(venue),
        closed=closed_dates.describe_all(venue),
        rooms=rooms,
        ways=ways,
    )


@blueprint.route("/<venue_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(venue_id: str) -> ResponseReturnValue:
    permissions.require("VenueService.UpdateVenue")
    venue = _get_venue(venue_id)
    form = Form({"venue": venue})
    if form.submitted:
        opening_hours.drop_blank_times(form)
        form.drop_blank_entries(closed_dates.CLOSED)
        form.keep_entries(WAYS, lambda index: not form.is_blank(f"{WAYS}.{index}", (".venue",)))
        with form.catch_refusal():
            _require_both_coordinates(form)
            saved = form.save(rpc.venues.UpdateVenue, venues_pb2.UpdateVenueRequest, "venue")
            flash(_("“%(title)s” is saved.", title=saved.display_name), "success")
            return redirect(href(venue.name), 303)
    return _render_form(form, venue)


@blueprint.route("/<venue_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(venue_id: str) -> ResponseReturnValue:
    permissions.require("VenueService.DeleteVenue")
    venue = _get_venue(venue_id)
    return delete_after_asking(
        venue,
        rpc.venues.DeleteVenue,
        venues_pb2.DeleteVenueRequest,
        question=_("Delete “%(title)s”?", title=venue.display_name),
        consequence=_(
            "The venue is deleted for good, with the ways that lead to it. That works only while no room is in it and "
            "no programme names it, past ones included."
        ),
        done=_("“%(title)s” is deleted.", title=venue.display_name),
        then=url_for("venues.index"),
        above=[(url_for("venues.index"), _("Venues")), (href(venue.name), venue.display_name)],
    )


def _get_venue(venue_id: str) -> venues_pb2.Venue:
    return rpc.venues.GetVenue(venues_pb2.GetVenueRequest(name=f"venues/{venue_id}"))


def _list_ways(venue: venues_pb2.Venue) -> Sequence[venues_pb2.Way]:
    return rpc.venues.ListWays(venues_pb2.ListWaysRequest(parent=venue.name, page_size=MOST)).ways


def _render_form(form: Form, venue: venues_pb2.Venue | None) -> ResponseReturnValue:
    return render_template(
        "venues/form.html",
        form=form,
        venue=venue,
        cities=list(cities.get_city_names(anew=True).items()) if venue is None else [],
        days=opening_hours.list_fields(form),
        closed=form.count_entries(closed_dates.CLOSED) + 1,
        ways=_list_way_fields(form, venue) if venue else [],
        decimal=formats.format_decimal,
    ), form.status


def _list_way_fields(form: Form, venue: venues_pb2.Venue) -> list[WayField]:
    """Return the fields of the ways to the other venues of the city; of very many, as many as a form can hold."""
    count = form.count_entries(WAYS)
    index_of = {form[f"{WAYS}.{index}.venue"]: index for index in range(count)}
    fields = []
    for way in _list_ways(venue):
        if way.venue not in index_of:
            if count == MAX_ENTRIES:
                continue
            index_of[way.venue] = count
            count += 1
        estimate = describe_way(way) if way.estimated else ""
        fields.append(WayField(way.venue, way.venue_display_name, index_of[way.venue], estimate))
    return fields


def _require_both_coordinates(form: Form) -> None:
    """
    Raise unless both coordinates are typed, or none: the contract would take a missing one for 0.

    Raises:
        FieldRequired: One of the two is missing.
    """
    missing = [path for path in COORDINATES if not form[path]]
    if len(missing) == 1:
        raise FieldRequired(missing[0])
