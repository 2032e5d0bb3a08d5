"""Pages of visits: the list, the form, one visit with all that belongs to it, its steps and its debrief."""

from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from chassis.convert import date_of
from chassis.errors import DeadlineExceeded, Unavailable, Violation
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.callers import current_identity
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_day
from gateway.pages.visits import (
    calendar,
    consents,
    date_options,
    dates,
    debrief,
    delegation,
    deletion,
    lessons,
    planning,
    programme,
    programme_copies,
    rows,
    timetable,
)
from gateway.pages.visits import exports as visit_exports
from gateway.pages.visits.agenda_days import group_by_day
from gateway.pages.visits.choices import INCOMING, OUTGOING, label_exchanges, list_directions
from gateway.pages.visits.date_reasons import list_hints, list_other_cities
from gateway.pages.visits.exports import VISITS
from gateway.pages.visits.form_checks import collect_violations
from gateway.pages.visits.places import describe_closures, describe_transfers, list_places
from gateway.pages.visits.trail import BEGUN_STATES, build_trail, get_today
from gateway.vocabulary import cities, departments, enum_labels
from gateway.vocabulary.cities import get_home_city_name
from gateway.web import exports, list_filters, transitions
from gateway.web.links import href

blueprint = Blueprint("visits", __name__, url_prefix="/visits")
dates.add_pages(blueprint)
date_options.add_pages(blueprint)
debrief.add_pages(blueprint)
delegation.add_pages(blueprint)
deletion.add_pages(blueprint)
visit_exports.add_pages(blueprint)
lessons.add_pages(blueprint)
planning.add_pages(blueprint)
programme.add_pages(blueprint)
programme_copies.add_pages(blueprint)
rows.add_pages(blueprint)
timetable.add_pages(blueprint)

# Steps that ask for more than a click have a page of their own; the others are buttons.
STEPS_WITH_A_PAGE = ("report", "cancel", "postpone")
# The states of a visit that goes well, in order.
COURSE = [f"STATE_{state}" for state in ("IDEA", "AGREED", "PLANNED", "CONFIRMED", "RUNNING", "REPORTED", "CLOSED")]
ENTRIES = "debrief.entries"
# as the contract has it


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    if request.args.get("view") != "list":
        return calendar.show()
    wanted = pb.ListVisitsRequest(
        **list_filters.read_paging(),
        state=list_filters.read_enum(pb.Visit.State, "state"),
        direction=list_filters.read_enum(pb.Visit.Direction, "direction"),
        city=request.args.get("city", ""),
        dates_open=request.args.get("dates") == "open",
    )
    if exports.is_wanted():
        return exports.send_list(VISITS, rpc.visits.ListVisits, wanted)
    answer = rpc.visits.ListVisits(wanted)
    return render_template(
        "visits/list.html", answer=answer, cities=cities.get_city_names(), directions=list_directions()
    )


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("VisitService.CreateVisit")
    exchanges = rpc.exchanges.ListExchanges(pb.ListExchangesRequest(page_size=1000, order_by="title")).exchanges
    chosen = next((exchange for exchange in exchanges if exchange.name == request.args.get("exchange")), None)
    reader = current_identity()
    suggested = (chosen.department if chosen else "") or (reader.department if reader else "")
    form = Form(
        {
            "visit.exchange": chosen.name if chosen else "",
            "visit.direction": OUTGOING if request.args.get("direction") == OUTGOING else INCOMING,
            "visit.start_date": request.args.get("start_date", ""),
            "visit.end_date": request.args.get("end_date", ""),
            "visit.host_department": suggested,
            SUGGESTED: suggested,
        }
    )
    if form.submitted:
        with form.catch_refusal():
            _require_own_host(form)
            visit = rpc.visits.CreateVisit(form.build_request(pb.CreateVisitRequest))
            flash(_("The visit is created. Next: who travels, and the programme."), "success")
            return redirect(href(visit.name), 303)
    return render_template(
        "visits/form.html",
        form=form,
        exchanges=label_exchanges(exchanges),
        directions=list_directions(),
        departments=[] if form["visit.direction"] == OUTGOING else departments.suggest_departments(exchanges),
        suggested=SUGGESTED,
        hints=dates.list_form_hints(form.values, _list_chosen_cities(form, exchanges)),
        guests=cities.list_other_cities(),
        visit=None,
        back=href(chosen.name) if chosen else url_for("visits.index"),
    ), form.status


