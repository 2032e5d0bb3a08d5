"""The comments of the contract, by the full name of what they stand at."""

import re
from collections.abc import Iterator
from functools import cache

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from chassis.contract import DESCRIPTORS

Path = tuple[int, ...]

# Numbers of the fields that hold the parts of a file, a message and an enum in descriptor.proto.
FILE_MESSAGES, FILE_ENUMS, FILE_SERVICES, SERVICE_METHODS = 4, 5, 6, 2
MESSAGE_FIELDS, MESSAGE_MESSAGES, MESSAGE_ENUMS, ENUM_VALUES = 2, 3, 4, 2
FILE_PACKAGE = 2
# Begins a line of a comment that is none for readers.
FOR_LINTER = "buf:lint:"


@cache
def read_comments() -> dict[str, str]:
    """Return every comment by full name; that of a file's package stands at the package's name."""
    descriptors = FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    texts_by_name: dict[str, str] = {}
    for file in descriptors.file:
        texts = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
        for path, name in _walk_file(file):
            if text := texts.get(path):
                lines = [line.removeprefix(" ").rstrip() for line in text.splitlines()]
                texts_by_name[name] = "\n".join(line for line in lines if not line.startswith(FOR_LINTER)).strip()
    return texts_by_name


def get_comment(full_name: str) -> str:
    """Return the comment at a message, field, enum, value, service or RPC; "" for none."""
    return read_comments().get(full_name, "")


def summarize(text: str) -> str:
    """Return the first sentence of a comment, without the point at its end."""
    paragraph = text.partition("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[^.]\w)[.:;] |\.$|:$", paragraph)[0]


def _walk_file(file: FileDescriptorProto) -> Iterator[tuple[Path, str]]:
    prefix = f"{file.package}."
    for i, message in enumerate(file.message_type):
        yield from _walk_message(message, (FILE_MESSAGES, i), prefix)
    for i, enum in enumerate(file.enum_type):
        yield from _walk_enum(enum, (FILE_ENUMS, i), prefix)
    for i, service in enumerate(file.service):
        yield (FILE_SERVICES, i), prefix + service.name
        for j, method in enumerate(service.method):
            yield (FILE_SERVICES, i, SERVICE_METHODS, j), f"{prefix}{service.name}.{method.name}"


def _walk_message(message: DescriptorProto, path: Path, prefix: str) -> Iterator[tuple[Path, str]]:
    name = prefix + message.name
    yield path, name
    for i, field in enumerate(message.field):
        yield (*path, MESSAGE_FIELDS, i), f"{name}.{field.name}"
    for i, nested in enumerate(message.nested_type):
        yield from _walk_message(nested, (*path, MESSAGE_MESSAGES, i), f"{name}.")
    for i, enum in enumerate(message.enum_type):
        yield from _walk_enum(enum, (*path, MESSAGE_ENUMS, i), f"{name}.")


def _walk_enum(enum: EnumDescriptorProto, path: Path, prefix: str) -> Iterator[tuple[Path, str]]:
    name = prefix + enum.name
    yield path, name
    for i, value in enumerate(enum.value):
        yield (*path, ENUM_VALUES, i), f"{name}.{value.name}"
