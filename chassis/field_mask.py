"""Which fields an update changes (aip.dev/134, aip.dev/161)."""

from collections.abc import Set
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis.errors import InvalidArgument
from chassis.model import snake_case


def updated_paths(mask: FieldMask, resource: Message, allowed: Set[str]) -> set[str]:
    """
    Return the names of the resource's fields to change.

    What is immutable and sent without a mask is the matter of `require_unchanged`.

    Args:
        mask: The request's ``update_mask``; empty means every field that is set, ``*`` all that may change.
        resource: The resource as sent.
        allowed: Names of the fields that may change.

    Raises:
        InvalidArgument: The mask names a field that does not exist or may not change; reason FIELD_NOT_CHANGEABLE.
    """
    if not mask.paths:
        return {field.name for field, _ in resource.ListFields()} & allowed
    if list(mask.paths) == ["*"]:
        return set(allowed)
    for path in mask.paths:
        if path not in allowed:
            raise _not_changeable("update_mask", path, allowed)
    return set(mask.paths)


def require_unchanged(mask: FieldMask, resource: Message, allowed: Set[str], **stored: object) -> None:
    """
    Raise where an update that names no fields would change one that the contract calls immutable.

    Who reads a resource, changes a field and sends all of it back sends what is immutable, too: as it is stored it is
    let be, as what only an answer has always is (aip.dev/203).

    Args:
        mask: The request's ``update_mask``; one that names fields does not name these (`updated_paths`).
        resource: The resource as sent.
        allowed: Names of the fields that may change.
        stored: Values of all its immutable fields, as a message of it holds them.

    Raises:
        InvalidArgument: Another value was sent; reason FIELD_NOT_CHANGEABLE.
    """
    if list(mask.paths) not in ([], ["*"]):
        return
    for field in resource.DESCRIPTOR.fields:
        if is_immutable(field) and (sent := getattr(resource, field.name)) and sent != stored[field.name]:
            raise _not_changeable(f"{snake_case(resource.DESCRIPTOR.name)}.{field.name}", field.name, allowed)


def is_immutable(field: Any) -> bool:
    """Return whether the contract says of a field that it keeps the value with which the resource was created."""
    return field_behavior_pb2.IMMUTABLE in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def _not_changeable(field: str, path: str, allowed: Set[str]) -> InvalidArgument:
    names = sorted(allowed)
    return InvalidArgument(
        field,
        f"{path} can't be changed; what can: {', '.join(names)}",
        reason="FIELD_NOT_CHANGEABLE",
        metadata={"path": path, "allowed": ",".join(names)},
    )
