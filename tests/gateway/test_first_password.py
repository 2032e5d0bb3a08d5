"""Whoever got a password from an administrator chooses an own one, before anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.errors import Unauthenticated
from chassis.identity import Role
from gateway.accounts.model import Kind
from gateway.accounts.sessions import choose_password as choose_password_of
from gateway.accounts.sessions import find_caller
from tests.gateway.browsing import OWN_PASSWORD, PageForm, browser, choose_password, form_token, send, sign_in, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import created

Door = Callable[..., Gateway]
PRESS = {"email": "press@city.example", "displayName": "Press office", "roles": ["ROLE_MEMBER"], "department": "Press"}


def an_account(gateway: Gateway, **fields: Any) -> dict[str, Any]:
    """Create an account as an administrator does; it has its password in it."""
    return created(gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", PRESS | fields))


def newcomer(gateway: Gateway, account: dict[str, Any]) -> FlaskClient:
    """Return the browser of somebody who has signed in with the password that an administrator handed over."""
    client = gateway.app.test_client()
    assert sign_in(client, email=account["email"], password=account["password"]).status_code == 303
    return client


def by_rest(gateway: Gateway, email: str, password: str) -> Any:
    return Rest(gateway.app.test_client(), "").post("/v1/sessions", {"email": email, "password": password})


def test_a_new_account_chooses_its_password_and_then_goes_where_it_wanted(door: Door) -> None:
    gateway = door()
    account = an_account(gateway)
    client = newcomer(gateway, account)

    asked = client.get("/account?x=1")
    assert (asked.status_code, asked.location) == (303, "/account/first-password?next=/account?x%3D1")
    chosen = send(client, asked.location, sign_in__new_password=OWN_PASSWORD)

    assert (chosen.status_code, chosen.location) == (303, "/account?x=1")
    assert "Your password is changed" in text_of(client.get("/account"))
    assert by_rest(gateway, account["email"], OWN_PASSWORD).status_code == 200
    assert by_rest(gateway, account["email"], account["password"]).status_code == 401
    assert client.get("/account/first-password").location == "/", "there is nothing left to choose"


def test_no_page_lets_a_first_password_pass(door: Door) -> None:
    gateway = door()
    client = newcomer(gateway, an_account(gateway))

    for path in ("/", "/visits", "/accounts", "/search?query=x", "/administration", "/accounts/new", "/sign-in?next=/"):
        answer = client.get(path)
        while answer.status_code == 303 and not answer.location.startswith("/account/first-password"):
            answer = client.get(answer.location)
        assert answer.status_code == 303, path
    form = {"csrf_token": form_token(client, "/account/first-password")}
    token = client.post("/account/access-tokens", data={**form, "title": "a way around", "days": "7"})
    assert (token.status_code, token.location) == (303, "/account/first-password?next=/")
    assert client.get("/search?query=x", headers={"HX-Request": "true"}).status_code == 401
    stale = client.post("/accounts/new", data={"account.display_name": "a page from before"})
    assert (stale.status_code, "Choose a password of your own" in stale.text) == (403, True)
    assert "Main navigation" not in client.get("/status").text


def test_before_the_choice_one_can_read_in_the_other_language_and_sign_out(door: Door) -> None:
    gateway = door()
    client = newcomer(gateway, an_account(gateway))
    page = client.get("/account/first-password?next=/visits")
    assert "Visits" not in text_of(page), "nothing is offered that would not open"

    german = client.post(
        "/account/first-password?next=/visits", data={**PageForm(page.text).fields, "switch_language": "de"}
    )

    assert "Passwort" in text_of(german)
    chosen = {**PageForm(german.text).fields, "sign_in.new_password": "short"}
    assert "Zeichen" in text_of(client.post("/account/first-password?next=/visits", data=chosen))
    signed_out = client.post("/sign-out", data={"csrf_token": PageForm(german.text).fields["csrf_token"]})
    assert signed_out.location == "/sign-in"
    assert client.get("/static/austausch.css").status_code == 200
    assert client.get("/account").location == "/sign-in?next=/account"


@pytest.mark.parametrize("new", ["short", "", None])
def test_a_bad_choice_is_refused_beside_the_field(door: Door, new: str | None) -> None:
    gateway = door()
    account = an_account(gateway)
    client = newcomer(gateway, account)

    answer = send(client, "/account/first-password", sign_in__new_password=account["password"] if new is None else new)

    assert answer.status_code == 400
    complaint = "Please choose another one" if new is None else "Please choose at least 12 characters."
    assert complaint in text_of(answer)
    assert 'aria-invalid="true"' in answer.text
    assert client.get("/account").status_code == 303


def test_a_reset_password_has_to_be_replaced_whoever_made_the_account(door: Door) -> None:
    gateway = door()
    name = gateway.as_(Role.COORDINATOR).get("/v1/accounts/me").json["name"]
    assert sign_in(gateway.app.test_client(), next="/account").location == "/account"
    reset = created(gateway.as_(Role.ADMINISTRATOR).post(f"/v1/{name}:resetPassword"))
    assert reset["mustChoosePassword"] is True

    client = newcomer(gateway, reset)

    assert client.get("/account").location.startswith("/account/first-password")
    assert send(client, "/account/first-password", sign_in__new_password=OWN_PASSWORD).status_code == 303
    assert created(gateway.as_(Role.ADMINISTRATOR).get(f"/v1/{name}"))["mustChoosePassword"] is False


def test_a_session_that_ended_while_somebody_chose_changes_no_password(door: Door) -> None:
    gateway = door()
    account = an_account(gateway)
    token = sign_in(gateway.app.test_client(), email=account["email"], password=account["password"]).headers
    cookie = next(held for held in token.getlist("Set-Cookie") if held.startswith("austausch_session="))
    caller = find_caller(gateway.database, cookie.partition("=")[2].partition(";")[0], (Kind.WEB,))
    assert caller
    reset = created(gateway.as_(Role.ADMINISTRATOR).post(f"/v1/{account['name']}:resetPassword"))

    with pytest.raises(Unauthenticated):
        choose_password_of(gateway.database, caller, OWN_PASSWORD)

    newcomer(gateway, reset)


def test_a_program_is_told_that_the_first_password_is_for_choosing_an_own_one(door: Door) -> None:
    gateway = door()
    account = an_account(gateway)

    refused = by_rest(gateway, account["email"], account["password"])

    assert refused.status_code == 400
    error: dict[str, Any] = refused.get_json()["error"]
    assert (error["status"], error["details"][0]["reason"]) == ("FAILED_PRECONDITION", "PASSWORD_NOT_CHOSEN")
    assert by_rest(gateway, account["email"], "wrong").status_code == 401, "only who knows the password learns of it"
    for _attempt in range(12):
        by_rest(gateway, account["email"], account["password"])
    newcomer(gateway, account)  # a program that tries again does not lock its owner out


def test_an_administrator_sees_whose_password_is_still_the_first(gateway: Gateway) -> None:
    account = an_account(gateway, email="seen@city.example")
    administrator = browser(gateway, Role.ADMINISTRATOR)

    assert "One of their own is not chosen yet" in text_of(administrator.get(f"/{account['name']}"))
    choose_password(newcomer(gateway, account))
    assert "One of their own is not chosen yet" not in text_of(administrator.get(f"/{account['name']}"))


def test_what_was_typed_outlives_a_password_reset_in_between(gateway: Gateway) -> None:
    account = an_account(gateway, email="typist@city.example", roles=["ROLE_ADMINISTRATOR"])
    client = newcomer(gateway, account)
    choose_password(client)
    typed = PageForm(client.get("/accounts/new").text).fields
    typed["account.display_name"] = "Water works"
    reset = created(gateway.as_(Role.ADMINISTRATOR).post(f"/v1/{account['name']}:resetPassword"))

    ended = PageForm(client.post("/accounts/new", data=typed).text).fields
    ended["sign_in.email"], ended["sign_in.password"] = reset["email"], reset["password"]
    asked = client.post("/accounts/new", data=ended)
    assert asked.status_code == 403
    answer = PageForm(asked.text).fields
    answer["sign_in.new_password"] = "short"
    again = client.post("/accounts/new", data=answer)
    assert "Please choose at least 12 characters." in text_of(again)
    answer = PageForm(again.text).fields
    answer["sign_in.new_password"] = OWN_PASSWORD
    shown = client.post("/accounts/new", data=answer)

    assert shown.status_code == 200
    assert PageForm(shown.text).fields["account.display_name"] == "Water works"
    assert client.get("/account").status_code == 200
