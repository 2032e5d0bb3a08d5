"""Pages of the programme of a visit: its items are added, changed and removed, in the host's local time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from chassis.errors import InvalidArgument
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.visits import busy_people, delegation, places, precedences
from gateway.pages.visits.bookable import list_people, list_rooms, list_venues
from gateway.pages.visits.trail import build_trail
from gateway.vocabulary.cities import get_city_names, list_guests
from gateway.vocabulary.enum_labels import get_terms
from gateway.web.links import href


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of programmes."""
    base = "/<visit_id>/agendaItems"
    blueprint.add_url_rule(f"{base}/new", view_func=create_item, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<item_id>/edit", view_func=edit_item, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<item_id>/remove", view_func=remove_item, methods=["GET", "POST"])


# How long a new item lasts until somebody says otherwise.
USUAL_LENGTH = timedelta(minutes=90)
AFTER, MORE_PREDECESSORS = "agenda_item.after", 3


def list_items(visit: pb.Visit) -> Sequence[pb.AgendaItem]:
    """Return the programme of a visit by time; what has none comes last."""
    return rpc.agenda_items.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name, page_size=1000)).agenda_items


def count_unplaced(visit: pb.Visit) -> int:
    """Return how many items of the programme of a visit have no time."""
    return sum(not item.HasField("start_time") for item in list_items(visit))


def _list_others(visit: pb.Visit, item: pb.AgendaItem | None) -> list[pb.AgendaItem]:
    """Return the items of a programme beside one, which may be new."""
    return [other for other in list_items(visit) if item is None or other.name != item.name]


def _read_predecessors(form: Form, visit: pb.Visit, item: pb.AgendaItem | None) -> None:
    """
    Drop places for predecessors that nobody filled; where the item is to come after all others, add what is missing.

    Raises:
        InvalidArgument: It would come directly after more items than possible; reason ORDER_TOO_WIDE, metadata `count`
            and `most`.
    """
    form.drop_blank_entries(AFTER)
    if form["after_all"] != "on":
        return
    others, name = _list_others(visit, item), item.name if item else ""
    order = precedences.read_order(others)
    precedences.put_last(order, name, list(order))
    typed = [form[f"{AFTER}.{index}.agenda_item"] for index in range(form.count_entries(AFTER))]
    missing = [other for other in order[name] if other not in typed]
    if (count := len(typed) + len(missing)) > precedences.MAX_PREDECESSORS:
        metadata = {"count": str(count), "most": str(precedences.MAX_PREDECESSORS)}
        raise InvalidArgument("after_all", "has too many predecessors", reason="ORDER_TOO_WIDE", metadata=metadata)
    for index, other in enumerate(missing, len(typed)):
        form.values[f"{AFTER}.{index}.agenda_item"] = other


def _list_choices(visit: pb.Visit, form: Form, item: pb.AgendaItem | None) -> dict[str, Any]:
    """
    Return what the form of an item offers.

    That is: rooms of the host city, with the equipment that they have, and its venues; the host's people and the
    delegation; interpreters; the other items; and how many of these there is a place for, some more than are chosen.
    """
    rooms, hosts = list_rooms(visit), list_people()
    participants: list[pb.Person | pb.Delegate] = [*hosts, *delegation.list_delegates(visit.name)]
    return {
        "rooms": [(room.name, room.display_name) for room in rooms],
        "venues": [(venue.name, venue.display_name) for venue in list_venues(visit)],
        "equipment": sorted({word for room in rooms for word in room.equipment}),
        "people": [(who.name, who.function) for who in participants],
        "delegations": list_guests(visit) if visit.other_guest_cities else [],
        "interpreters": [(person.name, person.function) for person in hosts if person.language_pairs],
        "others": [(other.name, other.title) for other in _list_others(visit, item)],
        "predecessors": form.count_entries(AFTER) + MORE_PREDECESSORS,
    }


