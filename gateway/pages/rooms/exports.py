"""What the file of rooms holds."""

from operator import attrgetter

from flask_babel import gettext as _

from gateway.i18n.gettext import translate_later as _l
from gateway.vocabulary.cities import get_city_names, load_city_names
from gateway.web.exports import Export

ROOMS = Export(
    _l("Rooms"),
    attrgetter("rooms"),
    [
        (_l("Room"), attrgetter("display_name")),
        (_l("Venue"), attrgetter("venue_display_name")),
        (_l("City"), lambda room: get_city_names().get(room.city, "")),
        (_l("Address"), attrgetter("address")),
        (_l("Seats"), lambda room: room.seats or None),
        (_l("Access"), lambda room: _("without steps") if room.step_free else ""),
        (_l("Equipment"), attrgetter("equipment")),
        (_l("Identifier"), attrgetter("name")),
    ],
    prepare=load_city_names,
)
