"""Which fields an update changes (aip.dev/134, aip.dev/161)."""

from collections.abc import Set

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis.errors import InvalidArgument


def updated_paths(mask: FieldMask, resource: Message, allowed: Set[str]) -> set[str]:
    """
    Return the names of the resource's fields to change.

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
            names = sorted(allowed)
            raise InvalidArgument(
                "update_mask",
                f"{path} can't be changed; what can: {', '.join(names)}",
                reason="FIELD_NOT_CHANGEABLE",
                metadata={"path": path, "allowed": ",".join(names)},
            )
    return set(mask.paths)
