"""Signing in and out."""

from contextlib import suppress

from flask import Blueprint, redirect, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import NotFound
from gateway.accounts import sessions
from gateway.accounts.model import Kind
from gateway.auth import cookies, sign_in
from gateway.auth.callers import accounts_database, current_caller, current_identity, current_newcomer
from gateway.auth.sign_in import local_path
from gateway.forms import resubmission

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
def ask() -> BaseResponse:
    """Ask for address and password; whoever is signed in already goes on."""
    target = local_path(request.args.get("next"))
    return (
        redirect(target, 303)
        if current_identity() or current_newcomer()
        else sign_in.render_sign_in_page(target=target)
    )


@blueprint.post("/sign-in")
def begin_session() -> BaseResponse:
    """Sign in, and go where the reader wanted to go."""
    target = local_path(request.form.get("next"))
    refusal = sign_in.begin_session()
    if refusal:
        return sign_in.render_sign_in_page(resubmission.to_complaint(refusal), target=target)
    return redirect(target, 303)


@blueprint.post("/sign-out")
def end_session() -> BaseResponse:
    """Sign out: the session is worthless from now on, wherever its cookie is."""
    caller = current_caller() or current_newcomer()
    if caller:
        with suppress(NotFound):  # ended meanwhile, which is what was wanted
            sessions.revoke_token(accounts_database(), caller.account_id, caller.token_id, (Kind.WEB,))
    session.clear()
    response = redirect(url_for("sign_in.ask"), 303)
    cookies.clear_session(response)
    return response


@blueprint.route("/account/first-password", methods=["GET", "POST"])
def first_password() -> BaseResponse:
    """Ask for an own password; whoever has one goes on."""
    if current_newcomer():
        return resubmission.ask_for_password()
    if current_identity():
        return redirect(local_path(request.args.get("next")), 303)
    return resubmission.ask_to_sign_in()
