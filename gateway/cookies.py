"""Cookies: for this site's own requests only, out of reach of scripts, and by https only where there is https."""

from datetime import datetime

from flask import Flask, Request, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.wrappers import Response

SESSION = "austausch_session"
FORM = "austausch_form"


class FormCookies(SecureCookieSessionInterface):
    """Flask's signed cookie: the token of forms, messages shown once, and what signing in has to tell."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds; nothing for the API, which does not look at cookies."""
        return self.session_class() if request.path.startswith("/api/v1/") else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is for https only."""
        return secure()


def init_app(app: Flask, *, always_secure: bool) -> None:
    """Set up the cookies of an app."""
    app.config.update(SESSION_COOKIE_NAME=FORM, SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_SECURE=always_secure)
    app.session_interface = FormCookies()


def secure() -> bool:
    """Return whether cookies of the current request are for https only."""
    return bool(current_app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def set_session(response: Response, token: str, expire_time: datetime) -> None:
    """Give the browser the token of a session."""
    response.set_cookie(SESSION, token, expires=expire_time, path="/", secure=secure(), httponly=True, samesite="Lax")


def clear_session(response: Response) -> None:
    """Make the browser forget the token of a session."""
    response.delete_cookie(SESSION, path="/", secure=secure(), httponly=True, samesite="Lax")
