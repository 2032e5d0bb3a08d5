"""Signatures under which installations publish: whose, of what, for whom, and when."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chassis.errors import Unauthenticated
from chassis.identity import new_private_key
from services.knowledge import signatures
from services.knowledge.signatures import load_private_key, load_public_key, sign, verify

HUB = "https://hub.example"
SWANSEA = "installations/swansea"
CONTENT = '{"publications": []}'


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return load_private_key(new_private_key())


def refusal(key: Ed25519PrivateKey, signature: str, content: str = CONTENT) -> str:
    """Return the reason with which the hub refuses a signature of Swansea."""
    with pytest.raises(Unauthenticated) as refused:
        verify(signature, content, SWANSEA, HUB, key.public_key())
    return refused.value.reason


def test_a_signature_is_verified_with_the_public_key(key: Ed25519PrivateKey) -> None:
    first, second = (verify(sign(CONTENT, SWANSEA, HUB, key), CONTENT, SWANSEA, HUB, key.public_key()) for _ in "12")
    assert first.id != second.id
    assert first.expire_time.timestamp() > time.time() + signatures.LIFETIME_SECONDS


def test_a_signature_of_somebody_else_is_not_valid(key: Ed25519PrivateKey) -> None:
    stranger = load_private_key(new_private_key())
    assert refusal(key, sign(CONTENT, SWANSEA, HUB, stranger)) == "SIGNATURE_NOT_VALID"
    assert refusal(key, sign(CONTENT, "installations/cardiff", HUB, key)) == "SIGNATURE_NOT_VALID"


def test_a_signature_for_another_hub_is_not_valid(key: Ed25519PrivateKey) -> None:
    assert refusal(key, sign(CONTENT, SWANSEA, "https://other.example", key)) == "SIGNATURE_NOT_VALID"


def test_a_signature_of_another_content_is_not_valid(key: Ed25519PrivateKey) -> None:
    assert refusal(key, sign(CONTENT, SWANSEA, HUB, key), CONTENT + " ") == "SIGNATURE_NOT_VALID"


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_signature_of_another_time_is_refused(key: Ed25519PrivateKey, hours: int) -> None:
    signed_at = time.time() + hours * 3600
    assert refusal(key, sign(CONTENT, SWANSEA, HUB, key, signed_at)) == "SIGNATURE_EXPIRED"


def test_clocks_may_differ_by_some_seconds(key: Ed25519PrivateKey) -> None:
    signature = sign(CONTENT, SWANSEA, HUB, key, time.time() + signatures.LEEWAY_SECONDS / 2)
    verify(signature, CONTENT, SWANSEA, HUB, key.public_key())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": int(time.time()) + 86_400}, "SIGNATURE_EXPIRED"),
        ({"jti": "1"}, "SIGNATURE_NOT_VALID"),
        ({"jti": 1}, "SIGNATURE_NOT_VALID"),
        ({"jti": None}, "SIGNATURE_NOT_VALID"),
        ({"digest": None}, "SIGNATURE_NOT_VALID"),
        ({"exp": None}, "SIGNATURE_NOT_VALID"),
        ({"aud": None}, "SIGNATURE_NOT_VALID"),
        ({"iat": "yesterday"}, "SIGNATURE_NOT_VALID"),
    ],
)
def test_claims_are_what_the_contract_says(key: Ed25519PrivateKey, changes: dict[str, object], reason: str) -> None:
    claims = jwt.decode(sign(CONTENT, SWANSEA, HUB, key), options={"verify_signature": False})
    changed = {name: value for name, value in (claims | changes).items() if value is not None}
    assert refusal(key, jwt.encode(changed, key, algorithm="EdDSA")) == reason


def test_other_algorithms_are_not_valid(key: Ed25519PrivateKey) -> None:
    claims = jwt.decode(sign(CONTENT, SWANSEA, HUB, key), options={"verify_signature": False})
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert refusal(key, jwt.encode(claims, public.hex() * 2, algorithm="HS256")) == "SIGNATURE_NOT_VALID"
    assert refusal(key, jwt.encode(claims, None, algorithm="none")) == "SIGNATURE_NOT_VALID"  # type: ignore[arg-type]
    assert refusal(key, "no signature") == "SIGNATURE_NOT_VALID"


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="public Ed25519"):
        load_public_key(text)
    with pytest.raises(ValueError, match="private Ed25519"):
        load_private_key(text)
