"""How a browser comes to be signed in: the form for address and password, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, after_this_request, flash, render_template, request, session
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from chassis.errors import FailedPrecondition, ResourceExhausted, Unauthenticated, Unavailable
from gateway.accounts import sessions
from gateway.accounts.model import Kind
from gateway.accounts.password_rules import MAX_PASSWORD
from gateway.auth import cookies
from gateway.auth.callers import accounts_database, admit, require_caller

View = TypeVar("View", bound=Callable[..., Any])

# What the cookie of forms remembers: that a session was begun in this browser, and that a button came after its end.
SESSION_BEGUN, BUTTON_PRESSED = "begun", "pressed"
# The longest that the database can be asked to bear.
MAX_EMAIL = 254


@dataclass(frozen=True)
class Refusal:
    """
    Why somebody is not signed in.

    Attributes:
        complaint: What they are told.
        status: HTTP status of the answer.
        headers: Headers of the answer.
    """

    complaint: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)


def sign_in_required(view: View) -> View:
    """Decorate a page: whoever is not signed in is asked to, and comes back to it afterwards."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require_caller()
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def render_sign_in_page(
    refusal: Refusal | None = None,
    *,
    target: str = "/",
    typed: MultiDict[str, str] | None = None,
    prefix: str = "",
) -> Response:
    """
    Return the page that asks for address and password.

    Args:
        refusal: Why the attempt before was refused.
        target: Where to go afterwards, if nothing was typed.
        typed: What was typed into another form, which the page carries on.
        prefix: Begins the names of the two fields.
    """
    body = render_template(
        "accounts/sign_in.html",
        typed=typed,
        prefix=prefix,
        next=target,
        email=request.form.get(prefix + "email", ""),
        complaint=refusal.complaint if refusal else "",
        ended=SESSION_BEGUN in session,
    )
    status = refusal.status if refusal else 200 if typed is None else 401
    return Response(body, status, refusal.headers if refusal else None, content_type="text/html; charset=utf-8")


def begin_session(prefix: str = "") -> Refusal | None:
    """
    Sign in by the address and password posted; return why not, or None and give the browser the session's cookie.

    `prefix` is that of the two fields' names.
    """
    email = request.form.get(prefix + "email", "")[:MAX_EMAIL].replace("\0", "")
    password = request.form.get(prefix + "password", "")[:MAX_PASSWORD]
    try:
        token, caller = sessions.sign_in(
            accounts_database(), email, password, request.remote_addr or "", Kind.WEB, cookies.read_known_devices()
        )
    except Unauthenticated:
        return Refusal(_("E-mail address or password is wrong."), 401)
    except FailedPrecondition as error:
        if error.reason != "FIRST_PASSWORD_EXPIRED":
            raise
        return Refusal(_("This first password is no longer valid. Please ask an administrator for a new one."), 401)
    except ResourceExhausted as error:
        return _wait_for_attempts(error)
    except Unavailable as error:
        return _busy(error)
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


def _wait_for_attempts(error: ResourceExhausted) -> Refusal:
    """Return the refusal of a password where there were too many wrong ones."""
    seconds = error.metadata["retry_after"]
    minutes = int(seconds) // 60 + 1
    complaint = _("Too many attempts. Please try again in %(minutes)s minutes.", minutes=minutes)
    return Refusal(complaint, 429, {"Retry-After": seconds})


def _busy(error: Unavailable) -> Refusal:
    """Return the refusal of a password that could not be looked at, because of too many others."""
    complaint = _("Very many people are signing in just now. Please try again in a moment.")
    return Refusal(complaint, 503, {"Retry-After": error.metadata.get("retry_after", "5")})


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
