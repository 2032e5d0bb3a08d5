"""Signing in, tokens and sessions: who gets in, for how long, and how often one may try."""

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from gateway.accounts import throttle
from gateway.accounts.callers import local_path
from tests.gateway.conftest import PASSWORD, Gateway, Rest, credentials, environment

Door = Callable[..., Gateway]
COORDINATOR = credentials(Role.COORDINATOR)


def sign_in(client: FlaskClient, **fields: str) -> TestResponse:
    """Send the form of the sign-in page, as a browser would."""
    form = {**COORDINATOR, "csrf_token": form_token(client, "/sign-in"), **fields}
    return client.post("/sign-in", data=form)


def form_token(client: FlaskClient, path: str) -> str:
    """Return the CSRF token of a page's forms."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def execute(gateway: Gateway, statement: str, *values: Any) -> None:
    """Change the accounts database as time, or an administrator, would."""
    with psycopg.connect(gateway.settings.database_url) as connection:
        connection.execute(statement.encode(), values)


# ------------------------------------------------------------------------------------------------------ tokens


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
    other = gateway.as_(Role.ADMINISTRATOR)
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


# ---------------------------------------------------------------------------------------------------- throttle


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(door: Door) -> None:
    rest = Rest(door().app.test_client(), "")

    wrong = rest.post("/v1/sessions", {**COORDINATOR, "password": "wrong"})
    unknown = rest.post("/v1/sessions", {**COORDINATOR, "email": "nobody@city.example"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json


def test_a_wrong_password_and_an_unknown_address_take_the_same_time(door: Door) -> None:
    rest = Rest(door().app.test_client(), "")
    times: dict[str, list[float]] = {"coordinator@city.example": [], "nobody@city.example": []}

    for _ in range(7):
        for email, taken in times.items():
            started = perf_counter()
            rest.post("/v1/sessions", {"email": email, "password": "wrong"})
            taken.append(perf_counter() - started)

    known, unknown = (median(taken) for taken in times.values())
    assert 0.5 < known / unknown < 2


def test_ten_attempts_at_one_address_are_enough_whatever_the_worker(door: Door) -> None:
    gateways = [door(), door()]
    wrong = {**COORDINATOR, "password": "wrong"}

    codes = [Rest(gateways[i % 2].app.test_client(), "").post("/v1/sessions", wrong).status_code for i in range(10)]
    late = Rest(gateways[0].app.test_client(), "").post("/v1/sessions", COORDINATOR)

    assert codes == [401] * 10
    assert (late.status_code, late.json["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert 0 < int(late.headers["Retry-After"]) <= throttle.WINDOW.total_seconds() + 1


def test_attempts_at_once_are_all_counted(door: Door) -> None:
    gateway = door()
    wrong = {**COORDINATOR, "password": "wrong"}

    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(lambda _: Rest(gateway.app.test_client(), "").post("/v1/sessions", wrong).status_code, range(24))
        )

    assert sorted(codes) == [401] * 10 + [429] * 14


def test_one_network_address_has_fifty_attempts_over_all_accounts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_ADDRESS", 5)
    rest = Rest(door().app.test_client(), "")

    codes = [
        rest.post("/v1/sessions", {"email": f"nobody{i}@city.example", "password": "x"}).status_code for i in range(6)
    ]

    assert codes == [401] * 5 + [429]


def test_a_successful_sign_in_is_not_counted_and_time_heals(door: Door) -> None:
    gateway = door()
    rest = Rest(gateway.app.test_client(), "")
    wrong = {**COORDINATOR, "password": "wrong"}
    codes = [rest.post("/v1/sessions", wrong if i < 9 else COORDINATOR).status_code for i in range(10)]
    codes += [rest.post("/v1/sessions", wrong).status_code for _ in range(11)]
    assert codes == [401] * 9 + [200] + [401] * 10 + [429]

    execute(gateway, "UPDATE sign_in_attempts SET window_start = window_start - interval '15 minutes'")

    assert rest.post("/v1/sessions", COORDINATOR).status_code == 200


# ------------------------------------------------------------------------------------------------------- pages


def test_a_browser_gets_a_cookie_that_scripts_and_other_sites_cannot_use(door: Door) -> None:
    client = door().app.test_client()

    answer = sign_in(client, next="/account")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("austausch_session="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(("base", "always"), [("https://localhost", False), ("http://localhost", True)])
def test_cookies_are_for_https_only_where_there_is_https(door: Door, base: str, *, always: bool) -> None:
    # With the setting even for http: behind a proxy that ends TLS, the browser speaks https and we are told http.
    client = door(secure_cookies=always).app.test_client()
    page = client.get("/sign-in", base_url=base)
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert token

    form = {**COORDINATOR, "csrf_token": token[1]}
    answer = client.post("/sign-in", data=form, base_url=base, headers={"Referer": f"{base}/sign-in"})

    cookies = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    assert {cookie.split("=")[0] for cookie in cookies} == {"austausch_form", "austausch_session"}
    assert all("Secure" in cookie.split("; ") for cookie in cookies)


def test_a_form_without_its_token_is_refused(door: Door) -> None:
    client = door().app.test_client()

    for form in (COORDINATOR, {**COORDINATOR, "csrf_token": "made up"}):
        assert client.post("/sign-in", data=form).status_code == 400
    sign_in(client)
    for path in ("/sign-out", "/account/access-tokens", "/account/password"):
        assert client.post(path, data={"title": "x", "days": "3"}).status_code == 400
    assert client.get("/account").status_code == 200


def test_signing_out_ends_the_session_wherever_its_cookie_is(door: Door) -> None:
    gateway = door()
    client, thief = gateway.app.test_client(), gateway.app.test_client()
    sign_in(client)
    cookie = client.get_cookie("austausch_session")
    assert cookie
    thief.set_cookie("austausch_session", cookie.value)
    assert thief.get("/account").status_code == 200

    client.post("/sign-out", data={"csrf_token": form_token(client, "/account")})

    for browser in (client, thief):
        answer = browser.get("/account")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/account")


def test_the_api_takes_no_cookie_and_a_page_no_bearer_token(door: Door) -> None:
    gateway = door()
    browser = gateway.app.test_client()
    sign_in(browser)
    cookie = browser.get_cookie("austausch_session")
    assert cookie

    assert browser.get("/api/v1/accounts/me").status_code == 401
    assert Rest(gateway.app.test_client(), cookie.value).get("/v1/accounts/me").status_code == 401
    program = gateway.as_(Role.COORDINATOR)
    assert program.client.get("/account", headers=program.headers).status_code == 303


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "/a\nb", "", None],
)
def test_nobody_is_led_to_another_site(target: str | None) -> None:
    assert local_path(target) == "/"


def test_a_path_of_this_site_is_kept() -> None:
    assert local_path("/visits/x?tab=agenda#y") == "/visits/x?tab=agenda#y"


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(door: Door) -> None:
    answer = (
        door()
        .app.test_client()
        .get("/account", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/visits?state=STATE_IDEA"})
    )

    assert answer.headers["HX-Redirect"] == "/sign-in?next=/visits?state%3DSTATE_IDEA"


def test_too_many_attempts_at_the_page_are_told_to_wait(door: Door) -> None:
    client = door().app.test_client()

    codes = [sign_in(client, password="wrong").status_code for _ in range(11)]
    late = sign_in(client)

    assert codes == [401] * 10 + [429]
    assert int(late.headers["Retry-After"]) > 0


def test_an_access_token_of_the_account_page_works_until_it_is_revoked_there(door: Door) -> None:
    gateway = door()
    client = gateway.app.test_client()
    sign_in(client)
    form = {"csrf_token": form_token(client, "/account")}

    page = client.post("/account/access-tokens", data={**form, "title": "Import <b>", "days": "7"}).text
    found = re.search(r"at_[\w-]{43}", page)
    assert found
    assert "Import &lt;b&gt;" in page
    program = Rest(gateway.app.test_client(), found[0])
    assert program.get("/v1/accounts/me").status_code == 200
    assert found[0] not in client.get("/account").text
    revoke = re.search(r'action="(/account/access-tokens/[^"]+/revoke)"', page)
    assert revoke
    assert client.post(revoke[1], data=form).status_code == 303
    assert program.get("/v1/accounts/me").status_code == 401


@pytest.mark.parametrize(
    "fields", [{"title": "", "days": "7"}, {"title": "x", "days": "0"}, {"title": "x", "days": "ten"}]
)
def test_a_form_of_the_account_page_says_what_is_wrong(door: Door, fields: dict[str, str]) -> None:
    client = door().app.test_client()
    sign_in(client)
    form = {"csrf_token": form_token(client, "/account"), **fields}

    answer = client.post("/account/access-tokens", data=form)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_a_new_password_ends_every_other_session(door: Door) -> None:
    gateway = door()
    one, other = gateway.app.test_client(), gateway.app.test_client()
    sign_in(one)
    sign_in(other)
    program = gateway.as_(Role.COORDINATOR)
    new = "another long password"
    form = {"csrf_token": form_token(one, "/account"), "old_password": PASSWORD, "new_password": new}

    assert one.post("/account/password", data={**form, "old_password": "wrong"}).status_code == 422
    assert one.post("/account/password", data={**form, "new_password": "short"}).status_code == 422
    assert one.post("/account/password", data=form).status_code == 303

    assert one.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert program.get("/v1/accounts/me").status_code == 401
    assert sign_in(other, password=new).status_code == 303


# --------------------------------------------------------------------------------------------------- operators


def test_an_operator_creates_an_account(door: Door) -> None:
    gateway = door()
    variables = environment(gateway.settings)

    def run(*arguments: str, password: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway", "create-account", "--name", "Press office", *arguments]
        return subprocess.run(command, env=variables, input=password, capture_output=True, text=True, check=False)

    press = ("--email", "Press@city.example", "--role", "member", "--department", "Press")
    assert run(*press, password="short\n").returncode != 0
    assert run(*press, password="a long password\n").returncode == 0
    again = run("--email", "press@CITY.example", "--role", "member", password="a long password\n")
    assert (again.returncode, again.stderr) == (1, "There is an account press@CITY.example already.\n")
    made_up = run("--email", "two@city.example", "--role", "expert", password="")
    assert "password: " in made_up.stdout
    rest = Rest(gateway.app.test_client(), "")
    for email, password in (
        ("press@city.example", "a long password"),
        ("two@city.example", made_up.stdout.rpartition("password: ")[2].strip()),
    ):
        assert rest.post("/v1/sessions", {"email": email, "password": password}).status_code == 200
