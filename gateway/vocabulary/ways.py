"""Ways between venues in words: how long they take, and whether that is estimated."""

from austausch.exchange.v1 import venues_pb2 as pb
from flask_babel import gettext as _

from gateway.i18n.formats import format_minutes


def describe_way(way: pb.Way) -> str:
    """Return how long a way takes, “about 12 min on foot, estimated”; "" where that is not known."""
    if not way.minutes:
        return ""
    minutes = format_minutes(way.minutes)
    if not way.estimated:
        return minutes
    if way.mode == pb.Way.MODE_WALK:
        return _("about %(minutes)s on foot, estimated", minutes=minutes)
    return _("about %(minutes)s by vehicle, estimated", minutes=minutes)
