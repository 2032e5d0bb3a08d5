"""The password is asked for once more before a browser that is signed in makes or changes who may sign in."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from gateway.accounts import throttle
from gateway.accounts.caller_cache import forget_all
from tests.gateway.browsing import PageForm, browser, execute, form_token, send, sign_in, text_of
from tests.gateway.conftest import PASSWORD, Gateway, credentials

Door = Callable[..., Gateway]
ASKED = "Please confirm with your password"
PRESS = {
    "account__display_name": "Press office",
    "account__email": "confirmed@city.example",
    "account__roles": ["ROLE_MEMBER"],
}


def signed_in_long_ago(gateway: Gateway, role: Role) -> FlaskClient:
    client = browser(gateway, role)
    execute(gateway, "UPDATE tokens SET confirm_time = now() - interval '16 minutes' WHERE kind = 'web'")
    forget_all()
    return client


def test_what_was_typed_is_carried_out_once_the_password_is_given(gateway: Gateway) -> None:
    client = signed_in_long_ago(gateway, Role.ADMINISTRATOR)

    asked = send(client, "/accounts/new", **PRESS)
    assert (asked.status_code, ASKED in asked.text) == (401, True)
    form = PageForm(asked.text).fields
    form["sign_in.confirmation"] = "wrong"
    again = client.post("/accounts/new", data=form)
    assert (again.status_code, "This is not your present password." in again.text) == (400, True)
    form = PageForm(again.text).fields
    form["sign_in.confirmation"] = PASSWORD
    made = client.post("/accounts/new", data=form)

    assert made.status_code == 200
    password = re.search(r'id="new-password">([^<]+)<', made.text)
    assert password
    assert sign_in(gateway.app.test_client(), email="confirmed@city.example", password=password[1]).status_code == 303
    assert (
        send(client, "/accounts/new", **PRESS | {"account__email": "confirmed-too@city.example"}).status_code == 200
    ), "it is not asked for again at once"


def test_an_access_token_is_made_once_the_password_is_given(door: Door) -> None:
    client = signed_in_long_ago(door(), Role.MEMBER)
    form = {"csrf_token": form_token(client, "/account"), "title": "Import", "days": "7", "scope": "SCOPE_WRITE"}

    asked = client.post("/account/access-tokens", data=form)
    assert (asked.status_code, "at_" in asked.text) == (401, False)
    carried = PageForm(asked.text).fields
    carried["sign_in.confirmation"] = PASSWORD
    page = client.post("/account/access-tokens", data=carried)

    assert re.search(r"at_[\w-]{43}", page.text)
    assert "Read and change" in text_of(page)


def test_the_page_that_asks_is_switched_to_the_other_language_without_losing_what_was_typed(door: Door) -> None:
    client = signed_in_long_ago(door(), Role.MEMBER)
    form = {"csrf_token": form_token(client, "/account"), "title": "Import", "days": "7"}
    carried = PageForm(client.post("/account/access-tokens", data=form).text).fields

    german = client.post("/account/access-tokens", data={**carried, "switch_language": "de"})

    assert "Bitte bestätigen Sie mit Ihrem Passwort" in german.text
    form = PageForm(german.text).fields
    form["sign_in.confirmation"] = PASSWORD
    assert "Ihr neues Token" in client.post("/account/access-tokens", data=form).text


def test_a_form_that_can_be_shown_again_is_so_in_the_other_language(gateway: Gateway) -> None:
    client = signed_in_long_ago(gateway, Role.ADMINISTRATOR)
    carried = PageForm(send(client, "/accounts/new", **PRESS).text).fields

    german = client.post("/accounts/new", data={**carried, "switch_language": "de"})

    assert german.status_code == 200
    assert PageForm(german.text).fields["account.display_name"] == "Press office"


@pytest.mark.parametrize("path", ["lock", "reset-password", "edit"])
def test_every_change_of_an_account_asks_and_reading_does_not(gateway: Gateway, path: str) -> None:
    name = gateway.as_(Role.MEMBER).get("/v1/accounts/me").json["name"]
    client = signed_in_long_ago(gateway, Role.ADMINISTRATOR)

    assert client.get(f"/{name}").status_code == 200
    changed = {"account__department": "Another"} if path == "edit" else {}
    asked = send(client, f"/{name}/{path}", **changed)

    assert (asked.status_code, ASKED in asked.text) == (401, True)
    assert gateway.as_(Role.MEMBER).get("/v1/accounts/me").status_code == 200


def test_a_browser_left_alone_does_not_let_the_password_be_guessed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "ATTEMPTS_PER_SESSION", 2)
    client = signed_in_long_ago(gateway, Role.ADMINISTRATOR)
    form = PageForm(send(client, "/accounts/new", **PRESS).text).fields

    codes = [client.post("/accounts/new", data={**form, "sign_in.confirmation": "x"}).status_code for _ in range(3)]

    assert codes == [400, 400, 429]
    assert sign_in(gateway.app.test_client(), **credentials(Role.ADMINISTRATOR)).status_code == 303


def test_the_password_alone_carries_nothing_out_without_the_forms_token(gateway: Gateway) -> None:
    client = signed_in_long_ago(gateway, Role.ADMINISTRATOR)
    forged = PRESS | {"account__email": "forged@city.example"}
    form = PageForm(send(client, "/accounts/new", **forged).text).fields

    client.post("/accounts/new", data={**form, "sign_in.confirmation": PASSWORD, "csrf_token": "made up"})

    assert "forged@city.example" not in client.get("/accounts?query=forged").text
    assert ASKED in send(client, "/accounts/new", **PRESS).text
