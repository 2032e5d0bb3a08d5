"""Which parts of the platform work, for people; for programs see `gateway.operations.health`."""

from datetime import UTC, datetime

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from gateway.i18n.gettext import later as _l
from gateway.operations.health import READY, part_states, unstored

# What people call the parts.
PARTS = {
    "accounts": _l("Accounts and signing in"),
    "exchange": _l("Partnerships, exchanges and visits"),
    "forum": _l("Expert forums"),
    "knowledge": _l("Learnings and their search"),
}

blueprint = Blueprint("status", __name__)


@blueprint.get("/status")
def status() -> Response:
    """Show people which parts of the platform work."""
    parts = [(PARTS[name], state == READY) for name, state in part_states().items()]
    return unstored(make_response(render_template("status.html", parts=parts, checked=datetime.now(UTC))))
