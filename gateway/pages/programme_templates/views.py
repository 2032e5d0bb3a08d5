"""Pages of templates of programmes: the list, one with its items, and how one is renamed and deleted."""

from austausch.exchange.v1 import programme_templates_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.programme_templates.exports import PROGRAMME_TEMPLATES
from gateway.pages.visits.bookable import list_people, list_rooms, list_venues
from gateway.pages.visits.places import list_places
from gateway.pages.visits.programme import list_attendance
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("programme_templates", __name__, url_prefix="/programmeTemplates")


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = pb.ListProgrammeTemplatesRequest(**list_filters.read_paging())
    if exports.is_wanted():
        return exports.send_list(PROGRAMME_TEMPLATES, rpc.programme_templates.ListProgrammeTemplates, wanted)
    answer = rpc.programme_templates.ListProgrammeTemplates(wanted)
    return render_template("programme_templates/list.html", answer=answer)


@blueprint.get("/<template_id>")
@sign_in_required
def show(template_id: str) -> ResponseReturnValue:
    template = _get_template(template_id)
    _say_names(template)
    days: dict[int, list[pb.ProgrammeTemplate.Item]] = {}
    for item in template.items:
        days.setdefault(item.start.day, []).append(item)
    return render_template(
        "programme_templates/show.html",
        template=template,
        days=days.items(),
        list_attendance=lambda item: list_attendance(item, {}),
        list_places=list_places,
    )


@blueprint.route("/<template_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(template_id: str) -> ResponseReturnValue:
    permissions.require("ProgrammeTemplateService.UpdateProgrammeTemplate")
    template = _get_template(template_id)
    form = Form(
        {"programme_template": pb.ProgrammeTemplate(name=template.name, title=template.title, etag=template.etag)}
    )
    if form.submitted:
        with form.catch_refusal():
            saved = form.save(
                rpc.programme_templates.UpdateProgrammeTemplate, pb.UpdateProgrammeTemplateRequest, "programme_template"
            )
            flash(_("“%(title)s” is saved.", title=saved.title), "success")
            return redirect(href(template.name), 303)
    return render_template("programme_templates/form.html", form=form, template=template), form.status


@blueprint.route("/<template_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(template_id: str) -> ResponseReturnValue:
    permissions.require("ProgrammeTemplateService.DeleteProgrammeTemplate")
    template = _get_template(template_id)
    index = url_for("programme_templates.index")
    return delete_after_asking(
        template,
        rpc.programme_templates.DeleteProgrammeTemplate,
        pb.DeleteProgrammeTemplateRequest,
        question=_("Delete “%(title)s”?", title=template.title),
        consequence=_("The template is deleted for good. Programmes that were made of it stay."),
        done=_("“%(title)s” is deleted.", title=template.title),
        then=index,
        above=[(index, _("Programme templates")), (href(template.name), template.title)],
    )


def _get_template(template_id: str) -> pb.ProgrammeTemplate:
    name = f"programmeTemplates/{template_id}"
    return rpc.programme_templates.GetProgrammeTemplate(pb.GetProgrammeTemplateRequest(name=name))


def _say_names(template: pb.ProgrammeTemplate) -> None:
    """Let items say what their rooms and people are called now, and leave out those that do not exist any more."""
    rooms = {room.name: room.display_name for room in list_rooms()}
    venues = {venue.name: venue.display_name for venue in list_venues()}
    people = {person.name: person.function for person in list_people()}
    for item in (each.agenda_item for each in template.items):
        item.room_display_name = rooms.get(item.room, "")
        item.additional_room_display_names[:] = [rooms[name] for name in item.additional_rooms if name in rooms]
        item.venue_display_name = venues.get(item.venue, "")
        item.people[:] = [name for name in item.people if name in people]
        item.people_functions[:] = [people[name] for name in item.people]
        item.optional_people[:] = [name for name in item.optional_people if name in people]
        item.optional_people_functions[:] = [people[name] for name in item.optional_people]
        if item.interpreter not in people:
            item.interpreter = ""
        item.interpreter_function = people.get(item.interpreter, "")