def _list_chosen_cities(form: Form, exchanges: Sequence[pb.Exchange]) -> list[str]:
    """Return the cities that take part beside the home city, as the form says; none before an exchange is chosen."""
    partner = [exchange.city for exchange in exchanges if exchange.name == form["visit.exchange"]]
    return [*partner, *form.get_all("visit.other_guest_cities")] if partner else []


def _list_possible_guests(visit: pb.Visit) -> list[tuple[str, str]]:
    """Return (resource name, display name) of the cities that may come as guests beside the exchange's."""
    partner = list_other_cities(visit)[0]
    return [(name, title) for name, title in cities.list_other_cities() if name != partner]


# The field of the form of a new visit that holds which host department it suggests.
SUGGESTED = "suggested"


def _require_own_host(form: Form) -> None:
    """
    Raise unless somebody named who hosts an outgoing visit: what the form suggests is a department of the home city.

    Raises:
        InvalidFields: It still says what the form suggested; reason HOST_NOT_NAMED. Both are emptied, so that the same
            can be meant.
    """
    if form["visit.direction"] == OUTGOING and form[SUGGESTED] == form["visit.host_department"] != "":
        form.values["visit.host_department"] = form.values[SUGGESTED] = ""
        metadata = {"city": get_home_city_name()}
        unnamed = Violation("visit.host_department", "HOST_NOT_NAMED", "names no department of the host", metadata)
        raise collect_violations(form, unnamed, pb.CreateVisitRequest)


@blueprint.get("/<visit_id>")
@sign_in_required
def show(visit_id: str) -> ResponseReturnValue:
    answer = rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"visits/{visit_id}/programme"))
    visit, delegates, agenda = answer.visit, answer.delegates, answer.agenda_items
    arrived: Sequence[knowledge_pb2.Learning] | None = None
    awaited = is_away = False
    if visit.state in BEGUN_STATES and may("LearningService.ListLearnings"):
        try:
            arrived = debrief.list_learnings(visit)
            awaited = debrief.are_on_their_way(visit, arrived)
        except (Unavailable, DeadlineExceeded):  # the page is good without
            arrived, is_away = [], True
    doubtful = _list_doubtful_steps(visit, prepared=bool(agenda and delegates))
    return render_template(
        "visits/show.html",
        visit=visit,
        delegations=delegation.group_by_city(visit, delegates),
        titles={delegate.name: delegation.get_title(delegate) for delegate in delegates},
        sees_exchange=_sees_exchange(visit),
        consents=consents.describe_consents(visit),
        asks_others=consents.may_ask_others(visit) and "confirm" not in doubtful,
        agenda=group_by_day(agenda, visit.time_zone),
        list_attendance=partial(
            programme.list_attendance, delegates={delegate.name: delegate.function for delegate in delegates}
        ),
        list_places=list_places,
        copied=programme_copies.list_copied(answer),
        once=uuid4(),
        ways=describe_transfers(answer),
        closures=describe_closures(answer),
        hints=list_hints(visit),
        learnings=arrived,
        awaited=awaited,
        next_ask=int(awaited),
        is_away=is_away,
        with_lessons=visit.state in lessons.PLANNED_STATES and may("VisitLessonService.ListVisitLessons"),
        course=COURSE,
        steps_with_a_page=(*STEPS_WITH_A_PAGE, *doubtful),
    )


def _sees_exchange(visit: pb.Visit) -> bool:
    """Return whether the reader may see the exchange: who works for another guest city sees the visit alone."""
    reader = current_identity()
    return reader is not None and reader.city in ("", list_other_cities(visit)[0])


@blueprint.get("/<visit_id>/forums")
@sign_in_required
def forums(visit_id: str) -> ResponseReturnValue:
    """Answer the page of a visit that asks for the forums whose panels meet on it; a person is led to their list."""
    name = f"visits/{visit_id}"
    if not request.headers.get("HX-Request"):
        return redirect(url_for("forums.index", visit=name), 303)
    found = rpc.forums.ListForums(forum_pb2.ListForumsRequest(visit=name)).forums
    return render_template("visits/forums.html", forums=found)


