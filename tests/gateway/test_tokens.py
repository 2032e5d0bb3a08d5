"""Tokens of the API: who holds one, for how long, and who may see and revoke it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from chassis.identity import Role
from gateway.accounts.caller_cache import forget_all
from gateway.rest.routes import build_routes
from tests.gateway.browsing import execute
from tests.gateway.conftest import PASSWORD, Gateway, Rest, credentials
from tests.gateway.samples import created

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


def reason_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["details"][0]["reason"]


def a_token(gateway: Gateway, role: Role = Role.MEMBER, **fields: Any) -> Rest:
    """Return a program with an access token for changes, unless `fields` say otherwise."""
    wanted = {"title": "Import", "scope": "SCOPE_WRITE"} | fields
    made = created(gateway.as_(role).post("/v1/accounts/me/accessTokens", wanted))
    program = Rest(gateway.app.test_client(), made["token"])
    assert program.get("/v1/accounts/me").status_code == 200
    return program


def test_no_token_makes_a_token(door: Door) -> None:
    program = a_token(door())

    assert reason_of(program.post("/v1/accounts/me/accessTokens", {"title": "x"})) == (403, "SESSION_NEEDED")


def test_an_administrators_token_does_not_say_who_may_sign_in(door: Door) -> None:
    gateway = door()
    program = a_token(gateway, Role.ADMINISTRATOR)
    member = gateway.as_(Role.MEMBER).get("/v1/accounts/me").json["name"]
    new = {"email": "x@city.example", "displayName": "X", "roles": ["ROLE_ADMINISTRATOR"]}

    for answer in (
        program.post("/v1/accounts", new),
        program.patch(f"/v1/{member}", {"displayName": "X"}),
        program.post(f"/v1/{member}:resetPassword"),
    ):
        assert reason_of(answer) == (403, "SESSION_NEEDED")
    assert program.get("/v1/accounts").status_code == 200
    for path in ("sessions", "accessTokens"):
        assert program.get(f"/v1/{member}/{path}").status_code == 404


@pytest.mark.parametrize("scope", [{"scope": "SCOPE_READ"}, {}])
def test_a_token_for_reading_changes_nothing(door: Door, scope: dict[str, str]) -> None:
    gateway = door()
    made = created(gateway.as_(Role.MEMBER).post("/v1/accounts/me/accessTokens", {"title": "Import"} | scope))
    program = Rest(gateway.app.test_client(), made["token"])

    assert made["scope"] == "SCOPE_READ"
    assert program.get("/v1/accounts/me/accessTokens").status_code == 200
    assert reason_of(program.delete(f"/v1/{made['name']}")) == (403, "TOKEN_READ_ONLY")
    assert reason_of(program.post("/v1/exchanges", {})) == (403, "TOKEN_READ_ONLY")


def test_a_token_for_changes_changes(door: Door) -> None:
    gateway = door()
    program = a_token(gateway)
    listed = program.get("/v1/accounts/me/accessTokens").json["accessTokens"]

    assert [token["scope"] for token in listed] == ["SCOPE_WRITE"]
    assert program.delete(f"/v1/{listed[0]['name']}").status_code == 200


def test_a_reset_password_revokes_the_access_tokens(door: Door) -> None:
    gateway = door()
    program = a_token(gateway)
    name = program.get("/v1/accounts/me").json["name"]

    created(gateway.as_(Role.ADMINISTRATOR).post(f"/v1/{name}:resetPassword"))

    assert program.get("/v1/accounts/me").status_code == 401


def test_a_lock_revokes_the_access_tokens_for_good(door: Door) -> None:
    gateway = door()
    program, administrator = a_token(gateway), gateway.as_(Role.ADMINISTRATOR)
    name = program.get("/v1/accounts/me").json["name"]

    created(administrator.patch(f"/v1/{name}", {"disabled": True}))
    created(administrator.patch(f"/v1/{name}", {"disabled": False}))

    assert program.get("/v1/accounts/me").status_code == 401


def test_an_administrator_sees_and_ends_what_an_account_holds(door: Door) -> None:
    gateway = door()
    member, program, administrator = gateway.as_(Role.MEMBER), a_token(gateway), gateway.as_(Role.ADMINISTRATOR)
    name = member.get("/v1/accounts/me").json["name"]

    sessions = administrator.get(f"/v1/{name}/sessions").json["sessions"]
    tokens = administrator.get(f"/v1/{name}/accessTokens").json["accessTokens"]

    assert [(session["kind"], session["current"], session["token"]) for session in sessions] == [
        ("KIND_PROGRAM", False, "")
    ]
    assert [token["title"] for token in tokens] == ["Import"]
    assert administrator.delete(f"/v1/{tokens[0]['name']}").status_code == 200
    assert program.get("/v1/accounts/me").status_code == 401
    assert administrator.delete(f"/v1/{sessions[0]['name']}").status_code == 200
    assert member.get("/v1/accounts/me").status_code == 401


def test_nobody_else_sees_or_ends_the_sessions_of_others(door: Door) -> None:
    gateway = door()
    member, other = gateway.as_(Role.MEMBER), gateway.as_(Role.COORDINATOR)
    name = member.get("/v1/accounts/me").json["name"]
    own = member.get("/v1/accounts/me/sessions").json["sessions"]

    assert [session["current"] for session in own] == [True]
    assert other.get(f"/v1/{name}/sessions").status_code == 404
    assert other.delete(f"/v1/{own[0]['name']}").status_code == 404
    assert member.get("/v1/accounts/me").status_code == 200


def test_a_program_signs_in_once_more_for_what_says_who_may_sign_in(door: Door) -> None:
    gateway = door()
    administrator = gateway.as_(Role.ADMINISTRATOR)
    name = administrator.get("/v1/accounts/me").json["name"]
    execute(gateway, "UPDATE tokens SET confirm_time = now() - interval '16 minutes'")
    forget_all()
    new = {"email": "x@city.example", "displayName": "X", "roles": ["ROLE_ADMINISTRATOR"]}

    for answer in (
        administrator.post("/v1/accounts/me/accessTokens", {"title": "x"}),
        administrator.post("/v1/accounts", new),
        administrator.patch(f"/v1/{name}", {"displayName": "X"}),
        administrator.post(f"/v1/{name}:resetPassword"),
    ):
        assert reason_of(answer) == (401, "PASSWORD_CONFIRMATION_NEEDED")
        assert 'error="insufficient_user_authentication", max_age="900"' in answer.headers["WWW-Authenticate"]
    assert administrator.get("/v1/accounts").status_code == 200
    del gateway.tokens[Role.ADMINISTRATOR]
    assert gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", new).status_code == 200


def test_only_a_token_for_reading_is_shut_out_from_changes_by_the_method() -> None:
    """Every RPC that is a GET only reads: what a token for reading may do follows from that."""
    reads = ("Get", "List", "Search", "Count")
    wrong = [
        route.endpoint.method.full_name
        for route in build_routes()
        if route.endpoint.verb == "GET" and not route.endpoint.method.name.startswith(reads)
    ]
    assert wrong == []


@pytest.mark.parametrize("days", [-1, 365.1])
def test_an_access_token_lives_for_a_year_at_most(door: Door, days: float) -> None:
    expire_time = (datetime.now(UTC) + timedelta(days=days)).isoformat()
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


def test_who_reads_goes_on_while_the_disk_of_the_database_is_full(door: Door) -> None:
    gateway = door()
    rest = gateway.as_(Role.MEMBER)
    execute(
        gateway,
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$""",
    )
    execute(gateway, "CREATE TRIGGER refuse BEFORE UPDATE ON tokens FOR EACH ROW EXECUTE FUNCTION refuse()")

    answer = rest.get("/v1/accounts/me")

    assert (answer.status_code, answer.json["email"]) == (200, "member@city.example")
