"""Accounts: what their holders change on the page of the account, and how operators create them."""

import re
from collections.abc import Callable

import pytest

from chassis.identity import Role
from tests.gateway.browsing import form_token, sign_in, text_of
from tests.gateway.conftest import PASSWORD, Gateway, Rest

Door = Callable[..., Gateway]


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
    "fields",
    [
        {"title": "", "days": "7"},
        {"title": "x", "days": "0"},
        {"title": "x", "days": "ten"},
        {"title": "x", "days": "000001" + "0" * 20},
        {"title": "x", "days": "9" * 5000},
    ],
)
def test_a_form_of_the_account_page_says_what_is_wrong(door: Door, fields: dict[str, str]) -> None:
    client = door().app.test_client()
    sign_in(client)
    form = {"csrf_token": form_token(client, "/account"), **fields}

    answer = client.post("/account/access-tokens", data=form)

    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text


def test_a_new_password_ends_every_other_session(door: Door) -> None:
    gateway = door()
    one, other = gateway.app.test_client(), gateway.app.test_client()
    sign_in(one)
    sign_in(other)
    program = gateway.as_(Role.COORDINATOR)
    new = "another long password"
    form = {"csrf_token": form_token(one, "/account"), "old_password": PASSWORD, "new_password": new}

    assert one.post("/account/password", data={**form, "old_password": "wrong"}).status_code == 400
    assert one.post("/account/password", data={**form, "new_password": "short"}).status_code == 400
    assert one.post("/account/password", data=form).status_code == 303

    assert one.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert program.get("/v1/accounts/me").status_code == 401
    assert sign_in(other, password=new).status_code == 303


@pytest.mark.parametrize(("kept", "status"), [({}, 401), ({"keep_access_tokens": "true"}, 200)])
def test_a_new_password_revokes_the_access_tokens_unless_they_are_kept(
    door: Door, kept: dict[str, str], status: int
) -> None:
    gateway = door()
    client = gateway.app.test_client()
    sign_in(client)
    made = gateway.as_(Role.COORDINATOR).post("/v1/accounts/me/accessTokens", {"title": "Import"}).json
    form = {"csrf_token": form_token(client, "/account"), "old_password": PASSWORD}

    changed = client.post("/account/password", data={**form, "new_password": "another long password", **kept})

    assert changed.status_code == 303
    assert Rest(gateway.app.test_client(), made["token"]).get("/v1/accounts/me").status_code == status


def test_another_session_is_ended_on_the_account_page(door: Door) -> None:
    gateway = door()
    one, other = gateway.app.test_client(), gateway.app.test_client()
    sign_in(one)
    sign_in(other)

    page = one.get("/account")
    assert "Browser (this one)" in text_of(page)
    [end] = re.findall(r'action="(/account/sessions/[^"]+/end)"', page.text)
    assert one.post(end, data={"csrf_token": form_token(one, "/account")}).status_code == 303

    assert other.get("/account").status_code == 303
    assert one.get("/account").status_code == 200
