"""Signing in and out, and the reader's own account: password and tokens for programs."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted
from gateway import cookies
from gateway.accounts import first_password as first
from gateway.accounts import signing_in
from gateway.accounts.callers import current_caller, current_identity, local_path, newcomer, require_caller, store
from gateway.accounts.model import Kind
from gateway.accounts.passwords import MAX_PASSWORD, MIN_PASSWORD
from gateway.accounts.signing_in import sign_in_required
from gateway.accounts.store import ACCESS_TOKEN_LIFETIME

blueprint = Blueprint("accounts", __name__)

MAX_TITLE = 120


@blueprint.get("/sign-in")
def sign_in() -> BaseResponse:
    """Ask for address and password; whoever is signed in already goes on."""
    target = local_path(request.args.get("next"))
    return redirect(target, 303) if current_identity() or newcomer() else signing_in.page(target=target)


@blueprint.post("/sign-in")
def begin_session() -> BaseResponse:
    """Sign in, and go where the reader wanted to go."""
    target = local_path(request.form.get("next"))
    refusal = signing_in.begin_session()
    return signing_in.page(refusal, target=target) if refusal else redirect(target, 303)


@blueprint.post("/sign-out")
def end_session() -> BaseResponse:
    """Sign out: the session is worthless from now on, wherever its cookie is."""
    caller = current_caller() or newcomer()
    if caller:
        with suppress(NotFound):  # ended meanwhile, which is what was wanted
            store().revoke(caller.account_id, caller.token_id, (Kind.WEB,))
    session.clear()
    response = redirect(url_for("accounts.sign_in"), 303)
    cookies.clear_session(response)
    return response


@blueprint.route("/account/first-password", methods=["GET", "POST"])
def first_password() -> BaseResponse:
    """Ask for an own password; whoever has one goes on."""
    if newcomer():
        return first.page()
    return redirect(local_path(request.args.get("next")), 303) if current_identity() else signing_in.to_sign_in()


@blueprint.get("/account")
@sign_in_required
def account() -> str:
    """Show the reader's account and its access tokens."""
    return page()


@blueprint.post("/account/access-tokens")
@sign_in_required
def create_access_token() -> str | tuple[str, int]:
    """Make an access token, and show it this once."""
    title = request.form.get("title", "").strip()
    days = request.form.get("days", "")
    if not title or len(title) > MAX_TITLE or "\0" in title:
        return page(problems={"title": _("Please say in a few words what the token is for.")}), 422
    if not days.isdecimal() or not 1 <= int(days[:6]) <= ACCESS_TOKEN_LIFETIME.days:
        return page(
            problems={
                "days": _("Please give a number from %(low)s to %(high)s.", low=1, high=ACCESS_TOKEN_LIFETIME.days)
            }
        ), 422
    expire_time = datetime.now(UTC) + timedelta(days=int(days)) - timedelta(seconds=1)
    try:
        token, _kept = store().create_access_token(require_caller().account_id, title, expire_time)
    except FailedPrecondition as error:
        return page(problems={"title": error.message}), 409
    return page(new_token=token)


@blueprint.post("/account/access-tokens/<token_id>/revoke")
@sign_in_required
def revoke_access_token(token_id: str) -> BaseResponse:
    """Revoke an access token; that it is gone already is no mistake."""
    with suppress(NotFound):
        store().revoke(require_caller().account_id, token_id, (Kind.PERSONAL,))
    flash(_("The token is revoked: programs that use it are refused from now on."), "success")
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/account/password")
@sign_in_required
def change_password() -> BaseResponse | tuple[str, int]:
    """Change the reader's password, and end all other sessions."""
    caller = require_caller()
    new = request.form.get("new_password", "")
    if not MIN_PASSWORD <= len(new) <= MAX_PASSWORD:
        return page(
            problems={"new_password": _("Please choose at least %(count)s characters.", count=MIN_PASSWORD)}
        ), 422
    try:
        old = request.form.get("old_password", "")[:MAX_PASSWORD]
        store().change_password(caller.account_id, old, new, caller.token_id, request.remote_addr or "")
    except InvalidArgument:
        return page(problems={"old_password": _("This is not your present password.")}), 422
    except ResourceExhausted:
        return page(problems={"old_password": _("Too many attempts. Please try again later.")}), 429
    flash(_("Your password is changed, and every other session has ended."), "success")
    return redirect(url_for("accounts.account"), 303)


def page(new_token: str = "", problems: dict[str, str] | None = None) -> str:
    """Return the account's page, with what was wrong with a form on it, by field."""
    caller = require_caller()
    return render_template(
        "accounts/account.html",
        account=caller,
        tokens=store().access_tokens(caller.account_id),
        new_token=new_token,
        problems=problems or {},
        max_days=ACCESS_TOKEN_LIFETIME.days,
        min_password=MIN_PASSWORD,
    )
