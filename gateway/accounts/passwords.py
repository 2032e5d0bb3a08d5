"""Password hashes: argon2id with the parameters of RFC 9106 for little memory (64 MiB)."""

from functools import cache

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.accounts.password_budget import hold_hashing_place

_hasher = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


def hash_password(password: str) -> str:
    """
    Return the hash of a password, in the PHC string format.

    Raises:
        Unavailable: Too many are being hashed; reason SIGN_IN_BUSY.
    """
    with hold_hashing_place():
        return _hasher.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """
    Return whether a password is the one that was hashed.

    It takes as long without a hash (None: there is no such account) as with one, so that the time tells nothing.

    Raises:
        Unavailable: Too many are being hashed; reason SIGN_IN_BUSY.
    """
    with hold_hashing_place():
        try:
            _hasher.verify(password_hash or _get_nobodys_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Return whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _get_nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
