"""Items of a programme that take place while their venue is closed: people may want that, and planners never do it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from services.exchange.model import AgendaItem, Venue, Visit
from services.exchange.opening_hours import list_closed


@dataclass(frozen=True, slots=True)
class Closure:
    """A part of the time of an item, or all of it, in which its venue is closed."""

    item: AgendaItem
    venue: Venue
    start: datetime
    end: datetime


def list_closures(visit: Visit, items: Iterable[AgendaItem]) -> Iterator[Closure]:
    """Yield when the venues of the items of a visit are closed while these take place, in the order of the items."""
    zone = ZoneInfo(visit.time_zone)
    for item in items:
        if item.venue is None or item.start_time is None or item.end_time is None:
            continue
        first, last = (moment.astimezone(zone).date() for moment in (item.start_time, item.end_time))
        for closed in list_closed(item.venue.opening_hours, first, last, zone, item.venue.list_closed_days()):
            start, end = max(item.start_time, closed.start), min(item.end_time, closed.end)
            if start < end:
                yield Closure(item, item.venue, start, end)
