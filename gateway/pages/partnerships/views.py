"""Pages of partnerships."""

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.partnerships.exports import describe_partnerships
from gateway.vocabulary import cities
from gateway.web import exports, list_filters, transitions
from gateway.web.links import href

blueprint = Blueprint("partnerships", __name__, url_prefix="/partnerships")


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    wanted = pb.ListPartnershipsRequest(
        **list_filters.read_paging(),
        order_by="city",
        kind=list_filters.read_enum(pb.Partnership.Kind, "kind"),
        state=list_filters.read_enum(pb.Partnership.State, "state"),
    )
    all_cities = {city.name: city for city in rpc.cities.ListCities(pb.ListCitiesRequest(page_size=1000)).cities}
    if exports.is_wanted():
        return exports.send_list(describe_partnerships(all_cities), rpc.partnerships.ListPartnerships, wanted)
    answer = rpc.partnerships.ListPartnerships(wanted)
    return render_template("partnerships/list.html", answer=answer, cities=all_cities)


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("PartnershipService.CreatePartnership")
    form = Form({"partnership.city": request.args.get("city", "")})
    if form.submitted:
        with form.catch_refusal():
            partnership = rpc.partnerships.CreatePartnership(form.build_request(pb.CreatePartnershipRequest))
            flash(_("The partnership is created. Next: its first exchange."), "success")
            return redirect(href(partnership.name), 303)
    return render_template(
        "partnerships/form.html", form=form, cities=cities.list_other_cities(), partnership=None
    ), form.status


@blueprint.get("/<partnership_id>")
@sign_in_required
def show(partnership_id: str) -> ResponseReturnValue:
    partnership = rpc.partnerships.GetPartnership(pb.GetPartnershipRequest(name=f"partnerships/{partnership_id}"))
    city = rpc.cities.GetCity(pb.GetCityRequest(name=partnership.city))
    answer = rpc.exchanges.ListExchanges(pb.ListExchangesRequest(partnership=partnership.name, page_size=1000))
    return render_template("partnerships/show.html", partnership=partnership, city=city, answer=answer)


@blueprint.route("/<partnership_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(partnership_id: str) -> ResponseReturnValue:
    permissions.require("PartnershipService.UpdatePartnership")
    partnership = rpc.partnerships.GetPartnership(pb.GetPartnershipRequest(name=f"partnerships/{partnership_id}"))
    form = Form({"partnership": partnership})
    if form.submitted:
        with form.catch_refusal():
            form.save(rpc.partnerships.UpdatePartnership, pb.UpdatePartnershipRequest, "partnership")
            flash(_("The partnership is saved."), "success")
            return redirect(href(partnership.name), 303)
    return render_template("partnerships/form.html", form=form, cities=[], partnership=partnership), form.status


@blueprint.post("/<partnership_id>/<any(approve, sign, activate, suspend):verb>")
@sign_in_required
def step(partnership_id: str, verb: str) -> ResponseReturnValue:
    name = f"partnerships/{partnership_id}"
    transitions.transition_and_flash("PartnershipService", verb, name)
    return redirect(href(name), 303)


@blueprint.route("/<partnership_id>/end", methods=["GET", "POST"])
@sign_in_required
def end(partnership_id: str) -> ResponseReturnValue:
    partnership = rpc.partnerships.GetPartnership(pb.GetPartnershipRequest(name=f"partnerships/{partnership_id}"))
    form = Form({"etag": partnership.etag})
    if form.submitted:
        with form.catch_refusal():
            transitions.transition("PartnershipService", "end", partnership.name, form)
            return redirect(href(partnership.name), 303)
    return render_template(
        "confirm.html",
        form=form,
        title=_("End the partnership with %(city)s?", city=partnership.city_display_name),
        consequence=_("An ended partnership cannot be taken up again. What was done under it stays."),
        button=_("End partnership"),
        final=True,
        back=href(partnership.name),
        above=_build_trail(partnership),
    ), form.status


@blueprint.route("/<partnership_id>/delete", methods=["GET", "POST"])
@sign_in_required
def delete(partnership_id: str) -> ResponseReturnValue:
    permissions.require("PartnershipService.DeletePartnership")
    partnership = rpc.partnerships.GetPartnership(pb.GetPartnershipRequest(name=f"partnerships/{partnership_id}"))
    return delete_after_asking(
        partnership,
        rpc.partnerships.DeletePartnership,
        pb.DeletePartnershipRequest,
        question=_("Delete the partnership with %(city)s?", city=partnership.city_display_name),
        consequence=_(
            "The partnership is deleted for good, with its days and its theme; the city stays. That works only while "
            "no exchange belongs to it."
        ),
        done=_("The partnership with %(city)s is deleted.", city=partnership.city_display_name),
        then=url_for("partnerships.index"),
        above=_build_trail(partnership),
    )


def _build_trail(partnership: pb.Partnership) -> list[tuple[str, str]]:
    """Return the breadcrumbs (path, title) above a page about a partnership."""
    return [
        (url_for("partnerships.index"), _("Partnerships")),
        (href(partnership.name), partnership.city_display_name),
    ]
