"""
Who makes the current request.

A page is asked for by a browser, which holds a cookie; the API is asked by programs, which send
``Authorization: Bearer``. The API never looks at the cookie, so no other site can make a browser call it in
somebody's name, and needs no CSRF token; a page never looks at the header. The file of a programme is no JSON and has
no RPC: it stands among the pages, and for a program that sends the header it belongs to the API.
"""

from flask import current_app, g, has_request_context, request

from chassis.errors import PermissionDenied, Unauthenticated
from chassis.identity import Identity
from gateway.accounts.caller_cache import Caller
from gateway.accounts.database import AccountsDatabase
from gateway.accounts.model import Kind, Scope
from gateway.accounts.sessions import find_caller
from gateway.auth import cookies

API = "/api/"
REFERENCE = "/api/reference"
PROGRAMME_FILE = "/programme.ics"
# What changes nothing: RPCs that only read are GET in the contract.
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def accounts_database() -> AccountsDatabase:
    """Return the accounts database of the current app."""
    database: AccountsDatabase = current_app.extensions["accounts"]
    return database


def current_caller() -> Caller | None:
    """
    Return who makes the current request; None when nobody is signed in.

    Raises:
        Unauthenticated: The request carries a bearer token that is not accepted (any more); reason
            MALFORMED_AUTHORIZATION or TOKEN_NOT_VALID.
        PermissionDenied: It is for reading, and the request is to change something; reason TOKEN_READ_ONLY.
    """
    if not has_request_context():
        return None
    if "caller" not in g:
        admit(_find_caller_by_bearer() if is_api() else _find_caller_by_cookie())
    caller: Caller | None = g.caller
    return caller


def current_newcomer() -> Caller | None:
    """
    Return who has signed in to this page by a password that was made up for them.

    They are nobody on every page before they have chosen an own one.
    """
    newcomer: Caller | None = None if current_caller() else g.get("newcomer")
    return newcomer


def admit(caller: Caller | None) -> None:
    """Let the current request be made by somebody; by nobody, as long as they have to choose a password."""
    first = caller is not None and caller.kind is Kind.WEB and caller.must_choose_password
    g.caller, g.newcomer = (None, caller) if first else (caller, None)


def current_identity() -> Identity | None:
    """Return who makes the current request, as the services know it; None when nobody is signed in."""
    caller = current_caller()
    return caller.identity if caller else None


def is_reader(name: str) -> bool:
    """Return whether somebody, by the name that others see, is who makes the current request."""
    reader = current_identity()
    return reader is not None and reader.name == name


def require_caller() -> Caller:
    """
    Return who makes the current request.

    Raises:
        Unauthenticated: Nobody is signed in; reason NOT_SIGNED_IN.
    """
    caller = current_caller()
    if caller is None:
        raise Unauthenticated("Sign in first: send a token as `Authorization: Bearer <token>`.", reason="NOT_SIGNED_IN")
    return caller


def is_api() -> bool:
    """Return whether the current request is for the API, not for a page."""
    if request.path.startswith(API):
        return request.path not in (API, REFERENCE)
    return request.path.endswith(PROGRAMME_FILE) and "Authorization" in request.headers


def _find_caller_by_bearer() -> Caller | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the token as `Authorization: Bearer <token>`.", reason="MALFORMED_AUTHORIZATION")
    caller = find_caller(accounts_database(), token.strip(), (Kind.SESSION, Kind.PERSONAL))
    if caller is None:
        raise Unauthenticated("This token is not valid (any more); sign in again.", reason="TOKEN_NOT_VALID")
    if caller.scope is Scope.READ and request.method not in READING_METHODS:
        raise PermissionDenied("This access token is for reading only.", reason="TOKEN_READ_ONLY")
    return caller


def _find_caller_by_cookie() -> Caller | None:
    token = request.cookies.get(cookies.SESSION_COOKIE)
    return find_caller(accounts_database(), token, (Kind.WEB,)) if token else None
