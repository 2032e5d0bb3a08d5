"""
JSON values and query parameters into messages, collecting every mistake with the path of its field.

``json_format.ParseDict`` stops at the first mistake and tells its place only in prose; a form needs all of them, by
field. The mapping is proto3's, read strictly: no number where a text belongs, no unknown field.

Source: https://protobuf.dev/programming-guides/json/
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import Violation
from gateway.errors.unfit_value import UnfitValue
from gateway.rest import fields

# More mistakes than these help nobody; a sender of a million would be answered with a hundred times what it sent.
MAX_VIOLATIONS = 50
MAX_PATH = 200
INTEGER_BOUNDS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
INTEGER = re.compile(r"-?[0-9]{1,20}")


class FirstViolations(list[Violation]):
    """The first mistakes of a request: each with a path of a length that one can read, and no more than a few."""

    def append(self, violation: Violation) -> None:
        """Take one more mistake; once there are enough, it is left out."""
        if len(self) < MAX_VIOLATIONS:
            # Half a surrogate pair, which JSON can name, cannot be sent back.
            path = violation.field.encode(errors="replace").decode()
            super().append(replace(violation, field=path if len(path) <= MAX_PATH else path[:MAX_PATH] + "…"))

    def extend(self, violations: Iterable[Violation]) -> None:
        """Take more mistakes as `append` does."""
        for violation in violations:
            self.append(violation)


class Members(dict[str, object]):
    """A JSON object, and which of its names it has several times."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated: list[str] = []
        if len(self) < len(pairs):
            counts = Counter(name for name, _value in pairs)
            self.repeated = [name for name, count in counts.items() if count > 1]


def list_repeated_names(value: object) -> Collection[str]:
    """Return the names that a JSON object has several times."""
    return value.repeated if isinstance(value, Members) else ()


def read_message(message: Message, value: object, violations: list[Violation], path: str = "") -> None:
    """
    Fill a message from a JSON value.

    Args:
        message: What is filled; a field that JSON does not name keeps its value.
        value: As ``json.loads`` gives it; its objects as `Members`, so that a name given twice is seen.
        violations: Every mistake is appended.
        path: Where the value stands in the request; "" for the whole body.
    """
    descriptor = message.DESCRIPTOR
    try:
        if descriptor.full_name in fields.TEXT_MESSAGES:
            read_text_message(message, value)
            return
        if descriptor.full_name.startswith("google.protobuf.") and descriptor.name != "Empty":
            json_format.ParseDict(value, message)  # type: ignore[arg-type] # Struct, Value, Any and wrappers: as the library has them
            return
    except UnfitValue as error:
        violations.append(error.to_violation(path or "body"))
        return
    except json_format.ParseError as error:
        violations.append(Violation(path or "body", "NOT_WELL_FORMED", str(error)))
        return
    except (ValueError, TypeError, OverflowError):  # what protobuf itself refuses, such as half a surrogate pair
        violations.append(Violation(path or "body", "NOT_WELL_FORMED", "must be well-formed"))
        return
    if not isinstance(value, dict):
        violations.append(Violation(path or "body", "NOT_AN_OBJECT", "must be an object" + describe_parts(message)))
        return
    violations.extend(
        Violation(join_path(path, name), "FIELD_REPEATED", "is given twice") for name in list_repeated_names(value)
    )
    seen: set[str] = set()
    for name, held in value.items():
        field = fields.find_field(descriptor, name)
        place = join_path(path, field.json_name if field else name or '""')
        if field is None:
            violations.append(Violation(place, "FIELD_UNKNOWN", "is not known here"))
        elif field.name in seen:
            violations.append(Violation(place, "FIELD_REPEATED", "is given twice"))
        elif held is not None:
            seen.add(field.name)
            if field.containing_oneof and message.WhichOneof(field.containing_oneof.name):
                text = f"only one of {field.containing_oneof.name} can be given"
                violations.append(Violation(place, "ALTERNATIVE_GIVEN", text))
            else:
                read_field(message, field, held, violations, place)


def describe_parts(message: Message) -> str:
    """Return the fields of one of Google's common types, such as `` {year, month, day}``; "" for other messages."""
    kind = message.DESCRIPTOR
    names = ", ".join(field.json_name for field in kind.fields)
    return f" {{{names}}}" if kind.full_name.startswith("google.type.") else ""


