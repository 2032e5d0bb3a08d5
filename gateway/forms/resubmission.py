"""
What a person typed into a form is not lost when the form cannot be taken yet.

Five things come between a person and their form: they switch the language, their session has ended, they have yet to
choose a password, they have to give it once more, or the form's token is no longer valid. In each, the browser has just
sent every field, so the answer is the same page, filled with them. Nothing is stored, neither here nor in the browser,
and no script is needed. The page is built as for a GET: nothing can be carried out by it, which is why even a form
without a valid token may be shown so.

- The language: its switch in the header is a button of the page's form (the attribute `form` of HTML), whatever that
  form is for: where the page cannot be filled with what was sent, it is asked for anew.
- The session: the page answers with the sign-in form, under its own address and with the fields in it, hidden.
- The password: likewise, with the form for an own one.
- The password once more: likewise, with a field for it; the answer carries the form out.
- The token: the page comes back with a new one.

Passwords and files are never carried.
"""

from __future__ import annotations

from datetime import UTC
from urllib.parse import urlencode, urlsplit

from flask import Response, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import DomainError
from gateway.auth import confirmation, first_password, sign_in
from gateway.auth.callers import READING_METHODS, current_caller, current_newcomer, is_api
from gateway.auth.cookies import remember_language
from gateway.auth.password_pages import Complaint
from gateway.auth.sign_in import BUTTON_PRESSED, local_path
from gateway.errors.explanations import explain
from gateway.errors.http_status import get_http_status, get_retry_seconds
from gateway.i18n import languages

# The button that switches the language.
SWITCH = "switch_language"
# Begins the names of the fields with which one signs in in place.
SIGN_IN = "sign_in."
NEW_PASSWORD = SIGN_IN + "new_password"
CONFIRMATION = SIGN_IN + "confirmation"


def is_form_request() -> bool:
    """Return whether this request sends the form of a page that can be shown again: one that also answers a GET."""
    rule = request.url_rule
    return request.method == "POST" and rule is not None and {"GET", "POST"} <= (rule.methods or set())


def get_typed() -> MultiDict[str, str] | None:
    """Return what was typed into the form that this request brought; None when it brought none."""
    if is_form_request():
        return _read_fields()
    typed: MultiDict[str, str] | None = g.get("typed")
    return typed


def _read_fields() -> MultiDict[str, str]:
    """Return the fields that this request brought, but for those of the form's frame and passwords."""
    return MultiDict(
        (name, text)
        for name, text in request.form.items(multi=True)
        if name not in ("csrf_token", SWITCH) and not name.startswith(SIGN_IN) and "password" not in name
    )


def show_again() -> None:
    """Make this request one for the page of the form that it brought, filled with what was typed."""
    g.typed = get_typed()
    request.method = "GET"


def switch_language() -> ResponseReturnValue | None:
    """Answer the button that switches the language with the page in that language, and with nothing else."""
    if is_api():
        return None
    if is_form_request():
        if _switch_if_pressed(request.form):
            show_again()
    elif request.method == "POST":
        # The form is of a page that asks back: it is for another view of the same address.
        if CONFIRMATION not in request.form and _switch_if_pressed(request.form):
            return redirect(local_path(request.script_root + request.path), 303)
    elif _switch_if_pressed(request.args):  # the form of a question, whose fields stand in the address
        fields = [(name, text) for name, text in request.args.items(multi=True) if name != SWITCH]
        return redirect(local_path(f"{request.script_root}{request.path}?{urlencode(fields)}"), 303)
    return None


def _switch_if_pressed(fields: MultiDict[str, str]) -> bool:
    """Switch to the language whose button was pressed, by the fields that were sent; return whether one was."""
    chosen = fields.get(SWITCH, "")
    if chosen not in languages.LANGUAGES:
        return False
    g.language_before = languages.current_language()
    languages.set_language(chosen)
    remember_language(chosen)
    return True


def get_previous_language() -> str:
    """Return the language in which the page was typed into; "" when it has not changed."""
    tag: str = g.get("language_before", "")
    return tag


