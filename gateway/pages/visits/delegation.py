"""Pages of the delegation of a visit: its members are added, changed and removed."""

from collections.abc import Sequence

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gateway import rpc
from gateway.auth import permissions
from gateway.auth.callers import current_identity
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.visits.trail import build_trail
from gateway.vocabulary.cities import list_guests
from gateway.web.links import href


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of visits the pages of delegations."""
    base = "/<visit_id>/delegates"
    blueprint.add_url_rule(f"{base}/new", view_func=create_delegate, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<delegate_id>/edit", view_func=edit_delegate, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{base}/<delegate_id>/remove", view_func=remove_delegate, methods=["GET", "POST"])


def list_delegates(visit: str) -> Sequence[pb.Delegate]:
    """Return the delegation of a visit in protocol order; none for a reader who may not see personal data."""
    if not may("DelegateService.ListDelegates"):
        return []
    return rpc.delegates.ListDelegates(pb.ListDelegatesRequest(parent=visit, page_size=1000)).delegates


def group_by_city(visit: pb.Visit, delegates: Sequence[pb.Delegate]) -> list[tuple[str, list[pb.Delegate]]]:
    """Return (name of a guest city, its delegation) for each that the reader may see; "" for the only one."""
    if not visit.other_guest_cities:
        return [("", list(delegates))]
    return [
        (title, [delegate for delegate in delegates if delegate.city == city])
        for city, title in _list_own_guests(visit)
    ]


def list_cities(visit: pb.Visit) -> list[tuple[str, str]]:
    """Return (resource name, name) of the cities that a form of delegates offers; none where there is no choice."""
    own = _list_own_guests(visit)
    return own if len(own) > 1 else []


def list_companions(
    visit: pb.Visit, delegates: Sequence[pb.Delegate], besides: str = ""
) -> list[tuple[str, list[tuple[str, str]]]]:
    """
    Return whom a delegate can accompany: the city, where there are several, and (resource name, name) of its delegates.

    Args:
        besides: The delegate, who is none of them.
    """
    groups = [
        (city, [(one.name, get_title(one)) for one in of_city if one.name != besides])
        for city, of_city in group_by_city(visit, delegates)
    ]
    return [(city, options) for city, options in groups if options]


def get_title(delegate: pb.Delegate) -> str:
    """Return what a delegate is called: by name and function, as far as they are known."""
    return " – ".join(filter(None, [delegate.display_name, delegate.function]))


def _list_own_guests(visit: pb.Visit) -> list[tuple[str, str]]:
    """Return the guest cities whose delegations the reader may see: who works for one of them sees its own."""
    reader, guests = current_identity(), list_guests(visit)
    own = [(city, title) for city, title in guests if reader and city == reader.city]
    return own or guests


@sign_in_required
def create_delegate(visit_id: str) -> ResponseReturnValue:
    permissions.require("DelegateService.CreateDelegate")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    form = Form({"delegate.city": request.args.get("city", "")})
    if form.submitted:
        with form.catch_refusal():
            delegate = rpc.delegates.CreateDelegate(form.build_request(pb.CreateDelegateRequest, parent=visit.name))
            flash(_("%(function)s is part of the delegation.", function=delegate.function), "success")
            another = url_for("visits.create_delegate", visit_id=visit_id, city=form["delegate.city"] or None)
            return redirect(another if "another" in form.values else href(visit.name), 303)
    return _render(form, visit, None)


@sign_in_required
def edit_delegate(visit_id: str, delegate_id: str) -> ResponseReturnValue:
    permissions.require("DelegateService.UpdateDelegate")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    delegate = rpc.delegates.GetDelegate(pb.GetDelegateRequest(name=f"{visit.name}/delegates/{delegate_id}"))
    form = Form({"delegate": delegate})
    if form.submitted:
        with form.catch_refusal():
            saved = form.save(rpc.delegates.UpdateDelegate, pb.UpdateDelegateRequest, "delegate")
            flash(_("%(function)s is saved.", function=saved.function), "success")
            return redirect(href(visit.name), 303)
    return _render(form, visit, delegate)


def _render(form: Form, visit: pb.Visit, delegate: pb.Delegate | None) -> ResponseReturnValue:
    return render_template(
        "visits/delegate.html",
        form=form,
        visit=visit,
        delegate=delegate,
        cities=list_cities(visit),
        companions=list_companions(visit, list_delegates(visit.name), delegate.name if delegate else ""),
    ), form.status


@sign_in_required
def remove_delegate(visit_id: str, delegate_id: str) -> ResponseReturnValue:
    permissions.require("DelegateService.DeleteDelegate")
    visit = rpc.visits.GetVisit(pb.GetVisitRequest(name=f"visits/{visit_id}"))
    delegate = rpc.delegates.GetDelegate(pb.GetDelegateRequest(name=f"{visit.name}/delegates/{delegate_id}"))
    return delete_after_asking(
        delegate,
        rpc.delegates.DeleteDelegate,
        pb.DeleteDelegateRequest,
        question=_("Remove %(function)s from the delegation?", function=delegate.function),
        consequence=_("The entry is deleted for good, and the person leaves every item of the programme."),
        done=_("%(function)s is removed.", function=delegate.function),
        then=href(visit.name),
        above=build_trail(visit),
        button=_("Remove"),
    )
