"""Pages on which administrators manage who may sign in."""

from contextlib import suppress

from austausch.accounts.v1 import accounts_pb2 as pb
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import NotFound
from gateway.accounts import account_admin
from gateway.auth import account_rpc, permissions
from gateway.auth.callers import accounts_database
from gateway.auth.sign_in import sign_in_required
from gateway.forms.form import Form
from gateway.pages.accounts.exports import ACCOUNTS
from gateway.vocabulary import cities, departments
from gateway.web import exports, list_filters
from gateway.web.links import href

blueprint = Blueprint("accounts_administration", __name__, url_prefix="/accounts")


@blueprint.get("")
@sign_in_required
def index() -> ResponseReturnValue:
    query = request.args.get("query", "").strip()
    wanted = pb.ListAccountsRequest(**list_filters.read_paging(), query=query)
    if exports.is_wanted():
        return exports.send_list(ACCOUNTS, account_rpc.accounts.ListAccounts, wanted)
    answer = account_rpc.accounts.ListAccounts(wanted)
    return render_template("accounts/list.html", answer=answer, wanted=query, cities=cities.get_city_names())


@blueprint.route("/new", methods=["GET", "POST"])
@sign_in_required
def create() -> ResponseReturnValue:
    permissions.require("AccountService.CreateAccount")
    form = Form()
    if form.submitted:
        with form.catch_refusal():
            account = account_rpc.accounts.CreateAccount(form.build_request(pb.CreateAccountRequest))
            return _render_password(account, _("The account is created"))
    return _render_form(form, None)


@blueprint.get("/<account_id>")
@sign_in_required
def show(account_id: str) -> ResponseReturnValue:
    account = _get_account(account_id)
    return render_template(
        "accounts/show.html",
        account=account,
        cities=cities.get_city_names(),
        sessions=account_rpc.sessions.ListSessions(pb.ListSessionsRequest(parent=account.name)).sessions,
        tokens=account_rpc.access_tokens.ListAccessTokens(
            pb.ListAccessTokensRequest(parent=account.name)
        ).access_tokens,
    )


@blueprint.post("/<account_id>/sessions/<session_id>/end")
@sign_in_required
def end_session(account_id: str, session_id: str) -> ResponseReturnValue:
    """End a session of an account; that it has ended already is no mistake."""
    account = _get_account(account_id)
    with suppress(NotFound):
        account_rpc.sessions.DeleteSession(pb.DeleteSessionRequest(name=f"sessions/{session_id}"))
    flash(_("The session has ended."), "success")
    return redirect(href(account.name), 303)


@blueprint.post("/<account_id>/access-tokens/<token_id>/revoke")
@sign_in_required
def revoke_token(account_id: str, token_id: str) -> ResponseReturnValue:
    """Revoke an access token of an account; that it is gone already is no mistake."""
    account = _get_account(account_id)
    with suppress(NotFound):
        account_rpc.access_tokens.DeleteAccessToken(
            pb.DeleteAccessTokenRequest(name=f"{account.name}/accessTokens/{token_id}")
        )
    flash(_("It is revoked: programs that use it are refused from now on."), "success")
    return redirect(href(account.name), 303)


@blueprint.route("/<account_id>/edit", methods=["GET", "POST"])
@sign_in_required
def edit(account_id: str) -> ResponseReturnValue:
    account = _get_account(account_id)
    form = Form({"account": account})
    if form.submitted:
        with form.catch_refusal():
            form.save(account_rpc.accounts.UpdateAccount, pb.UpdateAccountRequest, "account")
            flash(_("The account is saved; it holds from now on."), "success")
            return redirect(href(account.name), 303)
    return _render_form(form, account)


@blueprint.route("/<account_id>/<any(lock, unlock):verb>", methods=["GET", "POST"])
@sign_in_required
def lock(account_id: str, verb: str) -> ResponseReturnValue:
    account = _get_account(account_id)
    form = Form({"etag": account.etag})
    if form.submitted:
        with form.catch_refusal():
            changed = pb.Account(name=account.name, etag=form["etag"], disabled=verb == "lock")
            account_rpc.accounts.UpdateAccount(
                pb.UpdateAccountRequest(account=changed, update_mask=FieldMask(paths=["disabled"]))
            )
            flash(_("The account is locked.") if verb == "lock" else _("The account is unlocked."), "success")
            return redirect(href(account.name), 303)
    title = _("Lock the account of %(name)s?") if verb == "lock" else _("Unlock the account of %(name)s?")
    return render_template(
        "confirm.html",
        form=form,
        title=title % {"name": account.display_name},
        consequence=_(
            "It is signed out everywhere and cannot sign in until you unlock it; "
            "its access tokens and calendar addresses are revoked."
        )
        if verb == "lock"
        else _("It can sign in again with its password. Its programs need new access tokens and calendar addresses."),
        button=_("Lock account") if verb == "lock" else _("Unlock account"),
        final=verb == "lock",
        back=href(account.name),
        above=_build_trail(account),
    ), form.status


@blueprint.route("/<account_id>/reset-password", methods=["GET", "POST"])
@sign_in_required
def reset_password(account_id: str) -> ResponseReturnValue:
    account = _get_account(account_id)
    form = Form({"etag": account.etag})
    if form.submitted:
        with form.catch_refusal():
            wanted = form.build_request(pb.ResetAccountPasswordRequest, name=account.name)
            return _render_password(account_rpc.accounts.ResetAccountPassword(wanted), _("The password is reset"))
    return render_template(
        "confirm.html",
        form=form,
        title=_("Give %(name)s a new password?", name=account.display_name),
        consequence=_(
            "The present password no longer works, all sessions end, and access tokens and calendar addresses "
            "are revoked. The new one is shown once."
        ),
        button=_("Reset password"),
        back=href(account.name),
        above=_build_trail(account),
    ), form.status


def _get_account(account_id: str) -> pb.Account:
    """Return an account, for administrators only: their own is on another page for everybody else."""
    permissions.require("AccountService.UpdateAccount")
    account: pb.Account = account_rpc.accounts.GetAccount(pb.GetAccountRequest(name=f"accounts/{account_id}"))
    return account


def _build_trail(account: pb.Account) -> list[tuple[str, str]]:
    """Return the breadcrumbs (path, title) above a page that asks back about an account."""
    return [(url_for("accounts_administration.index"), _("Accounts")), (href(account.name), account.display_name)]


def _render_form(form: Form, account: pb.Account | None) -> ResponseReturnValue:
    page = render_template(
        "accounts/form.html",
        form=form,
        account=account,
        cities=cities.list_other_cities(),
        departments=departments.suggest_departments(more=account_admin.list_departments(accounts_database())),
    )
    return page, form.status


def _render_password(account: pb.Account, title: str) -> ResponseReturnValue:
    """Show a password that was made up, this once."""
    page = render_template(
        "accounts/password.html", account=account, title=title, sign_in=url_for("sign_in.ask", _external=True)
    )
    return page, 200, {"Cache-Control": "no-store"}