def sign_in_in_place() -> BaseResponse | None:
    """Answer the sign-in form in place: with the page that it stands for, or with itself where it is refused."""
    if not is_form_request() or SIGN_IN + "password" not in request.form:
        return None
    if refusal := sign_in.begin_session(SIGN_IN):
        return sign_in.render_sign_in_page(to_complaint(refusal), typed=get_typed(), prefix=SIGN_IN)
    if current_newcomer():
        return ask_for_password()
    show_again()
    flash(_("You are signed in again. What you typed is below; nothing is saved yet."), "info")
    return None


def choose_password_in_place() -> BaseResponse | None:
    """Take the password chosen and go on with the page that it stood before, or say what speaks against it."""
    if not is_form_request() or NEW_PASSWORD not in request.form:
        return None
    if refusal := first_password.choose_password(request.form[NEW_PASSWORD]):
        return ask_for_password(to_complaint(refusal))
    show_again()  # nothing that the form brought is carried out by this button
    return None


def confirm_in_place() -> BaseResponse | None:
    """Take the password given once more, and go on with what it was asked for; or ask again where it is refused."""
    if request.method != "POST" or is_api():  # whose body is not a form, and is read by the endpoint
        return None
    if CONFIRMATION not in request.form or not current_caller():
        return None
    if _switch_if_pressed(request.form):  # on a page that cannot be shown again, for it answers no GET
        return ask_to_confirm()
    if refusal := confirmation.confirm_password(request.form[CONFIRMATION]):
        return confirmation.render_confirmation_page(_read_fields(), SIGN_IN, to_complaint(refusal))
    return None


def ask_to_confirm() -> BaseResponse:
    """Ask for the password once more, with all that this request brought."""
    return confirmation.render_confirmation_page(_read_fields(), SIGN_IN)


def ask_for_password(complaint: Complaint | None = None) -> BaseResponse:
    """Return the page on which a newcomer chooses an own password; `complaint`: why the last one was not taken."""
    return first_password.render_first_password_page(get_typed(), SIGN_IN, complaint)


def to_complaint(refusal: DomainError) -> Complaint:
    """Return what is said of a password that was refused, by the reason of the refusal."""
    return Complaint(explain(refusal, UTC).text, get_http_status(refusal), get_retry_seconds(refusal))


def ask_to_sign_in() -> BaseResponse:
    """
    Ask to sign in: in place where something was typed, else on the sign-in page, which leads back.

    Whoever has signed in by a first password is asked for an own one instead.
    """
    here = local_path(request.full_path.rstrip("?"))
    if request.headers.get("HX-Request"):  # a part of a page, on which a form may be half filled: it must stay
        part = render_template("accounts/session_ended.html", next=here)
        return Response(part, 401, {"HX-Reswap": "innerHTML"}, content_type="text/html; charset=utf-8")
    carried = get_typed()
    if carried is not None:
        return ask_for_password() if current_newcomer() else sign_in.render_sign_in_page(typed=carried, prefix=SIGN_IN)
    if current_newcomer():
        return redirect(url_for("sign_in.first_password", next=here if request.method in READING_METHODS else "/"), 303)
    if request.method in READING_METHODS:
        session.pop(BUTTON_PRESSED, None)
        return redirect(url_for("sign_in.ask", next=here), 303)
    session[BUTTON_PRESSED] = True
    came_from = urlsplit(request.referrer or "")
    page_before = local_path(f"{came_from.path}?{came_from.query}".rstrip("?"))
    return redirect(url_for("sign_in.ask", next=page_before if came_from.netloc == request.host else "/"), 303)


def resubmit_with_new_token() -> ResponseReturnValue:
    """Show the form of this request, whose token is not valid (any more), once more; nothing is carried out."""
    show_again()
    flash(_("This page was open for too long. What you typed is below; nothing is saved yet."), "warning")
    try:
        return current_app.dispatch_request()
    except Exception as error:  # noqa: BLE001 - Flask asks no other handler for an error in a handler
        return current_app.handle_user_exception(error)
