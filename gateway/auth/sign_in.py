"""How a browser comes to be signed in: the form for address and password, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, after_this_request, flash, request, session
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from chassis.errors import DomainError
from gateway.accounts import sessions
from gateway.accounts.model import Kind
from gateway.accounts.password_rules import MAX_PASSWORD
from gateway.auth import cookies
from gateway.auth.callers import accounts_database, admit, require_caller
from gateway.auth.password_pages import Complaint, render_password_page

View = TypeVar("View", bound=Callable[..., Any])

# What the cookie of forms remembers: that a session was begun in this browser, and that a button came after its end.
SESSION_BEGUN, BUTTON_PRESSED = "begun", "pressed"
# The longest that the database can be asked to bear.
MAX_EMAIL = 254


def sign_in_required(view: View) -> View:
    """Decorate a page: whoever is not signed in is asked to, and comes back to it afterwards."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require_caller()
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def render_sign_in_page(
    complaint: Complaint | None = None,
    *,
    target: str = "/",
    typed: MultiDict[str, str] | None = None,
    prefix: str = "",
) -> Response:
    """
    Return the page that asks for address and password.

    Args:
        complaint: Why those given before were not taken.
        target: Where to go afterwards, if nothing was typed.
        typed: What was typed into another form, which the page carries on.
        prefix: Begins the names of the two fields.
    """
    return render_password_page(
        "accounts/sign_in.html",
        complaint,
        status=200 if typed is None else 401,
        typed=typed,
        prefix=prefix,
        next=target,
        email=request.form.get(prefix + "email", ""),
        ended=SESSION_BEGUN in session,
    )


def begin_session(prefix: str = "") -> DomainError | None:
    """
    Sign in by the address and password posted and give the browser the cookie; return what speaks against it, if any.

    `prefix` is that of the two fields' names.
    """
    email = request.form.get(prefix + "email", "")[:MAX_EMAIL].replace("\0", "")
    password = request.form.get(prefix + "password", "")[:MAX_PASSWORD]
    try:
        token, caller = sessions.sign_in(
            accounts_database(), email, password, request.remote_addr or "", Kind.WEB, cookies.read_known_devices()
        )
    except DomainError as refusal:
        return refusal
    pressed = session.get(BUTTON_PRESSED)
    session.clear()  # whoever planted a form's token before gains nothing from it now
    session[SESSION_BEGUN] = True
    if pressed:
        flash(_("Nothing was changed. Press the button again."), "warning")
    admit(caller)

    @after_this_request
    def give_cookie(response: Response) -> Response:
        cookies.set_session(response, token, caller.expire_time)
        cookies.remember_device(response, caller.account_id)
        return response

    return None


def local_path(target: str | None) -> str:
    """Return a path of this site to go to; "/" for anything that could lead elsewhere."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return "/"
    if "\\" in target or any(ord(character) < 32 for character in target):
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else target
