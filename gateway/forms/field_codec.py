"""
Fields of the contract's messages as text that a person reads and types: numbers, days, times, languages, topics.

A field of a page is named by its path in the request, for example `visit.start_date` or `entries.0.observation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from werkzeug.datastructures import MultiDict

from chassis.convert import date_message, date_of
from gateway.errors.unfit_value import UnfitValue
from gateway.forms import resubmission
from gateway.forms.entries import MAX_ENTRIES, split_entries
from gateway.i18n import countries_and_zones, formats, languages
from gateway.vocabulary import text_languages, topics

# A FieldDescriptor; the type stubs know two that do not fit each other.
Field = Any
T = TypeVar("T")

INDEX = re.compile(r"[0-9]{1,3}")
DATE = "google.type.Date"
LOCATION = "google.type.LatLng"
TIMESTAMP = "google.protobuf.Timestamp"
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
FLOATS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
# Fields that people read and write in words of their own: field → (code to words, words to code).
WORD_CODECS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "topics": (topics.get_topic_label, topics.find_topic),
    "languages": (languages.get_language_name, languages.find_language),
    "interpretation_languages": (languages.get_language_name, languages.find_language),
    "language_pairs": (languages.get_pair_name, languages.find_pair),
    "time_zone": (str, countries_and_zones.find_time_zone),
}


def set_field(message: Message, path: list[str], texts: list[str], zone: ZoneInfo) -> None:
    """
    Set one field of a message from text.

    Args:
        path: The field's name, after those of the messages that it lies in; an index after a list's.
        texts: What was typed, without blanks around it.
        zone: IANA zone of the form's times.

    Raises:
        UnfitValue: A text is no date (reason NOT_A_DATE, NOT_A_LOCAL_TIME, LOCAL_TIME_SKIPPED), number
            (NOT_A_WHOLE_NUMBER, NOT_A_DECIMAL) or known choice (CHOICE_UNKNOWN, LANGUAGE_UNKNOWN).
    """
    field = message.DESCRIPTOR.fields_by_name.get(path[0])
    if field is None:
        return
    if field.message_type is not None and field.message_type.full_name not in (DATE, TIMESTAMP):
        _set_inner_field(message, field, path[1:], texts, zone)
    elif field.is_repeated and field.message_type is not None:
        days = dict.fromkeys(_parse_day(item) for item in split_entries(texts))
        getattr(message, field.name).extend(map(date_message, days))
    elif field.is_repeated:
        getattr(message, field.name).extend(dict.fromkeys(_parse_scalar(field, item) for item in split_entries(texts)))
    elif texts:
        if field.message_type is None:
            setattr(message, field.name, _parse_scalar(field, texts[-1]))
        elif field.message_type.full_name == DATE:
            getattr(message, field.name).CopyFrom(date_message(_parse_day(texts[-1])))
        else:
            getattr(message, field.name).FromDatetime(_parse_instant(texts[-1], zone))


def _set_inner_field(message: Message, field: Field, path: list[str], texts: list[str], zone: ZoneInfo) -> None:
    """
    Set one field of a message inside `message`; of a list of messages, the one at the index in `path`.

    A path that leads to no entry is no field, and is left out.
    """
    child = getattr(message, field.name)
    if field.is_repeated:
        if not path or not INDEX.fullmatch(path[0]) or (index := int(path.pop(0))) >= MAX_ENTRIES:
            return
        while len(child) <= index:
            child.add()
        child = child[index]
    if path:
        set_field(child, path, texts, zone)


def write_texts(values: MultiDict[str, str], message: Message, path: str, zone: ZoneInfo) -> None:
    """Write the set fields of a message into the values, as its form would hold them."""
    for field, value in message.ListFields():
        at = f"{path}.{field.name}"
        if field.message_type is None:
            items = value if field.is_repeated else [value]
            values.setlist(at, [_format_scalar(field, item) for item in items])
        elif field.message_type.full_name == DATE:
            days = value if field.is_repeated else [value]
            values.setlist(at, [date_of(day).isoformat() for day in days])
        elif field.message_type.full_name == TIMESTAMP:
            values[at] = value.ToDatetime(UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
        elif field.message_type.full_name == LOCATION:  # with its zeros: the equator is a place
            values[f"{at}.latitude"] = formats.format_decimal(value.latitude)
            values[f"{at}.longitude"] = formats.format_decimal(value.longitude)
        elif field.is_repeated:
            for index, item in enumerate(value):
                write_texts(values, item, f"{at}.{index}", zone)
        else:
            write_texts(values, value, at, zone)


def translate_words(typed: MultiDict[str, str]) -> MultiDict[str, str]:
    """
    Return what was typed; words of the language that the page had then become words of the one that it has now.

    What reads the same in both stays as it was typed.
    """
    values: MultiDict[str, str] = MultiDict()
    for path, text in typed.items(multi=True):
        field = path.rpartition(".")[2]
        if field in WORD_CODECS and (before := resubmission.get_previous_language()):
            in_words, in_code = WORD_CODECS[field]
            words = split_entries([text])
            with languages.use_language(before):
                codes = [in_code(word) for word in words]
                read = [in_words(code) for code in codes]
            reads = [in_words(code) for code in codes]
            translated = [new if new != old else word for word, old, new in zip(words, read, reads, strict=True)]
            text = ", ".join(translated)  # noqa: PLW2901
        values.add(path, text)
    return values


def _parse_day(text: str) -> date:
    return _parse_with(date.fromisoformat, text, reason="NOT_A_DATE")


def _parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """
    Return the instant that a local time in a zone names.

    Raises:
        UnfitValue: It is no time, or one too far away; reason NOT_A_LOCAL_TIME. The clocks of the zone leave it out;
            reason LOCAL_TIME_SKIPPED.
    """
    local = _parse_with(datetime.fromisoformat, text, reason="NOT_A_LOCAL_TIME")
    try:
        instant = local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:  # on the first and the last day that Python knows
        raise UnfitValue("is a time too far away", reason="NOT_A_LOCAL_TIME") from None
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        raise UnfitValue("is a time that the clocks leave out", reason="LOCAL_TIME_SKIPPED")
    return instant


def _parse_with(parse: Callable[[str], T], text: str, *, reason: str, metadata: Mapping[str, str] | None = None) -> T:
    """
    Return `parse(text)`.

    Raises:
        UnfitValue: It raises ValueError; reason `reason`.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise UnfitValue(str(error), reason=reason, metadata=metadata) from None