def read_field(message: Message, field: FieldDescriptor, value: object, violations: list[Violation], path: str) -> None:
    """Set one field of a message from a JSON value that is not null."""
    if fields.is_map(field):
        read_map(message, field, value, violations, path)
    elif fields.is_repeated(field):
        if not isinstance(value, list):
            violations.append(Violation(path, "NOT_A_LIST", "must be a list"))
            return
        held = getattr(message, field.name)
        for index, element in enumerate(value):
            place = f"{path}[{index}]"
            if field.message_type is not None:
                read_message(held.add(), element, violations, place)
            else:
                store_scalar(held.append, field, element, violations, place)
    elif field.message_type is not None:
        held = getattr(message, field.name)
        held.SetInParent()
        read_message(held, value, violations, path)
    else:
        store_scalar(partial(setattr, message, field.name), field, value, violations, path)


def read_map(message: Message, field: FieldDescriptor, value: object, violations: list[Violation], path: str) -> None:
    """Fill a ``map<…>`` from a JSON object."""
    if not isinstance(value, dict):
        violations.append(Violation(path, "NOT_AN_OBJECT", "must be an object"))
        return
    violations.extend(
        Violation(f"{path}[{text!r}]", "FIELD_REPEATED", "is given twice") for text in list_repeated_names(value)
    )
    entry = fields.get_message_type(field)
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    held = getattr(message, field.name)
    for text, element in value.items():
        place = f"{path}[{text!r}]"
        keys: list[Any] = []
        store_scalar(keys.append, key_field, to_json_value(key_field, text), violations, place)
        for key in keys:
            if value_field.message_type is not None:
                read_message(held[key], element, violations, place)
            else:
                store_scalar(partial(held.__setitem__, key), value_field, element, violations, place)


def store_scalar(
    store: Callable[[Any], object], field: FieldDescriptor, value: object, violations: list[Violation], path: str
) -> None:
    """Convert one scalar and store it, or note why it does not fit."""
    try:
        store(parse_scalar(field, value))
    except UnfitValue as error:
        violations.append(error.to_violation(path))
    except (ValueError, TypeError, OverflowError):  # what protobuf itself refuses, such as half a surrogate pair
        violations.append(Violation(path, "NOT_WELL_FORMED", "must be well-formed"))


def parse_scalar(field: FieldDescriptor, value: object) -> Any:
    """
    Return the Python value of a scalar field.

    Raises:
        UnfitValue: The JSON value does not fit the field's type; reason NOT_A_TEXT, NUL_CHARACTER, NOT_A_BOOLEAN, or as
            `decode_base64`, `parse_enum`, `parse_float` and `parse_integer`.
    """
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if not isinstance(value, str):
            raise UnfitValue("must be a text", reason="NOT_A_TEXT")
        if field.type == FieldDescriptor.TYPE_BYTES:
            return decode_base64(value)
        if "\0" in value:
            raise UnfitValue("must not hold the character NUL", reason="NUL_CHARACTER")
        return value
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise UnfitValue("must be true or false", reason="NOT_A_BOOLEAN")
        return value
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return parse_enum(field, value)
    if kind in FLOATS:
        return parse_float(value)
    return parse_integer(value, *INTEGER_BOUNDS[kind])


