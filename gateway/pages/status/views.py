"""Which parts of the platform work, for people; for programs see `gateway.operations.health`."""

from datetime import UTC, datetime

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from gateway.auth.permissions import may
from gateway.i18n.gettext import translate_later as _l
from gateway.operations.health import MEANING, READY, forbid_storing, get_part_states, get_search_status

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
    search = get_search_status(states)
    page = render_template(
        "status.html",
        parts=[(PARTS[name], name not in failing) for name in states],
        is_missing=bool(failing - HELPERS),
        is_late=bool(failing & HELPERS),
        meaning=MEANING.get(search.semantic_state) if search else None,
        # How many learnings there are is not for everybody.
        search=search if may("LearningService.GetSearchStatus") else None,
        checked=datetime.now(UTC),
    )
    return forbid_storing(make_response(page))
