"""
A span of time as a table draws it: columns of equal width, what lies in them side by side, and days to scale.

Knows days only, and neither messages nor words.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Timeline:
    """
    A year in months, a quarter in weeks, or a month in days.

    Attributes:
        view: `year`, `quarter` or `month`.
        columns: First and last day of each column, in order and without gaps.
    """

    view: str
    columns: Sequence[tuple[date, date]]

    @property
    def first(self) -> date:
        """The first day."""
        return self.columns[0][0]

    @property
    def last(self) -> date:
        """The last day."""
        return self.columns[-1][1]

    def find_columns(self, first: date, last: date) -> tuple[int, int]:
        """Return the places of the first and the last column that some days lie in, as far as they lie in any."""
        starts = [start for start, _end in self.columns]
        return (
            bisect_right(starts, max(first, self.first)) - 1,
            bisect_right(starts, min(last, self.last)) - 1,
        )

    def scale(self, first: date, last: date) -> tuple[float, float]:
        """Return where some days begin and how long they are, in columns; a day is as wide as its column divides."""
        start, end = self._locate(max(first, self.first)), self._locate(min(last, self.last) + DAY)
        return round(start, 4), round(end - start, 4)

    def _locate(self, day: date) -> float:
        if day > self.last:
            return len(self.columns)
        place, _ = self.find_columns(day, day)
        start, end = self.columns[place]
        return place + (day - start) / (end - start + DAY)


@dataclass(frozen=True)
class Cell(Generic[T]):
    """A part of a lane, some columns wide; `item` is None where nothing lies."""

    width: int
    item: T | None = None


def draw_timeline(view: str, day: date) -> Timeline:
    """Return the `year`, `quarter` or `month` that a day lies in."""
    if view == "month":
        start = day.replace(day=1)
        return Timeline(view, [(each, each) for each in list_days(start, _end_month(start))])
    if view == "quarter":
        start = date(day.year, day.month - (day.month - 1) % 3, 1)
        end = _end_month(start.replace(month=start.month + 2))
        mondays = [each for each in list_days(start, end) if each == start or each.weekday() == 0]
        return Timeline(view, [(each, min(end, each + (6 - each.weekday()) * DAY)) for each in mondays])
    starts = [date(day.year, month, 1) for month in range(1, 13)]
    return Timeline("year", [(start, _end_month(start)) for start in starts])


def stack(timeline: Timeline, items: Iterable[tuple[date, date, T]]) -> list[list[Cell[T]]]:
    """
    Return lanes in which items lie side by side, each in the columns of its days; at least one lane.

    Args:
        items: First day, last day and item, by first day; each lies in the timeline, at least in part.
    """
    lanes: list[list[Cell[T]]] = []
    filled: list[int] = []
    for first, last, item in items:
        start, end = timeline.find_columns(first, last)
        lane = next((place for place, until in enumerate(filled) if until <= start), len(lanes))
        if lane == len(lanes):
            lanes.append([])
            filled.append(0)
        if start > filled[lane]:
            lanes[lane].append(Cell(start - filled[lane]))
        lanes[lane].append(Cell(end - start + 1, item))
        filled[lane] = end + 1
    width = len(timeline.columns)
    for lane, until in enumerate(filled):
        if until < width:
            lanes[lane].append(Cell(width - until))
    return lanes or [[Cell(width)]]


def list_days(first: date, last: date) -> list[date]:
    """Return the days from the first to the last."""
    return [first + number * DAY for number in range((last - first).days + 1)]


def _end_month(first: date) -> date:
    return (first + 31 * DAY).replace(day=1) - DAY
