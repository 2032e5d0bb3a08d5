"""What a person does with a browser: signing in, and reading and sending the form of a page."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import psycopg
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.conftest import Gateway, credentials

COORDINATOR = credentials(Role.COORDINATOR)
# What people choose who got their first password from an administrator.
OWN_PASSWORD = "a password of my own"


def sign_in(client: FlaskClient, **fields: str) -> TestResponse:
    """Send the form of the sign-in page."""
    form = {**COORDINATOR, "csrf_token": form_token(client, "/sign-in"), **fields}
    return client.post("/sign-in", data=form)


def browser(gateway: Gateway, role: Role) -> FlaskClient:
    """Return the browser of somebody who is signed in."""
    client = gateway.app.test_client()
    assert sign_in(client, **credentials(role)).status_code == 303
    return client


def choose_password(client: FlaskClient) -> None:
    """Replace the password that was made up for whoever has signed in by one of their own."""
    chosen = send(client, "/account/first-password", sign_in__new_password=OWN_PASSWORD)
    assert chosen.status_code == 303


def text_of(answer: TestResponse) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def send(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Fill some fields of the form of a page and send it; dots in names of fields are given as two underscores."""
    shown = client.get(path)
    assert shown.status_code == 200, shown.text
    form = PageForm(shown.text)
    for name, value in fields.items():
        form.fields.setlist(name.replace("__", "."), value if isinstance(value, list) else [value])
    return client.post(path, data=form.fields)


def crumbs_of(answer: TestResponse) -> list[str]:
    """Return the addresses that the breadcrumbs of a page lead to."""
    found = re.search(r'<nav class="breadcrumb".*?</nav>', answer.text, re.DOTALL)
    return re.findall(r'href="([^"]+)"', found[0]) if found else []


def form_token(client: FlaskClient, path: str) -> str:
    """Return the CSRF token of a page's forms."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def execute(gateway: Gateway, statement: str, *values: Any) -> None:
    """Change the accounts database as time, or an administrator, would."""
    with psycopg.connect(gateway.settings.database_url) as connection:
        connection.execute(statement.encode(), values)


class PageForm(HTMLParser):
    """
    The form of a page as a browser would send it.

    Attributes:
        fields: Name → texts of its fields, as they stand in the page.
        action: Address that it is sent to; "" for the page's own.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: MultiDict[str, str] = MultiDict()
        self.action = ""
        self._inside = False
        self._textarea = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = "fields" in held.get("class", "").split()
            self.action = held.get("action", "") if self._inside else self.action
        elif self._inside and tag == "input" and (held.get("type") != "checkbox" or "checked" in held):
            self.fields.add(held["name"], held.get("value", ""))
        elif self._inside and tag == "textarea":
            self._textarea = held["name"]
            self.fields[self._textarea] = ""
        elif self._inside and tag == "select":
            self._select = held["name"]
        elif self._select and tag == "option" and "selected" in held:
            self.fields[self._select] = held["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            # Browsers leave out the line break after the start tag.
            self.fields[self._textarea] = self.fields[self._textarea].removeprefix("\n")
            self._textarea = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea] += data
