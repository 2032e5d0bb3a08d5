"""
Signatures under which an installation publishes: a JSON Web Signature (RFC 7515) by EdDSA.

It says who sends what to which hub, and when: `iss`, `digest`, `aud`, `iat` and `exp`, and a `jti` by which the hub
tells one that was used before.
"""

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from chassis.errors import Unauthenticated

ALGORITHM = "EdDSA"
LIFETIME_SECONDS = 120
MAX_LIFETIME_SECONDS = 300
# Clocks of two cities may differ by so much.
LEEWAY_SECONDS = 60


@dataclass(frozen=True)
class Signature:
    """
    A signature that was verified.

    Attributes:
        id: The installation's own, a UUID.
        issue_time: When it was made, by the installation's clock: at most `LEEWAY_SECONDS` later than by the hub's.
        expire_time: From then on it is refused, whoever sends it.
    """

    id: str
    issue_time: datetime
    expire_time: datetime


def load_private_key(pem: str) -> Ed25519PrivateKey:
    """
    Return a private key.

    Raises:
        ValueError: It is not an Ed25519 key in PEM.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is not a private Ed25519 key in PEM")
    return key


def load_public_key(pem: str) -> Ed25519PublicKey:
    """
    Return a public key.

    Raises:
        ValueError: It is not an Ed25519 key in PEM.
    """
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is not a public Ed25519 key in PEM")
    return key


def sign(content: str, installation: str, hub: str, key: Ed25519PrivateKey, signed_at: float | None = None) -> str:
    """
    Return a signature of a content.

    Args:
        installation: Resource name of the installation at the hub.
        hub: Web address of the hub.
        signed_at: Seconds since 1970; now unless given.
    """
    moment = int(time.time() if signed_at is None else signed_at)
    claims = {
        "iss": installation,
        "aud": hub,
        "iat": moment,
        "exp": moment + LIFETIME_SECONDS,
        "jti": str(uuid4()),
        "digest": compute_digest(content),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def verify(signature: str, content: str, installation: str, hub: str, key: Ed25519PublicKey) -> Signature:
    """
    Return what a signature says, once it is certain that it is the installation's, and of this content for this hub.

    Raises:
        Unauthenticated: It is not (reason SIGNATURE_NOT_VALID), or not good at this time, or for longer than
            `MAX_LIFETIME_SECONDS` (SIGNATURE_EXPIRED).
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            signature, key, algorithms=[ALGORITHM], audience=hub, issuer=installation, leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "iat", "exp", "jti", "digest"]},
        )  # fmt: skip
        id_, begun, expires = str(UUID(claims["jti"])), int(claims["iat"]), int(claims["exp"])
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
        raise _expired() from None
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise _not_valid() from None
    if claims["digest"] != compute_digest(content):
        raise _not_valid()
    if expires - begun > MAX_LIFETIME_SECONDS:
        raise _expired()
    issue_time = datetime.fromtimestamp(begun, UTC)
    return Signature(id_, issue_time, datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC))


def compute_digest(content: str) -> str:
    """Return SHA-256 of a content in UTF-8, in small hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


def _not_valid() -> Unauthenticated:
    message = "The signature is not the installation's own, or not of this content for this hub."
    return Unauthenticated(message, reason="SIGNATURE_NOT_VALID")


def _expired() -> Unauthenticated:
    message = "The signature is of another time, or good for too long: compare the clocks of both installations."
    return Unauthenticated(message, reason="SIGNATURE_EXPIRED")
