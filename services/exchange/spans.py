"""Spans of time in requests: how long they may be, and as one where they touch."""

from collections.abc import Iterable
from datetime import date, timedelta
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy.dialects.postgresql import Range

from chassis.errors import InvalidArgument

Bound = TypeVar("Bound", bound=Any)

LONGEST_VISIT = timedelta(days=365)
MAX_SPAN = timedelta(days=732)
# In which single times are listed, and not days.
MAX_TIMES_SPAN = timedelta(days=62)


def check_span(start: date, end: date, longest: timedelta, path: str) -> None:
    """
    Raise unless a span is one and not too long; `start` and `end` are both days, or both instants.

    Args:
        path: Path of its end in the request, for the error.

    Raises:
        InvalidArgument: Its end is before its beginning (reason SPAN_REVERSED), or too long after it (SPAN_TOO_LONG).
    """
    if end < start:
        raise InvalidArgument(path, "is before the beginning", reason="SPAN_REVERSED")
    if end - start > longest:
        raise InvalidArgument(
            path,
            f"is more than {longest.days} days after the beginning",
            reason="SPAN_TOO_LONG",
            metadata={"max_days": str(longest.days)},
        )


def join_ranges(ranges: Iterable[Range[Bound]]) -> list[Range[Bound]]:
    """Return ranges, none of which is empty, in order; those that overlap or adjoin as one."""
    joined: list[Range[Bound]] = []
    for each in sorted(ranges, key=attrgetter("lower")):
        if joined and (joined[-1].overlaps(each) or joined[-1].adjacent_to(each)):
            joined[-1] = joined[-1].union(each)
        else:
            joined.append(each)
    return joined


def check_dates(start_date: date, end_date: date, path: str) -> None:
    """
    Raise unless a visit can have these dates.

    Args:
        path: Path of the last day in the request, for the error.

    Raises:
        InvalidArgument: They are reversed (reason LAST_DAY_BEFORE_FIRST), or more than 365 days apart (VISIT_TOO_LONG).
    """
    if end_date < start_date:
        raise InvalidArgument(path, "is before the first day", reason="LAST_DAY_BEFORE_FIRST")
    if end_date - start_date > LONGEST_VISIT:
        raise InvalidArgument(
            path,
            f"is more than {LONGEST_VISIT.days} days after the first day",
            reason="VISIT_TOO_LONG",
            metadata={"max_days": str(LONGEST_VISIT.days)},
        )
