"""
Who is asking.

The gateway authenticates people and passes a short-lived signed token (EdDSA JWT) with each call; a service that calls
another signs one for itself. Each issuer has a key pair of its own; services hold the public keys only.
"""

import json
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from chassis.errors import RoleMissing, Unauthenticated

AUDIENCE = "austausch"
ALGORITHM = "EdDSA"
# Only the gateway authenticates people; any other issuer speaks for itself alone.
PEOPLE_ISSUER = "gateway"
# Clocks of two machines may differ by so much.
LEEWAY_SECONDS = 5
# Callers use a token more than once; checking its signature costs more than the rest of a small call.
REMEMBERED_TOKENS = 1000


class Role(StrEnum):
    """A part that an account (or a service) plays; see ``austausch.common.v1.Role``."""

    ADMINISTRATOR = "administrator"
    COORDINATOR = "coordinator"
    MEMBER = "member"
    PARTNER = "partner"
    EXPERT = "expert"
    SERVICE = "service"
    INSTALLATION = "installation"


def same_department(one: str, other: str) -> bool:
    """Return whether two texts name one department; people type its name, so case and outer blanks vary."""
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()


@dataclass(frozen=True)
class Identity:
    """
    Who is asking.

    Attributes:
        subject: ``accounts/{account}`` or ``services/{service}``.
        name: Name as shown to people.
        roles: What they may be.
        city: ``cities/{city}`` that a partner works for; empty otherwise.
        department: Department of the home city that a member works in; empty otherwise.
    """

    subject: str
    name: str
    roles: frozenset[Role]
    city: str = ""
    department: str = ""

    def has(self, *roles: Role) -> bool:
        """Return whether the caller has at least one of the roles."""
        return not self.roles.isdisjoint(roles)

    def works_in(self, department: str) -> bool:
        """Return whether the caller is of a department; nobody is of the one without a name."""
        return same_department(self.department, department)

    def require(self, *roles: Role) -> None:
        """
        Raise unless the caller has at least one of the roles.

        Raises:
            RoleMissing: None of them.
        """
        if not self.has(*roles):
            raise RoleMissing(roles)


_current: ContextVar[Identity] = ContextVar("identity")


def identity() -> Identity:
    """
    Return who makes the current call.

    Raises:
        Unauthenticated: Outside a call, or in one without an identity; reason IDENTITY_MISSING.
    """
    try:
        return _current.get()
    except LookupError:
        raise Unauthenticated("Nobody is signed in.", reason="IDENTITY_MISSING") from None


def act_as(caller: Identity) -> None:
    """Make `caller` the identity of the current task: what the server does per call, and a consumer for itself."""
    _current.set(caller)


def current_name() -> str:
    """Return the display name of who makes the current call; empty outside one."""
    caller = _current.get(None)
    return caller.name if caller else ""


class Signer:
    """
    Signs identities for calls.

    Args:
        issuer: Name of the signing process, the ``kid`` of its key: ``gateway``, ``forum``.
        private_key_pem: Its Ed25519 private key.
        lifetime_seconds: How long a token is good for; a call takes seconds.

    Raises:
        ValueError: The key can't be read.
    """

    def __init__(self, issuer: str, private_key_pem: str, lifetime_seconds: int = 60) -> None:
        key = load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("The signing key is not an Ed25519 key.")
        self._issuer = issuer
        self._key = key
        self._lifetime = timedelta(seconds=lifetime_seconds)

    def token(self, who: Identity) -> str:
        """Return a token that says who is asking."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": who.subject,
            "name": who.name,
            "roles": sorted(who.roles),
            "city": who.city,
            "department": who.department,
            "iat": now,
            "exp": now + self._lifetime,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._issuer})


class Verifier:
    """
    Verifies tokens against the trusted public keys.

    Args:
        trusted_keys: A JSON Web Key Set (RFC 7517) file; each key's ``kid`` is the issuer that it belongs to.

    Raises:
        OSError: The file can't be read.
        ValueError: It is not a key set of Ed25519 keys.
    """

    def __init__(self, trusted_keys: Path) -> None:
        try:
            keys = json.loads(trusted_keys.read_text())["keys"]
            self._keys = {key["kid"]: jwt.PyJWK(key, algorithm=ALGORITHM) for key in keys}
        except (ValueError, LookupError, TypeError, jwt.PyJWTError) as error:
            raise ValueError(f"{trusted_keys} is not a JSON Web Key Set of Ed25519 keys: {error}") from error
        self._remembered = lru_cache(REMEMBERED_TOKENS)(self._verify)

    def identity(self, token: str) -> Identity:
        """
        Return who the token speaks for.

        Raises:
            Unauthenticated: It is malformed, expired, of an unknown issuer, or claims what its issuer may not; reason
                IDENTITY_NOT_VALID.
        """
        who, expires = self._remembered(token)
        if time.time() >= expires + LEEWAY_SECONDS:
            raise Unauthenticated("The identity token is not valid.", reason="IDENTITY_NOT_VALID")
        return who

    def _verify(self, token: str) -> tuple[Identity, int]:
        """Return who the token speaks for, and when it expires, in seconds since 1970."""
        try:
            issuer = jwt.get_unverified_header(token).get("kid", "")
            key = self._keys[issuer]
            claims = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=issuer, leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )  # fmt: skip
            roles = frozenset(Role(role) for role in claims.get("roles", ()))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            raise Unauthenticated("The identity token is not valid.", reason="IDENTITY_NOT_VALID") from None
        if issuer != PEOPLE_ISSUER and (roles != {Role.SERVICE} or claims["sub"] != f"services/{issuer}"):
            raise Unauthenticated("The identity token is not valid.", reason="IDENTITY_NOT_VALID")
        who = Identity(
            subject=claims["sub"],
            name=claims.get("name", ""),
            roles=roles,
            city=claims.get("city", ""),
            department=claims.get("department", ""),
        )
        return who, int(claims["exp"])


def new_private_key() -> str:
    """Return a new Ed25519 private key, PEM (PKCS #8)."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_set(private_keys: dict[str, str]) -> str:
    """Return the JSON Web Key Set of the public keys of ``{issuer: private key, PEM}``."""
    keys = []
    for issuer, pem in private_keys.items():
        private = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"The key of {issuer} is not an Ed25519 key.")
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key()))
        keys.append({"kid": issuer, "use": "sig", "alg": ALGORITHM, **public})
    return json.dumps({"keys": keys}, indent=2)


def service_identity(service: str) -> Identity:
    """Return the identity with which a service acts as itself."""
    return Identity(subject=f"services/{service}", name=service, roles=frozenset({Role.SERVICE}))
