"""
The first password: whoever got one from an administrator chooses an own one before anything else.

Until then nobody is signed in for the pages (`gateway.auth.callers`), so that no page can be forgotten here. The
choice is asked for on a page of its own; in place where a form was just sent, which is then shown again
(`gateway.forms.resubmission`).
"""

from flask import Response, current_app, flash, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from chassis.errors import DomainError, Unauthenticated
from gateway.accounts import sessions
from gateway.accounts.password_rules import MIN_PASSWORD
from gateway.auth.callers import accounts_database, admit, current_newcomer
from gateway.auth.password_pages import Complaint, render_password_page


def render_first_password_page(
    typed: MultiDict[str, str] | None, prefix: str, complaint: Complaint | None = None
) -> Response:
    """
    Return the page that asks for an own password.

    Args:
        typed: What was typed into another form, which the page carries on.
        prefix: Begins the name of its field, `new_password`.
        complaint: Why the one chosen before was not taken.
    """
    return render_password_page(
        "accounts/first_password.html",
        complaint,
        status=200 if request.method == "GET" else 403,
        account=current_newcomer(),
        prefix=prefix,
        typed=typed or MultiDict(),
        min_password=MIN_PASSWORD,
    )


def choose_password(new: str) -> DomainError | None:
    """
    Take the password that the newcomer chooses; return what speaks against it, None when it is taken.

    Raises:
        Unauthenticated: The session has ended meanwhile; reason SESSION_ENDED.
    """
    caller = current_newcomer()
    if caller is None:
        return None
    try:
        admit(sessions.choose_password(accounts_database(), caller, new, current_app.config["HOME_CITY"]))
    except Unauthenticated:
        raise
    except DomainError as refusal:
        return refusal
    flash(_("Your password is changed, and every other session has ended."), "success")
    return None