def parse_integer(value: object, low: int, high: int) -> int:
    """
    Return a whole number from JSON: a number, or its decimal text.

    Raises:
        UnfitValue: It is none (reason NOT_A_WHOLE_NUMBER), or too small or too large (NUMBER_OUT_OF_RANGE).
    """
    if (isinstance(value, str) and INTEGER.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnfitValue("must be a whole number", reason="NOT_A_WHOLE_NUMBER")
    if not low <= value <= high:
        limits = {"low": str(low), "high": str(high)}
        raise UnfitValue(f"must be from {low} to {high}", reason="NUMBER_OUT_OF_RANGE", metadata=limits)
    return value


def parse_float(value: object) -> float:
    """
    Return a number from JSON: a number, its text, or "NaN", "Infinity", "-Infinity".

    Raises:
        UnfitValue: It is none; reason NOT_A_NUMBER.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnfitValue("must be a number", reason="NOT_A_NUMBER")
    try:
        result = float(value)
    except (ValueError, OverflowError) as error:
        raise UnfitValue("must be a number", reason="NOT_A_NUMBER") from error
    if not math.isfinite(result) and value not in ("NaN", "Infinity", "-Infinity"):
        raise UnfitValue("must be a number", reason="NOT_A_NUMBER")
    return result


def parse_enum(field: FieldDescriptor, value: object) -> int:
    """
    Return the number of an enum's value from its name or number.

    Raises:
        UnfitValue: The enum has no such value; reason CHOICE_UNKNOWN.
    """
    kind = fields.get_enum_type(field)
    if isinstance(value, str) and value in kind.values_by_name:
        return int(kind.values_by_name[value].number)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
        return value
    names = [known.name for known in kind.values if known.number]
    raise UnfitValue(
        f"must be one of {', '.join(names)}", reason="CHOICE_UNKNOWN", metadata={"allowed": ",".join(names)}
    )


def decode_base64(text: str) -> bytes:
    """
    Return the bytes of a base64 text, in either alphabet, padded or not.

    Raises:
        UnfitValue: It is not base64; reason NOT_BASE64.
    """
    try:
        return base64.b64decode(
            text.rstrip("=").translate(str.maketrans("-_", "+/")) + "=" * (-len(text.rstrip("=")) % 4),
            validate=True,
        )
    except (binascii.Error, ValueError) as error:
        raise UnfitValue("must be base64", reason="NOT_BASE64") from error


def read_text_message(message: Message, value: object) -> None:
    """
    Fill a Timestamp, Duration or FieldMask from its text.

    Raises:
        UnfitValue: The text is none; reason NOT_AN_INSTANT, NOT_A_DURATION or NOT_A_FIELD_MASK.
    """
    if message.DESCRIPTOR.full_name == fields.FIELD_MASK:
        paths = [path.strip() for path in value.split(",") if path.strip()] if isinstance(value, str) else []
        # An empty mask means all that is sent; what was to be a mask and names nothing must not.
        if value != "" and not paths:
            raise UnfitValue("must be field names separated by commas", reason="NOT_A_FIELD_MASK")
        message.paths.extend(map(to_snake_case, paths))  # type: ignore[attr-defined]
        return
    try:
        message.FromJsonString(value)  # type: ignore[attr-defined]
    except (ValueError, TypeError, AttributeError, OverflowError, IndexError) as error:
        if message.DESCRIPTOR.full_name == fields.DURATION:
            example = "5400s"
            description = f"must be a duration in seconds, such as {example}"
            raise UnfitValue(description, reason="NOT_A_DURATION", metadata={"example": example}) from error
        example = "2030-05-01T09:00:00Z"
        description = f"must be an instant in RFC 3339, such as {example}"
        raise UnfitValue(description, reason="NOT_AN_INSTANT", metadata={"example": example}) from error


def to_snake_case(path: str) -> str:
    """Return the proto's name of a lowerCamelCase path."""
    return re.sub("([A-Z])", lambda capital: "_" + capital[1].lower(), path)


def read_query(
    message: Message,
    parameters: Iterable[tuple[str, list[str]]],
    violations: list[Violation],
    within: Collection[FieldDescriptor],
) -> None:
    """
    Fill a message from query parameters: those of its fields that neither the path nor the body holds.

    A name is the path of a field (``filter.startDate.year``); a repeated field is given several times; messages
    that JSON writes as text (instants, durations, masks) are given as that text.
    """
    for name, values in parameters:
        outermost = fields.find_field(message.DESCRIPTOR, name.partition(".")[0])
        holder, field = find_nested_field(message, name)
        if field is None or outermost not in within:
            violations.append(Violation(name, "FIELD_UNKNOWN", "is not known here"))
        elif not fits_one_parameter(field):
            violations.append(Violation(name, "NOT_ONE_PARAMETER", "must be given as " + list_parameters(field, name)))
        elif fields.is_repeated(field):
            read_field(holder, field, [to_json_value(field, value) for value in values], violations, name)
        elif len(values) > 1:
            violations.append(Violation(name, "PARAMETER_REPEATED", "can be given only once"))
        else:
            read_field(holder, field, to_json_value(field, values[0]), violations, name)


def list_parameters(field: FieldDescriptor, name: str) -> str:
    """Return the parameters that a field which holds a message is given by."""
    return ", ".join(f"{name}.{part.json_name}" for part in fields.get_message_type(field).fields)


def find_nested_field(message: Message, path: str) -> tuple[Message, FieldDescriptor | None]:
    """Return the field that a path leads to and the message that holds it; None where it leads to no field."""
    *parents, last = path.split(".")
    for name in parents:
        field = fields.find_field(message.DESCRIPTOR, name)
        if field is None or field.message_type is None or fields.is_repeated(field):
            return message, None
        message = getattr(message, field.name)
    return message, fields.find_field(message.DESCRIPTOR, last)


def fits_one_parameter(field: FieldDescriptor) -> bool:
    """Tell whether a query parameter can hold a field (one of a repeated field's elements)."""
    kind: Descriptor | None = field.message_type
    return kind is None or kind.full_name in fields.TEXT_MESSAGES


def to_json_value(field: FieldDescriptor, text: str) -> object:
    """Return the JSON value that a text in a query, a path or a map's key stands for."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"true": True, "false": False}.get(text, text)
    if field.enum_type is not None and INTEGER.fullmatch(text):
        return int(text)
    return text


def join_path(path: str, name: str) -> str:
    """Return the path of a field in the message at ``path``."""
    return f"{path}.{name}" if path else name
