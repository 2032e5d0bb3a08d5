"""
The password once more: what makes or changes who may sign in is not done for whoever finds a browser signed in.

`gateway.accounts.sessions.require_confirmation` refuses it; the page then asks for the password under its own address,
with all that was sent in it (`gateway.forms.resubmission`), and what was refused is carried out with the answer.
"""

from flask import Response
from werkzeug.datastructures import MultiDict

from chassis.errors import DomainError
from gateway.accounts import sessions
from gateway.accounts.password_rules import MAX_PASSWORD
from gateway.auth.callers import accounts_database, admit, require_caller
from gateway.auth.password_pages import Complaint, render_password_page

# The reason with which it is asked for.
CONFIRMATION_NEEDED = "PASSWORD_CONFIRMATION_NEEDED"


def render_confirmation_page(sent: MultiDict[str, str], prefix: str, complaint: Complaint | None = None) -> Response:
    """
    Return the page that asks for the password.

    Args:
        sent: The fields of the form that was refused, which the page carries on.
        prefix: Begins the name of its field, `confirmation`.
        complaint: Why the one given before was not taken.
    """
    return render_password_page(
        "accounts/confirm_password.html", complaint, status=401, account=require_caller(), prefix=prefix, sent=sent
    )


def confirm_password(password: str) -> DomainError | None:
    """Take the password that the reader gives once more; return what speaks against it, None when it is right."""
    try:
        admit(sessions.confirm_password(accounts_database(), require_caller(), password[:MAX_PASSWORD]))
    except DomainError as refusal:
        return refusal
    return None
