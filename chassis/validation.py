"""
The field rules of the contract, enforced on every request.

The rules stand beside each field in the proto (``buf.validate``), and beside a pattern what it means
(``austausch.common.v1.form``); an update is held to the rules of the fields that it changes. One rule holds for all
text: PostgreSQL can't store NUL.

The reason of a violation is the id of its rule, e.g. ``string.max_len``, and its metadata the rule's limits by their
names there, e.g. ``max_len``, or as ``allowed`` the names of an enum's values that may be given; but what is empty and
must not be is ``required`` whatever rule says so, and a pattern gives the reason of the form that it asks for. A text
of blanks is an empty one.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import protovalidate
from austausch.common.v1 import pattern_pb2
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, EnumValueDescriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import InvalidFields, Violation

# A request that is larger may hold a list that is too long to be looked at.
LARGE_BYTES = 10_000
# For lists without a limit of their own.
MAX_ITEMS = 1000

# What rule ids mean for developers; other rules' own messages say enough.
_DESCRIPTIONS = {
    "required": "is required",
    "string.pattern": "has not the right form",
    "string.uuid": "is not a UUID",
    "repeated.unique": "names something twice",
}
# Rules that refuse what is empty, where the value is.
_EMPTY = {"string.min_len", "string.pattern", "string.uuid_empty", "repeated.min_items", "enum.not_in"}
# Rules that leave some values of an enum.
_CHOICES = {"enum.in", "enum.not_in", "enum.defined_only"}
_FORMS = pattern_pb2.Form.DESCRIPTOR.values_by_number


# An entry of a list of a request: in a batch, a request of its own (aip.dev/234).
_ENTRY = re.compile(r"(\w+)\[(\d+)\]\.")


def validate(request: Message) -> None:
    """
    Raise unless a request keeps the rules of its fields.

    Raises:
        InvalidFields: With every violation, each by its field's path, e.g. ``visit.title``.
    """
    if request.ByteSize() > LARGE_BYTES and (too_long := list(_too_long_lists(request))):
        raise InvalidFields(too_long)
    violations = [_read(request, violation) for violation in protovalidate.collect_violations(request)]
    violations += [Violation(path, "required", _DESCRIPTIONS["required"]) for path in _blank_texts(request)]
    violations = [violation for violation in violations if _is_meant(request, violation.field)]
    if b"\0" in request.SerializeToString():
        said = "contains a NUL character"
        violations += [Violation(path, "NUL_CHARACTER", said) for path in _paths_with_nul(request)]
    if violations:
        raise InvalidFields(violations)


def _too_long_lists(message: Message, prefix: str = "") -> Iterator[Violation]:
    """
    Yield a violation for each list that holds more than the contract lets it, without a look at its entries.

    To look at fifty thousand of them took longer than any deadline, and nobody else was answered meanwhile.
    """
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        most = _options(field)[validate_pb2.field].repeated.max_items or MAX_ITEMS
        if field.is_repeated and len(value) > most:
            said = f"must contain no more than {most} item(s)"
            yield Violation(path, "repeated.max_items", said, {"max_items": str(most)})
        else:
            for part, below in _list_parts(field, value, path):
                yield from _too_long_lists(part, below)


def _list_parts(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[Message, str]]:
    """Yield the messages in a field, none for a map, each with what the paths of its own fields begin with."""
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return
    for index, part in enumerate(value if field.is_repeated else [value]):
        yield part, f"{path}[{index}]." if field.is_repeated else f"{path}."


def _blank_texts(message: Message, prefix: str = "") -> Iterator[str]:
    """Yield the paths of texts that have to be there, and are nothing but blanks."""
    if not _asks_for_text(message.DESCRIPTOR):
        return
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if _is_asked_for(field):
            if not value.strip():
                yield path
        else:
            for part, below in _list_parts(field, value, path):
                yield from _blank_texts(part, below)


@cache
def _asks_for_text(kind: Descriptor) -> bool:
    """Return whether a message, or one in it, has a field that `_is_asked_for`."""
    # Google's own ask for none, and one of them holds itself.
    if kind.GetOptions().map_entry or not kind.full_name.startswith("austausch."):
        return False
    parts = [field.message_type for field in kind.fields if field.message_type not in (None, kind)]
    return any(map(_is_asked_for, kind.fields)) or any(map(_asks_for_text, parts))


@cache
def _is_asked_for(field: FieldDescriptor) -> bool:
    """Return whether a field is a text of any form that must not be empty."""
    if field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
        return False
    rules = _options(field)[validate_pb2.field]
    return (rules.required or rules.string.min_len > 0) and not rules.string.pattern


def _read(request: Message, violation: protovalidate.Violation) -> Violation:
    path, reason = _path(violation), violation.proto.rule_id
    if reason in _EMPTY and not violation.field_value:
        return Violation(path, "required", _DESCRIPTIONS["required"])
    field = _field(request, violation)
    form = _options(field)[pattern_pb2.form] if field else pattern_pb2.FORM_UNSPECIFIED
    if reason == "string.pattern" and form:
        told = _options(_FORMS[form])
        example = told[pattern_pb2.example]
        description = f"must be {told[pattern_pb2.noun]} such as {example}"
        return Violation(path, form_reason(_FORMS[form].name), description, {"example": example})
    if field and field.enum_type and reason in _CHOICES:
        names = _choices(field, field.enum_type)
        return Violation(path, reason, f"must be one of {', '.join(names)}", {"allowed": ",".join(names)})
    description = _DESCRIPTIONS.get(reason, violation.proto.message)
    return Violation(path, reason, description, _limits(field, violation) if field else {})


def form_reason(name: str) -> str:
    """Return the reason for a value that has not the form of that name, e.g. ``CITY_MALFORMED`` for ``FORM_CITY``."""
    return f"{name.removeprefix('FORM_')}_MALFORMED"


def _field(request: Message, violation: protovalidate.Violation) -> FieldDescriptor | None:
    """Return the field of the contract that a violation is about; None for the request as a whole."""
    kind: Any = request.DESCRIPTOR
    field = None
    for element in violation.proto.field.elements if violation.proto.field else ():
        field = kind.fields_by_name[element.field_name]
        kind = field.message_type
    return field


def _choices(field: FieldDescriptor, kind: EnumDescriptor) -> list[str]:
    """Return the names of an enum's values that the rules of a field allow, or of an entry of it."""
    rules: Any = _options(field)[validate_pb2.field]
    allowed = (rules.repeated.items if field.is_repeated else rules).enum
    only, never = getattr(allowed, "in"), allowed.not_in
    return [
        value.name
        for value in kind.values
        if value.number and value.number not in never and (not only or value.number in only)
    ]


