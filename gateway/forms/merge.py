"""What two people make of one resource: field by field, compared with what the form of one of them was loaded with."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from google.protobuf.message import Message


@dataclass
class Merge:
    """
    The fields of a resource by what became of them; a field that nobody changed, or both to the same, is in none.

    Attributes:
        mine: Changed in the form only.
        theirs: Changed in what is stored only.
        both: Changed in both, to different values.
    """

    mine: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)


def merge(
    loaded: Message | None, typed: Message, stored: Message, fields: Iterable[str], unordered: Collection[str] = ()
) -> Merge:
    """
    Return what became of `fields` of a resource since a form was loaded with it.

    Args:
        loaded: What the form was loaded with; None if that is not known: then all that is typed is taken as changed
            by both.
        typed: What the form holds now.
        stored: What is stored now.
        unordered: Names of those fields whose entries have no order.
    """
    merged = Merge()
    for name in fields:
        any_order = name in unordered
        if _hold_same(typed, stored, name, any_order=any_order):
            continue
        if loaded is not None and _hold_same(typed, loaded, name, any_order=any_order):
            merged.theirs.append(name)
        elif loaded is not None and _hold_same(stored, loaded, name, any_order=any_order):
            merged.mine.append(name)
        else:
            merged.both.append(name)
    return merged


def write_loaded(resource: Message) -> str:
    """Return what people can change of a resource as JSON, for a form to carry."""
    changeable = type(resource)()
    for descriptor, _value in resource.ListFields():
        if field_behavior_pb2.OUTPUT_ONLY not in descriptor.GetOptions().Extensions[field_behavior_pb2.field_behavior]:
            _copy(resource, changeable, descriptor.name)
    return MessageToJson(changeable, indent=None, ensure_ascii=False)


def read_loaded(text: str, kind: type[Message]) -> Message | None:
    """Return the resource that a form carries; None if it carries none, or none that can be read."""
    if not text:
        return None
    try:
        return Parse(text, kind(), ignore_unknown_fields=True)
    except ParseError:
        return None


def _hold_same(one: Any, other: Any, name: str, *, any_order: bool) -> bool:
    """Return whether two messages of one kind hold the same in a field."""
    first, second = getattr(one, name), getattr(other, name)
    if any_order and one.DESCRIPTOR.fields_by_name[name].is_repeated:
        return sorted(first) == sorted(second)
    if one.DESCRIPTOR.fields_by_name[name].has_presence and one.HasField(name) != other.HasField(name):
        return False
    return bool(first == second)


def _copy(source: Any, target: Any, name: str) -> None:
    """Copy a field that is set from one message to another of its kind."""
    value = getattr(source, name)
    if source.DESCRIPTOR.fields_by_name[name].is_repeated:
        getattr(target, name).extend(value)
    elif isinstance(value, Message):
        getattr(target, name).CopyFrom(value)
    else:
        setattr(target, name, value)
