"""
The errors of the domain: one hierarchy that crosses every call.

A service raises them; `chassis.status` turns them into ``google.rpc.Status`` and back; the gateway renders them in one
place. Nothing here knows gRPC, so models and rules may raise them.

What went wrong is told by a reason, a constant in UPPER_SNAKE_CASE of its own for every refusal, and by metadata, its
particulars. The sentences are for logs and developers: the gateway makes what a person reads from reason and metadata,
so nothing depends on their wording.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from chassis.error_metadata import rfc3339


@dataclasses.dataclass(frozen=True)
class Violation:
    """
    What is wrong with one field of a request.

    Attributes:
        field: Path of the field in the request, e.g. ``debrief.entries[0].language``.
        reason: Machine-readable reason in UPPER_SNAKE_CASE; for a rule of the contract its id, e.g. ``string.max_len``.
        description: The same in words for developers.
        metadata: Particulars of the reason, e.g. ``max_len``; never anything secret.
    """

    field: str
    reason: str
    description: str
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)


class DomainError(Exception):
    """
    Something a caller has to know.

    Attributes:
        code: Name of the canonical code (``google.rpc.Code``), e.g. ``NOT_FOUND``.
        message: What happened, in words for developers.
        reason: Machine-readable reason in UPPER_SNAKE_CASE.
        metadata: Particulars of the reason: names, titles, limits, instants in RFC 3339; never anything secret.
        violations: What is wrong with each bad field.
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        metadata: Mapping[str, str] | None = None,
        violations: Iterable[Violation] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.violations = list(violations)


class NotFound(DomainError):
    """There is no such resource; reason RESOURCE_NOT_FOUND, metadata `resource` (its name)."""

    code = "NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not exist.", reason="RESOURCE_NOT_FOUND", metadata={"resource": name})


class Unauthenticated(DomainError):
    """Nobody knows who is asking."""

    code = "UNAUTHENTICATED"


class PermissionDenied(DomainError):
    """The caller is known, and may not do this."""

    code = "PERMISSION_DENIED"


class RoleMissing(PermissionDenied):
    """The caller has none of the roles that this needs; reason ROLE_MISSING, metadata `roles` (comma-separated)."""

    def __init__(self, roles: Iterable[str]) -> None:
        names = sorted(roles)
        super().__init__(
            f"This needs the role {' or '.join(names)}.", reason="ROLE_MISSING", metadata={"roles": ",".join(names)}
        )


class InvalidArgument(DomainError):
    """
    One or more fields are wrong, whatever the state of the system.

    Args:
        field: Path of the bad field in the request; "" where it can't be told.
        description: What is wrong with it, in words for developers.
        reason: The reason, of the error and of its one violation.
        metadata: Particulars of the reason.
    """

    code = "INVALID_ARGUMENT"

    def __init__(self, field: str, description: str, *, reason: str, metadata: Mapping[str, str] | None = None) -> None:
        violations = [Violation(field, reason, description, metadata or {})] if field else []
        message = f"{field}: {description}" if field else description
        super().__init__(message, reason=reason, metadata={} if field else metadata, violations=violations)


class InvalidFields(InvalidArgument):
    """Some fields are wrong; reason INVALID_FIELD, and each violation has its own."""

    def __init__(self, violations: list[Violation]) -> None:
        first = violations[0]
        super().__init__(first.field, first.description, reason="INVALID_FIELD")
        self.violations = list(violations)


class FieldRequired(InvalidFields):
    """Fields that have to be there are empty; the reason of each violation is that of the contract's rule."""

    def __init__(self, *fields: str) -> None:
        super().__init__([Violation(path, "required", "is required") for path in fields])


@contextmanager
def telling_entry(resource: str, entry: str) -> Iterator[None]:
    """
    Let what is wrong with a resource in the block be told at its place in a list of the request.

    Args:
        resource: How paths of its fields begin where there is one, e.g. ``agenda_item``; "" where the entry has none.
        entry: How they begin in the list, e.g. ``additions[3]``; of a request there, ``changes[3].agenda_item``, whose
            other fields are told beside the resource, e.g. ``changes[3].update_mask``.

    Raises:
        InvalidFields: As whatever is raised in the block about fields.
        DomainError: As any other, with metadata `entry`.
    """
    try:
        yield
    except DomainError as wrong:
        if not wrong.violations:
            wrong.metadata["entry"] = entry
            raise
        violations = [
            dataclasses.replace(each, field=_place_in_entry(each.field, resource, entry)) for each in wrong.violations
        ]
        raise InvalidFields(violations) from None


def _place_in_entry(field: str, resource: str, entry: str) -> str:
    """Return the path that a field of a resource, or of the request about it, has in a list as `telling_entry` says."""
    below = field.removeprefix(resource)
    if resource and below != field and below[:1] in ("", ".", "["):
        return entry + below
    return f"{entry.removesuffix(f'.{resource}')}.{field}"


class AlreadyExists(DomainError):
    """Another resource is in the way: same id, same place, same time."""

    code = "ALREADY_EXISTS"


class NameTaken(AlreadyExists):
    """Another resource has the id that the caller chose; reason NAME_TAKEN, metadata `resource` (its name)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} exists already.", reason="NAME_TAKEN", metadata={"resource": name})


class FailedPrecondition(DomainError):
    """The state of the system does not allow it; a repeat will not help until the state has changed."""

    code = "FAILED_PRECONDITION"


class IllegalTransition(FailedPrecondition):
    """
    The resource is in a state from which the transition does not exist.

    Reason ILLEGAL_TRANSITION, metadata `transition`, `state` and `allowed` (the possible transitions, comma-separated).
    """

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
    """
    The caller saw an older version than the one that is stored.

    Reason ETAG_MISMATCH, metadata `updater` (may be empty) and `update_time`.
    """

    def __init__(self, updater: str, update_time: datetime) -> None:
        moment = rfc3339(update_time.replace(microsecond=0))
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
    """A defect of ours; reason DEFECT. The details are in the log, not in the answer."""

    code = "INTERNAL"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side; it is in the log.", reason="DEFECT")


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
    reason: str,
    metadata: Mapping[str, str] | None = None,
    violations: Iterable[Violation] = (),
) -> DomainError:
    """Return the error of a canonical code, as it came over the wire; an unknown code gives `Internal`."""
    kind = BY_CODE.get(code, Internal)
    error = kind.__new__(kind)
    DomainError.__init__(error, message, reason=reason, metadata=metadata, violations=violations)
    return error
