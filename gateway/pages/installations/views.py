"""
Pages of the network: the installations that may publish their learnings here, and how far this one has come with
publishing its own to a hub.
"""

from austausch.knowledge.v1 import hub_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.installations.exports import INSTALLATIONS
from gateway.vocabulary import cities
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("installations", __name__, url_prefix="/installations")


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    permissions.require("InstallationService.ListInstallations")
    wanted = pb.ListInstallationsRequest(**list_filters.read_paging())
    if exports.is_wanted():
        return exports.send_list(INSTALLATIONS, rpc.installations.ListInstallations, wanted)
    return render_template(
        "installations/list.html",
        answer=rpc.installations.ListInstallations(wanted),
        publishing=rpc.publishing.GetPublishingStatus(pb.GetPublishingStatusRequest()),
        cities=cities.get_city_names(),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("InstallationService.CreateInstallation")
    form = Form()
    if form.submitted:
        with form.catch_refusal():
            installation = rpc.installations.CreateInstallation(form.build_request(pb.CreateInstallationRequest))
            flash(_("“%(name)s” may publish its learnings here now.", name=installation.display_name), "success")
            return redirect(href(installation.name), 303)
    names = list(cities.get_city_names(anew=True).items())
    return render_template("installations/form.html", form=form, cities=names), form.status


@blueprint.get("/<installation_id>")
@sign_in_required
def show(installation_id: str) -> ResponseReturnValue:
    installation = _get_installation(installation_id)
    return render_template("installations/show.html", installation=installation, cities=cities.get_city_names())


@blueprint.route("/<installation_id>/revoke", methods=["GET", "POST"])
@sign_in_required
def revoke(installation_id: str) -> ResponseReturnValue:
    permissions.require("InstallationService.RevokeInstallation")
    installation = _get_installation(installation_id)
    return delete_after_asking(
        installation,
        rpc.installations.RevokeInstallation,
        pb.RevokeInstallationRequest,
        question=_("Revoke “%(title)s”?", title=installation.display_name),
        consequence=_(
            "All that it has published here is deleted for good, and nothing that it sends is taken any more. To "
            "publish again it has to be registered anew, under another short name."
        ),
        done=_("“%(title)s” is revoked.", title=installation.display_name),
        then=href(installation.name),
        above=[
            (url_for("installations.index"), _("Installations")),
            (href(installation.name), installation.display_name),
        ],
        button=_("Revoke"),
    )


def _get_installation(installation_id: str) -> pb.Installation:
    return rpc.installations.GetInstallation(pb.GetInstallationRequest(name=f"installations/{installation_id}"))
