"""The page that deletes a visit which is still an idea."""

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.sign_in import sign_in_required
from gateway.pages.deletion import delete_after_asking
from gateway.pages.visits.trail import build_trail


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the page that deletes one."""
    blueprint.add_url_rule("/<visit_id>/delete", view_func=delete, methods=["GET", "POST"])


@sign_in_required
def delete(visit_id: str) -> ResponseReturnValue:
    permissions.require("VisitService.DeleteVisit")
    found = rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"visits/{visit_id}/programme"))
    return delete_after_asking(
        found.visit,
        rpc.visits.DeleteVisit,
        pb.DeleteVisitRequest,
        question=_("Delete “%(title)s”?", title=found.visit.title),
        consequence=_describe_loss(found),
        done=_("“%(title)s” is deleted.", title=found.visit.title),
        then=url_for("visits.index"),
        above=build_trail(found.visit),
    )


def _describe_loss(idea: pb.Programme) -> str:
    """Return what is gone when an idea is deleted."""
    gone = [_("The idea is deleted for good.")]
    if count := len(idea.delegates):
        gone.append(
            ngettext(
                "With it goes one member of the delegation.", "With it go %(num)s members of the delegation.", count
            )
        )
    if count := len(idea.agenda_items):
        gone.append(
            ngettext("With it goes one item of the programme.", "With it go %(num)s items of the programme.", count)
        )
    return " ".join([*gone, _("If it is to stay in the file, cancel it instead.")])