def _options(declared: FieldDescriptor | EnumValueDescriptor) -> Any:
    """Return what the contract says beside something that it declares, by extension."""
    return declared.GetOptions().Extensions


def _limits(field: FieldDescriptor, violation: protovalidate.Violation) -> dict[str, str]:
    """Return the numbers that the violated rule names, e.g. ``{"gte": "0", "lte": "100"}`` for ``int32.gte_lte``."""
    rules: Any = _options(field)[validate_pb2.field]
    for element in violation.proto.rule.elements[:-1] if violation.proto.rule else ():
        rules = getattr(rules, element.field_name)
    rule = violation.proto.rule_id.rpartition(".")[2]
    names = {rule, *rule.split("_")}
    return {
        limit.name: str(value)
        for limit, value in rules.ListFields()
        if limit.name in names and isinstance(value, int) and not isinstance(value, bool)
    }


def _path(violation: protovalidate.Violation) -> str:
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path


def _is_meant(request: Message, path: str) -> bool:
    """Return whether a request sets the field at a path: of an Update, also of one in a batch, what its mask names."""
    if entry := _ENTRY.match(path):
        return _is_meant(getattr(request, entry[1])[int(entry[2])], path[entry.end() :])
    return "update_mask" not in request.DESCRIPTOR.fields_by_name or _is_updated(request, path)


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
        if field.type == FieldDescriptor.TYPE_STRING:
            if any("\0" in text for text in (value if field.is_repeated else [value])):
                yield path
        else:
            for part, below in _list_parts(field, value, path):
                yield from _paths_with_nul(part, below)
