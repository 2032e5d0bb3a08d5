"""Pages of people."""

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.people import absences, calendars
from gateway.pages.people.exports import PEOPLE
from gateway.vocabulary import departments
from gateway.web import exports, list_filters

ABSENCES = "person.absences"

blueprint = Blueprint("people", __name__, url_prefix="/people")
calendars.add_pages(blueprint)


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = pb.ListPeopleRequest(**list_filters.read_paging())
    if exports.is_wanted():
        return exports.send_list(PEOPLE, rpc.people.ListPeople, wanted)
    return render_template("people/list.html", answer=rpc.people.ListPeople(wanted))


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("PersonService.CreatePerson")
    form = Form()
    if form.submitted:
        form.drop_blank_entries(ABSENCES)
        with form.catch_refusal():
            person = rpc.people.CreatePerson(form.build_request(pb.CreatePersonRequest))
            flash(_("“%(name)s” is entered.", name=person.function), "success")
            return redirect(url_for("people.index"), 303)
    return _render_form(form, None)


@blueprint.route("/<person_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(person_id: str) -> ResponseReturnValue:
    permissions.require("PersonService.UpdatePerson")
    person = rpc.people.GetPerson(pb.GetPersonRequest(name=f"people/{person_id}"))
    form = Form({"person": person})
    if form.submitted:
        form.drop_blank_entries(ABSENCES)
        with form.catch_refusal():
            saved = form.save(rpc.people.UpdatePerson, pb.UpdatePersonRequest, "person")
            flash(_("“%(title)s” is saved.", title=saved.function), "success")
            missed = absences.list_missed(saved)
            return redirect(url_for("people.edit", person_id=person_id) if missed else url_for("people.index"), 303)
    return _render_form(form, person)


def _render_form(form: Form, person: pb.Person | None) -> ResponseReturnValue:
    """Show the form of a person, with a place for one absence more than there are."""
    return render_template(
        "people/form.html",
        form=form,
        person=person,
        departments=departments.suggest_departments(),
        absences=form.count_entries(ABSENCES) + 1,
        calendars=calendars.list_calendars(person) if person else [],
        missed=absences.list_missed(person) if person else [],
    ), form.status


@blueprint.route("/<person_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(person_id: str) -> ResponseReturnValue:
    permissions.require("PersonService.DeletePerson")
    person = rpc.people.GetPerson(pb.GetPersonRequest(name=f"people/{person_id}"))
    index, page = url_for("people.index"), url_for("people.edit", person_id=person_id)
    return delete_after_asking(
        person,
        rpc.people.DeletePerson,
        pb.DeletePersonRequest,
        question=_("Delete the entry of %(function)s?", function=person.function),
        consequence=_(
            "The entry is deleted for good, with its personal data. That works only while no programme books the "
            "person, past ones included."
        ),
        done=_("“%(title)s” is deleted.", title=person.function),
        then=index,
        above=[(index, _("People for programmes")), (page, person.function)],
        back=page,
    )
