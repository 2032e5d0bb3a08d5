"""What the transcoder asks of a field's descriptor."""

import re
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

TIMESTAMP = "google.protobuf.Timestamp"
DURATION = "google.protobuf.Duration"
FIELD_MASK = "google.protobuf.FieldMask"

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")

# Messages that JSON writes as one text.
TEXT_MESSAGES = frozenset({TIMESTAMP, DURATION, FIELD_MASK})


def is_repeated(field: FieldDescriptor) -> bool:
    """Tell whether a field holds a list or a map."""
    return bool(field.is_repeated)


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether a field is a ``map<…>``."""
    kind = field.message_type
    return is_repeated(field) and kind is not None and bool(kind.GetOptions().map_entry)


def get_option(descriptor: Any, extension: Any) -> Any:
    """Return the value of a custom option of a field or method, such as ``google.api.http``."""
    return descriptor.GetOptions().Extensions[extension]


def get_message_type(field: FieldDescriptor) -> Descriptor:
    """Return the type of a field that holds messages."""
    kind = field.message_type
    if kind is None:
        raise TypeError(f"{field.full_name} holds no messages")
    return kind


def get_enum_type(field: FieldDescriptor) -> EnumDescriptor:
    """Return the type of a field that holds an enum's values."""
    kind = field.enum_type
    if kind is None:
        raise TypeError(f"{field.full_name} holds no enum")
    return kind


def find_field(descriptor: Any, name: str) -> FieldDescriptor | None:
    """Return the field that JSON calls ``name``: in lowerCamelCase, or as it stands in the proto."""
    if not name.isascii():  # as no field's is; protobuf cannot even look for half a surrogate pair
        return None
    field: FieldDescriptor | None = descriptor.fields_by_camelcase_name.get(name)
    return field or descriptor.fields_by_name.get(name)


def to_json_path(descriptor: Descriptor, path: str) -> str:
    """
    Return the path of a field as JSON has it: ``visit.startDate`` for ``visit.start_date``.

    Whatever is not a field of this message (an index, a key) stays as it is.
    """
    parts: list[str] = []
    held: Descriptor | None = descriptor
    for part in path.split("."):
        name, bracket, rest = part.partition("[")
        field = held.fields_by_name.get(name) if held else None
        parts.append((field.json_name if field else name) + bracket + rest)
        held = field.message_type if field else None
    return ".".join(parts)


def to_camel_case(text: str) -> str:
    """Return a text with the names of the proto in it in lowerCamelCase."""
    return SNAKE_CASE.sub(lambda name: re.sub("_(.)", lambda after: after[1].upper(), name[0]), text)


def to_json_words(descriptor: Descriptor, text: str) -> str:
    """Return a text in which the fields of a message, or of what it holds, are called as JSON has them."""
    known = list_names(descriptor)
    return SNAKE_CASE.sub(lambda name: to_camel_case(name[0]) if name[0] in known else name[0], text)


@cache
def list_names(descriptor: Descriptor) -> frozenset[str]:
    """Return the names of a message's fields, and of the fields of what it holds."""
    return frozenset(field.name for kind in _list_held(descriptor) for field in kind.fields)


def _list_held(descriptor: Descriptor) -> set[Descriptor]:
    """Return a message, and those that it holds at any depth."""
    found: set[Descriptor] = set()
    waiting = {descriptor}
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting |= {field.message_type for field in kind.fields if field.message_type is not None} - found
    return found
