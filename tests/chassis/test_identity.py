"""Who is asking: what a token proves, and what it can't."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chassis.errors import PermissionDenied, Unauthenticated
from chassis.identity import (
    REMEMBERED_TOKENS,
    Identity,
    Role,
    Signer,
    Verifier,
    act_as,
    format_key_set,
    identity,
    key_set,
    new_private_key,
    public_key,
    service_identity,
)
from chassis.key_file import LOOK_SECONDS
from tests.calls import Keys, person


@pytest.fixture
def verifier(keys: Keys) -> Verifier:
    """Trusts the gateway and the forum."""
    return Verifier(keys.trusted)


def forged(keys: Keys, *, signed_by: str = "gateway", kid: Any = "gateway", **claims: Any) -> str:
    """Return a token with claims of choice over those of a member, signed with the key of an issuer."""
    now = datetime.now(UTC)
    good = {
        "iss": "gateway", "aud": "austausch", "sub": "accounts/1", "name": "Member", "roles": ["member"],
        "iat": now, "exp": now + timedelta(seconds=60),
    }  # fmt: skip
    chosen = {key: value for key, value in {**good, **claims}.items() if value is not None}
    return jwt.encode(chosen, keys.private[signed_by], algorithm="EdDSA", headers={"kid": kid})


def test_what_was_signed_is_what_is_read(keys: Keys, verifier: Verifier) -> None:
    partner = person(Role.PARTNER, name="Dîner spätestens 你好", city="cities/swansea", department="Amt 41")
    assert verifier.identity(keys.token(partner)) == partner
    assert verifier.identity(keys.token(service_identity("forum"))) == service_identity("forum")


def test_an_expired_token_is_refused(keys: Keys, verifier: Verifier) -> None:
    old = Signer("gateway", keys.private["gateway"], lifetime_seconds=-30)
    with pytest.raises(Unauthenticated):
        verifier.identity(old.token(person(Role.MEMBER)))


def test_a_token_is_good_until_it_expires_however_often_it_is_used(keys: Keys, verifier: Verifier) -> None:
    member = person(Role.MEMBER)
    # It expired three seconds ago, which is within the leeway for one second more, at least.
    token = Signer("gateway", keys.private["gateway"], lifetime_seconds=-3).token(member)
    assert [verifier.identity(token) for _ in range(3)] == [member] * 3
    time.sleep(2.1)
    with pytest.raises(Unauthenticated):
        verifier.identity(token)


def test_more_tokens_than_are_remembered_are_told_apart(keys: Keys, verifier: Verifier) -> None:
    people = [person(Role.MEMBER, subject=f"accounts/{number}") for number in range(REMEMBERED_TOKENS + 10)]
    tokens = [keys.token(who) for who in people]
    for _ in range(2):
        assert [verifier.identity(token) for token in tokens] == people


def test_a_token_of_another_key_is_refused(verifier: Verifier) -> None:
    with pytest.raises(Unauthenticated):
        verifier.identity(Signer("gateway", new_private_key()).token(person(Role.ADMINISTRATOR)))


@pytest.mark.parametrize(
    "claims",
    [
        {"kid": "stranger"},
        {"kid": "forum"},
        {"kid": "forum", "iss": "forum"},
        {"signed_by": "forum"},
        {"aud": "another"},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"roles": ["emperor"]},
        {"roles": 5},
        {"roles": [["member"]]},
        {"sub": 5},
        {"iat": datetime.now(UTC) + timedelta(hours=1)},
    ],
)
def test_a_forged_claim_is_refused(keys: Keys, verifier: Verifier, claims: dict[str, Any]) -> None:
    assert verifier.identity(forged(keys)).roles == {Role.MEMBER}
    with pytest.raises(Unauthenticated):
        verifier.identity(forged(keys, **claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["administrator"]},
        {"roles": ["service", "administrator"]},
        {"roles": []},
        {"sub": "accounts/1"},
        {"sub": "services/exchange"},
    ],
)
def test_a_service_speaks_for_itself_alone(keys: Keys, verifier: Verifier, claims: dict[str, Any]) -> None:
    itself: dict[str, Any] = {
        "signed_by": "forum",
        "kid": "forum",
        "iss": "forum",
        "sub": "services/forum",
        "roles": ["service"],
    }
    assert verifier.identity(forged(keys, **itself)).subject == "services/forum"
    with pytest.raises(Unauthenticated):
        verifier.identity(forged(keys, **(itself | claims)))


def test_a_token_without_a_signature_or_with_the_public_key_as_a_secret_is_refused(
    keys: Keys, verifier: Verifier
) -> None:
    claims = jwt.decode(forged(keys), options={"verify_signature": False})
    with pytest.raises(Unauthenticated):
        verifier.identity(jwt.encode(claims, "", algorithm="none", headers={"kid": "gateway"}))
    public = json.loads(keys.trusted.read_text())["keys"][0]["x"]
    with pytest.raises(Unauthenticated):
        verifier.identity(jwt.encode(claims, public, algorithm="HS256", headers={"kid": "gateway"}))


@given(position=st.integers(0), letter=st.sampled_from("ABCDEFGHabcdefgh0123456789-_"))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_tampered_token_is_refused(keys: Keys, verifier: Verifier, position: int, letter: str) -> None:
    token = forged(keys)
    # The last letter of a part carries bits that base64 does not use.
    position %= len(token) - 1
    if token[position] in (letter, ".") or token[position + 1] == ".":
        return
    with pytest.raises(Unauthenticated):
        verifier.identity(token[:position] + letter + token[position + 1 :])


@given(token=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_garbage_is_refused_and_nothing_else_happens(verifier: Verifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier.identity(token)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"keys": 1}', '{"keys": [{}]}', '{"keys": [{"kid": "gateway"}]}'])
def test_a_file_that_is_no_key_set_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"keys\.json is not a JSON Web Key Set"):
        Verifier(file)


def test_a_key_set_holds_public_keys_only() -> None:
    keys = json.loads(key_set({"gateway": new_private_key()}))["keys"]
    assert set(keys[0]) == {"kid", "use", "alg", "kty", "crv", "x"}


def test_a_role_is_required_by_name() -> None:
    member = person(Role.MEMBER)
    member.require(Role.COORDINATOR, Role.MEMBER)
    with pytest.raises(PermissionDenied, match="coordinator"):
        member.require(Role.COORDINATOR)


async def test_outside_a_call_nobody_asks() -> None:
    with pytest.raises(Unauthenticated):
        identity()
    who = Identity(subject="accounts/1", name="A", roles=frozenset())
    act_as(who)
    assert identity() is who


@pytest.mark.parametrize(
    ("own", "other", "same"),
    [
        ("Stadtentwässerung", " stadtentwässerung ", True),
        ("Straßenbau", "STRASSENBAU", True),
        ("Grünflächen", "Gru\u0308nfla\u0308chen", True),
        ("Controlling", "Dezernatscontrolling", False),
        ("", "", False),
        (" ", "", False),
    ],
)
def test_a_department_is_known_however_its_name_is_typed(own: str, other: str, same: bool) -> None:
    assert person(Role.MEMBER, department=own).works_in(other) is same


def accepts(verifier: Verifier, signer: Signer) -> bool:
    """Tell whether a token that is signed now is good, when the files have been looked at again."""
    time.sleep(LOOK_SECONDS)
    try:
        verifier.identity(signer.token(person(Role.MEMBER)))
    except Unauthenticated:
        return False
    return True


def test_several_keys_of_an_issuer_are_trusted_until_their_file_says_otherwise(tmp_path: Path) -> None:
    first, second = new_private_key("gateway"), new_private_key("gateway")
    file = tmp_path / "trusted-keys.json"
    both = format_key_set([public_key("gateway", first), public_key("gateway", second)])
    file.write_text(format_key_set([public_key("gateway", first)]))
    verifier = Verifier(file)
    old, new = Signer("gateway", first), Signer("gateway", second)
    used = old.token(person(Role.MEMBER))

    assert (accepts(verifier, old), accepts(verifier, new)) == (True, False)
    file.write_text(both)
    assert (accepts(verifier, old), accepts(verifier, new)) == (True, True)
    assert verifier.identity(used)
    file.write_text(format_key_set([public_key("gateway", second)]))
    assert (accepts(verifier, old), accepts(verifier, new)) == (False, True)
    # One that was used before is not remembered.
    with pytest.raises(Unauthenticated):
        verifier.identity(used)


def test_a_file_that_is_half_written_or_gone_changes_nothing(tmp_path: Path) -> None:
    trusted, private = tmp_path / "trusted-keys.json", tmp_path / "gateway-key.pem"
    private.write_text(new_private_key("gateway"))
    trusted.write_text(key_set({"gateway": private.read_text()}))
    verifier, signer = Verifier(trusted), Signer("gateway", private)

    for file in (trusted, private):
        whole = file.read_text()
        file.write_text(whole[: len(whole) // 2])
        assert accepts(verifier, signer)
        file.unlink()
        assert accepts(verifier, signer)
        file.write_text(whole)
    assert accepts(verifier, signer)


def test_a_key_is_no_other_issuers(tmp_path: Path) -> None:
    gateway = new_private_key("gateway")
    with pytest.raises(ValueError, match="The signing key of forum is that of another: gateway/"):
        Signer("forum", gateway)
    file = tmp_path / "trusted-keys.json"
    file.write_text(key_set({"gateway": gateway, "forum": new_private_key("forum")}))
    assert Verifier(file).identity(Signer("gateway", gateway).token(person(Role.MEMBER))) == person(Role.MEMBER)
    forum_key = gateway.replace("kid: gateway/", "kid: forum/")
    with pytest.raises(Unauthenticated):
        Verifier(file).identity(Signer("forum", forum_key).token(service_identity("forum")))
