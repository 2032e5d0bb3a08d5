"""
The page that finds dates, for a new visit or for one that has none: what is asked stands in its address.

And what is said beside dates.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from urllib.parse import urlencode

from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1 import exchange_pb2
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.convert import date_of
from chassis.errors import DomainError, FieldRequired
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_days
from gateway.i18n.languages import current_language
from gateway.pages.visits.attempts import attempt
from gateway.pages.visits.choices import INCOMING, label_exchanges, list_directions
from gateway.pages.visits.date_reasons import describe_dates, describe_reason
from gateway.vocabulary import cities, departments
from gateway.web.links import href

AHEAD, AFTER = timedelta(weeks=6), timedelta(weeks=26)
SHOWN = 20
EXCHANGE = "visit.exchange"


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the page that finds dates and gives them, and what forms say beside them."""
    blueprint.add_url_rule("/dates", view_func=dates)
    blueprint.add_url_rule("/<visit_id>/dates", view_func=take_dates, methods=["POST"])
    blueprint.add_url_rule("/date-hints", view_func=date_hints)


@sign_in_required
def dates() -> ResponseReturnValue:
    permissions.require("CalendarService.ProposeDates")
    exchanges = rpc.exchanges.ListExchanges(
        exchange_pb2.ListExchangesRequest(page_size=1000, order_by="title")
    ).exchanges
    by_name = {exchange.name: exchange for exchange in exchanges}
    visit = None
    if name := request.args.get("visit"):
        visit = rpc.visits.GetVisit(exchange_pb2.GetVisitRequest(name=name))
    chosen = by_name.get(visit.exchange if visit else request.args.get("exchange", ""))
    today = cities.get_home_day()
    form = Form(
        {
            "exchange": chosen.name if chosen else "",
            "direction": exchange_pb2.Visit.Direction.Name(visit.direction) if visit else INCOMING,
            "visit": visit.name if visit else "",
            "working_days": "3",
            "earliest_date": (today + AHEAD).isoformat(),
            "latest_date": (today + AHEAD + AFTER).isoformat(),
            "department": chosen.department if chosen else "",
        },
        is_question=True,
    )
    answer = None
    if form.submitted:
        with form.catch_refusal():
            if chosen is None:
                raise FieldRequired("exchange")
            wanted = form.build_request(pb.ProposeDatesRequest, city=chosen.city, language=current_language())
            wanted.page_size = SHOWN
            answer = rpc.calendars.ProposeDates(wanted)
    people = rpc.people.ListPeople(exchange_pb2.ListPeopleRequest(page_size=1000)).people
    names = {**cities.get_city_names(), **{person.name: person.function for person in people}}
    return render_template(
        "visits/dates.html",
        form=form,
        visit=visit,
        exchanges=label_exchanges(exchanges),
        directions=list_directions(),
        departments=departments.suggest_departments(exchanges),
        people=[(person.name, person.function) for person in people],
        answer=answer,
        windows=[_describe(window, form, names) for window in answer.windows] if answer else [],
    ), form.status


@sign_in_required
def take_dates(visit_id: str) -> ResponseReturnValue:
    """Give a visit dates that were found for it."""
    wanted = Form().build_request(exchange_pb2.UpdateVisitRequest)
    wanted.visit.name = f"visits/{visit_id}"
    wanted.update_mask.paths.extend(["start_date", "end_date"])
    if attempt(lambda: rpc.visits.UpdateVisit(wanted)):
        flash(_("The visit has its dates now."), "success")
    return redirect(href(wanted.visit.name), 303)


@sign_in_required
def date_hints() -> ResponseReturnValue:
    """Answer the form of a visit, which asks what is to be known of the days that stand in it."""
    of_cities: list[str] = []
    if request.args.get(EXCHANGE):
        with suppress(DomainError):
            exchange = rpc.exchanges.GetExchange(exchange_pb2.GetExchangeRequest(name=request.args[EXCHANGE]))
            of_cities = [exchange.city, *filter(None, request.args.getlist("visit.other_guest_cities"))]
    return render_template("visits/hints.html", hints=list_form_hints(request.args, of_cities))


def list_form_hints(values: Mapping[str, str], of_cities: Sequence[str]) -> list[str]:
    """Return what is to be known of the days in the form of a visit; none as long as days or cities are missing."""
    try:
        first, last = (date.fromisoformat(values.get(field, "")) for field in ("visit.start_date", "visit.end_date"))
    except ValueError:
        return []
    return describe_dates(of_cities, first, last) if of_cities else []


def _describe(window: pb.DateWindow, form: Form, names: Mapping[str, str]) -> dict[str, object]:
    """Return what the page shows of a window: its days, what speaks for and against it, where to go from it."""
    days = {
        "exchange": form["exchange"],
        "direction": form["direction"],
        "start_date": date_of(window.start_date).isoformat(),
        "end_date": date_of(window.end_date).isoformat(),
    }
    return {
        "days": format_days(window.start_date, window.end_date),
        "favour": _list_texts([reason for reason in window.reasons if not reason.against], names),
        "against": _list_texts([reason for reason in window.reasons if reason.against], names),
        **days,
        "create": f"{url_for('visits.create')}?{urlencode(days)}",
    }


def _list_texts(reasons: Sequence[pb.DateReason], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return of each reason what it says, and the visit that it is about; "" where it is about none."""
    return [
        (describe_reason(reason, names), reason.subject if reason.kind == pb.DateReason.KIND_OTHER_VISIT else "")
        for reason in reasons
    ]
