"""Pages of the panel of a forum: experts are invited, answer, are checked, and leave."""

from austausch.accounts.v1 import accounts_pb2
from austausch.common.v1 import access_pb2
from austausch.forum.v1 import forum_pb2 as pb
from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from chassis.errors import InvalidArgument, NotFound
from gateway import rpc
from gateway.accounts import account_admin
from gateway.auth import account_rpc, permissions
from gateway.auth.callers import accounts_database
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.deletion import delete_after_asking
from gateway.pages.forums import parts
from gateway.pages.forums.exports import describe_panel
from gateway.vocabulary import cities, enum_labels
from gateway.web import exports, transitions
from gateway.web.links import href


def add_pages(blueprint: Blueprint) -> None:
    """Give the blueprint of forums the pages of panels."""
    both, base = ["GET", "POST"], "/<forum_id>/panelists"
    one = f"{base}/<panelist_id>"
    blueprint.add_url_rule("/<forum_id>/panel", view_func=panel)
    blueprint.add_url_rule(f"{base}/new", view_func=invite, methods=both)
    blueprint.add_url_rule(f"{one}/edit", view_func=edit_panelist, methods=both)
    blueprint.add_url_rule(f"{one}/accept", view_func=accept_invitation, methods=both)
    blueprint.add_url_rule(f"{one}/decline", view_func=decline_invitation, methods=["POST"])
    blueprint.add_url_rule(f"{one}/withdraw", view_func=withdraw, methods=both)
    blueprint.add_url_rule(f"{one}/remove", view_func=remove_panelist, methods=both)
    blueprint.add_url_rule(f"{one}/check", view_func=check_eligibility, methods=["POST"])


@sign_in_required
def panel(forum_id: str) -> ResponseReturnValue:
    forum = parts.get_forum(forum_id)
    if exports.is_wanted():
        wanted = pb.ListPanelistsRequest(parent=forum.name)
        return exports.send_list(describe_panel(forum), rpc.panelists.ListPanelists, wanted)
    panelists = parts.list_panelists(forum.name)
    return render_template(
        "forums/panel.html",
        forum=forum,
        panel=panelists,
        panelists={panelist.name: panelist for panelist in panelists},
        groups=parts.list_groups(forum.name),
        titles={node.name: node.title for node in parts.list_nodes(forum.name)},
        cities=cities.get_city_names(),
    )


def _render_form(form: Form, forum: pb.Forum, panelist: pb.Panelist | None) -> ResponseReturnValue:
    return render_template(
        "forums/panelist.html",
        form=form,
        forum=forum,
        panelist=panelist,
        cities=cities.get_city_names(anew=True),
        accounts=_list_expert_accounts(form["panelist.account"]) if may("AccountService.ListAccounts") else None,
    ), form.status


def _list_expert_accounts(chosen: str) -> list[tuple[str, str]]:
    """Return (resource name, display name and e-mail address) of the accounts of experts, and of the chosen one."""
    accounts = account_rpc.accounts.ListAccounts(accounts_pb2.ListAccountsRequest(page_size=1000)).accounts
    return [
        (account.name, f"{account.display_name} ({account.email})")
        for account in accounts
        if account.name == chosen or (access_pb2.ROLE_EXPERT in account.roles and not account.disabled)
    ]


def _find_account(text: str) -> str:
    """
    Return the resource name of the account that the office means: by its e-mail address; else the text as it is.

    Raises:
        InvalidArgument: No expert has the address; reason NOT_AN_EXPERTS_EMAIL. Who may not invite is not told: their
            request is refused anyway.
    """
    if "@" not in text or not may("PanelistService.CreatePanelist"):
        return text
    try:
        return account_admin.get_expert(accounts_database(), text).name
    except NotFound:
        message = "is not the e-mail address of an expert's account"
        raise InvalidArgument("panelist.account", message, reason="NOT_AN_EXPERTS_EMAIL") from None


@sign_in_required
def invite(forum_id: str) -> ResponseReturnValue:
    permissions.require("PanelistService.CreatePanelist")
    forum = parts.get_forum(forum_id)
    form = Form()
    if form.submitted:
        with form.catch_refusal():
            request = form.build_request(pb.CreatePanelistRequest, parent=forum.name)
            request.panelist.account = _find_account(request.panelist.account)
            panelist = rpc.panelists.CreatePanelist(request)
            _flash_eligibility(_("%(function)s is invited.", function=panelist.function), panelist)
            return redirect(href(panelist.name), 303)
    return _render_form(form, forum, None)


