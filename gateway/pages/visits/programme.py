"""Pages of the programme of a visit: its items are added, changed and removed, in the host's local time."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.convert import date_of
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.visits import delegation
from gateway.pages.visits.trail import build_trail
from gateway.web.links import href


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of programmes."""
    base = "/<visit_id>/agendaItems"
    blueprint.add_url_rule(f"{base}/new", view_func=create_item, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<item_id>/edit", view_func=edit_item, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<item_id>/remove", view_func=remove_item, methods=["GET", "POST"])


# How long a new item lasts until somebody says otherwise.
USUAL_LENGTH = timedelta(minutes=90)


def _list_bookable_people(delegates: Sequence[pb.Delegate]) -> list[tuple[str, str]]:
    """Return (resource name, function) of everybody whom an item can book: the host's people and the delegation."""
    people: list[pb.Person | pb.Delegate] = []
    if may("PersonService.ListPeople"):
        people += rpc.people.ListPeople(pb.ListPeopleRequest(page_size=1000)).people
    return [(who.name, who.function) for who in [*people, *delegates]]


def _list_choices(visit: pb.Visit) -> dict[str, list[tuple[str, str]]]:
    """Return what the form of an item offers: people, and rooms of the home city where it hosts."""
    rooms = []
    if visit.direction == pb.Visit.DIRECTION_INCOMING:
        known = rpc.rooms.ListRooms(pb.ListRoomsRequest(page_size=1000)).rooms
        rooms = [(room.name, room.display_name) for room in known]
    return {"rooms": rooms, "people": _list_bookable_people(delegation.list_delegates(visit.name))}


def _propose_times(visit: pb.Visit) -> dict[str, str]:
    """Return when a new item takes place: after the one that was entered just before, else the first morning."""
    try:
        start = datetime.fromisoformat(request.args.get("after", "")).replace(tzinfo=None)
    except ValueError:
        start = datetime.combine(date_of(visit.start_date), time(9))
    last_minute = start.replace(hour=23, minute=59)
    end = start + min(USUAL_LENGTH, max(last_minute - start, timedelta()))
    return {"agenda_item.start_time": f"{start:%Y-%m-%dT%H:%M}", "agenda_item.end_time": f"{end:%Y-%m-%dT%H:%M}"}


@sign_in_required
def create_item(visit_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.CreateAgendaItem")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form(_propose_times(visit), zone=visit.time_zone)
    if form.submitted:
        with form.catch_refusal():
            item = rpc.agenda_items.CreateAgendaItem(form.build_request(pb.CreateAgendaItemRequest, parent=visit.name))
            flash(_("“%(title)s” is in the programme.", title=item.title), "success")
            another = f"{href(visit.name)}/agendaItems/new?after={form['agenda_item.end_time']}"
            return redirect(another if "another" in form.values else href(visit.name), 303)
    return render_template("visits/item.html", form=form, visit=visit, item=None, **_list_choices(visit)), form.status


@sign_in_required
def edit_item(visit_id: str, item_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.UpdateAgendaItem")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    item = rpc.agenda_items.GetAgendaItem(pb.GetAgendaItemRequest(name=f"{visit.name}/agendaItems/{item_id}"))
    form = Form({"agenda_item": item}, zone=visit.time_zone)
    if form.submitted:
        with form.catch_refusal():
            saved = form.save(rpc.agenda_items.UpdateAgendaItem, pb.UpdateAgendaItemRequest, "agenda_item")
            flash(_("“%(title)s” is saved.", title=saved.title), "success")
            return redirect(href(visit.name), 303)
    return render_template("visits/item.html", form=form, visit=visit, item=item, **_list_choices(visit)), form.status


@sign_in_required
def remove_item(visit_id: str, item_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.DeleteAgendaItem")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    item = rpc.agenda_items.GetAgendaItem(pb.GetAgendaItemRequest(name=f"{visit.name}/agendaItems/{item_id}"))
    return delete_after_asking(
        item,
        rpc.agenda_items.DeleteAgendaItem,
        pb.DeleteAgendaItemRequest,
        question=_("Remove “%(title)s” from the programme?", title=item.title),
        consequence=_("Its room and its people become free again."),
        done=_("“%(title)s” is removed.", title=item.title),
        then=href(visit.name),
        above=build_trail(visit),
        button=_("Remove"),
    )
