"""Cookies: for this site's own requests only, out of reach of scripts, and by https only where there is https."""

from datetime import datetime

from flask import Flask, Request, after_this_request, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.wrappers import Response

from gateway.i18n.languages import LANGUAGE_COOKIE

SESSION = "austausch_session"
FORM = "austausch_form"
LANGUAGE_SECONDS = 365 * 24 * 3600


class FormCookies(SecureCookieSessionInterface):
    """Flask's signed cookie: the token of forms, messages shown once, and what signing in has to tell."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds; nothing for the API, which does not look at cookies."""
        return self.session_class() if request.path.startswith("/api/v1/") else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is for https only."""
        return secure()


def secure() -> bool:
    """Return whether cookies of the current request are for https only."""
    return bool(current_app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def set_session(response: Response, token: str, expire_time: datetime) -> None:
    """Give the browser the token of a session."""
    response.set_cookie(SESSION, token, expires=expire_time, path="/", secure=secure(), httponly=True, samesite="Lax")


def clear_session(response: Response) -> None:
    """Make the browser forget the token of a session."""
    response.delete_cookie(SESSION, path="/", secure=secure(), httponly=True, samesite="Lax")


def remember_language(tag: str) -> None:
    """Make the browser ask for its next pages in a language."""

    @after_this_request
    def give_cookie(response: Response) -> Response:
        response.set_cookie(
            LANGUAGE_COOKIE, tag, max_age=LANGUAGE_SECONDS, secure=secure(), httponly=True, samesite="Lax"
        )
        return response
