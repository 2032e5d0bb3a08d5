"""
The errors of the domain: one hierarchy that crosses every call.

A service raises them; `chassis.status` turns them into ``google.rpc.Status`` and back; the gateway renders them in one
place. Nothing here knows gRPC, so models and rules may raise them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar


class DomainError(Exception):
    """
    Something a caller has to know, in words for people.

    Attributes:
        code: Name of the canonical code (``google.rpc.Code``), e.g. ``NOT_FOUND``.
        reason: Machine-readable reason in UPPER_SNAKE_CASE.
        metadata: More facts for machines; never anything secret.
        violations: ``(field path, what is wrong)`` of each bad field.
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code
        self.metadata = dict(metadata or {})
        self.violations = list(violations)


class NotFound(DomainError):
    """There is no such resource."""

    code = "NOT_FOUND"

    def __init__(self, name: str, **details: object) -> None:
        super().__init__(f"{name} does not exist.", **details or {"metadata": {"resource": name}})  # type: ignore[arg-type]


class Unauthenticated(DomainError):
    """Nobody knows who is asking."""

    code = "UNAUTHENTICATED"


class PermissionDenied(DomainError):
    """The caller is known, and may not do this."""

    code = "PERMISSION_DENIED"


class InvalidArgument(DomainError):
    """One or more fields are wrong, whatever the state of the system."""

    code = "INVALID_ARGUMENT"

    def __init__(self, field: str, description: str, **details: object) -> None:
        details = details or {"reason": "INVALID_FIELD", "violations": [(field, description)]}
        super().__init__(f"{field}: {description}" if field else description, **details)  # type: ignore[arg-type]

    @classmethod
    def of(cls, violations: list[tuple[str, str]]) -> "InvalidArgument":
        """Return the error for several bad fields at once; at least one."""
        return cls(*violations[0], reason="INVALID_FIELD", violations=violations)


class AlreadyExists(DomainError):
    """Another resource is in the way: same id, same place, same time."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(DomainError):
    """The state of the system does not allow it; a repeat will not help until the state has changed."""

    code = "FAILED_PRECONDITION"


class IllegalTransition(FailedPrecondition):
    """The resource is in a state from which the transition does not exist."""

    def __init__(self, verb: str, state: str, allowed: list[str]) -> None:
        ways = ", ".join(allowed) or "nothing"
        super().__init__(
            f"{verb} is not possible in state {state}; possible is: {ways}.",
            reason="ILLEGAL_TRANSITION",
            metadata={"transition": verb, "state": state, "allowed": ",".join(allowed)},
        )


class Aborted(DomainError):
    """Someone else was faster; read again, then repeat."""

    code = "ABORTED"


class EtagMismatch(Aborted):
    """The caller saw an older version than the one that is stored."""

    def __init__(self, updater: str, update_time: datetime) -> None:
        moment = update_time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        super().__init__(
            f"Changed by {updater or 'someone'} at {moment} since you read it; read it again.",
            reason="ETAG_MISMATCH",
            metadata={"updater": updater, "update_time": moment},
        )


class ResourceExhausted(DomainError):
    """Too much, or too often."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(DomainError):
    """Something needed is away for the moment; a repeat may help."""

    code = "UNAVAILABLE"


class DeadlineExceeded(DomainError):
    """It took longer than the caller wanted to wait."""

    code = "DEADLINE_EXCEEDED"


class Internal(DomainError):
    """A defect of ours. The details are in the log, not in the answer."""

    code = "INTERNAL"


BY_CODE: dict[str, type[DomainError]] = {
    error.code: error
    for error in (
        NotFound, Unauthenticated, PermissionDenied, InvalidArgument, AlreadyExists, FailedPrecondition, Aborted,
        ResourceExhausted, Unavailable, DeadlineExceeded, Internal,
    )
}  # fmt: skip


def from_code(
    code: str,
    message: str,
    *,
    reason: str = "",
    metadata: Mapping[str, str] | None = None,
    violations: Iterable[tuple[str, str]] = (),
) -> DomainError:
    """Return the error of a canonical code, as it came over the wire; an unknown code gives `Internal`."""
    kind = BY_CODE.get(code, Internal)
    error = kind.__new__(kind)
    DomainError.__init__(error, message, reason=reason, metadata=metadata, violations=violations)
    return error
