"""Where a page of a visit stands: its breadcrumbs, its day, and whether the visit has begun."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from flask import url_for
from flask_babel import gettext as _

from gateway.web.links import href

# The states of a visit that has something to teach: it has begun.
BEGUN_STATES = (pb.Visit.STATE_RUNNING, pb.Visit.STATE_REPORTED, pb.Visit.STATE_CLOSED)


def build_trail(visit: pb.Visit) -> list[tuple[str, str]]:
    """Return the breadcrumbs (path, title) above a page of a visit's part."""
    return [(url_for("visits.index"), _("Visits")), (href(visit.name), visit.title)]


def get_today(visit: pb.Visit) -> date:
    """Return the day that it is where the visit takes place."""
    return datetime.now(ZoneInfo(visit.time_zone)).date()
