"""The agenda of a visit by its days."""

from collections.abc import Iterable
from datetime import UTC, date
from itertools import groupby
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb


def group_by_day(agenda: Iterable[pb.AgendaItem], zone: str) -> list[tuple[date | None, list[pb.AgendaItem]]]:
    """Return the agenda by the day on which each item starts, as clocks in `zone` show it; without a time as None."""
    here = ZoneInfo(zone)

    def get_day(item: pb.AgendaItem) -> date | None:
        return item.start_time.ToDatetime(UTC).astimezone(here).date() if item.HasField("start_time") else None

    return [(day, list(items)) for day, items in groupby(agenda, key=get_day)]