def list_attendance(item: pb.AgendaItem, delegates: Mapping[str, str]) -> list[str]:
    """
    Return who takes part in an item, and as what, in words.

    Whoever may be there without having to stands behind the others, and by function only with a part to play.

    Args:
        delegates: Resource name → function of those whom the reader may see.
    """
    names = get_city_names() if item.delegations else {}
    from_cities = [_("Delegation from %(city)s", city=names.get(city, city)) for city in item.delegations]
    groups = [_("Whole delegation")] if item.whole_delegation else [*get_terms(item, "groups"), *from_cities]
    named = [
        _describe_part(function or delegates.get(name) or _("Member of the delegation"), _list_parts(item, name))
        for name, function in zip(item.people, item.people_functions, strict=True)
    ]
    interpreter = [item.interpreter_function] if item.interpreter else []
    may = _("optional")
    with_part = [
        _describe_part(function or delegates.get(name) or _("Member of the delegation"), [*parts, may])
        for name, function in zip(item.optional_people, item.optional_people_functions, strict=True)
        if (parts := _list_parts(item, name))
    ]
    optional = [*(_describe_part(group, [may]) for group in get_terms(item, "optional_groups")), *with_part]
    if more := len(item.optional_people) - len(with_part):
        optional.append(ngettext("%(num)s more who may come", "%(num)s more who may come", more))
    return [*groups, *named, *interpreter, *optional]


def _list_parts(item: pb.AgendaItem, name: str) -> list[str]:
    """Return what somebody does at an item beside attending it, in words."""
    parts = ((item.receiving_people, _("receives")), (item.speaking_people, _("speaks")))
    return [words for people, words in parts if name in people]


def _describe_part(title: str, parts: Sequence[str]) -> str:
    return f"{title} ({', '.join(parts)})" if parts else title


def _propose_times() -> dict[str, str]:
    """Return when a new item takes place: after the one that was entered just before; else that is open."""
    try:
        start = datetime.fromisoformat(request.args.get("after", "")).replace(tzinfo=None)
    except ValueError:
        return {}
    last_minute = start.replace(hour=23, minute=59)
    end = start + min(USUAL_LENGTH, max(last_minute - start, timedelta()))
    return {"agenda_item.start_time": f"{start:%Y-%m-%dT%H:%M}", "agenda_item.end_time": f"{end:%Y-%m-%dT%H:%M}"}


def _tell_warnings(item: pb.AgendaItem, of_people: Sequence[str]) -> None:
    """Say on the next page what speaks against an item as it was saved, which nothing refuses."""
    for text in (*of_people, *places.list_warnings(item)):
        flash(text, "warning")


@sign_in_required
def create_item(visit_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.CreateAgendaItem")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form(_propose_times(), zone=visit.time_zone)
    if form.submitted:
        with form.catch_refusal():
            _read_predecessors(form, visit, None)
            wanted = form.build_request(pb.CreateAgendaItemRequest, parent=visit.name)
            warnings = busy_people.list_warnings(wanted.agenda_item, visit.time_zone)
            item = rpc.agenda_items.CreateAgendaItem(wanted)
            _tell_warnings(item, warnings)
            flash(_("“%(title)s” is in the programme.", title=item.title), "success")
            another = f"{href(visit.name)}/agendaItems/new?after={form['agenda_item.end_time']}"
            return redirect(another if "another" in form.values else href(item.name), 303)
    choices = _list_choices(visit, form, None)
    return render_template("visits/item.html", form=form, visit=visit, item=None, **choices), form.status


@sign_in_required
def edit_item(visit_id: str, item_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.UpdateAgendaItem")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    item = rpc.agenda_items.GetAgendaItem(pb.GetAgendaItemRequest(name=f"{visit.name}/agendaItems/{item_id}"))
    form = Form({"agenda_item": item}, zone=visit.time_zone)
    warnings: list[str] = []

    def update(wanted: pb.UpdateAgendaItemRequest) -> pb.AgendaItem:
        # Before it is saved: what somebody is booked for is no longer told as busy.
        warnings.extend(busy_people.list_warnings(wanted.agenda_item, visit.time_zone))
        return rpc.agenda_items.UpdateAgendaItem(wanted)

    if form.submitted:
        with form.catch_refusal():
            _read_predecessors(form, visit, item)
            saved = form.save(update, pb.UpdateAgendaItemRequest, "agenda_item")
            _tell_warnings(saved, warnings)
            flash(_("“%(title)s” is saved.", title=saved.title), "success")
            return redirect(href(saved.name), 303)
    choices = _list_choices(visit, form, item)
    return render_template("visits/item.html", form=form, visit=visit, item=item, **choices), form.status


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
        consequence=_("Its rooms and its people become free again."),
        done=_("“%(title)s” is removed.", title=item.title),
        then=href(visit.name),
        above=build_trail(visit),
        button=_("Remove"),
    )
