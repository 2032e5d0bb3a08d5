"""
Rows ↔ messages, as every service converts them.

A service's ``convert.py`` has, for each resource, ``<resource>_message`` and ``<resource>_columns``; both stand on what
is here.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from chassis.errors import FieldRequired, InvalidArgument
from chassis.model import Resource, snake_case

YEARS = range(1900, 3000)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Member = TypeVar("Member", bound=StrEnum)
# Takes the value of a field, None where it is unset, and its path in the request; raises InvalidArgument.
Reader = Callable[[Any, str], Any]


def date_of(value: Date) -> date:
    """
    Return a full date.

    Raises:
        ValueError: There is no such day, as where it is unset.
    """
    return date(value.year, value.month, value.day)


def read_date(value: Date, path: str) -> date:
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


def read_instant(value: Timestamp, path: str) -> datetime:
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


def timestamp_message(value: datetime) -> Timestamp:
    """Return an instant as a message, as `Timestamp.FromDatetime` does, in a quarter of its time."""
    since = value - EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def unique_nfc(words: Iterable[str]) -> list[str]:
    """Return words in Unicode's composed form (NFC), each once: what looks the same is the same."""
    return list(dict.fromkeys(unicodedata.normalize("NFC", word) for word in words))


def read_columns(
    message: Message,
    model: type[Resource],
    fields: Iterable[str],
    readers: Mapping[str, Reader] | None = None,
) -> dict[str, Any]:
    """
    Return the values of fields that a resource and its table have under the same name, as the columns take them.

    Days, instants, members of enums, lists and plain values are told apart by what the contract declares; a list of an
    enum is one of numbers. A day or an instant that is unset is None, where the column may be empty.

    Args:
        message: The resource as sent.
        model: Its table.
        fields: Names of the fields to read.
        readers: What reads a field that both sides write differently, by its name.

    Raises:
        FieldRequired: A day or an instant is unset that the column needs.
        InvalidArgument: A value is none that the field can have; reasons as `read_date` and `read_instant`.
    """
    readers = readers or {}
    # Create and Update requests carry a SubjectNode in a field subject_node.
    resource = snake_case(message.DESCRIPTOR.name)
    values = {}
    for name in fields:
        field = message.DESCRIPTOR.fields_by_name[name]
        value = None if field.has_presence and not message.HasField(name) else getattr(message, name)
        path = f"{resource}.{name}"
        values[name] = readers[name](value, path) if name in readers else _read_column(field, value, path, model)
    return values


def _read_column(field: Any, value: Any, path: str, model: type[Resource]) -> Any:
    """Return a value as the column takes it that has the name of the field."""
    column = model.__table__.c[field.name]  # type: ignore[attr-defined]
    if value is None:
        if not column.nullable:
            raise FieldRequired(path)
        return None
    kind = field.message_type and field.message_type.full_name
    if kind == "google.type.Date":
        return read_date(value, path)
    if kind == "google.protobuf.Timestamp":
        return read_instant(value, path)
    if kind:
        raise TypeError(f"{field.full_name} needs a reader of its own")
    if field.is_repeated:
        return list(value)
    return _member(field.enum_type, value, column.type.enum_class) if field.enum_type else value


def resource_fields(row: Resource) -> dict[str, Any]:
    """Return the fields that every resource has: its name, and who changed it last."""
    return {
        "name": row.name,
        "create_time": timestamp_message(row.create_time),
        "update_time": timestamp_message(row.update_time),
        "updater": row.updater,
        "etag": row.etag,
    }


def enum_numbers(enum: Any, members: Iterable[Member]) -> dict[Member, Any]:
    """Return the numbers that a protobuf enum has for a model's members, e.g. ``STATE_DRAFT`` for ``draft``."""
    return {member: enum.values_by_name[_prefix(enum) + member.upper()].number for member in members}


def read_enum(message: Message, field: str, kind: type[Member]) -> Member:
    """Return the model's member in a field of a message, which is not ``…_UNSPECIFIED``."""
    return _member(message.DESCRIPTOR.fields_by_name[field].enum_type, getattr(message, field), kind)


def read_enums(message: Message, field: str, kind: type[Member]) -> list[Member]:
    """Return the model's members in a repeated field of a message."""
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    return [_member(enum, number, kind) for number in getattr(message, field)]


def _member(enum: Any, number: int, kind: type[Member]) -> Member:
    return kind(enum.values_by_number[number].name.removeprefix(_prefix(enum)).lower())


def _prefix(enum: Any) -> str:
    """Return what all names of a protobuf enum begin with, e.g. ``STATE_``; the first is ``STATE_UNSPECIFIED``."""
    name: str = enum.values[0].name
    return name.removesuffix("UNSPECIFIED")
