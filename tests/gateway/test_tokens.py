"""Tokens of the API: who holds one, for how long, and who may see and revoke it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from chassis.identity import Role
from tests.gateway.browsing import execute
from tests.gateway.conftest import PASSWORD, Gateway, Rest, credentials

Door = Callable[..., Gateway]


def test_a_session_gives_a_token_that_says_who_one_is(door: Door) -> None:
    rest = door().as_(Role.PARTNER)

    me = rest.get("/v1/accounts/me").json

    assert me["email"] == "partner@city.example"
    assert (me["roles"], me["city"]) == (["ROLE_PARTNER"], "cities/swansea")
    assert rest.get(f"/v1/{me['name']}").json == me


def test_the_address_may_be_written_in_any_case(door: Door) -> None:
    answer = Rest(door().app.test_client(), "").post(
        "/v1/sessions", {"email": " Coordinator@CITY.example ", "password": PASSWORD}
    )

    expires = datetime.fromisoformat(answer.json["expireTime"])
    assert timedelta(hours=11) < expires - datetime.now(UTC) <= timedelta(hours=12)


def test_an_ended_session_is_refused(door: Door) -> None:
    rest = door().as_(Role.MEMBER)

    assert rest.delete("/v1/sessions/current").status_code == 200

    assert rest.get("/v1/accounts/me").status_code == 401


def test_another_workers_token_is_refused_as_soon_as_it_is_revoked(door: Door) -> None:
    one, other = door(), door()
    rest = one.as_(Role.MEMBER)
    made = rest.post("/v1/accounts/me/accessTokens", {"title": "Import"}).json
    workers = [Rest(gateway.app.test_client(), made["token"]) for gateway in (one, other)]
    assert [worker.get("/v1/accounts/me").status_code for worker in workers] == [200, 200]

    assert rest.delete(f"/v1/{made['name']}").status_code == 200

    assert [worker.get("/v1/accounts/me").status_code for worker in workers] == [401, 401]


def test_an_access_token_is_shown_once_and_kept_as_a_digest(door: Door) -> None:
    gateway = door()
    rest = gateway.as_(Role.MEMBER)
    made = rest.post("/v1/accounts/me/accessTokens", {"title": "Import"}).json

    listed = rest.get("/v1/accounts/me/accessTokens").json["accessTokens"]

    assert [(token["title"], token["token"]) for token in listed] == [("Import", "")]
    assert made["token"].startswith("at_")
    with psycopg.connect(gateway.settings.database_url) as connection:
        kept = str(connection.execute("SELECT * FROM tokens").fetchall())
    assert made["token"] not in kept


def test_nobody_sees_or_revokes_the_tokens_of_others(door: Door) -> None:
    gateway = door()
    made = gateway.as_(Role.MEMBER).post("/v1/accounts/me/accessTokens", {"title": "Import"}).json
    other = gateway.as_(Role.COORDINATOR)
    own_name = made["name"].replace(made["name"].split("/")[1], "me")

    for answer in (
        other.get(f"/v1/{made['name'].rpartition('/')[0]}"),
        other.delete(f"/v1/{made['name']}"),
        other.delete(f"/v1/{own_name}"),
        other.get(f"/v1/{'/'.join(made['name'].split('/')[:2])}"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize("expire_time", ["2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"])
def test_an_access_token_lives_for_a_year_at_most(door: Door, expire_time: str) -> None:
    answer = (
        door().as_(Role.MEMBER).post("/v1/accounts/me/accessTokens", {"title": "Import", "expireTime": expire_time})
    )

    assert answer.status_code == 400
    assert "accessToken.expireTime" in answer.text


def test_fifty_access_tokens_are_enough(door: Door) -> None:
    rest = door().as_(Role.MEMBER)

    codes = [rest.post("/v1/accounts/me/accessTokens", {"title": str(i)}).status_code for i in range(51)]

    assert codes == [200] * 50 + [400]


def test_an_expired_token_is_refused(door: Door) -> None:
    gateway = door()
    rest = gateway.as_(Role.MEMBER)
    execute(gateway, "UPDATE tokens SET expire_time = now() - interval '1 second'")

    assert rest.get("/v1/accounts/me").status_code == 401


def test_a_disabled_account_is_refused(door: Door) -> None:
    gateway = door()
    rest = gateway.as_(Role.MEMBER)
    execute(gateway, "UPDATE accounts SET disabled = true")

    assert rest.get("/v1/accounts/me").status_code == 401
    assert rest.post("/v1/sessions", credentials(Role.MEMBER)).status_code == 401


def test_the_last_use_of_a_token_is_known(door: Door) -> None:
    rest = door().as_(Role.MEMBER)
    made = rest.post("/v1/accounts/me/accessTokens", {"title": "Import"}).json
    Rest(rest.client, made["token"]).get("/v1/accounts/me")

    listed = rest.get("/v1/accounts/me/accessTokens").json["accessTokens"]

    assert "lastUseTime" not in made
    assert "lastUseTime" in listed[0]
