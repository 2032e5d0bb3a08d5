"""How tests state that a call is refused, and look at what the caller is told."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from chassis.errors import DomainError
from chassis.status import from_rpc_error


class Refusal:
    """What a refused call said: `error` is there once the block of `refused` has ended."""

    error: DomainError

    @property
    def metadata(self) -> dict[str, str]:
        """The facts for machines."""
        return self.error.metadata

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of what is wrong with each bad field, by its path."""
        return {violation.field: violation.reason for violation in self.error.violations}

    @property
    def fields(self) -> list[str]:
        """Paths of the bad fields."""
        return [violation.field for violation in self.error.violations]


@contextmanager
def refused(code: str, reason: str = "") -> Iterator[Refusal]:
    """Expect the call in the block to fail with a canonical code, e.g. ``ABORTED``, and a reason if one is given."""
    refusal = Refusal()
    with pytest.raises(grpc.RpcError) as caught:
        yield refusal
    refusal.error = from_rpc_error(caught.value)
    assert refusal.error.code == code, refusal.error.message
    assert refusal.error.reason != code, "a refusal has a reason of its own"
    assert all(violation.reason for violation in refusal.error.violations)
    if reason:
        assert refusal.error.reason == reason