@blueprint.route("/<visit_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(visit_id: str) -> ResponseReturnValue:
    permissions.require("VisitService.UpdateVisit")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form({"visit": visit}, zone=visit.time_zone)
    if form.submitted:
        with form.catch_refusal():
            form.save(rpc.visits.UpdateVisit, pb.UpdateVisitRequest, "visit")
            flash(_("The visit is saved."), "success")
            return redirect(href(visit.name), 303)
    incoming = visit.direction == pb.Visit.DIRECTION_INCOMING
    return render_template(
        "visits/form.html",
        form=form,
        visit=visit,
        hints=dates.list_form_hints(form.values, list_other_cities(visit)),
        guests=_list_possible_guests(visit),
        departments=departments.suggest_departments() if incoming else [],
        back=href(visit.name),
    ), form.status


@blueprint.post("/<visit_id>/<any(agree, plan, confirm, start, close):verb>")
@sign_in_required
def step(visit_id: str, verb: str) -> ResponseReturnValue:
    name = f"visits/{visit_id}"
    transitions.transition_and_flash("VisitService", verb, name)
    return redirect(href(name), 303)


def _list_doubtful_steps(visit: pb.Visit, *, prepared: bool) -> list[str]:
    """Return the steps before which the page asks back; `prepared`: delegation and programme are entered."""
    if not visit.HasField("start_date"):
        return []
    today = get_today(visit)
    doubtful = {
        "confirm": not prepared,
        "start": today < date_of(visit.start_date),
        "close": today < date_of(visit.end_date),
    }
    return [verb for verb, asked in doubtful.items() if asked and verb in visit.allowed_transitions]


@blueprint.get("/<visit_id>/<any(confirm, start, close):verb>")
@sign_in_required
def ask(visit_id: str, verb: str) -> ResponseReturnValue:
    """Ask back before a step that may be too early; the answer is the step itself."""
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    place = {"today": format_day(get_today(visit)), "city": visit.host_city_display_name}
    if verb == "confirm":
        title, consequence = _("Confirm this visit already?"), _describe_missing(visit)
    elif verb == "start":
        title = _("Start this visit today?")
        consequence = _(
            "Today is %(today)s in %(city)s; the first day of the visit is %(day)s."
            " Once it has started, it can be neither cancelled nor postponed.",
            day=format_day(visit.start_date),
            **place,
        )
    else:
        title = _("Close this visit today?")
        consequence = _(
            "Today is %(today)s in %(city)s; the last day of the visit is %(day)s. Closing it is final.",
            day=format_day(visit.end_date),
            **place,
        )
    return render_template(
        "confirm.html",
        form=Form({"etag": visit.etag}),
        title=title,
        consequence=consequence,
        button=enum_labels.get_verb_label(verb, "visits"),
        back=href(visit.name),
        above=build_trail(visit),
    )


def _describe_missing(visit: pb.Visit) -> str:
    """Return what a visit lacks that others rely on once it is confirmed."""
    answer = rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"{visit.name}/programme"))
    return " ".join(
        [
            *([] if answer.delegates else [_("Nobody travels yet.")]),
            *([] if answer.agenda_items else [_("The programme is empty.")]),
            _("Delegation and programme can still be changed once the visit is confirmed."),
        ]
    )


@blueprint.route("/<visit_id>/<any(cancel, postpone):verb>", methods=["GET", "POST"])
@sign_in_required
def call_off(visit_id: str, verb: str) -> ResponseReturnValue:
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form({"etag": visit.etag})
    if form.submitted:
        with form.catch_refusal():
            before = programme.count_unplaced(visit)
            transitions.transition("VisitService", verb, visit.name, form)
            if lost := programme.count_unplaced(visit) - before:
                text = ngettext(
                    "One item of the programme has no time any more: give it a new one.",
                    "%(num)s items of the programme have no time any more: give them a new one.",
                    lost,
                )
                flash(text, "info")
            return redirect(href(visit.name), 303)
    return render_template("visits/call_off.html", form=form, visit=visit, verb=verb), form.status
