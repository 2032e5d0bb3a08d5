"""Cookies: for this site's own requests only, out of reach of scripts, and by https only where there is https."""

import secrets
from datetime import datetime

from flask import Flask, Request, after_this_request, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from gateway.i18n.languages import LANGUAGE_COOKIE

SESSION_COOKIE = "austausch_session"
FORM_COOKIE = "austausch_form"
DEVICE_COOKIE = "austausch_device"
LANGUAGE_SECONDS = 365 * 24 * 3600
DEVICE_SECONDS = 365 * 24 * 3600
# Accounts that one browser is known for: of a counter that several people share.
ACCOUNTS_PER_DEVICE = 8


class FormCookies(SecureCookieSessionInterface):
    """Flask's signed cookie: the token of forms, messages shown once, and what signing in has to tell."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds; nothing for the API, which does not look at cookies."""
        return self.session_class() if request.path.startswith("/api/v1/") else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is for https only."""
        return is_secure()


def is_secure() -> bool:
    """Return whether cookies of the current request are for https only."""
    return bool(current_app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def set_session(response: Response, token: str, expire_time: datetime) -> None:
    """Give the browser the token of a session."""
    response.set_cookie(
        SESSION_COOKIE, token, expires=expire_time, path="/", secure=is_secure(), httponly=True, samesite="Lax"
    )


def clear_session(response: Response) -> None:
    """Make the browser forget the token of a session."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=is_secure(), httponly=True, samesite="Lax")


def read_known_devices() -> dict[str, str]:
    """
    Return the mark of this browser, a random text, by the id of each account that has signed in by it before.

    Only who knew the password got it, so what strangers try does not count against it
    (`gateway.accounts.throttle`).
    """
    try:
        known: dict[str, str] = _get_device_serializer().loads(
            request.cookies.get(DEVICE_COOKIE, ""), max_age=DEVICE_SECONDS
        )
    except BadData:
        return {}
    return known


def remember_device(response: Response, account_id: str) -> None:
    """Mark the browser as one in which an account has signed in."""
    before = {known: mark for known, mark in read_known_devices().items() if known != account_id}
    latest = dict([*before.items(), (account_id, secrets.token_urlsafe(12))][-ACCOUNTS_PER_DEVICE:])
    response.set_cookie(
        DEVICE_COOKIE,
        _get_device_serializer().dumps(latest),
        max_age=DEVICE_SECONDS,
        path="/",
        secure=is_secure(),
        httponly=True,
        samesite="Lax",
    )


def _get_device_serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=DEVICE_COOKIE)


def remember_language(tag: str) -> None:
    """Make the browser ask for its next pages in a language."""

    @after_this_request
    def give_cookie(response: Response) -> Response:
        response.set_cookie(
            LANGUAGE_COOKIE, tag, max_age=LANGUAGE_SECONDS, secure=is_secure(), httponly=True, samesite="Lax"
        )
        return response