@sign_in_required
def edit_panelist(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    forum = parts.get_forum(forum_id)
    panelist = _get_panelist(forum_id, panelist_id)
    form = Form({"panelist": panelist})
    if form.submitted:
        with form.catch_refusal():
            changed = form.save(_update_panelist, pb.UpdatePanelistRequest, "panelist")
            _flash_eligibility(_("%(function)s is saved.", function=changed.function), changed)
            return redirect(href(panelist.name), 303)
    return _render_form(form, forum, panelist)


def _update_panelist(request: pb.UpdatePanelistRequest) -> pb.Panelist:
    """Change a panelist, with the account that the office named by its e-mail address."""
    request.panelist.account = _find_account(request.panelist.account)
    changed: pb.Panelist = rpc.panelists.UpdatePanelist(request)
    return changed


@sign_in_required
def accept_invitation(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    panelist = _get_panelist(forum_id, panelist_id)
    form = Form({"etag": panelist.etag, "conflict_of_interest": panelist.conflict_of_interest})
    if form.submitted:
        with form.catch_refusal():
            transitions.transition("PanelistService", "accept", panelist.name, form)
            return redirect(href(panelist.name), 303)
    return render_template("forums/accept.html", form=form, forum=f"forums/{forum_id}", panelist=panelist), form.status


@sign_in_required
def decline_invitation(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/panelists/{panelist_id}"
    transitions.transition_and_flash("PanelistService", "decline", name)
    return redirect(href(name), 303)


@sign_in_required
def withdraw(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    panelist = _get_panelist(forum_id, panelist_id)
    form = Form({"etag": panelist.etag})
    if form.submitted:
        with form.catch_refusal():
            transitions.transition("PanelistService", "withdraw", panelist.name, form)
            return redirect(href(panelist.name), 303)
    office = may("PanelistService.CreatePanelist")
    return render_template(
        "confirm.html",
        form=form,
        title=_("Remove %(function)s from the panel?", function=panelist.function) if office else _("Leave the panel?"),
        consequence=_("The expert can write nothing more in this forum. What was written stays.")
        if office
        else _("You can write nothing more in this forum. What you wrote stays."),
        button=_("Remove") if office else _("Leave the panel"),
        final=True,
        back=href(panelist.name),
        above=parts.build_trail(forum_id),
    ), form.status


@sign_in_required
def remove_panelist(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    panelist = _get_panelist(forum_id, panelist_id)
    return delete_after_asking(
        panelist,
        rpc.panelists.DeletePanelist,
        pb.DeletePanelistRequest,
        question=_("Delete the entry of %(function)s?", function=panelist.function),
        consequence=_(
            "The entry is deleted for good, with its personal data. The log of the eligibility checks, which holds "
            "none, stays."
        ),
        done=_("%(function)s is removed.", function=panelist.function),
        then=f"{href(f'forums/{forum_id}')}/panel",
        above=parts.build_trail(forum_id),
    )


@sign_in_required
def check_eligibility(forum_id: str, panelist_id: str) -> ResponseReturnValue:
    name = f"forums/{forum_id}/panelists/{panelist_id}"
    panelist = rpc.panelists.CheckEligibility(pb.CheckEligibilityRequest(name=name))
    _flash_eligibility(_("The eligibility is checked anew."), panelist)
    return redirect(href(name), 303)


def _get_panelist(forum_id: str, panelist_id: str) -> pb.Panelist:
    request = pb.GetPanelistRequest(name=f"forums/{forum_id}/panelists/{panelist_id}")
    panelist: pb.Panelist = rpc.panelists.GetPanelist(request)
    return panelist


def _flash_eligibility(done: str, panelist: pb.Panelist) -> None:
    """Say on the next page what was done, and what the check of the eligibility said."""
    if panelist.eligibility.eligible:
        flash(" ".join([done, _("Eligible by every part of the rule.")]), "success")
    else:
        reasons = "; ".join(enum_labels.get_terms(panelist.eligibility, "reasons"))
        flash(" ".join([done, _("Not eligible at the moment: %(reasons)s.", reasons=reasons)]), "warning")
