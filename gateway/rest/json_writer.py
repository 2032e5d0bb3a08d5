"""
Messages as JSON text: the proto3 JSON mapping, compiled once per message type.

``json_format.MessageToJson`` walks descriptors for every message; the functions made here are straight-line Python, one
expression per message, and several times as fast. Fields without presence are always written, so that a client finds
``[]`` and ``0`` where there is nothing. ``tests/gateway/test_json.py`` holds both against each other.

Source: https://protobuf.dev/programming-guides/json/
"""

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from json.encoder import encode_basestring as quote
from keyword import iskeyword
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.internal.type_checkers import ToShortestFloat
from google.protobuf.message import Message

from chassis.convert import EPOCH
from gateway.rest.fields import get_message_type, is_map, is_repeated

type_of = FieldDescriptor

# Source of the text of one value, by type; {0} stands for the value. Any other type is an int.
EXPRESSIONS: Mapping[int, str] = {
    type_of.TYPE_STRING: "quote({0})",
    type_of.TYPE_BYTES: "bytes_text({0})",
    type_of.TYPE_BOOL: "('true' if {0} else 'false')",
    type_of.TYPE_DOUBLE: "number_text({0})",
    type_of.TYPE_FLOAT: "single_text({0})",
    **dict.fromkeys(
        (
            type_of.TYPE_INT64,
            type_of.TYPE_UINT64,
            type_of.TYPE_SINT64,
            type_of.TYPE_FIXED64,
            type_of.TYPE_SFIXED64,
        ),
        "('\"%d\"' % {0})",
    ),
}


class EnumTexts(dict[int, str]):
    """Names of an enum's values, in quotes; a number without a name stays a number."""

    def __init__(self, descriptor: EnumDescriptor) -> None:
        super().__init__((value.number, f'"{value.name}"') for value in reversed(descriptor.values))

    def __missing__(self, number: int) -> str:
        return str(number)


# Texts of instants are kept, since lists show the same ones again and again.
@lru_cache(maxsize=10_000)
def instant_text(seconds: int, nanos: int) -> str:
    """Return an instant, counted from 1970, in RFC 3339, in UTC, with 0, 3, 6 or 9 digits of the second."""
    instant = EPOCH + timedelta(seconds=seconds)
    return f'"{instant.isoformat()[:19]}{fraction_text(nanos)}Z"'


def timestamp_text(message: Any) -> str:
    """Return a Timestamp in RFC 3339."""
    return instant_text(message.seconds, message.nanos)


def duration_text(message: Any) -> str:
    """Return a Duration in seconds, such as ``1.500s``."""
    sign = "-" if message.seconds < 0 or message.nanos < 0 else ""
    return f'"{sign}{abs(message.seconds)}{fraction_text(abs(message.nanos))}s"'


def fraction_text(nanos: int) -> str:
    """Return nanoseconds as the fraction of a second: nothing, or a point and 3, 6 or 9 digits."""
    if not nanos:
        return ""
    if nanos % 1000:
        return f".{nanos:09d}"
    return f".{nanos // 1000:06d}" if nanos % 1_000_000 else f".{nanos // 1_000_000:03d}"


def number_text(value: float) -> str:
    """Return a double, or the name of what JSON has no number for."""
    if math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def single_text(value: float) -> str:
    """Return a 32-bit float with the fewest digits that give it back."""
    return number_text(ToShortestFloat(value) if math.isfinite(value) else value)


def bytes_text(value: bytes) -> str:
    """Return bytes as base64."""
    return f'"{base64.b64encode(value).decode("ascii")}"'


def key_text(key: object) -> str:
    """Return the key of a map as JSON has it: a text, whatever its type."""
    return quote(str(key).lower() if isinstance(key, bool) else str(key))


def library_text(message: Message) -> str:
    """Return a message whose JSON is not that of its fields, as the library has it."""
    return json.dumps(json_format.MessageToDict(message), ensure_ascii=False)


# What the compiled functions refer to by name; they are added to it, and refer to each other through it.
NAMESPACE: dict[str, Any] = {
    "quote": quote,
    "bytes_text": bytes_text,
    "number_text": number_text,
    "single_text": single_text,
    "key_text": key_text,
    "write_google_protobuf_Timestamp": timestamp_text,
    "write_google_protobuf_Duration": duration_text,
    **{
        f"write_google_protobuf_{name}": library_text
        for name in (
            *("Any", "FieldMask", "Struct", "Value", "ListValue"),
            *(f"{kind}Value" for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String")),
            "BytesValue",
        )
    },
}


def get_writer(descriptor: Descriptor) -> Callable[[Message], str]:
    """
    Return the function that turns a message of this type into JSON text.

    The first call for a type compiles it, together with every type that it holds.
    """
    name = "write_" + descriptor.full_name.replace(".", "_")
    if name not in NAMESPACE:
        NAMESPACE[name] = None  # a type that holds itself must not compile itself again
        parts = [field_source(field) for field in descriptor.fields]
        template = "".join(text for text, _ in parts)
        values = "".join(f"{value}, " for _, value in parts)
        # Every field brings the comma before it; the first one's is cut off.
        source = f"def {name}(m):\n return '{{' + ({template!r} % ({values}))[1:] + '}}'"
        exec(source, NAMESPACE)  # noqa: S102 -- the source comes from our own contract only
    function: Callable[[Message], str] = NAMESPACE[name]
    return function


def field_source(field: FieldDescriptor) -> tuple[str, str]:
    """Return the place of a field in the template, and the source of what is put there."""
    value = f"getattr(m, {field.name!r})" if iskeyword(field.name) else f"m.{field.name}"
    key = f',"{field.json_name}":'
    if is_map(field):
        held = value_source(get_message_type(field).fields_by_name["value"], "v")
        return key + "{%s}", f"','.join([key_text(k) + ':' + {held} for k, v in {value}.items()])"
    if is_repeated(field):
        if field.type == type_of.TYPE_STRING:
            return key + "[%s]", f"','.join(map(quote, {value}))"
        return key + "[%s]", f"','.join([{value_source(field, 'v')} for v in {value}])"
    text = value_source(field, value)
    if field.has_presence:
        return "%s", f"({key!r} + {text} if m.HasField({field.name!r}) else '')"
    return key + "%s", text


def value_source(field: FieldDescriptor, value: str) -> str:
    """Return the expression that turns one value of a field (an element of a repeated one) into JSON text."""
    if field.message_type is not None:
        get_writer(field.message_type)
        return f"write_{field.message_type.full_name.replace('.', '_')}({value})"
    if field.enum_type is not None:
        names = "names_" + field.enum_type.full_name.replace(".", "_")
        NAMESPACE.setdefault(names, EnumTexts(field.enum_type))
        return f"{names}[{value}]"
    return EXPRESSIONS.get(field.type, "str({0})").format(value)
