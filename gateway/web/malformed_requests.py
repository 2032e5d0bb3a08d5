"""What no browser and no honest program sends is refused before anything looks at it."""

import re

from flask import request
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from gateway.auth.callers import is_api
from gateway.forms.entries import MAX_ENTRIES

# Twice as many as the largest form has: a programme of a hundred rows.
MAX_FIELDS = 4000
MAX_NAME = 100
URLENCODED = "application/x-www-form-urlencoded"
# A field's path in the contract, with the places of entries in lists: `debrief.entries.0.title`.
FIELD_NAME = re.compile(r"[A-Za-z]\w*(\.([A-Za-z]\w*|0|[1-9]\d{0,2}))*", re.ASCII)
PORT = re.compile(r"\d{0,5}", re.ASCII)
# What gunicorn raises while a body is read: chunks that are none, or an end too early.
UNREADABLE = (ParseException, NoMoreData)


def refuse_malformed() -> None:
    """
    Refuse a request that is malformed; before any hook that looks at its form.

    Raises:
        BadRequest: The host's port is no number, the body is not sent as HTTP says, or a field has an impossible name.
        RequestEntityTooLarge: The form has more fields than any of ours.
    """
    if not PORT.fullmatch(request.environ.get("SERVER_PORT", "")):
        raise BadRequest("The host has a port that is no number.")
    if request.method == "POST" and not is_api():
        refuse_malformed_form()


def refuse_malformed_form() -> None:
    """
    Refuse a form that no page of ours has.

    Raises:
        BadRequest: The body does not end as HTTP says, or a field has a name that none of ours has.
        RequestEntityTooLarge: It has more fields than any of ours.
    """
    try:
        # Counted before they are parsed: each costs a hundred times the memory of its two characters.
        if request.mimetype == URLENCODED and request.get_data().count(b"&") >= MAX_FIELDS:
            raise RequestEntityTooLarge(f"The form has more than {MAX_FIELDS} fields.")
        names = request.form.keys()
    except UNREADABLE as error:
        drop_form()
        raise BadRequest("The body does not end as it should, or is not in chunks as HTTP has them.") from error
    for name in names:
        if len(name) > MAX_NAME or not FIELD_NAME.fullmatch(name) or not has_possible_places(name):
            drop_form()
            raise BadRequest("A field of the form has a name that no field of ours has.")


def has_possible_places(name: str) -> bool:
    """Return whether each number in a field's name can be the place of an entry in a list."""
    return all(int(part) < MAX_ENTRIES for part in name.split(".") if part.isdecimal())


def drop_form() -> None:
    """Let the request have no form: what answers it must not stumble over it once more."""
    request.form = ImmutableMultiDict()
