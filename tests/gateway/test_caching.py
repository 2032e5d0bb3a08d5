"""Who may keep an answer: nobody a secret, only its reader a page, everybody a file that is the same for all."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import browser, form_token, send, sign_in
from tests.gateway.conftest import Gateway, credentials
from tests.gateway.samples import created

STYLES = "/static/austausch.css"


@pytest.fixture
def administrator(gateway: Gateway) -> FlaskClient:
    return browser(gateway, Role.ADMINISTRATOR)


def a_new_account(client: FlaskClient, email: str) -> TestResponse:
    fields = {"account__email": email, "account__display_name": "New", "account__roles": "ROLE_MEMBER"}
    return send(client, "/accounts/new", **fields)


@pytest.mark.parametrize(
    "path",
    ["/static/nothing.css", "/static/nothing.css?v=1", "/static/../x", "/static/", "/static/%00"],
)
def test_a_file_that_is_not_there_is_a_page_for_its_reader_alone(gateway: Gateway, path: str) -> None:
    client = browser(gateway, Role.COORDINATOR)

    for answer in (client.get(path), client.head(path), client.post(path)):
        assert 400 <= answer.status_code < 500
        assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Coordinator" in client.get(path).text  # the reader's name, in the head of the page


def test_a_file_may_be_kept_by_everybody_and_for_good_where_its_address_names_its_content(gateway: Gateway) -> None:
    client = gateway.app.test_client()
    found = re.search(rf'"({STYLES}\?v=\w+)"', client.get("/sign-in").text)
    assert found
    versioned, plain = client.get(found[1]), client.get(STYLES)

    assert versioned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Cache-Control"] == "public, max-age=86400"
    known = client.get(STYLES, headers={"If-None-Match": plain.headers["ETag"]})
    assert (known.status_code, known.headers["Cache-Control"]) == (304, "public, max-age=86400")
    part = client.get(STYLES, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["Cache-Control"]) == (206, "public, max-age=86400")


def test_a_file_that_an_address_of_another_release_names_is_not_kept_for_good(gateway: Gateway) -> None:
    client = gateway.app.test_client()

    answer = client.get(f"{STYLES}?v=0123456789")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, no-cache")
    known = client.get(f"{STYLES}?v=0123456789", headers={"If-None-Match": answer.headers["ETag"]})
    assert (known.status_code, known.headers["Cache-Control"]) == (304, "public, no-cache")


def test_a_page_belongs_to_its_reader(gateway: Gateway) -> None:
    client = browser(gateway, Role.COORDINATOR)

    for path in ("/", "/visits", "/account", "/no-such-page", "/sign-in"):
        headers = client.get(path, follow_redirects=True).headers
        assert headers["Cache-Control"] == "private, no-cache"
        assert {"Cookie", "Accept-Language"} <= set(headers["Vary"].split(", "))


def test_the_password_made_up_for_a_new_account_is_kept_nowhere(administrator: FlaskClient) -> None:
    answer = a_new_account(administrator, "uncached@city.example")

    assert answer.status_code == 200
    assert 'class="secret"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_password_made_up_at_a_reset_is_kept_nowhere(administrator: FlaskClient, gateway: Gateway) -> None:
    body = {"email": "reset@city.example", "displayName": "Reset", "roles": ["ROLE_MEMBER"]}
    account = created(gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", body))

    answer = send(administrator, f"/{account['name']}/reset-password")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_new_access_token_is_kept_nowhere(administrator: FlaskClient) -> None:
    form = {"csrf_token": form_token(administrator, "/account"), "title": "A program", "days": "30"}

    answer = administrator.post("/account/access-tokens", data=form)

    assert answer.status_code == 200
    assert 'class="secret"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_the_api_answers_is_kept_nowhere(gateway: Gateway) -> None:
    administrator = gateway.as_(Role.ADMINISTRATOR)
    body = {"email": "api@city.example", "displayName": "Api", "roles": ["ROLE_MEMBER"]}
    session = gateway.as_(None).post("/v1/sessions", credentials(Role.MEMBER))
    refused = gateway.as_(None).get("/v1/visits")

    for answer in (administrator.post("/v1/accounts", body), session, refused, administrator.post("/v1/accounts", {})):
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_sign_in_that_is_refused_is_kept_nowhere_by_others(gateway: Gateway) -> None:
    client = gateway.app.test_client()

    answer = sign_in(client, password="not the right one")

    assert answer.status_code == 401
    assert "public" not in answer.headers["Cache-Control"]
