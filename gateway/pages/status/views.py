"""Which parts of the platform work, for people; for programs see `gateway.operations.health`."""

from datetime import UTC, datetime

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from gateway.i18n.gettext import translate_later as _l
from gateway.operations.health import READY, forbid_storing, get_part_states

# What people call the parts.
PARTS = {
    "accounts": _l("Accounts and signing in"),
    "exchange": _l("Partnerships, exchanges and visits"),
    "forum": _l("Expert forums"),
    "knowledge": _l("Learnings"),
    "nats": _l("Passing on news between the parts"),
    "index": _l("Search in the learnings"),
}
# Without these everything can be read and saved.
HELPERS = {"nats", "index"}

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
def status() -> Response:
    """Show people which parts of the platform work."""
    states = get_part_states()
    failing = {name for name, state in states.items() if state != READY}
    page = render_template(
        "status.html",
        parts=[(PARTS[name], name not in failing) for name in states],
        is_missing=bool(failing - HELPERS),
        is_late=bool(failing & HELPERS),
        checked=datetime.now(UTC),
    )
    return forbid_storing(make_response(page))
