"""What the forms of visits offer to choose from."""

from collections.abc import Iterable

from austausch.exchange.v1 import exchange_pb2 as pb
from flask_babel import gettext as _

from gateway.vocabulary.cities import get_home_city_name

INCOMING, OUTGOING = "DIRECTION_INCOMING", "DIRECTION_OUTGOING"


def list_directions() -> list[tuple[str, str]]:
    """Return the directions of visits, named by who hosts or travels: the reader may be of either city."""
    return [
        (INCOMING, _("Incoming: %(city)s hosts", city=get_home_city_name())),
        (OUTGOING, _("Outgoing: %(city)s travels", city=get_home_city_name())),
    ]


def label_exchanges(exchanges: Iterable[pb.Exchange]) -> list[tuple[str, str]]:
    """Return (resource name, title with the city) of exchanges."""
    return [(exchange.name, f"{exchange.title} – {exchange.city_display_name}") for exchange in exchanges]
