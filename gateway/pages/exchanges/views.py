"""Pages of exchanges."""

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.exchanges.exports import EXCHANGES
from gateway.pages.visits.exports import VISITS
from gateway.vocabulary import departments, topics
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("exchanges", __name__, url_prefix="/exchanges")


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = pb.ListExchangesRequest(
        **list_filters.read_paging(),
        order_by="title",
        kind=list_filters.read_enum(pb.Exchange.Kind, "kind"),
        topic=request.args.get("topic", ""),
    )
    if exports.is_wanted():
        return exports.send_list(EXCHANGES, rpc.exchanges.ListExchanges, wanted)
    answer = rpc.exchanges.ListExchanges(wanted)
    topics.load_labels(slug for exchange in answer.exchanges for slug in exchange.topics)
    return render_template("exchanges/list.html", answer=answer)


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("ExchangeService.CreateExchange")
    form = Form({"exchange.partnership": request.args.get("partnership", ""), "exchange.kind": "KIND_ADMINISTRATIVE"})
    if form.submitted:
        known = topics.list_known_topics()
        with form.catch_refusal():
            exchange = rpc.exchanges.CreateExchange(form.build_request(pb.CreateExchangeRequest))
            flash(_("The exchange is created. Next: its first visit."), "success")
            topics.flash_new_topics(exchange.topics, known)
            return redirect(href(exchange.name), 303)
    partnerships = rpc.partnerships.ListPartnerships(pb.ListPartnershipsRequest(page_size=1000)).partnerships
    return render_template(
        "exchanges/form.html",
        form=form,
        partnerships=partnerships,
        departments=departments.suggest_departments(),
        exchange=None,
    ), form.status


@blueprint.get("/<exchange_id>")
@sign_in_required
def show(exchange_id: str) -> ResponseReturnValue:
    exchange = rpc.exchanges.GetExchange(pb.GetExchangeRequest(name=f"exchanges/{exchange_id}"))
    wanted = pb.ListVisitsRequest(**list_filters.read_paging(), exchange=exchange.name)
    if exports.is_wanted():
        return exports.send_list(VISITS._replace(of=exchange.title), rpc.visits.ListVisits, wanted)
    answer = rpc.visits.ListVisits(wanted)
    return render_template(
        "exchanges/show.html", exchange=exchange, answer=answer, deletable=exchange.editable and not answer.total_size
    )


@blueprint.route("/<exchange_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(exchange_id: str) -> ResponseReturnValue:
    permissions.require("ExchangeService.UpdateExchange")
    exchange = rpc.exchanges.GetExchange(pb.GetExchangeRequest(name=f"exchanges/{exchange_id}"))
    form = Form({"exchange": exchange})
    if form.submitted:
        known = topics.list_known_topics(*exchange.topics)
        with form.catch_refusal():
            saved = form.save(rpc.exchanges.UpdateExchange, pb.UpdateExchangeRequest, "exchange")
            flash(_("The exchange is saved."), "success")
            topics.flash_new_topics(saved.topics, known)
            return redirect(href(exchange.name), 303)
    return render_template(
        "exchanges/form.html",
        form=form,
        partnerships=[],
        departments=departments.suggest_departments(),
        exchange=exchange,
    ), form.status


@blueprint.route("/<exchange_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(exchange_id: str) -> ResponseReturnValue:
    permissions.require("ExchangeService.DeleteExchange")
    exchange = rpc.exchanges.GetExchange(pb.GetExchangeRequest(name=f"exchanges/{exchange_id}"))
    index = url_for("exchanges.index")
    return delete_after_asking(
        exchange,
        rpc.exchanges.DeleteExchange,
        pb.DeleteExchangeRequest,
        question=_("Delete “%(title)s”?", title=exchange.title),
        consequence=_(
            "The exchange is deleted for good, with its objectives and topics. That works only while no visit belongs "
            "to it."
        ),
        done=_("“%(title)s” is deleted.", title=exchange.title),
        then=index,
        above=[(index, _("Exchanges")), (href(exchange.name), exchange.title)],
    )
