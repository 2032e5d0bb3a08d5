"""Installations and publications ↔ messages."""

from collections.abc import Iterable
from typing import Any

from austausch.knowledge.v1 import hub_pb2 as pb
from austausch.knowledge.v1 import knowledge_pb2

from chassis.convert import enum_numbers, read_columns, read_instant, resource_fields, timestamp_message
from chassis.errors import FieldRequired, InvalidArgument
from chassis.model import now
from services.knowledge import convert
from services.knowledge.model import PROVEN, Installation, InstallationState, Learning
from services.knowledge.signatures import load_public_key

STATES = enum_numbers(pb.Installation.State.DESCRIPTOR, InstallationState)
INSTALLATION_FIELDS = frozenset({"display_name", "city", "uri", "public_key"})
# What leaves an installation of a learning, beside its state and when it was recorded: no name of a person.
PUBLISHED_FIELDS = (
    "title", "language", "observation", "discussion", "conclusion", "recommendation", "remedial_action", "owner",
    "topics", "sdg_targets", "cities",
)  # fmt: skip
_PROVEN = {convert.STATES[state]: state for state in PROVEN}


def installation_columns(message: pb.Installation, fields: Iterable[str] = INSTALLATION_FIELDS) -> dict[str, Any]:
    """
    Return fields of an installation as the columns take them.

    Raises:
        InvalidArgument: The public key is none; reason PUBLIC_KEY_NOT_VALID.
    """
    readers = {"uri": lambda uri, _path: uri.rstrip("/"), "public_key": _read_public_key}
    return read_columns(message, Installation, fields, readers)


def _read_public_key(pem: str, path: str) -> str:
    try:
        load_public_key(pem)
    except ValueError as error:
        raise InvalidArgument(path, str(error), reason="PUBLIC_KEY_NOT_VALID") from None
    return pem.strip()


def installation_message(installation: Installation, learning_count: int) -> pb.Installation:
    """Return an installation as a message."""
    return pb.Installation(
        display_name=installation.display_name,
        city=installation.city,
        uri=installation.uri,
        public_key=installation.public_key,
        state=STATES[installation.state],
        learning_count=learning_count,
        **resource_fields(installation),
    )


def publication_message(name: str, version: int, learning: Learning | None) -> pb.Publication:
    """
    Return what is published of a learning.

    Args:
        learning: The learning; None where it is withdrawn.
    """
    publication = pb.Publication(learning=name, version=version)
    if learning is not None:
        content = knowledge_pb2.Learning(
            state=convert.STATES[learning.state],
            create_time=timestamp_message(learning.create_time),
            **{field: getattr(learning, field) for field in PUBLISHED_FIELDS},
        )
        publication.content.CopyFrom(content)
    return publication


def published_columns(publication: pb.Publication, installation: Installation) -> dict[str, Any]:
    """
    Return what an installation published of a learning as the columns take it.

    Raises:
        FieldRequired: Remedial action, owner, or the time at which it was recorded is missing.
        InvalidArgument: A field has a value that it cannot have; or the learning is neither validated nor embedded
            (reason NOT_PROVEN).
    """
    content = publication.content
    columns = convert.learning_columns(content, PUBLISHED_FIELDS)
    empty = [f"content.{field}" for field in ("remedial_action", "owner") if not columns[field].strip()]
    if not content.HasField("create_time"):
        empty.append("content.create_time")
    if empty:
        raise FieldRequired(*empty)
    state = _PROVEN.get(content.state)
    if state is None:
        raise InvalidArgument("content.state", "must be validated or embedded", reason="NOT_PROVEN")
    columns["cities"] = list(dict.fromkeys([installation.city, *columns["cities"]]))
    columns["state"] = state
    columns["original_uri"] = f"{installation.uri}/{publication.learning}"
    # A day that is still to come would be the newest for ever.
    columns["create_time"] = min(read_instant(content.create_time, "content.create_time"), now())
    return columns
