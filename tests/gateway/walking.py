"""A walk through the pages of the demo data: those that links lead to from the start page, one of each kind."""

import re
from collections.abc import Iterator
from html import unescape

from flask.testing import FlaskClient

from chassis.identity import Role
from gateway.demo import accounts
from tests.gateway.browsing import sign_in
from tests.gateway.conftest import Gateway

DEMO_ACCOUNTS = {Role.COORDINATOR: "coordinator", Role.MEMBER: "member", Role.ADMINISTRATOR: "admin"}
MOST_PAGES = 150


def signed_in(demo: Gateway, role: Role) -> FlaskClient:
    """Return the browser of somebody of the demo data who is signed in."""
    client = demo.app.test_client()
    credentials = {"email": f"{DEMO_ACCOUNTS[role]}@mannheim.example", "password": accounts.PASSWORD}
    assert sign_in(client, **credentials).status_code == 303
    return client


def walk_pages(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Return the address and the text of each page."""
    waiting, kinds = ["/"], {"/"}
    while waiting:
        address = waiting.pop(0)
        answer = client.get(address)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        yield address, answer.text
        for link in re.findall(r'href="(/[^"#?]*)', answer.text):
            kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", unescape(link))
            if kind not in kinds and not link.startswith(("/static", "/api")) and len(kinds) < MOST_PAGES:
                kinds.add(kind)
                waiting.append(unescape(link))