def _parse_scalar(field: Field, text: str) -> str | int | float | bool:
    """
    Return `text` as the field's type.

    Raises:
        UnfitValue: It does not fit; reasons as of `set_field`.
    """
    if field.enum_type is not None:
        if text not in field.enum_type.values_by_name:
            raise UnfitValue("is not one of the values", reason="CHOICE_UNKNOWN")
        return field.enum_type.values_by_name[text].number
    if field.cpp_type in INTEGERS:
        return _parse_with(_parse_int32, text, reason="NOT_A_WHOLE_NUMBER")
    if field.cpp_type in FLOATS and field.containing_type.full_name != LOCATION:
        return _parse_with(float, text, reason="NOT_A_DECIMAL", metadata={"example": formats.format_decimal(0.5)})
    if field.containing_type.full_name == LOCATION:
        example = {"example": formats.format_decimal(49.4875)}
        return _parse_with(formats.parse_degrees, text, reason="NOT_A_DECIMAL", metadata=example)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return text in ("on", "true", "1")
    if field.name == "language" and not text_languages.is_known(text):
        raise UnfitValue("is no language that is known here", reason="LANGUAGE_UNKNOWN")
    return WORD_CODECS[field.name][1](text) if field.name in WORD_CODECS else text


def _parse_int32(text: str) -> int:
    """Return a whole number that any field of the contract can hold; raises ValueError for any other text."""
    number = int(text)
    if not -(2**31) <= number < 2**31:
        raise ValueError(text)
    return number


def _format_scalar(field: Field, value: Any) -> str:
    """Return a scalar as a form holds it: enums by name, true as "on", topics and languages in words."""
    if field.name in WORD_CODECS:
        return WORD_CODECS[field.name][0](value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return "on" if value else ""
    return str(value)
