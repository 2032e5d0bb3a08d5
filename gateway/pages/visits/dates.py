"""The page that finds dates for a visit: what is asked stands in its address."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1 import exchange_pb2
from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.convert import date_of
from chassis.errors import FieldRequired
from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.i18n.formats import format_days
from gateway.i18n.languages import current_language
from gateway.pages.visits.choices import INCOMING, label_exchanges, list_directions
from gateway.vocabulary import cities, departments

AHEAD, AFTER = timedelta(weeks=6), timedelta(weeks=26)
SHOWN = 20
Kind = pb.DateReason


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the page that finds dates."""
    blueprint.add_url_rule("/dates", view_func=dates)


@sign_in_required
def dates() -> ResponseReturnValue:
    permissions.require("CalendarService.ProposeDates")
    exchanges = rpc.exchanges.ListExchanges(
        exchange_pb2.ListExchangesRequest(page_size=1000, order_by="title")
    ).exchanges
    by_name = {exchange.name: exchange for exchange in exchanges}
    chosen = by_name.get(request.args.get("exchange", ""))
    today = datetime.now(ZoneInfo(current_app.config["HOME_TIME_ZONE"])).date()
    form = Form(
        {
            "exchange": chosen.name if chosen else "",
            "direction": INCOMING,
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
        exchanges=label_exchanges(exchanges),
        directions=list_directions(),
        departments=departments.suggest_departments(exchanges),
        people=[(person.name, person.function) for person in people],
        answer=answer,
        windows=[_describe(window, form, names) for window in answer.windows] if answer else [],
    ), form.status


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
        "create": f"{url_for('visits.create')}?{urlencode(days)}",
    }


def _list_texts(reasons: Sequence[pb.DateReason], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return of each reason what it says, and the visit that it is about; "" where it is about none."""
    return [
        (_tell(reason, names), reason.subject if reason.kind == Kind.KIND_OTHER_VISIT else "") for reason in reasons
    ]


def _tell(reason: pb.DateReason, names: Mapping[str, str]) -> str:
    days = format_days(reason.start_date, reason.end_date)
    subject = names.get(reason.subject, reason.subject)
    match reason.kind:
        case Kind.KIND_PUBLIC_HOLIDAY if reason.estimated:
            return _(
                "%(days)s is probably a public holiday in %(city)s: %(title)s (the moon decides)",
                days=days, city=subject, title=reason.title,
            )  # fmt: skip
        case Kind.KIND_PUBLIC_HOLIDAY:
            return _("%(days)s is a public holiday in %(city)s: %(title)s", days=days, city=subject, title=reason.title)
        case Kind.KIND_HOLIDAYS_UNKNOWN:
            year = str(reason.start_date.year)
            return _("The public holidays of %(city)s in %(year)s are not known.", city=subject, year=year)
        case Kind.KIND_DAY_OFF:
            return _("In %(city)s nobody works: %(days)s", city=subject, days=days)
        case Kind.KIND_SCHOOL_HOLIDAYS:
            return _("School holidays in %(city)s: %(title)s, %(days)s", city=subject, title=reason.title, days=days)
        case Kind.KIND_OTHER_VISIT:
            return _("Another visit: %(title)s, %(days)s", title=reason.title, days=days)
        case Kind.KIND_BUSY:
            return _("%(person)s is busy: %(days)s", person=subject, days=days)
        case Kind.KIND_ALL_WORK:
            return _("Both cities work on all days.")
        case Kind.KIND_EVERYBODY_FREE:
            return _("Nobody is busy.")
    return reason.title
