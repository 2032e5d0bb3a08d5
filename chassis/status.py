"""
Domain errors as ``google.rpc.Status`` in gRPC trailers, and back (aip.dev/193).

A ``FieldViolation`` holds no metadata: what belongs to a violation travels in the metadata of the ``ErrorInfo``, under
the keys of `chassis.error_metadata`.
"""

from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from chassis.error_metadata import flatten_indexed, read_indexed
from chassis.errors import DeadlineExceeded, DomainError, Unavailable, Violation, from_code

DOMAIN = "austausch"
VIOLATIONS = "violations"
# A status travels in trailers: HTTP/2 peers refuse those that are long, and the caller would not learn the reason.
MAX_VIOLATIONS_BYTES = 5_000
MAX_TEXT = 300


def to_status(error: DomainError) -> status_pb2.Status:
    """Return the status: an ``ErrorInfo``, and a ``BadRequest`` with as many of the bad fields as there is room for."""
    bad = error_details_pb2.BadRequest()
    particulars: list[dict[str, str]] = []
    room = MAX_VIOLATIONS_BYTES
    for violation in error.violations:
        told = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(violation.field), reason=violation.reason, description=_cut(violation.description)
        )
        metadata = {name: _cut(text) for name, text in violation.metadata.items()}
        room -= told.ByteSize() + sum(len(f"{VIOLATIONS}_00_{name}{text}".encode()) for name, text in metadata.items())
        if room < 0 and particulars:
            break
        bad.field_violations.append(told)
        particulars.append(metadata)
    metadata = {key: _cut(text) for key, text in error.metadata.items()} | flatten_indexed(VIOLATIONS, particulars)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    details = [_pack(info), _pack(bad)] if particulars else [_pack(info)]
    return status_pb2.Status(code=code_pb2.Code.Value(error.code), message=_cut(error.message), details=details)


def _pack(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def to_grpc(error: DomainError) -> grpc.Status:
    """Return what ``context.abort_with_status`` takes."""
    return rpc_status.to_status(to_status(error))


def _find_details(error: grpc.RpcError) -> bytes | None:
    """Return the serialized status that a failed call carries; None where it failed before anyone wrote one."""
    trailers: Any = error.trailing_metadata() or ()
    details: bytes | None = dict(trailers).get("grpc-status-details-bin")
    return details


def from_rpc_error(error: grpc.RpcError) -> DomainError:
    """
    Return the domain error that a failed call carries.

    One without details, as gRPC itself makes them, keeps its code and text; its reason is SERVICE_AWAY, TOO_SLOW or
    CALL_FAILED.
    """
    # We cancel no call that we wait for: this is a process that ends, and dropped it.
    code = "UNAVAILABLE" if error.code() is grpc.StatusCode.CANCELLED else error.code().name
    sent = _find_details(error)
    if sent is None:
        return _read_code(code, error.details() or code)
    status = status_pb2.Status.FromString(sent)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            detail.Unpack(bad)
    particulars = read_indexed(info.metadata, VIOLATIONS)
    return from_code(
        code,
        status.message,
        reason=info.reason,
        metadata={key: text for key, text in info.metadata.items() if not key.startswith(f"{VIOLATIONS}_")},
        violations=[
            Violation(violation.field, violation.reason, violation.description, particulars.get(index, {}))
            for index, violation in enumerate(bad.field_violations)
        ],
    )


def _read_code(code: str, text: str) -> DomainError:
    match code:
        case "UNAVAILABLE" | "UNIMPLEMENTED":  # As of a process of an older release, until a newer one is there.
            return Unavailable(text, reason="SERVICE_AWAY")
        case "DEADLINE_EXCEEDED":
            return DeadlineExceeded(text, reason="TOO_SLOW")
        case _:
            return from_code(code, text, reason="CALL_FAILED")
