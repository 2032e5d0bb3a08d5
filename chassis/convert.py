"""What every service converts alike between its model and its messages: days, instants, words, enums, history."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from chassis.errors import InvalidArgument
from chassis.model import Resource

YEARS = range(1900, 3000)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Member = TypeVar("Member", bound=StrEnum)


def date_of(value: Date) -> date:
    """
    Return a full date.

    Raises:
        ValueError: There is no such day, as where it is unset.
    """
    return date(value.year, value.month, value.day)


def full_date(value: Date, path: str) -> date:
    """
    Return a full date that somebody sent.

    Args:
        path: Path of the field in the request, for the error.

    Raises:
        InvalidArgument: There is no such day (reason NO_SUCH_DAY), or its year is not one of `YEARS`
            (YEAR_OUT_OF_RANGE).
    """
    try:
        read = date_of(value)
    except ValueError:
        raise InvalidArgument(path, "is not a day: give year, month and day", reason="NO_SUCH_DAY") from None
    _check_year(read.year, path)
    return read


def utc_instant(value: Timestamp, path: str) -> datetime:
    """
    Return a timestamp, with the zone UTC.

    Raises:
        InvalidArgument: It is none (reason NO_SUCH_INSTANT), or its year is not one of `YEARS` (YEAR_OUT_OF_RANGE).
    """
    try:
        read: datetime = value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(path, "is not a timestamp", reason="NO_SUCH_INSTANT") from None
    _check_year(read.year, path)
    return read


def _check_year(year: int, path: str) -> None:
    if year not in YEARS:
        raise InvalidArgument(
            path,
            f"has a year outside {YEARS.start} to {YEARS.stop - 1}",
            reason="YEAR_OUT_OF_RANGE",
            metadata={"low": str(YEARS.start), "high": str(YEARS.stop - 1)},
        )


def date_message(value: date | None) -> Date | None:
    """Return a date as a message; None stays unset."""
    return Date(year=value.year, month=value.month, day=value.day) if value else None


def timestamp(value: datetime) -> Timestamp:
    """Return an instant as a message, as `Timestamp.FromDatetime` does, in a quarter of its time."""
    since = value - EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def composed(words: Iterable[str]) -> list[str]:
    """Return words in Unicode's composed form (NFC), each once: what looks the same is the same."""
    return list(dict.fromkeys(unicodedata.normalize("NFC", word) for word in words))


def history(row: Resource) -> dict[str, Any]:
    """Return the fields that every resource ends with."""
    return {
        "create_time": timestamp(row.create_time),
        "update_time": timestamp(row.update_time),
        "updater": row.updater,
        "etag": row.etag,
    }


def numbers(enum: Any, members: Iterable[Member]) -> dict[Member, Any]:
    """Return the numbers that a protobuf enum has for a model's members, e.g. ``STATE_DRAFT`` for ``draft``."""
    return {member: enum.values_by_name[_prefix(enum) + member.upper()].number for member in members}


def member(enum: Any, number: int, kind: type[Member]) -> Member:
    """Return the model's member for a number of a protobuf enum; the number is not that of ``…_UNSPECIFIED``."""
    return kind(enum.values_by_number[number].name.removeprefix(_prefix(enum)).lower())


def _prefix(enum: Any) -> str:
    """Return what all names of a protobuf enum begin with, e.g. ``STATE_``; the first is ``STATE_UNSPECIFIED``."""
    name: str = enum.values[0].name
    return name.removesuffix("UNSPECIFIED")
