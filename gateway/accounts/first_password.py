"""
The first password: whoever got one from an administrator chooses an own one before anything else.

Until then nobody is signed in for the pages (`gateway.accounts.callers`), so that no page can be forgotten here. The
choice is asked for on a page of its own; in place where a form was just sent, which is then shown again
(`gateway.kept`).
"""

from flask import Response, flash, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from chassis.errors import InvalidArgument
from gateway import kept
from gateway.accounts.callers import admit, newcomer, store
from gateway.accounts.passwords import MAX_PASSWORD, MIN_PASSWORD

FIELD = kept.SIGN_IN + "new_password"


def page(problem: str = "") -> Response:
    """Return the page that asks for an own password, with what was typed into another form."""
    caller = newcomer()
    body = render_template(
        "accounts/first_password.html",
        account=caller,
        prefix=kept.SIGN_IN,
        typed=kept.typed() or MultiDict(),
        problem=problem,
        min_password=MIN_PASSWORD,
    )
    status = 422 if problem else 200 if request.method == "GET" else 403
    return Response(body, status, content_type="text/html; charset=utf-8")


def choose() -> BaseResponse | None:
    """Take the password chosen and go on with the page that it stood before, or say what speaks against it."""
    if not kept.is_form() or FIELD not in request.form:
        return None
    if caller := newcomer():
        new = request.form[FIELD]
        if not MIN_PASSWORD <= len(new) <= MAX_PASSWORD:
            return page(_("Please choose at least %(count)s characters.", count=MIN_PASSWORD))
        try:
            admit(store().choose_password(caller, new))
        except InvalidArgument:
            return page(_("Please choose another one: this is the password that was made up for you."))
        flash(_("Your password is changed, and every other session has ended."), "success")
    kept.show_again()  # nothing that the form brought is carried out by this button
    return None
