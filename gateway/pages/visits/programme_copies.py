"""Programmes that are used again: pages that add one to a visit, and keep that of a visit as a template."""

import re
from collections.abc import Iterable, Sequence

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import programme_templates_pb2 as templates_pb
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_days
from gateway.pages.visits.agenda_days import group_by_day
from gateway.pages.visits.attempts import attempt
from gateway.pages.visits.places import list_places
from gateway.web.links import href

MOST_OTHERS = 200
# As the contract has it.
MOST_TAKEN_BACK = 100
Choices = list[tuple[str, list[tuple[str, str]]]]


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages that copy programmes."""
    blueprint.add_url_rule("/<visit_id>/programme/copy", view_func=copy_programme, methods=["GET", "POST"])
    blueprint.add_url_rule("/<visit_id>/programme/takeBack", view_func=take_back, methods=["POST"])
    blueprint.add_url_rule("/<visit_id>/programme/keep", view_func=keep_programme, methods=["GET", "POST"])


@sign_in_required
def copy_programme(visit_id: str) -> ResponseReturnValue:
    """Add a programme to a visit; before that, where the reader wants to see it, show what would come."""
    permissions.require("ProgrammeService.CopyProgramme")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form({"source": request.args.get("source", "")}, zone=visit.time_zone)
    shown = None
    if form.submitted:
        with form.catch_refusal():
            if "show" in form.values:
                wanted = pb.CopyProgrammeRequest(name=visit.name, source=form["source"], validate_only=True)
                shown = rpc.programmes.CopyProgramme(wanted).agenda_items
            else:
                wanted = form.build_request(pb.CopyProgrammeRequest, name=visit.name)
                added = rpc.programmes.CopyProgramme(wanted).agenda_items
                _tell_added(added)
                return redirect(f"{href(visit.name)}?copied={_name_copy(added)}#programme", 303)
    return render_template(
        "visits/copy.html",
        form=form,
        visit=visit,
        choices=_list_choices(visit),
        shown=shown,
        days=group_by_day(shown or [], visit.time_zone),
        unplaced=_count_unplaced(shown or []),
        list_places=list_places,
    ), form.status


def _name_copy(items: Sequence[pb.AgendaItem]) -> str:
    """Return what tells the items of a copy from all others: how many they are, and in which moments they were made."""
    made = [each.create_time.ToMicroseconds() for each in items]
    return f"{len(items)}-{min(made)}-{max(each.update_time.ToMicroseconds() for each in items)}"


def list_copied(programme: pb.Programme) -> list[pb.AgendaItem]:
    """Return the items of the copy that the address names, as long as all of them are there and none was changed."""
    named = re.fullmatch(r"(\d{1,3})-(\d{1,18})-(\d{1,18})", request.args.get("copied", ""), re.ASCII)
    if not named or not programme.visit.editable:
        return []
    count, first, last = map(int, named.groups())
    copied = [
        item
        for item in programme.agenda_items
        if first <= item.create_time.ToMicroseconds() and item.update_time.ToMicroseconds() <= last
    ]
    return copied if len(copied) == count <= MOST_TAKEN_BACK else []


@sign_in_required
def take_back(visit_id: str) -> ResponseReturnValue:
    """Remove the items of a copy, unless somebody has changed one of them since."""
    permissions.require("AgendaItemService.BatchEditAgendaItems")
    visit = f"visits/{visit_id}"
    wanted = Form().build_request(pb.BatchEditAgendaItemsRequest, parent=visit)
    if attempt(lambda: rpc.agenda_items.BatchEditAgendaItems(wanted)):
        flash(_("What was copied is removed again."), "success")
    return redirect(f"{href(visit)}#programme", 303)


@sign_in_required
def keep_programme(visit_id: str) -> ResponseReturnValue:
    """Keep the programme of a visit as a template."""
    permissions.require("ProgrammeTemplateService.CreateProgrammeTemplate")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form({"programme_template.title": visit.title})
    if form.submitted:
        with form.catch_refusal():
            wanted = form.build_request(templates_pb.CreateProgrammeTemplateRequest, source=visit.name)
            template = rpc.programme_templates.CreateProgrammeTemplate(wanted)
            flash(_("The programme is kept as “%(title)s”.", title=template.title), "success")
            return redirect(href(template.name), 303)
    return render_template("visits/keep.html", form=form, visit=visit), form.status


def _tell_added(items: Iterable[pb.AgendaItem]) -> None:
    """Say on the next page how many items were added, and how many of them are still to be placed."""
    added = list(items)
    text = ngettext("One item is added to the programme.", "%(num)s items are added to the programme.", len(added))
    if unplaced := _count_unplaced(added):
        text += " " + ngettext(
            "One of them has no time: give it one in the timetable, or let the planner find it.",
            "%(num)s of them have no time: give them one in the timetable, or let the planner find it.",
            unplaced,
        )
    flash(text, "success")


def _count_unplaced(items: Iterable[pb.AgendaItem]) -> int:
    return sum(not item.HasField("start_time") for item in items)


def _list_choices(visit: pb.Visit) -> Choices:
    """Return what can be copied: other visits of the exchange, the last first, then the others, then templates."""
    of_exchange = _list_visits(visit, exchange=visit.exchange, page_size=MOST_OTHERS)
    known = {name for name, _label in of_exchange}
    others = [each for each in _list_visits(visit, page_size=MOST_OTHERS) if each[0] not in known]
    templates = rpc.programme_templates.ListProgrammeTemplates(
        templates_pb.ListProgrammeTemplatesRequest(page_size=1000)
    ).programme_templates
    groups = [
        (_("Visits of this exchange"), of_exchange),
        (_("Other visits"), others),
        (_("Programme templates"), [(template.name, template.title) for template in templates]),
    ]
    return [(heading, options) for heading, options in groups if options]


def _list_visits(visit: pb.Visit, **fields: object) -> list[tuple[str, str]]:
    """Return (resource name, title with the days) of visits beside one."""
    answer = rpc.visits.ListVisits(pb.ListVisitsRequest(**fields))  # type: ignore[arg-type]
    return [
        (other.name, " – ".join(filter(None, [other.title, format_days(other.start_date, other.end_date)])))
        for other in answer.visits
        if other.name != visit.name
    ]
