"""
Who holds which token, remembered for a moment.

A program sends its token with every call; to ask the database each time would cost as much as the call. What one
worker of a gateway changes (a token revoked, a password changed), its other workers know at once: they share eight
bytes of memory that change with it. Other gateways on the same database know it after `LIFETIME_SECONDS`.
"""

import mmap
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.identity import Identity
from gateway.accounts.model import Kind, Scope

LIFETIME_SECONDS = 5.0
MAX_CALLERS = 10_000

# Anonymous shared memory: gunicorn's configuration imports this module before the workers are forked.
_version = mmap.mmap(-1, 8)


def get_version() -> bytes:
    """Return what changes whenever a token or an account does."""
    return _version[:8]


def forget_all() -> None:
    """Make every worker ask the database again."""
    _version[:8] = os.urandom(8)


@dataclass(frozen=True)
class Caller:
    """Who makes a request, and by which token."""

    identity: Identity
    email: str
    locale: str
    token_id: str
    kind: Kind
    expire_time: datetime
    must_choose_password: bool
    """Whether the account's password is for choosing an own one, and nothing else."""
    scope: Scope
    confirm_time: datetime
    """When its holder last gave the password."""

    @property
    def account_id(self) -> str:
        """Id of the account."""
        return self.identity.subject.removeprefix("accounts/")


class CallerCache:
    """Callers by the digest of their tokens."""

    def __init__(self) -> None:
        self._callers: dict[bytes, tuple[Caller, bytes, float]] = {}

    def get(self, digest: bytes) -> Caller | None:
        """Return who holds a token, if that was asked a moment ago and nothing has changed since."""
        caller, seen, until = self._callers.get(digest, (None, b"", 0.0))
        if (
            caller is None
            or seen != get_version()
            or time.monotonic() > until
            or caller.expire_time <= datetime.now(UTC)
        ):
            return None
        return caller

    def keep(self, digest: bytes, caller: Caller, seen: bytes) -> None:
        """Remember a caller; `seen` is the version from before the database was asked."""
        if len(self._callers) >= MAX_CALLERS:
            self._callers.clear()
        self._callers[digest] = (caller, seen, time.monotonic() + LIFETIME_SECONDS)
