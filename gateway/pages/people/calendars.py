"""The calendars of a person: which there are, how well each is known, and what is done about it."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1 import person_calendars_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.gettext import translate_later as _l
from gateway.pages.deletion import delete_after_asking
from gateway.web.links import href

FILE = "calendar.ics"
SOURCES = (FILE, "calendar.url")
# Why a calendar could not be read, by the reason of its failure.
FAILURES = {
    "CALENDAR_LINE_UNREADABLE": _l("Line %(line)s cannot be read."),
    "CALENDAR_INCOMPLETE": _l("It is not complete: look at line %(line)s."),
    "CALENDAR_ZONE_UNKNOWN": _l("Line %(line)s names a time zone that is not known."),
    "CALENDAR_END_BEFORE_START": _l("Line %(line)s: this ends before it begins."),
    "CALENDAR_TOO_FREQUENT": _l("Line %(line)s: this repeats several times a day."),
    "CALENDAR_TOO_LARGE": _l("It is too large. Please publish fewer years of it."),
    "CALENDAR_TOO_SLOW": _l("The server took too long to send it."),
    "CALENDAR_UNREACHABLE": _l("The server cannot be reached."),
    "CALENDAR_ANSWER_UNUSABLE": _l(
        "The server does not give the calendar out (status %(http_status)s). Is the address still the right one?"
    ),
    "CALENDAR_CERTIFICATE_INVALID": _l("The server has no certificate that can be trusted."),
    "CALENDAR_REDIRECT_REFUSED": _l("The server leads from one address to the next without end."),
    "CALENDAR_SCHEME_FORBIDDEN": _l("The server leads to an address that is not for https."),
    "CALENDAR_ADDRESS_FORBIDDEN": _l(
        "The server stands in an internal network. Whoever runs the platform can allow that calendars come from there."
    ),
}


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of people the pages of their calendars."""
    base = "/<person_id>/calendars"
    blueprint.add_url_rule(base, view_func=calendars, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<calendar_id>/edit", view_func=edit_calendar, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<calendar_id>/refresh", view_func=refresh_calendar, methods=["POST"])
    blueprint.add_url_rule(f"{base}/<calendar_id>/delete", view_func=delete_calendar, methods=["GET", "POST"])


def list_calendars(person: exchange_pb2.Person) -> list[dict[str, Any]]:
    """Return what is shown of a person's calendars: each `calendar`, and in words why it could not be read."""
    if not person.calendars_editable:
        return []
    wanted = pb.ListCalendarsRequest(parent=person.name, page_size=1000)
    return [
        {"calendar": calendar, "failure": describe_failure(calendar)}
        for calendar in rpc.person_calendars.ListCalendars(wanted).calendars
    ]


def describe_failure(calendar: pb.Calendar) -> str:
    """Return why the last reading of a calendar failed; "" where it went well."""
    if not calendar.HasField("failure"):
        return ""
    failure = calendar.failure
    return str(FAILURES[failure.reason]) % {"line": failure.line, "http_status": failure.http_status}


@sign_in_required
def calendars(person_id: str) -> ResponseReturnValue:
    """Show a person's calendars, and add one."""
    permissions.require("PersonCalendarService.ListCalendars")
    person = _get_person(person_id)
    form = Form()
    if form.submitted:
        _take_file(form)
        with form.catch_refusal():
            made = rpc.person_calendars.CreateCalendar(form.build_request(pb.CreateCalendarRequest, parent=person.name))
            _tell(made, _("“%(name)s” is entered and read.", name=made.display_name))
            return redirect(_get_address(person_id), 303)
    return render_template(
        "people/calendars.html", form=form, person=person, calendars=list_calendars(person)
    ), form.status


@sign_in_required
def edit_calendar(person_id: str, calendar_id: str) -> ResponseReturnValue:
    permissions.require("PersonCalendarService.UpdateCalendar")
    calendar = _get_calendar(person_id, calendar_id)
    form = Form({"calendar": calendar})
    if form.submitted:
        _take_file(form)
        for source in SOURCES:
            # Nobody is shown what it is now: what is left empty stays.
            if not form[source]:
                form.values.poplist(source)
        with form.catch_refusal():
            saved = form.save(rpc.person_calendars.UpdateCalendar, pb.UpdateCalendarRequest, "calendar")
            _tell(saved, _("“%(title)s” is saved.", title=saved.display_name))
            return redirect(_get_address(person_id), 303)
    return render_template(
        "people/calendar.html", form=form, person=_get_person(person_id), calendar=calendar
    ), form.status


@sign_in_required
def refresh_calendar(person_id: str, calendar_id: str) -> ResponseReturnValue:
    permissions.require("PersonCalendarService.RefreshCalendar")
    name = f"people/{person_id}/calendars/{calendar_id}"
    calendar = rpc.person_calendars.RefreshCalendar(pb.RefreshCalendarRequest(name=name))
    _tell(calendar, _("“%(name)s” is read again.", name=calendar.display_name))
    return redirect(_get_address(person_id), 303)


@sign_in_required
def delete_calendar(person_id: str, calendar_id: str) -> ResponseReturnValue:
    permissions.require("PersonCalendarService.DeleteCalendar")
    calendar, person = _get_calendar(person_id, calendar_id), _get_person(person_id)
    address = _get_address(person_id)
    return delete_after_asking(
        calendar,
        rpc.person_calendars.DeleteCalendar,
        pb.DeleteCalendarRequest,
        question=_("Remove the calendar “%(name)s”?", name=calendar.display_name),
        consequence=_("Nothing of it is kept, and it no longer says when the person is busy."),
        done=_("“%(title)s” is removed.", title=calendar.display_name),
        then=address,
        above=[(url_for("people.index"), _("People for programmes")), (address, person.function)],
        back=address,
        button=_("Remove"),
    )


def _get_person(person_id: str) -> exchange_pb2.Person:
    return rpc.people.GetPerson(exchange_pb2.GetPersonRequest(name=f"people/{person_id}"))


def _get_calendar(person_id: str, calendar_id: str) -> pb.Calendar:
    name = f"people/{person_id}/calendars/{calendar_id}"
    return rpc.person_calendars.GetCalendar(pb.GetCalendarRequest(name=name))


def _get_address(person_id: str) -> str:
    return f"{href(f'people/{person_id}')}/calendars"


def _take_file(form: Form) -> None:
    """Put the text of the file that came with a form where the request has it."""
    file = request.files.get(FILE)
    form.values.setlist(FILE, [])
    if file is not None and file.filename:
        # What is no UTF-8 is a title or a place, which nobody reads.
        form.values.setlist(FILE, [file.read().decode(errors="replace").replace("\0", "")])


def _tell(calendar: pb.Calendar, done: str) -> None:
    """Say on the next page that a calendar was read, or why it could not be."""
    failure = describe_failure(calendar)
    if failure:
        title = _("“%(name)s” could not be read.", name=calendar.display_name)
        flash(f"{title} {failure}", "warning")
    else:
        flash(done, "success")
