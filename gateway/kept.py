"""
What a person typed into a form is not lost when the form cannot be taken yet.

Three things come between a person and their form: they switch the language, their session has ended, or the form's
token is no longer valid. In each, the browser has just sent every field, so the answer is the same page, filled with
them. Nothing is stored, neither here nor in the browser, and no script is needed. The page is built as for a GET:
nothing can be carried out by it, which is why even a form without a valid token may be shown so.

- The language: its switch in the header is a button of the page's form (the attribute `form` of HTML).
- The session: the page answers with the sign-in form, under its own address and with the fields in it, hidden
  (`gateway.accounts.signing_in`).
- The token: the page comes back with a new one (`gateway.errors`).

Passwords and files are never carried.
"""

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from gateway import languages

# The button that switches the language.
SWITCH = "switch_language"
# Begins the names of the fields with which one signs in in place.
SIGN_IN = "sign_in."


def init_app(app: Flask) -> None:
    """Let the forms of an app switch the language; after its CSRF protection."""
    app.before_request(switch_language)


def is_form() -> bool:
    """Return whether this request sends the form of a page that can be shown again: one that also answers a GET."""
    rule = request.url_rule
    return request.method == "POST" and rule is not None and {"GET", "POST"} <= (rule.methods or set())


def typed() -> MultiDict[str, str] | None:
    """Return what was typed into the form that this request brought; None when it brought none."""
    if is_form():
        return MultiDict(
            (name, text)
            for name, text in request.form.items(multi=True)
            if name not in ("csrf_token", SWITCH) and not name.startswith(SIGN_IN) and "password" not in name
        )
    kept: MultiDict[str, str] | None = g.get("typed")
    return kept


def show_again() -> None:
    """Make this request one for the page of the form that it brought, filled with what was typed."""
    g.typed = typed()
    request.method = "GET"


def switch_language() -> ResponseReturnValue | None:
    """Answer the button that switches the language with the page in that language."""
    chosen = request.form.get(SWITCH, "") if is_form() else ""
    if chosen in languages.LANGUAGES:
        g.language_before = languages.language()
        languages.choose(chosen)
        show_again()
    return None


def language_before() -> str:
    """Return the language in which the page was typed into; "" when it has not changed."""
    tag: str = g.get("language_before", "")
    return tag
