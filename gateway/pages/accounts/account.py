"""The reader's own account: password, tokens for programs, and addresses of the calendar."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from austausch.accounts.v1 import accounts_pb2 as pb
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Unavailable
from gateway.accounts import sessions
from gateway.accounts.access_tokens import ACCESS_TOKEN_LIFETIME
from gateway.accounts.password_rules import MAX_PASSWORD, MIN_PASSWORD
from gateway.auth import account_rpc, permissions
from gateway.auth.callers import accounts_database, require_caller
from gateway.auth.sign_in import sign_in_required
from gateway.errors.explanations import explain
from gateway.errors.http_status import get_http_status
from gateway.i18n.languages import current_language
from gateway.web.calendar_address import put_secret

blueprint = Blueprint("accounts", __name__)

MAX_TITLE = 120
# Of a number of days, with zeros before it; a number that is far longer cannot even be read.
MAX_DIGITS = 6


@blueprint.get("/account")
@sign_in_required
def account() -> str:
    """Show the reader's account and its access tokens."""
    return _render_account()


@blueprint.post("/account/access-tokens")
@sign_in_required
def create_token() -> ResponseReturnValue:
    """Make an access token, and show it this once."""
    title = request.form.get("title", "").strip()
    days = request.form.get("days", "")
    if not title or len(title) > MAX_TITLE or "\0" in title:
        return _render_account(complaints={"title": _("Please say in a few words what the token is for.")}), 400
    if not days.isdecimal() or len(days) > MAX_DIGITS or not 1 <= int(days) <= ACCESS_TOKEN_LIFETIME.days:
        return _render_account(
            complaints={
                "days": _("Please give a number from %(low)s to %(high)s.", low=1, high=ACCESS_TOKEN_LIFETIME.days)
            }
        ), 400
    wanted = pb.AccessToken(
        title=title, scope="SCOPE_WRITE" if request.form.get("scope") == "SCOPE_WRITE" else "SCOPE_READ"
    )
    wanted.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=int(days)) - timedelta(seconds=1))
    try:
        made = account_rpc.access_tokens.CreateAccessToken(
            pb.CreateAccessTokenRequest(parent="accounts/me", access_token=wanted)
        )
    except FailedPrecondition as error:
        return _render_account(complaints={"title": explain(error, UTC).text}), 409
    return _render_account(new_token=made.token), 200, {"Cache-Control": "no-store"}


@blueprint.post("/account/calendar-addresses")
@sign_in_required
def create_calendar_address() -> ResponseReturnValue:
    """Make an address of the reader's calendar, and show it this once."""
    permissions.require("VisitService.ListVisits")
    title = request.form.get("program", "").strip()
    if not title or len(title) > MAX_TITLE or "\0" in title:
        complaint = _("Please say in a few words which program the address is for.")
        return _render_account(complaints={"program": complaint}), 400
    try:
        made = account_rpc.access_tokens.CreateAccessToken(
            pb.CreateAccessTokenRequest(
                parent="accounts/me", access_token=pb.AccessToken(title=title, scope="SCOPE_CALENDAR")
            )
        )
    except FailedPrecondition as error:
        return _render_account(complaints={"program": explain(error, UTC).text}), 409
    path = url_for("calendar_files.show_subscription", language=current_language(), _external=True)
    return _render_account(new_address=put_secret(path, made.token)), 200, {"Cache-Control": "no-store"}


@blueprint.post("/account/access-tokens/<token_id>/revoke")
@sign_in_required
def revoke_token(token_id: str) -> BaseResponse:
    """Revoke an access token or an address of the calendar; that it is gone already is no mistake."""
    with suppress(NotFound):
        sessions.revoke_token(accounts_database(), require_caller().account_id, token_id, sessions.ACCESS_KINDS)
    flash(_("It is revoked: programs that use it are refused from now on."), "success")
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/account/sessions/<session_id>/end")
@sign_in_required
def end_session(session_id: str) -> BaseResponse:
    """End another session of the reader; that it has ended already is no mistake."""
    with suppress(NotFound):
        sessions.revoke_token(accounts_database(), require_caller().account_id, session_id, sessions.SESSION_KINDS)
    flash(_("The session has ended."), "success")
    return redirect(url_for("accounts.account"), 303)


@blueprint.post("/account/password")
@sign_in_required
def change_password() -> BaseResponse | tuple[str, int]:
    """Change the reader's password, end all other sessions, and revoke the access tokens unless they are to stay."""
    caller = require_caller()
    new = request.form.get("new_password", "")
    try:
        old = request.form.get("old_password", "")[:MAX_PASSWORD]
        sessions.change_password(
            accounts_database(),
            caller,
            old,
            new,
            current_app.config["HOME_CITY"],
            keep_access_tokens="keep_access_tokens" in request.form,
        )
    except (InvalidArgument, ResourceExhausted, Unavailable) as error:
        at = error.violations[0].field if error.violations else "old_password"
        return _render_account(complaints={at: explain(error, UTC).text}), get_http_status(error)
    flash(_("Your password is changed, and every other session has ended."), "success")
    return redirect(url_for("accounts.account"), 303)


def _render_account(new_token: str = "", complaints: dict[str, str] | None = None, new_address: str = "") -> str:
    """Return the account's page, with what was wrong with a form on it, by field."""
    caller = require_caller()
    held = account_rpc.access_tokens.ListAccessTokens(pb.ListAccessTokensRequest(parent="accounts/me")).access_tokens
    return render_template(
        "accounts/account.html",
        account=caller,
        tokens=[token for token in held if token.scope != pb.AccessToken.SCOPE_CALENDAR],
        calendar_addresses=[token for token in held if token.scope == pb.AccessToken.SCOPE_CALENDAR],
        sessions=account_rpc.sessions.ListSessions(pb.ListSessionsRequest(parent="accounts/me")).sessions,
        new_token=new_token,
        new_address=new_address,
        complaints=complaints or {},
        max_days=ACCESS_TOKEN_LIFETIME.days,
        min_password=MIN_PASSWORD,
    )
