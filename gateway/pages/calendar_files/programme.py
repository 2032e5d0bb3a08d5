"""The programme of a visit as a calendar."""

from collections.abc import Iterable, Mapping

from austausch.exchange.v1 import exchange_pb2 as pb
from icalendar import Calendar

from chassis.convert import date_of
from gateway import rpc
from gateway.pages.calendar_files.events import add_zones, make_calendar, make_item_event, make_visit_event
from gateway.pages.visits.bookable import list_venues
from gateway.vocabulary.cities import get_home_day


def build_calendar(visit_id: str) -> tuple[str, Calendar]:
    """
    Return the title of a visit, and its days and the items that have a time.

    Raises:
        NotFound: There is no such visit.
        PermissionDenied: The reader may not see it; reason RESOURCE_NOT_VISIBLE.
    """
    programme = rpc.programmes.GetProgramme(pb.GetProgrammeRequest(name=f"visits/{visit_id}/programme"))
    visit, calendar = programme.visit, make_calendar(programme.visit.title)
    if visit.HasField("start_date"):
        add_zones(calendar, [visit.time_zone], date_of(visit.start_date), date_of(visit.end_date))
        calendar.add_component(make_visit_event(visit))
    else:  # as no item has a time: a calendar has to hold something
        add_zones(calendar, [visit.time_zone], get_home_day(), get_home_day())
    addresses = get_street_addresses(programme.agenda_items, visit)
    for item in programme.agenda_items:
        if item.HasField("start_time"):
            calendar.add_component(make_item_event(item, visit, addresses, busy=True))
    return visit.title, calendar


def get_street_addresses(items: Iterable[pb.AgendaItem], visit: pb.Visit | None = None) -> Mapping[str, str]:
    """Return the street addresses by venue, of all or of those where a visit takes place, if items are at any."""
    if not any(item.venue for item in items):
        return {}
    return {venue.name: venue.address for venue in list_venues(visit)}
