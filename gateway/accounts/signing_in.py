"""
How a browser comes to be signed in: by the page ``/sign-in``, or in place.

In place is for a form that was sent after its session had ended: the answer is the sign-in form under the address of
the page, and once signed in the same request shows the page, with what was typed (`gateway.kept`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, after_this_request, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import ResourceExhausted, Unauthenticated
from gateway import cookies, kept
from gateway.accounts import first_password
from gateway.accounts.callers import admit, current_identity, local_path, newcomer, store
from gateway.accounts.model import Kind
from gateway.accounts.passwords import MAX_PASSWORD

View = TypeVar("View", bound=Callable[..., Any])

# What the cookie of forms remembers: that a session was begun in this browser, and that a button came after its end.
BEGUN, PRESSED = "begun", "pressed"
# The longest that the database can be asked to bear.
MAX_EMAIL = 254


@dataclass(frozen=True)
class Refusal:
    """
    Why somebody is not signed in.

    Attributes:
        problem: What they are told.
        status: HTTP status of the answer.
        headers: Headers of the answer.
    """

    problem: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)


def init_app(app: Flask) -> None:
    """Let people sign in on every page with a form; after the app's CSRF protection and `kept`."""
    app.before_request(sign_in_in_place)
    app.before_request(first_password.choose)


def sign_in_required(view: View) -> View:
    """Decorate a page: whoever is not signed in is asked to, and comes back to it afterwards."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if current_identity() else to_sign_in()

    return guarded  # type: ignore[return-value]


def to_sign_in() -> BaseResponse:
    """
    Ask to sign in: in place where something was typed, else on the sign-in page, which leads back.

    Whoever has signed in by a first password is asked for an own one instead.
    """
    here = local_path(request.full_path.rstrip("?"))
    if request.headers.get("HX-Request"):  # a part of a page, on which a form may be half filled: it must stay
        part = render_template("accounts/session_ended.html", next=here)
        return Response(part, 401, {"HX-Reswap": "innerHTML"}, content_type="text/html; charset=utf-8")
    if kept.typed() is not None:
        return first_password.page() if newcomer() else page()
    if newcomer():
        return redirect(url_for("accounts.first_password", next=here if request.method == "GET" else "/"), 303)
    if request.method == "GET":
        session.pop(PRESSED, None)
        return redirect(url_for("accounts.sign_in", next=here), 303)
    session[PRESSED] = True
    came_from = urlsplit(request.referrer or "")
    page_before = local_path(f"{came_from.path}?{came_from.query}".rstrip("?"))
    return redirect(url_for("accounts.sign_in", next=page_before if came_from.netloc == request.host else "/"), 303)


def page(refusal: Refusal | None = None, *, target: str = "/") -> Response:
    """
    Return the page that asks for address and password, with what was typed into another form.

    Args:
        refusal: Why the attempt before was refused.
        target: Where to go afterwards, if nothing was typed.
    """
    typed = kept.typed()
    prefix = "" if typed is None else kept.SIGN_IN
    body = render_template(
        "accounts/sign_in.html",
        typed=typed,
        prefix=prefix,
        next=target,
        email=request.form.get(prefix + "email", ""),
        problem=refusal.problem if refusal else "",
        ended=BEGUN in session,
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
        token, caller = store().sign_in(email, password, request.remote_addr or "", Kind.WEB)
    except Unauthenticated:
        return Refusal(_("E-mail address or password is wrong."), 401)
    except ResourceExhausted as error:
        seconds = error.metadata["retry_after"]
        minutes = int(seconds) // 60 + 1
        problem = _("Too many attempts. Please try again in %(minutes)s minutes.", minutes=minutes)
        return Refusal(problem, 429, {"Retry-After": seconds})
    pressed = session.get(PRESSED)
    session.clear()  # whoever planted a form's token before gains nothing from it now
    session[BEGUN] = True
    if pressed:
        flash(_("Nothing was changed. Press the button again."), "warning")
    admit(caller)

    @after_this_request
    def give_cookie(response: Response) -> Response:
        cookies.set_session(response, token, caller.expire_time)
        return response

    return None


def sign_in_in_place() -> BaseResponse | None:
    """Answer the sign-in form in place: with the page that it stands for, or with itself where it is refused."""
    if not kept.is_form() or kept.SIGN_IN + "password" not in request.form:
        return None
    if refusal := begin_session(kept.SIGN_IN):
        return page(refusal)
    if newcomer():
        return first_password.page()
    kept.show_again()
    flash(_("You are signed in again. What you typed is below; nothing is saved yet."), "info")
    return None
