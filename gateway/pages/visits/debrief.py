"""Pages of the debrief of a visit: it is taken down, and the learnings that come of it are shown."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.knowledge.v1 import knowledge_pb2
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from chassis.convert import date_of
from chassis.errors import IllegalTransition, PermissionDenied, Violation
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.languages import current_language
from gateway.pages.visits.form_checks import collect_violations
from gateway.pages.visits.trail import get_today
from gateway.vocabulary import topics
from gateway.vocabulary.visibilities import list_visibilities
from gateway.web import transitions
from gateway.web.links import href

ENTRIES = "debrief.entries"
MAX_LEARNINGS = 50  # as the contract has it
LOOKUP_SECONDS = 3.0
# How long the learnings of a debrief are waited for, and how often a page asks by itself.
LONGEST_WAY, MAX_ASKED = timedelta(minutes=2), 20


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of debriefs."""
    blueprint.add_url_rule("/<visit_id>/learnings", view_func=learnings)
    blueprint.add_url_rule("/<visit_id>/report", view_func=report, methods=["GET", "POST"])


@sign_in_required
def learnings(visit_id: str) -> ResponseReturnValue:
    """Answer the page of a visit that asks for the learnings of its debrief; a person is led to that page."""
    name = f"visits/{visit_id}"
    if not request.headers.get("HX-Request"):
        return redirect(f"{href(name)}#learnings", 303)
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=name))
    arrived, asked = list_learnings(visit), request.args.get("asked", MAX_ASKED, type=int)
    awaited = are_on_their_way(visit, arrived)
    return render_template(
        "visits/learnings.html",
        visit=visit,
        learnings=arrived,
        awaited=awaited,
        next_ask=asked + 1 if awaited and 0 < asked < MAX_ASKED else 0,
    )


def list_learnings(visit: pb.Visit) -> Sequence[knowledge_pb2.Learning]:
    """
    Return the learnings from a visit that the reader may see, the first recorded first.

    Raises:
        Unavailable: The knowledge service is away; DeadlineExceeded where it is too slow.
    """
    wanted = knowledge_pb2.ListLearningsRequest(source=visit.name, page_size=1000, order_by="create_time")
    return rpc.learnings.ListLearnings(wanted, timeout=LOOKUP_SECONDS).learnings


def are_on_their_way(visit: pb.Visit, arrived: Sequence[knowledge_pb2.Learning]) -> bool:
    """
    Return whether learnings of the debrief may still arrive: they come by events, as a rule within a moment.

    Those that the reader may not see never arrive: a debrief of long ago is not waited for.
    """
    age = datetime.now(UTC) - visit.update_time.ToDatetime(UTC)
    return len(arrived) < len(visit.debrief.entries) and age < LONGEST_WAY


@sign_in_required
def report(visit_id: str) -> ResponseReturnValue:
    permissions.require("VisitService.ReportVisit")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    if visit.state == pb.Visit.STATE_RUNNING and "report" not in visit.allowed_transitions:
        message = "Only the international office and the department in charge record a debrief."
        raise PermissionDenied(message, reason="NOT_DEPARTMENT_IN_CHARGE")
    exchange = rpc.exchanges.GetExchange(pb.GetExchangeRequest(name=visit.exchange))
    form = Form({"etag": visit.etag, **_get_new_entry(0, exchange)})
    early = visit.HasField("end_date") and get_today(visit) < date_of(visit.end_date)
    known_topics = topics.list_known_topics(*exchange.topics)
    added = None
    if form.submitted and "report" not in visit.allowed_transitions:
        with form.catch_refusal():
            raise IllegalTransition("report", _get_state(visit), list(visit.allowed_transitions))
    elif "add" in form.values:
        if form.count_entries(ENTRIES) < MAX_LEARNINGS:
            added = form.count_entries(ENTRIES)
            form.values.update(_get_new_entry(added, exchange))
    elif "remove" in form.values:
        form.keep_entries(ENTRIES, lambda index: str(index) != form["remove"])
    elif form.submitted:
        form.keep_entries(ENTRIES, lambda index: index == 0 or not form.is_blank(f"{ENTRIES}.{index}", PREFILLED))
        with form.catch_refusal():
            if early and form["early"] != "on":
                unconfirmed = Violation("early", "EARLY_NOT_CONFIRMED", "is not confirmed")
                raise collect_violations(form, unconfirmed, pb.ReportVisitRequest, name=visit.name)
            reported: Any = transitions.transition("VisitService", "report", visit.name, form)
            topics.flash_new_topics((slug for entry in reported.debrief.entries for slug in entry.topics), known_topics)
            return redirect(href(visit.name), 303)
    return render_template(
        "visits/report.html",
        form=form,
        visit=visit,
        entries=ENTRIES,
        added=added,
        full=form.count_entries(ENTRIES) >= MAX_LEARNINGS,
        early=early,
        readers=list_visibilities(),
        topics_known=known_topics,
    ), form.status


# What an entry holds before anything is typed.
PREFILLED = (".language", ".topics", ".visibility")


def _get_new_entry(index: int, exchange: pb.Exchange) -> dict[str, str]:
    """
    Return the fields of a new learning in the debrief.

    It is in the reader's language, has the topics of the exchange, and is for the home city only.
    """
    return {
        f"{ENTRIES}.{index}.visibility": "VISIBILITY_INTERNAL",
        f"{ENTRIES}.{index}.language": current_language(),
        f"{ENTRIES}.{index}.topics": ", ".join(map(topics.get_topic_label, exchange.topics)),
    }


def _get_state(visit: pb.Visit) -> str:
    """Return the state of a visit as refusals name it: `RUNNING`."""
    return pb.Visit.State.Name(visit.state).removeprefix("STATE_")
