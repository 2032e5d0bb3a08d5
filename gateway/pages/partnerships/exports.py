"""What the file of partnerships holds."""

from collections.abc import Mapping
from operator import attrgetter

from austausch.exchange.v1 import exchange_pb2 as pb

from gateway.i18n.countries_and_zones import get_country_name
from gateway.i18n.gettext import translate_later as _l
from gateway.vocabulary.enum_labels import get_term
from gateway.web.exports import Export, get_address


def describe_partnerships(cities: Mapping[str, pb.City]) -> Export:
    """
    Return what the file of partnerships holds.

    Args:
        cities: Resource name → city, of all with which there may be one.
    """
    unknown = pb.City()
    return Export(
        _l("Partnerships"),
        attrgetter("partnerships"),
        [
            (_l("City"), attrgetter("city_display_name")),
            (_l("Name in the city's language"), lambda row: cities.get(row.city, unknown).local_name),
            (_l("Country"), lambda row: get_country_name(cities.get(row.city, unknown).country_code)),
            (_l("Kind"), lambda row: get_term(row, "kind")),
            (_l("First day"), attrgetter("start_date")),
            (_l("Last day"), attrgetter("end_date")),
            (_l("Theme"), attrgetter("theme")),
            (_l("State"), get_term),
            (_l("Link"), get_address),
        ],
    )
