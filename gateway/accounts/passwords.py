"""Password hashes: argon2id with the parameters of RFC 9106 for little memory (64 MiB)."""

import threading
from functools import cache

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

MIN_PASSWORD = 12
# The longest that argon2 can be asked to bear.
MAX_PASSWORD = 1000

# Each hash takes 64 MiB while it is computed; more at once would only wait for the processor anyway.
HASHES_AT_ONCE = 4

_hasher = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_places = threading.BoundedSemaphore(HASHES_AT_ONCE)


def hashed(password: str) -> str:
    """Return the hash of a password, in the PHC string format."""
    with _places:
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """
    Return whether a password is the one that was hashed.

    It takes as long without a hash (None: there is no such account) as with one, so that the time tells nothing.
    """
    with _places:
        try:
            _hasher.verify(password_hash or _nobodys_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
