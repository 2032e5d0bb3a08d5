"""The directions of visits, as forms offer them."""

from flask_babel import gettext as _

from gateway.vocabulary.cities import get_home_city_name

INCOMING, OUTGOING = "DIRECTION_INCOMING", "DIRECTION_OUTGOING"


def list_directions() -> list[tuple[str, str]]:
    """Return the directions of visits, named by who hosts or travels: the reader may be of either city."""
    return [
        (INCOMING, _("Incoming: %(city)s hosts", city=get_home_city_name())),
        (OUTGOING, _("Outgoing: %(city)s travels", city=get_home_city_name())),
    ]
