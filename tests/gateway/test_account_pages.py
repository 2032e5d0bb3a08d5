"""The pages and RPCs with which administrators manage accounts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import OWN_PASSWORD, PageForm, browser, choose_password, form_token, send, sign_in, text_of
from tests.gateway.conftest import PASSWORD, Gateway, Rest, credentials
from tests.gateway.samples import a_city, created

Door = Callable[..., Gateway]
PRESS = {"email": "press@city.example", "displayName": "Press office", "roles": ["ROLE_MEMBER"], "department": "Press"}


def an_account(gateway: Gateway, **fields: Any) -> dict[str, Any]:
    return created(gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", PRESS | fields))


def name_of(gateway: Gateway, role: Role) -> str:
    return str(gateway.as_(role).get("/v1/accounts/me").json["name"])


def signs_in(gateway: Gateway, email: str, password: str) -> bool:
    return sign_in(gateway.app.test_client(), email=email, password=password).status_code == 303


@pytest.fixture
def administrator(gateway: Gateway) -> FlaskClient:
    return browser(gateway, Role.ADMINISTRATOR)


def test_an_account_is_created_with_a_password_that_is_shown_once(gateway: Gateway, administrator: FlaskClient) -> None:
    fields = {"account__display_name": "Water works", "account__email": "Water@city.example"}
    answer = send(administrator, "/accounts/new", account__roles=["ROLE_MEMBER"], account__department="Water", **fields)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r'id="new-password">([^<]+)<', answer.text)
    assert found
    assert signs_in(gateway, "water@city.example", found[1])
    listed = administrator.get("/accounts?query=WATER")
    assert "Member: a department of the home city" in text_of(listed)
    link = re.search(r'href="(/accounts/[0-9a-f-]{36})"', listed.text)
    assert link
    assert found[1] not in administrator.get(link[1]).text
    assert found[1] not in administrator.get(f"{link[1]}/edit").text


def test_a_bad_field_of_an_account_is_named(gateway: Gateway, administrator: FlaskClient) -> None:
    empty = text_of(send(administrator, "/accounts/new"))
    in_the_order_of_the_form = "Name: Please fill this in. E-mail address: Please fill this in. Roles: Please choose at"
    assert f"{in_the_order_of_the_form} least one." in empty
    fields = {"account__display_name": "City of Swansea", "account__roles": ["ROLE_PARTNER"]}
    no_city = send(administrator, "/accounts/new", account__email="swansea@city.example", **fields)
    assert no_city.status_code == 400
    assert "City: Please fill this in." in text_of(no_city)
    a_city(gateway.as_(Role.COORDINATOR), "swansea")
    fields["account__city"] = "cities/swansea"
    taken = send(administrator, "/accounts/new", account__email=credentials(Role.MEMBER)["email"].upper(), **fields)
    assert taken.status_code == 409
    assert "E-mail address: Another account has this e-mail address." in text_of(taken)
    assert "PASSWORD" not in taken.text


def test_a_city_that_does_not_exist_is_refused(gateway: Gateway, administrator: FlaskClient) -> None:
    rest, nowhere = gateway.as_(Role.ADMINISTRATOR), {"city": "cities/nowhere"}
    name = an_account(gateway, email="traveller@city.example")["name"]
    for answer in (
        rest.post("/v1/accounts", PRESS | nowhere | {"email": "nowhere@city.example"}),
        rest.patch(f"/v1/{name}", nowhere),
    ):
        assert answer.status_code == 400
        (violation,) = answer.json["error"]["details"][-1]["fieldViolations"]
        assert (violation["field"], violation["reason"]) == ("account.city", "REFERENCE_NOT_FOUND")
    assert rest.get(f"/v1/{name}").json["city"] == ""
    fields = {"account__display_name": "Nowhere", "account__roles": ["ROLE_PARTNER"], "account__city": "cities/nowhere"}
    page = send(administrator, "/accounts/new", account__email="nowhere@city.example", **fields)
    assert page.status_code == 400
    assert "City: This does not exist (any more)." in text_of(page)


def test_an_account_with_a_city_waits_for_the_service_that_knows_the_cities(door: Door, usual_deadlines: None) -> None:
    rest = door().as_(Role.ADMINISTRATOR)
    refused = rest.post("/v1/accounts", PRESS | {"city": "cities/swansea"})
    assert (refused.status_code, refused.json["error"]["details"][0]["reason"]) == (503, "SERVICE_AWAY")
    account = created(rest.post("/v1/accounts", PRESS))
    assert rest.patch(f"/v1/{account['name']}", {"city": "cities/swansea"}).status_code == 503
    created(rest.patch(f"/v1/{account['name']}", {"department": "Protocol"}))


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in (Role.ADMINISTRATOR, Role.SERVICE, Role.INSTALLATION)]
)
def test_only_administrators_see_and_change_accounts(gateway: Gateway, role: Role) -> None:
    own, reader, rest = name_of(gateway, role), browser(gateway, role), gateway.as_(role)
    other = name_of(gateway, Role.ADMINISTRATOR)
    for path in ("", "/new", own[8:], f"{own[8:]}/edit", f"{other[8:]}/lock", f"{other[8:]}/reset-password"):
        assert reader.get(f"/accounts{path}").status_code == 403
    assert rest.get("/v1/accounts").status_code == 403
    assert rest.post("/v1/accounts", PRESS).status_code == 403
    assert rest.patch(f"/v1/{own}", {"roles": ["ROLE_ADMINISTRATOR"]}).status_code == 403
    assert rest.post(f"/v1/{other}:resetPassword").status_code == 403
    assert rest.get(f"/v1/{other}").status_code == 404
    assert rest.get(f"/v1/{own}").json["roles"] == [f"ROLE_{role.upper()}"]


def test_a_changed_role_holds_at_once(door: Door) -> None:
    gateway = door()
    admin, member = gateway.as_(Role.ADMINISTRATOR), browser(gateway, Role.MEMBER)
    name = name_of(gateway, Role.MEMBER)
    assert member.get("/accounts").status_code == 403
    created(admin.patch(f"/v1/{name}", {"roles": ["ROLE_ADMINISTRATOR"]}))
    assert gateway.as_(Role.MEMBER).get("/v1/accounts").status_code == 200


def test_a_locked_account_is_signed_out_until_it_is_unlocked(gateway: Gateway, administrator: FlaskClient) -> None:
    account = an_account(gateway, email="locked@city.example")
    client = gateway.app.test_client()
    mine = {"email": "locked@city.example", "password": account["password"]}
    sign_in(client, **mine)
    choose_password(client)
    mine["password"] = OWN_PASSWORD
    assert client.get("/account").status_code == 200
    assert send(administrator, f"/{account['name']}/lock").location == f"/{account['name']}"
    assert "Locked" in text_of(administrator.get(f"/{account['name']}"))
    assert client.get("/account").status_code == 303
    assert not signs_in(gateway, **mine)
    assert send(administrator, f"/{account['name']}/unlock").status_code == 303
    assert client.get("/account").status_code == 303, "the session from before stays ended"
    assert signs_in(gateway, **mine)


def test_a_reset_password_replaces_the_old_one_and_ends_sessions(gateway: Gateway, administrator: FlaskClient) -> None:
    account = an_account(gateway, email="forgetful@city.example")
    client = gateway.app.test_client()
    sign_in(client, email=account["email"], password=account["password"])
    choose_password(client)
    answer = send(administrator, f"/{account['name']}/reset-password")
    found = re.search(r'id="new-password">([^<]+)<', answer.text)
    assert found
    assert client.get("/account").status_code == 303
    assert not signs_in(gateway, account["email"], OWN_PASSWORD)
    assert signs_in(gateway, account["email"], found[1])


def test_administrators_cannot_lock_themselves_out(gateway: Gateway, administrator: FlaskClient) -> None:
    own = name_of(gateway, Role.ADMINISTRATOR)
    locked = send(administrator, f"/{own}/lock")
    assert locked.status_code == 400
    assert "You cannot lock your own account" in text_of(locked)
    assert send(administrator, f"/{own}/edit", account__roles=["ROLE_MEMBER"]).status_code == 400
    assert signs_in(gateway, credentials(Role.ADMINISTRATOR)["email"], PASSWORD)
    assert f"/{own}/lock" not in administrator.get(f"/{own}").text


def test_of_two_administrators_the_second_is_told(gateway: Gateway, administrator: FlaskClient) -> None:
    account = an_account(gateway, email="twice@city.example")
    typed = PageForm(administrator.get(f"/{account['name']}/edit").text).fields
    typed["account.department"] = "Ours"
    created(gateway.as_(Role.ADMINISTRATOR).patch(f"/v1/{account['name']}", {"department": "Theirs"}))
    overtaken = administrator.post(f"/{account['name']}/edit", data=typed)
    assert overtaken.status_code == 409
    assert "You changed this in another window" in text_of(overtaken)
    assert "Take this instead: “Theirs”" in text_of(overtaken)
    saved = administrator.post(f"/{account['name']}/edit", data=PageForm(overtaken.text).fields)
    assert saved.status_code == 303
    assert gateway.as_(Role.ADMINISTRATOR).get(f"/v1/{account['name']}").json["department"] == "Ours"


def test_accounts_are_listed_by_pages_and_found_by_a_part_of_their_words(gateway: Gateway) -> None:
    rest = gateway.as_(Role.ADMINISTRATOR)
    for letter in "cab":
        an_account(gateway, email=f"{letter}@paged.example", displayName=f"100% {letter}")
    pages, token = [], ""
    while True:
        answer = created(rest.get("/v1/accounts", query="@PAGED.", pageSize=2, pageToken=token))
        assert answer["totalSize"] == 3
        pages.append([account["email"][0] for account in answer["accounts"]])
        token = answer.get("nextPageToken", "")
        if not token:
            break
    assert pages == [["a", "b"], ["c"]]
    assert created(rest.get("/v1/accounts", query="100%"))["totalSize"] == 3
    assert created(rest.get("/v1/accounts", query="1%0"))["totalSize"] == 0
    for forged in ("?", "AA==", "/w=="):
        assert rest.get("/v1/accounts", pageToken=forged).status_code == 400


def test_no_answer_but_the_first_holds_the_password(gateway: Gateway) -> None:
    account, rest = an_account(gateway, email="once@city.example"), gateway.as_(Role.ADMINISTRATOR)
    assert account["password"]
    read = created(rest.get(f"/v1/{account['name']}"))
    changed = created(rest.patch(f"/v1/{account['name']}", {"department": "Press"}))
    listed = created(rest.get("/v1/accounts", query="once@"))["accounts"]
    assert [one["password"] for one in (read, changed, *listed)] == ["", "", ""]


def test_an_administrator_ends_the_sessions_and_revokes_the_token_of_an_account(
    gateway: Gateway, administrator: FlaskClient
) -> None:
    account = an_account(gateway, email="ended@city.example")
    member = gateway.app.test_client()
    sign_in(member, email=account["email"], password=account["password"])
    choose_password(member)
    mine = {"email": account["email"], "password": OWN_PASSWORD}
    program = Rest(gateway.app.test_client(), Rest(member, "").post("/v1/sessions", mine).json["token"])
    made = created(program.post("/v1/accounts/me/accessTokens", {"title": "Import of <b>"}))
    path = f"/{account['name']}"

    page = administrator.get(path)
    assert "Import of &lt;b&gt;" in page.text
    buttons = re.findall(rf'action="({path}/(?:sessions|access-tokens)/[^"]+)"', page.text)
    assert len(buttons) == 3, "a browser, a program that signed in, and one with a token"
    for button in buttons:
        assert administrator.post(button, data={"csrf_token": form_token(administrator, path)}).location == path

    assert member.get("/account").status_code == 303
    assert program.get("/v1/accounts/me").status_code == 401
    assert Rest(gateway.app.test_client(), made["token"]).get("/v1/accounts/me").status_code == 401
    assert "Nobody is signed in with this account." in text_of(administrator.get(path))
