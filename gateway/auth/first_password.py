"""
The first password: whoever got one from an administrator chooses an own one before anything else.

Until then nobody is signed in for the pages (`gateway.auth.callers`), so that no page can be forgotten here. The
choice is asked for on a page of its own; in place where a form was just sent, which is then shown again
(`gateway.forms.resubmission`).
"""

from flask import Response, current_app, flash, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from chassis.errors import DomainError, InvalidArgument, Unavailable
from gateway.accounts import sessions
from gateway.accounts.password_rules import MIN_PASSWORD
from gateway.auth.callers import accounts_database, admit, current_newcomer


def render_first_password_page(typed: MultiDict[str, str] | None, prefix: str, complaint: str = "") -> Response:
    """
    Return the page that asks for an own password.

    Args:
        typed: What was typed into another form, which the page carries on.
        prefix: Begins the name of its field, `new_password`.
        complaint: What speaks against the password chosen before.
    """
    body = render_template(
        "accounts/first_password.html",
        account=current_newcomer(),
        prefix=prefix,
        typed=typed or MultiDict(),
        complaint=complaint,
        min_password=MIN_PASSWORD,
    )
    status = 400 if complaint else 200 if request.method == "GET" else 403
    return Response(body, status, content_type="text/html; charset=utf-8")


def choose_password(new: str) -> DomainError | None:
    """Take the password that the newcomer chooses; return what speaks against it, None when it is taken."""
    caller = current_newcomer()
    if caller is None:
        return None
    try:
        admit(sessions.choose_password(accounts_database(), caller, new, current_app.config["HOME_CITY"]))
    except (InvalidArgument, Unavailable) as refusal:
        return refusal
    flash(_("Your password is changed, and every other session has ended."), "success")
    return None
