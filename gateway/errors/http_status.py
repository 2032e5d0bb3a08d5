"""Canonical codes (``google.rpc.Code``) and HTTP statuses, for pages, forms, JSON and the description of the API."""

from chassis.errors import DomainError
from gateway.errors.reasons import REFUSALS

# By the mapping of google.rpc.Code, which aip.dev/193 prescribes.
STATUS_BY_CODE = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
# What HTTP itself refuses and no code maps to, by the code that comes nearest.
CODE_BY_STATUS = {405: "UNIMPLEMENTED"} | {status: code for code, status in reversed(STATUS_BY_CODE.items())}
# What HTTP itself refuses → its reason.
REASON_BY_STATUS = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "REQUEST_ENTITY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


def get_http_status(error: DomainError) -> int:
    """Return the HTTP status of the answer that a refusal gets."""
    return STATUS_BY_CODE.get(error.code, 500)


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
