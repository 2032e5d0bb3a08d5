"""
The field rules of the contract, enforced on every request.

The rules stand beside each field in the proto (``buf.validate``), and beside a pattern what it means
(``austausch.common.v1.pattern_message``); an update is held to the rules of the fields that it changes. One rule holds
for all text: PostgreSQL can't store NUL.
"""

from collections.abc import Iterator
from typing import Any

import protovalidate
from austausch.common.v1 import pattern_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import InvalidArgument

# What rule ids mean for people; other rules' own messages say enough.
_WORDS = {
    "required": "is required",
    "string.pattern": "has not the right form",
    "string.uuid": "is not a UUID",
    "enum.defined_only": "is not one of the values",
    "enum.not_in": "is required",
    "repeated.unique": "names something twice",
    "repeated.min_items": "is required",
}


def validate(request: Message) -> None:
    """
    Raise unless a request keeps the rules of its fields.

    Raises:
        InvalidArgument: With every violation, each by its field's path, e.g. ``visit.title``.
    """
    found = protovalidate.collect_violations(request)
    violations = [(_path(violation), _words(request, violation)) for violation in found]
    if violations and "update_mask" in request.DESCRIPTOR.fields_by_name:
        violations = [violation for violation in violations if _is_updated(request, violation[0])]
    if b"\0" in request.SerializeToString():
        violations += [(path, "contains a NUL character") for path in _paths_with_nul(request)]
    if violations:
        raise InvalidArgument.of(violations)


def _words(request: Message, violation: protovalidate.Violation) -> str:
    if violation.field_value == "":
        return "is required"
    said = _pattern_message(request, violation) if violation.proto.rule_id == "string.pattern" else ""
    return said or _WORDS.get(violation.proto.rule_id, violation.proto.message)


def _pattern_message(request: Message, violation: protovalidate.Violation) -> str:
    """Return what the contract says of the pattern that a field of the request breaks; "" when it says nothing."""
    kind: Any = request.DESCRIPTOR
    said = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        field = kind.fields_by_name[element.field_name]
        kind, said = field.message_type, field.GetOptions().Extensions[pattern_pb2.pattern_message]
    return said


def _path(violation: protovalidate.Violation) -> str:
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path


def _is_updated(request: Message, path: str) -> bool:
    """Return whether an Update request changes the field at a path such as ``visit.title``."""
    resource, _, field = path.partition(".")
    field = field.split(".")[0].split("[")[0]
    if not field or field == "name":
        return True
    mask = request.update_mask.paths  # type: ignore[attr-defined]
    if not mask:
        return any(present.name == field for present, _ in getattr(request, resource).ListFields())
    return field in mask or "*" in mask


def _paths_with_nul(message: Message, prefix: str = "") -> Iterator[str]:
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        values = value if field.is_repeated else [value]
        if field.type == FieldDescriptor.TYPE_STRING:
            if any("\0" in text for text in values):
                yield path
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not (
            field.message_type and field.message_type.GetOptions().map_entry
        ):
            for index, child in enumerate(values):
                step = f"[{index}]" if field.is_repeated else ""
                yield from _paths_with_nul(child, f"{path}{step}.")
