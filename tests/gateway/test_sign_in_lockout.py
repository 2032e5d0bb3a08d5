"""Nobody can keep others from signing in: what is counted against whom, and which browsers keep a way in."""

from collections.abc import Callable, Iterable

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from gateway.accounts import throttle
from tests.gateway.browsing import COORDINATOR, execute, sign_in
from tests.gateway.conftest import Gateway, credentials

Door = Callable[..., Gateway]
WRONG = {**COORDINATOR, "password": "wrong"}


def attempt(gateway: Gateway, address: str, **fields: str) -> TestResponse:
    """Try to sign in as a program at a network address does; wrongly, unless told otherwise."""
    client = gateway.app.test_client()
    return client.post("/api/v1/sessions", json={**WRONG, **fields}, environ_base={"REMOTE_ADDR": address})


def codes(gateway: Gateway, addresses: Iterable[str], **fields: str) -> list[int]:
    return [attempt(gateway, address, **fields).status_code for address in addresses]


def rows(gateway: Gateway) -> int:
    with psycopg.connect(gateway.settings.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM sign_in_attempts").fetchone()
    assert found
    return int(found[0])


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that take less time to reach, in the same proportion."""
    for name, limit in {"EMAIL_AND_ADDRESS": 2, "DEVICE": 2, "SESSION": 2, "EMAIL": 4, "ADDRESS": 6}.items():
        monkeypatch.setattr(throttle, f"ATTEMPTS_PER_{name}", limit)


def lock_for_strangers(gateway: Gateway) -> None:
    """Try wrongly from so many addresses that the account takes no further attempts from strangers."""
    assert codes(gateway, [f"198.51.100.{number}" for number in range(5)]) == [401] * 4 + [429]


def test_one_address_cannot_keep_an_account_from_its_holder_at_another(door: Door) -> None:
    gateway = door()

    assert codes(gateway, ["198.51.100.7"] * 12) == [401] * 2 + [429] * 10

    assert attempt(gateway, "203.0.113.5", **COORDINATOR).status_code == 200


def test_what_an_address_is_refused_does_not_count_against_the_email(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_ADDRESS", 1)
    gateway = door()

    assert codes(gateway, ["198.51.100.7"] * 9) == [401] + [429] * 8

    addresses = ["203.0.113.5", "203.0.113.6", "203.0.113.7", "203.0.113.8"]
    assert codes(gateway, addresses) == [401] * 3 + [429], "one of four attempts was counted"


def test_refused_attempts_add_no_rows(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_ADDRESS", 3)
    gateway = door()

    def flood(numbers: Iterable[int]) -> list[int]:
        return [attempt(gateway, "198.51.100.7", email=f"x{number}@city.example").status_code for number in numbers]

    assert flood(range(3)) == [401] * 3
    before = rows(gateway)
    assert flood(range(3, 20)) == [429] * 17

    assert rows(gateway) == before


def test_what_is_over_is_forgotten_without_anybody_signing_in(door: Door) -> None:
    gateway = door()
    for number in range(5):
        attempt(gateway, f"198.51.100.{number}", email=f"x{number}@city.example")
    execute(gateway, "UPDATE sign_in_attempts SET window_start = window_start - interval '16 minutes'")

    assert attempt(gateway, "203.0.113.5").status_code == 401

    assert rows(gateway) == 3, "of this attempt: the address, the e-mail, and both together"


@pytest.mark.parametrize(
    ("addresses", "same"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:aaaa::9"], True),
        (["2001:db8:1:2::1", "2001:db8:1:3::1"], False),
        (["::ffff:198.51.100.7", "198.51.100.7"], True),
        (["::ffff:198.51.100.7", "::ffff:198.51.100.8"], False),
        (["198.51.100.7", "198.51.100.8"], False),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(
    door: Door, monkeypatch: pytest.MonkeyPatch, addresses: list[str], *, same: bool
) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_ADDRESS", 1)

    assert codes(door(), addresses) == [401, 429 if same else 401]


def known_browser(gateway: Gateway) -> FlaskClient:
    """Return a browser in which the coordinator signed in once, and whose session is over."""
    client = gateway.app.test_client()
    assert sign_in(client).status_code == 303
    client.delete_cookie("austausch_session")
    return client


def test_a_browser_that_signed_in_before_keeps_a_way_in(door: Door) -> None:
    gateway = door()
    client, stranger = known_browser(gateway), gateway.app.test_client()

    lock_for_strangers(gateway)

    assert sign_in(stranger).status_code == 429
    assert sign_in(client).status_code == 303


def test_a_browser_keeps_its_way_in_where_its_address_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_ADDRESS", 2)
    gateway = door()
    client = known_browser(gateway)
    assert codes(gateway, ["127.0.0.1"] * 3) == [401, 401, 429]

    assert sign_in(client).status_code == 303


def test_a_known_browser_has_attempts_of_its_own_and_then_those_of_a_stranger(door: Door) -> None:
    gateway = door()
    client = known_browser(gateway)
    lock_for_strangers(gateway)

    found = [sign_in(client, password="wrong").status_code for _ in range(3)]

    assert found == [401] * 2 + [429]


def test_a_known_browser_is_known_for_its_own_account_only(door: Door) -> None:
    gateway = door()
    client = gateway.app.test_client()
    assert sign_in(client, **credentials(Role.MEMBER)).status_code == 303
    client.delete_cookie("austausch_session")
    lock_for_strangers(gateway)

    assert sign_in(client).status_code == 429


def test_several_people_of_one_browser_each_keep_their_way_in(door: Door) -> None:
    gateway = door()
    client = gateway.app.test_client()
    for role in (Role.COORDINATOR, Role.MEMBER, Role.EXPERT):
        assert sign_in(client, **credentials(role)).status_code == 303
        client.delete_cookie("austausch_session")
    lock_for_strangers(gateway)

    assert sign_in(client).status_code == 303


def test_a_forged_mark_of_a_browser_is_worth_nothing(door: Door) -> None:
    gateway = door()
    client = known_browser(gateway)
    lock_for_strangers(gateway)
    cookie = client.get_cookie("austausch_device")
    assert cookie
    client.set_cookie("austausch_device", cookie.value[:-2] + "xx")
    assert sign_in(client).status_code == 429
    client.set_cookie("austausch_device", "made up")
    assert sign_in(client).status_code == 429


def test_the_mark_of_a_browser_is_out_of_reach_of_scripts_and_tells_nothing(door: Door) -> None:
    client = door(secure_cookies=True).app.test_client()

    answer = sign_in(client)

    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("austausch_device="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= set(cookie.split("; "))
    assert "coordinator" not in cookie
