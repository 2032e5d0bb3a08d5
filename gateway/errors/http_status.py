"""Canonical codes (``google.rpc.Code``) and HTTP statuses, for pages, forms, JSON and the description of the API."""

from typing import NamedTuple

from chassis.errors import DomainError
from gateway.errors.reasons import REFUSALS


class ErrorStatus(NamedTuple):
    """
    An HTTP status with which a call of the API can fail.

    Attributes:
        name: What the description of the API calls it.
        description: What it means, for developers.
        codes: Canonical codes that are answered with it; the first also stands for what HTTP itself refuses with it.
    """

    name: str
    description: str
    codes: tuple[str, ...] = ()


# HTTP status → what it means, by the mapping of google.rpc.Code, which aip.dev/193 prescribes.
ERROR_STATUSES = {
    400: ErrorStatus(
        "InvalidArgument",
        "A field is wrong (`INVALID_ARGUMENT`), or the state does not allow it (`FAILED_PRECONDITION`).",
        ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"),
    ),
    401: ErrorStatus("Unauthenticated", "There is no token, or it is not valid (any more).", ("UNAUTHENTICATED",)),
    403: ErrorStatus("PermissionDenied", "The caller may not do this.", ("PERMISSION_DENIED",)),
    404: ErrorStatus("NotFound", "There is no such resource, or the caller may not see it.", ("NOT_FOUND",)),
    409: ErrorStatus(
        "Conflict",
        "Something is in the way (`ALREADY_EXISTS`), or changed since it was read (`ABORTED`).",
        ("ALREADY_EXISTS", "ABORTED"),
    ),
    413: ErrorStatus("TooLarge", "The body has more than 1 MB."),
    415: ErrorStatus("UnsupportedMediaType", "The body is not `application/json`."),
    429: ErrorStatus("TooManyRequests", "Too often; `Retry-After` tells the seconds to wait.", ("RESOURCE_EXHAUSTED",)),
    500: ErrorStatus("Internal", "A defect of the platform.", ("INTERNAL",)),
    503: ErrorStatus(
        "Unavailable", "A part of the platform is away; `Retry-After` tells when to try again.", ("UNAVAILABLE",)
    ),
    504: ErrorStatus("DeadlineExceeded", "A part of the platform took too long.", ("DEADLINE_EXCEEDED",)),
}
STATUS_BY_CODE = {code: status for status, error in ERROR_STATUSES.items() for code in error.codes}
# HTTP status → the code that comes nearest; no code maps to 405.
CODE_BY_STATUS = {405: "UNIMPLEMENTED"} | {
    status: error.codes[0] for status, error in ERROR_STATUSES.items() if error.codes
}
# What HTTP itself refuses → its reason.
REASON_BY_STATUS = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "REQUEST_ENTITY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}
# Where a refusal does not say itself when to try again.
RETRY_SECONDS_BY_CODE = {"UNAVAILABLE": "2", "RESOURCE_EXHAUSTED": "30"}


def get_http_status(error: DomainError) -> int:
    """Return the HTTP status of the answer that a refusal gets."""
    return STATUS_BY_CODE.get(error.code, 500)


def get_retry_seconds(error: DomainError) -> str:
    """Return the seconds after which to try again (RFC 9110, 10.2.3); "" where waiting does not help."""
    return error.metadata.get("retry_after", RETRY_SECONDS_BY_CODE.get(error.code, ""))


def get_http_code(status: int) -> str:
    """Return the canonical code of what HTTP itself refuses."""
    return CODE_BY_STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")


def list_reasons(status: int) -> dict[str, str]:
    """Return the reasons of the refusals that are answered with an HTTP status, with their meanings in English."""
    return {
        reason: text
        for code, reasons in REFUSALS.items()
        for reason, text in reasons.items()
        if get_status(reason, code) == status
    }


def get_status(reason: str, code: str) -> int:
    """Return the HTTP status of a refusal with a reason of a canonical code."""
    return next(
        (status for status, known in REASON_BY_STATUS.items() if known == reason), STATUS_BY_CODE.get(code, 500)
    )


def get_http_reason(status: int) -> str:
    """Return the reason of what HTTP itself refuses."""
    return REASON_BY_STATUS.get(status, "DEFECT" if status >= 500 else "BAD_REQUEST")
