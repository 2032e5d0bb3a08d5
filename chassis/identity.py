"""
Who is asking.

The gateway authenticates people and passes a short-lived signed token (EdDSA JWT) with each call; a service that calls
another signs one for itself. Each issuer has key pairs of its own; services hold the public keys only. An issuer signs
with one key at a time, and several are trusted while a new one takes the place of an old one.
"""

import hashlib
import json
import time
import unicodedata
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from chassis.errors import RoleMissing, Unauthenticated
from chassis.key_file import KeyFile

AUDIENCE = "austausch"
ALGORITHM = "EdDSA"
# Only the gateway authenticates people; any other issuer speaks for itself alone.
PEOPLE_ISSUER = "gateway"
# Clocks of two machines may differ by so much.
LEEWAY_SECONDS = 5
LIFETIME_SECONDS = 60
# The id of a key is its issuer, or its issuer, this, and some digits of the public key's digest.
KID_DIVIDER = "/"
KID_DIGITS = 8
# Before the id, in the line before a private key.
KID_LABEL = "kid: "
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
    """
    Return whether two texts name one department.

    People type its name, so case and outer blanks vary, and whether an ä is one character or two (Unicode's NFC, NFD).
    """
    first, second = (unicodedata.normalize("NFC", text.strip().casefold()) for text in (one, other))
    return bool(first) and first == second


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


@dataclass(frozen=True)
class _PrivateKey:
    """A key to sign with, and its id."""

    kid: str
    key: Ed25519PrivateKey


@dataclass(frozen=True)
class _TrustedKey:
    """A public key, and whose tokens it proves."""

    issuer: str
    key: jwt.PyJWK


class Signer:
    """
    Signs identities for calls.

    Args:
        issuer: Name of the signing process: ``gateway``, ``forum``.
        private_key: Its Ed25519 private key (PEM), as `new_private_key` makes it; or the file that holds it, which may
            be replaced meanwhile.
        lifetime_seconds: How long a token is good for; a call takes seconds.

    Raises:
        OSError: The file can't be read.
        ValueError: The key can't be read, or is another issuer's.
    """

    def __init__(self, issuer: str, private_key: str | Path, lifetime_seconds: int = LIFETIME_SECONDS) -> None:
        self._issuer = issuer
        self._lifetime = timedelta(seconds=lifetime_seconds)
        if isinstance(private_key, Path):
            self._read_key = KeyFile(private_key, partial(_read_private_key, issuer)).read
        else:
            key = _read_private_key(issuer, private_key)
            self._read_key = lambda: key

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
        private = self._read_key()
        return jwt.encode(claims, private.key, algorithm=ALGORITHM, headers={"kid": private.kid})


class Verifier:
    """
    Verifies tokens against the trusted public keys.

    Args:
        trusted_keys: A JSON Web Key Set (RFC 7517) file, which may be replaced meanwhile; each key's ``kid`` is the
            issuer that it belongs to, or begins with it, as in ``gateway/3f9a1c22``.

    Raises:
        OSError: The file can't be read.
        ValueError: It is not a key set of Ed25519 keys.
    """

    def __init__(self, trusted_keys: Path) -> None:
        self._file = KeyFile(trusted_keys, partial(_read_trusted_keys, trusted_keys))
        self._keys = self._file.read()
        self._remembered = lru_cache(REMEMBERED_TOKENS)(self._verify)

    def identity(self, token: str) -> Identity:
        """
        Return who the token speaks for.

        Raises:
            Unauthenticated: It is malformed, expired, of an unknown issuer, or claims what its issuer may not; reason
                IDENTITY_NOT_VALID.
        """
        if (keys := self._file.read()) is not self._keys:
            self._keys = keys
            self._remembered.cache_clear()
        who, expires = self._remembered(token)
        if time.time() >= expires + LEEWAY_SECONDS:
            raise Unauthenticated("The identity token is not valid.", reason="IDENTITY_NOT_VALID")
        return who

    def _verify(self, token: str) -> tuple[Identity, int]:
        """Return who the token speaks for, and when it expires, in seconds since 1970."""
        try:
            trusted = self._keys[jwt.get_unverified_header(token).get("kid", "")]
            issuer = trusted.issuer
            claims = jwt.decode(
                token, trusted.key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=issuer, leeway=LEEWAY_SECONDS,
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


def new_private_key(issuer: str = "") -> str:
    """
    Return a new Ed25519 private key, PEM (PKCS #8).

    Args:
        issuer: Whose key it is, where it has more than one at a time: the key gets an id of its own, in a line before
            it (RFC 7468, section 5.2). Without one, its id is the issuer.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    if not issuer:
        return pem
    digest = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()
    return f"{KID_LABEL}{issuer}{KID_DIVIDER}{digest[:KID_DIGITS]}\n{pem}"


def public_key(issuer: str, private_key_pem: str) -> dict[str, str]:
    """
    Return the public half of an issuer's private key, as a JSON Web Key.

    Raises:
        ValueError: The key can't be read, or is another issuer's.
    """
    private = _read_private_key(issuer, private_key_pem)
    public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(private.key.public_key()))
    return {"kid": private.kid, "use": "sig", "alg": ALGORITHM, **public}


def key_set(private_keys: dict[str, str]) -> str:
    """Return the JSON Web Key Set of the public keys of ``{issuer: private key, PEM}``."""
    return format_key_set([public_key(issuer, pem) for issuer, pem in private_keys.items()])


def format_key_set(keys: Sequence[Mapping[str, str]]) -> str:
    """Return a JSON Web Key Set of keys."""
    return json.dumps({"keys": keys}, indent=2)


def _read_private_key(issuer: str, text: str) -> _PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What the library says is a link to its questions and answers.
        raise ValueError(f"The signing key of {issuer} is not a private key in PEM without a password.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"The signing key of {issuer} is not an Ed25519 key.")
    first_line = text.partition("\n")[0]
    kid = first_line.removeprefix(KID_LABEL).strip() if first_line.startswith(KID_LABEL) else issuer
    if _issuer_of(kid) != issuer:
        raise ValueError(f"The signing key of {issuer} is that of another: {kid}.")
    return _PrivateKey(kid, key)


def _read_trusted_keys(file: Path, text: str) -> dict[str, _TrustedKey]:
    try:
        return {
            key["kid"]: _TrustedKey(_issuer_of(key["kid"]), jwt.PyJWK(key, algorithm=ALGORITHM))
            for key in json.loads(text)["keys"]
        }
    except (ValueError, LookupError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise ValueError(f"{file} is not a JSON Web Key Set of Ed25519 keys: {error}") from error


def _issuer_of(kid: str) -> str:
    return kid.partition(KID_DIVIDER)[0]


def service_identity(service: str) -> Identity:
    """Return the identity with which a service acts as itself."""
    return Identity(subject=f"services/{service}", name=service, roles=frozenset({Role.SERVICE}))
