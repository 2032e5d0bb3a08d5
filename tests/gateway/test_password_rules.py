"""Which passwords may be chosen, wherever one is; and for how long one that was made up is good."""

from collections.abc import Callable

import pytest

from chassis.errors import InvalidArgument
from chassis.identity import Role
from gateway.accounts.model import Account
from gateway.accounts.password_rules import MAX_PASSWORD, require_good_password
from tests.gateway.browsing import OWN_PASSWORD, browser, execute, form_token, send, sign_in, text_of
from tests.gateway.conftest import PASSWORD, Gateway, Rest
from tests.gateway.samples import created

Door = Callable[..., Gateway]
PRESS = {"email": "press.jane@city.example", "displayName": "Pressestelle", "roles": ["ROLE_MEMBER"]}


def refused(password: str) -> str:
    """Return the reason for which the press office may not choose a password; "" when it may."""
    account = Account(
        display_name="Pressestelle Süd", email="press.jane@city.example", city="cities/swansea", department="Wasserwerk"
    )
    try:
        require_good_password("new_password", password, account, "cities/mannheim")
    except InvalidArgument as error:
        return error.reason
    return ""


@pytest.mark.parametrize(
    "password", ["password1234", "123456789012", "qwertyuiop12", "aaaaaaaaaaaa", "PassWort123456", "p4$$w0rd12345"]
)
def test_what_attackers_try_first_is_refused(password: str) -> None:
    assert refused(password) == "PASSWORD_TOO_COMMON"


@pytest.mark.parametrize(
    "password",
    [
        "Pressestelle2026",
        "press.jane@city",
        "WASSERWERK-2026",
        "mannheim-austausch",
        "Austausch2026!",
        "Süd-Pressestelle",
    ],
)
def test_the_accounts_own_words_are_refused(password: str) -> None:
    assert refused(password) == "PASSWORD_OF_OWN_WORDS"


@pytest.mark.parametrize(("length", "reason"), [(11, "PASSWORD_TOO_SHORT"), (MAX_PASSWORD + 1, "PASSWORD_TOO_LONG")])
def test_the_length_has_bounds(length: int, reason: str) -> None:
    assert refused(("kX3_9fQz-1aB" * 100)[:length]) == reason


@pytest.mark.parametrize(
    "password",
    [OWN_PASSWORD, PASSWORD, "Pressestelle k8mz qlw3", "Łódź i Чернівці 42", ("kX3_9fQz-1aB" * 100)[:MAX_PASSWORD]],
)
def test_a_long_password_that_nobody_guesses_needs_no_digits_or_signs(password: str) -> None:
    assert refused(password) == ""


def test_a_common_password_is_refused_where_one_changes_it(door: Door) -> None:
    client = browser(door(), Role.COORDINATOR)
    form = {"csrf_token": form_token(client, "/account"), "old_password": PASSWORD}

    common = client.post("/account/password", data={**form, "new_password": "password12345"})
    own = client.post("/account/password", data={**form, "new_password": "Coordinator-2026"})

    assert (common.status_code, own.status_code) == (400, 400)
    assert "this is among the first that others would try" in text_of(common)
    assert "not made of your name" in text_of(own)
    assert PASSWORD not in common.text


def test_a_common_password_is_refused_where_one_chooses_the_first(door: Door) -> None:
    gateway = door()
    account = created(gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", PRESS))
    client = gateway.app.test_client()
    sign_in(client, email=account["email"], password=account["password"])

    answer = send(client, "/account/first-password", sign_in__new_password="Pressestelle2026")

    assert answer.status_code == 400
    assert "not made of your name" in text_of(answer)


def test_a_password_that_was_made_up_expires(door: Door) -> None:
    gateway = door()
    administrator = gateway.as_(Role.ADMINISTRATOR)
    account = created(administrator.post("/v1/accounts", PRESS))
    mine = {"email": account["email"], "password": account["password"]}
    execute(gateway, "UPDATE accounts SET first_password_expire_time = now() WHERE email = %s", account["email"])

    page = sign_in(gateway.app.test_client(), **mine)
    program = Rest(gateway.app.test_client(), "").post("/v1/sessions", mine)
    wrong = Rest(gateway.app.test_client(), "").post("/v1/sessions", mine | {"password": "wrong"})

    assert page.status_code == 400
    assert "Please ask an administrator for a new one." in text_of(page)
    assert (program.status_code, program.json["error"]["details"][0]["reason"]) == (400, "FIRST_PASSWORD_EXPIRED")
    assert wrong.json["error"]["details"][0]["reason"] == "WRONG_CREDENTIALS"
    again = created(administrator.post(f"/v1/{account['name']}:resetPassword"))
    assert again["firstPasswordExpireTime"] > again["updateTime"]
    client = gateway.app.test_client()
    assert sign_in(client, email=again["email"], password=again["password"]).status_code == 303


def test_a_password_that_was_chosen_does_not_expire(door: Door) -> None:
    gateway = door()
    execute(gateway, "UPDATE accounts SET first_password_expire_time = now() - interval '1 year'")

    assert sign_in(gateway.app.test_client()).status_code == 303
    assert "firstPasswordExpireTime" not in gateway.as_(Role.MEMBER).get("/v1/accounts/me").json


def test_the_administrator_is_told_until_when_a_made_up_password_is_valid(gateway: Gateway) -> None:
    client = browser(gateway, Role.ADMINISTRATOR)
    fields = {"account__display_name": "Archive", "account__email": "archive@city.example"}

    made = send(client, "/accounts/new", account__roles=["ROLE_MEMBER"], **fields)

    assert "It is valid until" in text_of(made)
