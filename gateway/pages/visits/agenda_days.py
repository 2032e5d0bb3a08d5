"""Items of a programme by their days."""

from collections.abc import Iterable
from datetime import UTC, date
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2, schedule_runs_pb2

Item = TypeVar("Item", exchange_pb2.AgendaItem, schedule_runs_pb2.PlannedItem)


def group_by_day(items: Iterable[Item], zone: str) -> list[tuple[date | None, list[Item]]]:
    """Return items by the day on which each starts, as clocks in `zone` show it; without a time as None."""
    here = ZoneInfo(zone)

    def get_day(item: Item) -> date | None:
        return item.start_time.ToDatetime(UTC).astimezone(here).date() if item.HasField("start_time") else None

    return [(day, list(of_day)) for day, of_day in groupby(items, key=get_day)]
