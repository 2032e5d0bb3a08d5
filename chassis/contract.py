"""
The contract as code: generates Python from ``proto/`` and tells what each RPC declares.

``python -m chassis.contract`` writes, beside each ``.proto`` (all ignored by git):

- ``*_pb2.py``, ``*_pb2.pyi``, ``*_pb2_grpc.py``, and ``*_pb2_grpc.pyi`` where mypy-protobuf is installed, which only
  mypy needs;
- ``proto/buf/validate/validate_pb2.py``, from the descriptor that the ``protovalidate`` wheel carries;
- ``proto/austausch/descriptors.binpb``: every file's descriptor with its comments, for ``buf`` and the API reference.
"""

import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

# What a call may take whose RPC declares nothing else.
DEADLINE_SECONDS = 5.0
PROTO = Path(__file__).resolve().parent.parent / "proto"
DESCRIPTORS = PROTO / "austausch" / "descriptors.binpb"


@cache
def find_method(path: str) -> MethodDescriptor:
    """
    Return the RPC of a call's path, e.g. ``/austausch.exchange.v1.VisitService/GetVisit``.

    Raises:
        KeyError: There is none, or its module is not imported.
    """
    service, _, method = path.strip("/").partition("/")
    return find_service(service).methods_by_name[method]


def find_service(full_name: str) -> ServiceDescriptor:
    """Return a gRPC service of an imported module; raises KeyError for any other."""
    return descriptor_pool.Default().FindServiceByName(full_name)


@cache
def get_roles(method: MethodDescriptor) -> frozenset[str]:
    """Return the roles that may call an RPC, e.g. ``{"coordinator"}``; empty when it declares none."""
    from austausch.common.v1 import access_pb2

    declared = method.GetOptions().Extensions[access_pb2.access].roles  # type: ignore[index,var-annotated]
    return frozenset(map(role_name, declared))


def role_name(number: int) -> str:
    """Return ``coordinator`` for ``ROLE_COORDINATOR``."""
    from austausch.common.v1 import access_pb2

    return access_pb2.Role.Name(number).removeprefix("ROLE_").lower()


def role_number(name: str) -> Any:
    """Return ``ROLE_COORDINATOR`` for ``coordinator``; raises ValueError where there is no such role."""
    from austausch.common.v1 import access_pb2

    return access_pb2.Role.Value(f"ROLE_{name.upper()}")


@cache
def get_deadline(method: MethodDescriptor) -> float:
    """Return the seconds that a call may take, as its RPC declares it."""
    from austausch.common.v1 import access_pb2

    declared: int = method.GetOptions().Extensions[access_pb2.deadline_seconds]  # type: ignore[index]
    return float(declared or DEADLINE_SECONDS)


@cache
def is_read(method: MethodDescriptor) -> bool:
    """Return whether an RPC changes nothing: its HTTP verb is GET, or it declares ``NO_SIDE_EFFECTS``."""
    from google.api import annotations_pb2

    options = method.GetOptions()
    pattern = options.Extensions[annotations_pb2.http].WhichOneof("pattern")
    return pattern == "get" or options.idempotency_level == options.NO_SIDE_EFFECTS


@cache
def takes_request_id(method: MethodDescriptor) -> bool:
    """Return whether a repeat of a call gets the first answer, told by the request's ``request_id``."""
    return "request_id" in method.input_type.fields_by_name


def list_undeclared(service: ServiceDescriptor) -> list[str]:
    """
    Return what a service's contract lacks, a line each.

    Every RPC has to say who may call it, and its HTTP path, unless only services may; every Create and every transition
    takes a request id.
    """
    from google.api import annotations_pb2

    lines = []
    for method in service.methods:
        if not get_roles(method):
            lines.append(f"{method.full_name} does not declare who may call it (austausch.common.v1.access)")
        is_internal = get_roles(method) == {"service"}
        if not is_internal and not method.GetOptions().HasExtension(annotations_pb2.http):
            lines.append(f"{method.full_name} does not declare its HTTP path (google.api.http)")
        posted = method.GetOptions().Extensions[annotations_pb2.http].WhichOneof("pattern") == "post"
        if posted and not is_read(method) and not takes_request_id(method):
            lines.append(f"{method.full_name} can't be repeated safely: its request has no request_id")
    return lines


def generate() -> None:
    """
    Generate the Python code of the contract.

    Raises:
        SystemExit: ``protoc`` refused a file; it has printed why.
    """
    import google.api
    import grpc_tools
    import protovalidate._gen.buf.validate.validate_pb as validate
    from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
    from grpc_tools import protoc

    # The wheel carries validate.proto only as a descriptor, and protoc takes that as well as text.
    rules = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        rules.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    rules.file.append(descriptor_pb2.FileDescriptorProto.FromString(validate._DESC.proto.to_binary()))

    googleapis = Path(next(iter(google.api.__path__))).parent.parent
    bundled = Path(grpc_tools.__file__).parent / "_proto"
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("austausch/**/*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        rules_file = Path(scratch, "validate.binpb")
        rules_file.write_bytes(rules.SerializeToString())
        common = ["protoc", f"--descriptor_set_in={rules_file}"]
        stubs = Path(sys.executable).with_name("protoc-gen-mypy_grpc")
        typed = [f"--plugin={stubs}", f"--mypy_grpc_out=quiet:{PROTO}"] if stubs.exists() else []
        includes = [f"-I{PROTO}", f"-I{googleapis}", f"-I{bundled}"]
        python = [f"--python_out={PROTO}", f"--pyi_out={PROTO}"]
        for arguments in (
            [*common, *python, "buf/validate/validate.proto"],
            [*common, *includes, *python, f"--grpc_python_out={PROTO}", *typed, *sources],
            [*common, *includes, "--include_imports", "--include_source_info",
             f"--descriptor_set_out={DESCRIPTORS}", *sources],
        ):  # fmt: skip
            if code := protoc.main(arguments):
                sys.exit(code)


if __name__ == "__main__":
    generate()
