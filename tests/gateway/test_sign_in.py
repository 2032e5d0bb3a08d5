"""Signing in and out by the pages: cookies, forms, and where one is led."""

import re
from collections.abc import Callable

import pytest

from chassis.identity import Role
from gateway.auth.sign_in import local_path
from tests.gateway.browsing import COORDINATOR, form_token, sign_in
from tests.gateway.conftest import Gateway, Rest

Door = Callable[..., Gateway]


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
    assert {cookie.split("=")[0] for cookie in cookies} == {"austausch_form", "austausch_session", "austausch_device"}
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


@pytest.mark.parametrize("part", ["found", "results"])
def test_a_search_while_typing_tells_that_the_session_has_ended_and_leaves_the_page(door: Door, part: str) -> None:
    headers = {"HX-Request": "true", "HX-Target": part, "HX-Current-URL": "http://localhost/visits/new"}

    answer = door().app.test_client().get("/search?query=wells", headers=headers)

    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert answer.headers["HX-Reswap"] == "innerHTML"  # what the next answer replaces stays
    assert "<html" not in answer.text
    assert "Your session has ended." in answer.text
    link = re.search(r"<a [^>]*>", answer.text)
    assert link
    assert 'href="/sign-in?next=/search?query%3Dwells"' in link[0]
    assert 'target="_blank"' in link[0]


def test_the_sign_in_page_says_that_the_session_has_ended_where_it_has(door: Door) -> None:
    client = door().app.test_client()
    told = "Your session has ended. Please sign in again."
    assert told not in client.get("/account", follow_redirects=True).text
    sign_in(client)
    client.delete_cookie("austausch_session")  # its time has passed
    assert told in client.get("/account", follow_redirects=True).text

    sign_in(client)
    client.post("/sign-out", data={"csrf_token": form_token(client, "/account")})
    assert told not in client.get("/account", follow_redirects=True).text


def test_who_asks_for_the_head_of_a_page_only_is_led_to_the_same_place(door: Door) -> None:
    client = door().app.test_client()

    answers = [client.open("/visits?view=list", method=method) for method in ("GET", "HEAD")]

    assert [answer.location for answer in answers] == ["/sign-in?next=/visits?view%3Dlist"] * 2
    assert "Press the button again" not in client.get(sign_in(client).location).text
