"""Domain errors as ``google.rpc.Status`` in gRPC trailers, and back (aip.dev/193)."""

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from chassis.errors import DomainError, from_code

DOMAIN = "austausch"
# A status travels in trailers: HTTP/2 peers refuse those that are long, and the caller would not learn the reason.
MAX_VIOLATIONS = 25
MAX_TEXT = 300


def to_status(error: DomainError) -> status_pb2.Status:
    """Return the status with an ``ErrorInfo`` and, for bad fields, a ``BadRequest``."""
    details: list[any_pb2.Any] = []

    def add(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> None:
        packed = any_pb2.Any()
        packed.Pack(message)
        details.append(packed)

    metadata = {key: _cut(value) for key, value in error.metadata.items()}
    add(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for field, description in error.violations[:MAX_VIOLATIONS]:
            bad.field_violations.add(field=_cut(field), description=_cut(description))
        add(bad)
    return status_pb2.Status(code=code_pb2.Code.Value(error.code), message=_cut(error.message), details=details)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def to_grpc(error: DomainError) -> grpc.Status:
    """Return what ``context.abort_with_status`` takes."""
    return rpc_status.to_status(to_status(error))


def from_rpc_error(error: grpc.RpcError) -> DomainError:
    """Return the domain error that a failed call carries; one without details keeps its code and text."""
    code = error.code().name
    status = None
    metadata = error.trailing_metadata()
    for key, value in metadata or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
    if status is None:
        return from_code(code, error.details() or code)
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            detail.Unpack(bad)
    return from_code(
        code,
        status.message,
        reason=info.reason,
        metadata=info.metadata,
        violations=[(violation.field, violation.description) for violation in bad.field_violations],
    )
