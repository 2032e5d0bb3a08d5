"""The ways of a delegation: who of it goes from which item to which, where these are at different venues."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.exchange.model import AgendaItem, Delegate, Group, Venue, Visit
from services.exchange.ways import Travel, Ways

NIGHT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Transfer:
    """
    A way from one item to the next.

    Attributes:
        available_minutes: The time between them, in whole minutes.
    """

    before: AgendaItem
    after: AgendaItem
    venue: Venue
    travel: Travel
    available_minutes: int


def list_venues(items: Iterable[AgendaItem]) -> list[Venue]:
    """Return the venues of some items, each once."""
    return list({item.venue.id: item.venue for item in items if item.venue}.values())


def list_transfers(
    visit: Visit, items: Sequence[AgendaItem], delegates: Iterable[Delegate], ways: Ways
) -> list[Transfer]:
    """
    Return the ways of the delegations of a visit, those of groups in which nobody is yet included.

    Nobody goes from the last item of a day to the first of the next: they go to bed in between.

    Args:
        items: The programme by time.
        delegates: Those who are known to the caller.
    """
    placed, zone = [item for item in items if item.period], ZoneInfo(visit.time_zone)
    pairs: dict[tuple[str, str], Transfer] = {}
    for itinerary in _list_itineraries(visit, placed, delegates):
        for before, after in pairwise(itinerary):
            transfer = None if _is_night_between(before, after, zone) else _make(before, after, ways)
            if transfer:
                pairs[before.id, after.id] = transfer
    return sorted(pairs.values(), key=lambda each: (each.after.programme_order, each.after.id, each.before.id))


def _list_itineraries(
    visit: Visit, items: Sequence[AgendaItem], delegates: Iterable[Delegate]
) -> Iterator[list[AgendaItem]]:
    """Yield the items of each who travels, by time; and of somebody in each group of each city, and in none."""
    for city_id in visit.guest_ids:
        for group in (None, *Group):
            anybody = Delegate(city_id=city_id, group=group)
            yield [item for item in items if item.expects(anybody)]
    for delegate in delegates:
        yield [item for item in items if delegate.name in item.people or item.expects(delegate)]


def _is_night_between(before: AgendaItem, after: AgendaItem, zone: ZoneInfo) -> bool:
    if not (before.end_time and after.start_time):
        return False
    is_next_day = before.end_time.astimezone(zone).date() < after.start_time.astimezone(zone).date()
    return is_next_day and after.start_time - before.end_time >= NIGHT


def _make(before: AgendaItem, after: AgendaItem, ways: Ways) -> Transfer | None:
    """Return the way between two items; None where there is none, or where it is not known how long it takes."""
    if not (before.venue and after.venue and before.end_time and after.start_time):
        return None
    travel = ways.find(before.venue, after.venue)
    if travel is None:
        return None
    return Transfer(before, after, after.venue, travel, (after.start_time - before.end_time) // timedelta(minutes=1))
