"""Pages of rooms."""

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.rooms.exports import ROOMS
from gateway.web import exports, list_filters

blueprint = Blueprint("rooms", __name__, url_prefix="/rooms")

MOST = 1000


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = pb.ListRoomsRequest(**list_filters.read_paging())
    if exports.is_wanted():
        return exports.send_list(ROOMS, rpc.rooms.ListRooms, wanted)
    return render_template("rooms/list.html", answer=rpc.rooms.ListRooms(wanted))


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("RoomService.CreateRoom")
    form = Form({"room.venue": request.args.get("venue", "")})
    if form.submitted:
        with form.catch_refusal():
            room = rpc.rooms.CreateRoom(form.build_request(pb.CreateRoomRequest))
            flash(_("“%(name)s” is entered.", name=room.display_name), "success")
            return redirect(url_for("rooms.index"), 303)
    return _render_form(form, None)


@blueprint.route("/<room_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(room_id: str) -> ResponseReturnValue:
    permissions.require("RoomService.UpdateRoom")
    room = rpc.rooms.GetRoom(pb.GetRoomRequest(name=f"rooms/{room_id}"))
    form = Form({"room": room})
    if form.submitted:
        with form.catch_refusal():
            saved = form.save(rpc.rooms.UpdateRoom, pb.UpdateRoomRequest, "room")
            flash(_("“%(title)s” is saved.", title=saved.display_name), "success")
            return redirect(url_for("rooms.index"), 303)
    return _render_form(form, room)


def _render_form(form: Form, room: pb.Room | None) -> ResponseReturnValue:
    """Show the form of a room, with the venues by city."""
    venues = rpc.venues.ListVenues(venues_pb2.ListVenuesRequest(page_size=MOST)).venues
    groups: dict[str, list[tuple[str, str]]] = {}
    for venue in venues:
        groups.setdefault(venue.city_display_name, []).append((venue.name, venue.display_name))
    return render_template("rooms/form.html", form=form, room=room, venues=sorted(groups.items())), form.status


@blueprint.route("/<room_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(room_id: str) -> ResponseReturnValue:
    permissions.require("RoomService.DeleteRoom")
    room = rpc.rooms.GetRoom(pb.GetRoomRequest(name=f"rooms/{room_id}"))
    index, page = url_for("rooms.index"), url_for("rooms.edit", room_id=room_id)
    return delete_after_asking(
        room,
        rpc.rooms.DeleteRoom,
        pb.DeleteRoomRequest,
        question=_("Delete “%(title)s”?", title=room.display_name),
        consequence=_("The room is deleted for good. That works only while no programme books it, past ones included."),
        done=_("“%(title)s” is deleted.", title=room.display_name),
        then=index,
        above=[(index, _("Rooms")), (page, room.display_name)],
        back=page,
    )
