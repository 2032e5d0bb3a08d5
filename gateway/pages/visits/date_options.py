"""The page of the candidate dates of a visit: the cities say there what suits them, until one is taken."""

from austausch.exchange.v1 import date_options_pb2 as pb
from austausch.exchange.v1 import exchange_pb2
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.callers import current_identity
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.visits.attempts import attempt
from gateway.pages.visits.date_reasons import list_other_cities
from gateway.vocabulary.cities import list_guests
from gateway.web.links import href

# The states of a visit whose dates are still to be found.
SOUGHT_STATES = (exchange_pb2.Visit.STATE_IDEA, exchange_pb2.Visit.STATE_POSTPONED)


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of candidate dates."""
    base = "/<visit_id>/dateOptions"
    blueprint.add_url_rule(base, view_func=date_options, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<option_id>/answer", view_func=answer_option, methods=["POST"])
    blueprint.add_url_rule(f"{base}/<option_id>/choose", view_func=choose_option, methods=["POST"])
    blueprint.add_url_rule(f"{base}/<option_id>/remove", view_func=remove_option, methods=["POST"])


@sign_in_required
def date_options(visit_id: str) -> ResponseReturnValue:
    """Show the candidate dates with what cities said, and put more to them."""
    permissions.require("DateOptionService.ListDateOptions")
    visit = rpc.visits.GetVisit(exchange_pb2.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form()
    if form.submitted:
        with form.catch_refusal():
            rpc.date_options.CreateDateOption(form.build_request(pb.CreateDateOptionRequest, parent=visit.name))
            flash(_("The dates are put to the cities."), "success")
            return redirect(_get_address(visit_id), 303)
    options = rpc.date_options.ListDateOptions(pb.ListDateOptionsRequest(parent=visit.name, page_size=1000))
    names = {visit.host_city: visit.host_city_display_name, **dict(list_guests(visit))}
    cities = [(city, names[city]) for city in list_other_cities(visit)]
    return render_template(
        "visits/date_options.html",
        form=form,
        visit=visit,
        here=_get_address(visit_id),
        candidates=[(option, _list_replies(option, cities)) for option in options.date_options],
        sought=visit.state in SOUGHT_STATES,
        answering=_list_answering(visit, [city for city, _name in cities]),
    ), form.status


@sign_in_required
def answer_option(visit_id: str, option_id: str) -> ResponseReturnValue:
    """Record whether dates suit a city."""
    wanted = Form().build_request(pb.AnswerDateOptionRequest, name=_get_name(visit_id, option_id))
    attempt(lambda: rpc.date_options.AnswerDateOption(wanted))
    return redirect(f"{_get_address(visit_id)}#dateOptions-{option_id}", 303)


@sign_in_required
def choose_option(visit_id: str, option_id: str) -> ResponseReturnValue:
    """Give the visit the dates."""
    wanted = Form().build_request(pb.ChooseDateOptionRequest, name=_get_name(visit_id, option_id))
    if not attempt(lambda: rpc.date_options.ChooseDateOption(wanted)):
        return redirect(_get_address(visit_id), 303)
    flash(_("The visit has its dates now."), "success")
    return redirect(href(f"visits/{visit_id}"), 303)


@sign_in_required
def remove_option(visit_id: str, option_id: str) -> ResponseReturnValue:
    """Take candidate dates back."""
    wanted = Form().build_request(pb.DeleteDateOptionRequest, name=_get_name(visit_id, option_id))
    if attempt(lambda: rpc.date_options.DeleteDateOption(wanted)):
        flash(_("The dates are taken back."), "success")
    return redirect(_get_address(visit_id), 303)


def _get_name(visit_id: str, option_id: str) -> str:
    return f"visits/{visit_id}/dateOptions/{option_id}"


def _get_address(visit_id: str) -> str:
    return url_for("visits.date_options", visit_id=visit_id)


def _list_replies(
    option: pb.DateOption, cities: list[tuple[str, str]]
) -> list[tuple[str, str, pb.DateOption.Reply | None]]:
    """Return (city, its name, what it said) of each city that is asked."""
    given = {reply.city: reply for reply in option.replies}
    return [(city, name, given.get(city)) for city, name in cities]


def _list_answering(visit: exchange_pb2.Visit, cities: list[str]) -> list[str]:
    """Return the cities for which the reader may say whether dates suit: all, or a partner's own."""
    if visit.editable:
        return cities
    reader = current_identity()
    is_partner = may("DateOptionService.AnswerDateOption") and not may("DateOptionService.CreateDateOption")
    return [city for city in cities if is_partner and reader is not None and city == reader.city]
