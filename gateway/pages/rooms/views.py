"""Pages of rooms."""

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.web import list_filters

blueprint = Blueprint("rooms", __name__, url_prefix="/rooms")


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    answer = rpc.rooms.ListRooms(pb.ListRoomsRequest(**list_filters.read_paging()))
    return render_template("rooms/list.html", answer=answer)


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("RoomService.CreateRoom")
    form = Form()
    if form.submitted:
        with form.catch_refusal():
            room = rpc.rooms.CreateRoom(form.build_request(pb.CreateRoomRequest))
            flash(_("“%(name)s” is entered.", name=room.display_name), "success")
            return redirect(url_for("rooms.index"), 303)
    return render_template("rooms/form.html", form=form, room=None), form.status


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
    return render_template("rooms/form.html", form=form, room=room), form.status


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
