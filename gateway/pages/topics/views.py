"""Topics that are offered while one types a list of them."""

import re

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from chassis.errors import Unavailable
from gateway.auth.sign_in import sign_in_required
from gateway.forms.entries import split_entries
from gateway.vocabulary import topics

blueprint = Blueprint("topics", __name__, url_prefix="/topics")

MAX_OFFERED = 20
LAST_ENTRY = re.compile(r"[^,;\n]*\Z")


@blueprint.get("/options")
@sign_in_required
def options() -> ResponseReturnValue:
    """Offer what completes the last of the words in a field, whatever its name; those before it stay."""
    text = next(iter(request.args.values()), "")[:2000]
    before = LAST_ENTRY.sub("", text).rstrip()
    typed = text[len(before) :].strip()
    taken = {entry.casefold() for entry in split_entries([before])}
    try:
        found = topics.suggest_topics(typed, MAX_OFFERED + len(taken))
    except Unavailable:
        found = []
    offered = [entry for entry in found if entry[0].casefold() not in taken][:MAX_OFFERED]
    return render_template("topics/options.html", before=before, typed=typed, offered=offered)
