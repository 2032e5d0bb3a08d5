"""Pages on which many delegates or items of the programme are entered at once, or pasted from a spreadsheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.visits.bookable import list_rooms
from gateway.vocabulary import enum_labels
from gateway.web.links import href

SHOWN = 12
"""How many rows are offered; more are pasted."""
ITEMS, DELEGATES = "agenda_items", "delegates"


@dataclass(frozen=True)
class Column:
    """One field of each row; `options` are (value, label) of a choice."""

    field: str
    label: str
    type: str = "text"
    options: Sequence[tuple[str, str]] = ()


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of many rows."""
    blueprint.add_url_rule("/<visit_id>/agendaItems/rows", view_func=create_items, methods=["GET", "POST"])
    blueprint.add_url_rule("/<visit_id>/delegates/rows", view_func=create_delegates, methods=["GET", "POST"])


@sign_in_required
def create_items(visit_id: str) -> ResponseReturnValue:
    permissions.require("AgendaItemService.BatchCreateAgendaItems")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form(zone=visit.time_zone)
    rooms = [(room.name, room.display_name) for room in list_rooms(visit)]
    if form.submitted:
        ticked = (".whole_delegation", ".needs_room")
        form.keep_entries(ITEMS, lambda index: not form.is_blank(f"{ITEMS}.{index}", ticked))
        with form.catch_refusal():
            request = form.build_request(pb.BatchCreateAgendaItemsRequest, parent=visit.name)
            added = len(rpc.agenda_items.BatchCreateAgendaItems(request).agenda_items)
            flash(ngettext("One item is in the programme.", "%(num)s items are in the programme.", added), "success")
            return redirect(f"{href(visit.name)}#programme", 303)
    columns = [
        Column("title", _("Title")),
        Column("duration_minutes", _("Minutes"), "number"),
        Column("start_time", _("Begins at"), "datetime-local"),
        Column("place", _("Place")),
        Column("whole_delegation", _("Whole delegation"), "checkbox"),
        Column("groups", _("Group"), options=enum_labels.list_options("Delegate.Group")),
        *([Column("room", _("Room"), options=rooms), Column("needs_room", _("Any room"), "checkbox")] if rooms else []),
        Column("interpretation_languages", _("Interpretation between")),
        Column("notes", _("Notes for the hosts")),
    ]
    explanation = _(
        "Each row is an item of the programme. It needs a title and how long it takes; the time can follow."
    )
    return _render(form, visit, ITEMS, columns, _("Add several items"), explanation)


@sign_in_required
def create_delegates(visit_id: str) -> ResponseReturnValue:
    permissions.require("DelegateService.BatchCreateDelegates")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form()
    if form.submitted:
        form.keep_entries(DELEGATES, lambda index: not form.is_blank(f"{DELEGATES}.{index}"))
        with form.catch_refusal():
            request = form.build_request(pb.BatchCreateDelegatesRequest, parent=visit.name)
            added = len(rpc.delegates.BatchCreateDelegates(request).delegates)
            flash(ngettext("One person joins the delegation.", "%(num)s people join the delegation.", added), "success")
            return redirect(f"{href(visit.name)}#delegation", 303)
    columns = [
        Column("function", _("Function")),
        Column("display_name", _("Name")),
        Column("group", _("Group"), options=enum_labels.list_options("Delegate.Group")),
        Column("languages", _("Languages")),
        Column("email", _("E-mail"), "email"),
        Column("head", _("Head of delegation"), "checkbox"),
        Column("dietary_needs", _("Dietary needs")),
        Column("access_needs", _("Access needs")),
    ]
    explanation = _("Each row is a person. It needs the function; the name can follow.")
    return _render(form, visit, DELEGATES, columns, _("Add several people"), explanation)


def _render(
    form: Form, visit: pb.Visit, path: str, columns: Sequence[Column], heading: str, explanation: str
) -> ResponseReturnValue:
    return render_template(
        "visits/rows.html",
        form=form,
        visit=visit,
        path=path,
        columns=columns,
        heading=heading,
        explanation=explanation,
        count=max(SHOWN, form.count_entries(path)),
    ), form.status
