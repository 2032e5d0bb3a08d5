"""
The address of a calendar, which holds a secret: calendar programs cannot sign in, so the path proves who asks.

The secret is taken out of the request before anything else reads that, so that no log, trace, metric or page has it.
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

FOLDER, SUFFIX = "calendars/", ".ics"
# What everything behind sees in place of the path.
PATH = "/calendars/secret.ics"
SECRET = "austausch.calendar_secret"
# Where servers keep the address as it was sent.
SENT = ("RAW_URI", "REQUEST_URI")


class HiddenSecrets:
    """What takes the secret out of a request, before an app."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").lstrip("/")
        if path.startswith(FOLDER):
            environ[SECRET] = path.removeprefix(FOLDER).removesuffix(SUFFIX)
            environ |= {"PATH_INFO": PATH, **{name: PATH for name in SENT if name in environ}}
        return self._app(environ, start_response)


def get_secret() -> str:
    """Return the secret in the address of the current request."""
    return str(request.environ.get(SECRET, ""))


def put_secret(address: str, secret: str) -> str:
    """Return the address of `PATH`, as Flask builds it, with a secret in its place."""
    return address.replace(PATH, f"/{FOLDER}{secret}{SUFFIX}")
