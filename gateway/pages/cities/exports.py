"""What the file of cities holds."""

from operator import attrgetter

from gateway.i18n.countries_and_zones import get_country_name, get_zone_name
from gateway.i18n.gettext import translate_later as _l
from gateway.i18n.languages import get_language_name
from gateway.web.exports import Export, get_address, read_coordinate

CITIES = Export(
    _l("Cities"),
    attrgetter("cities"),
    [
        (_l("City"), attrgetter("display_name")),
        (_l("Name in the city's language"), attrgetter("local_name")),
        (_l("Country"), lambda city: get_country_name(city.country_code)),
        (_l("Part of the country"), attrgetter("subdivision_code")),
        (_l("Local time"), lambda city: get_zone_name(city.time_zone)),
        (_l("Working languages"), lambda city: map(get_language_name, city.languages)),
        (_l("Public holidays"), lambda city: get_country_name(city.holiday_calendar)),
        (_l("Latitude"), read_coordinate("latitude")),
        (_l("Longitude"), read_coordinate("longitude")),
        (_l("Link"), get_address),
    ],
)
