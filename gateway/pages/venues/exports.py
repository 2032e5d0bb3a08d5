"""What the file of venues holds."""

from operator import attrgetter

from flask_babel import gettext as _

from gateway.i18n.gettext import translate_later as _l
from gateway.pages.venues.closed_dates import find_next
from gateway.web.exports import Export, get_address, read_coordinate

VENUES = Export(
    _l("Venues"),
    attrgetter("venues"),
    [
        (_l("Venue"), attrgetter("display_name")),
        (_l("City"), attrgetter("city_display_name")),
        (_l("Address"), attrgetter("address")),
        (_l("Latitude"), read_coordinate("latitude")),
        (_l("Longitude"), read_coordinate("longitude")),
        (_l("Access"), lambda venue: _("without steps") if venue.step_free else ""),
        (_l("Closed next from"), lambda venue: getattr(find_next(venue), "start_date", None)),
        (_l("Closed next until"), lambda venue: getattr(find_next(venue), "end_date", None)),
        (_l("Link"), get_address),
    ],
)
