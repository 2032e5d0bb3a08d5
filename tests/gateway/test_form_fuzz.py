"""
Whatever is typed into any form of a page, or sent in its place: it is saved, or refused as the sender's mistake; soon,
and with a page of bounded size.

The forms are those that a coordinator, a member and an administrator can reach by links from the start page of the
demo data.
"""

import re
import time
from html import unescape

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from chassis.identity import Role
from gateway.rest.routes import build_routes
from tests.gateway.browsing import PageForm, form_token
from tests.gateway.conftest import Gateway
from tests.gateway.walking import DEMO_ACCOUNTS, signed_in, walk_pages

SECONDS, BYTES = 10.0, 3_000_000
EXAMPLES = 6
# They would end the session that all the others are sent in.
ENDING = ("/sign-out", "/account/first-password", "/accounts/admin")

NASTY = st.sampled_from([
    "", " ", "\0", "²", "٣", "-1", "1e999", "9" * 5000, "0001-01-01", "9999-12-31", "0001-01-01T00:00",
    "9999-12-31T23:59", "2027-03-28T02:30", "2027-01-01T00:00+14:00", "2027-02-30", "NaN", "inf", "-inf", "1,5", "90°",
    "visits/x", "visits/" + "a" * 5000, "../..", "people/x", "cities/" + "ü" * 70, "STATE_IDEA", "on", "de, en, de",
    ",,,;;", "<script>", "{{ 7 * 7 }}", "%s%n", "\r\nSet-Cookie: a=b", "\N{RIGHT-TO-LEFT OVERRIDE}x", "ü" * 20_000,
    ",".join(map(str, range(3000))), "1.1, 17, 99.z", "klingon", "tlh", "xx-yy-zz", "Europe/Nowhere", "a@b", "\ufffd",
])  # fmt: skip
TEXTS = NASTY | st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def contract_paths() -> list[str]:
    """Return the paths of the fields of every request that a form can become."""
    found = set()
    for route in build_routes():
        for field in route.endpoint.method.input_type.fields:
            found.add(field.name)
            for inner in field.message_type.fields if field.message_type else ():
                found.add(f"{field.name}.{inner.name}")
                found.add(f"{field.name}.{inner.name}.0.title")
    return sorted(found)


NAMES = st.sampled_from(
    [*contract_paths(), "add", "remove", "another", "next", "early", "switch_language", "debrief.entries.49.title",
     "debrief.entries.99.x", "debrief.entries.100.x", "a..b", "entries.-1", "request_id", "sign_in.password", "title"]
)  # fmt: skip


def places(demo: Gateway, client: FlaskClient) -> dict[str, str]:
    """Return a page with a form, or the address of a button, for each way to post something that links lead to."""
    adapter = demo.app.url_map.bind("localhost")
    found: dict[str, str] = {}
    for page, text in walk_pages(client):
        for form in re.findall(r'<form[^>]*method="post"[^>]*>', text):
            action = re.search(r'action="([^"?#]*)', form)
            path = unescape(action[1]) if action else page
            endpoint, values = adapter.match(path, method="POST")
            if not path.startswith(ENDING):
                found.setdefault(f"{endpoint} {values.get('verb', '')}", path)
    return found


@pytest.mark.parametrize("role", DEMO_ACCOUNTS)
def test_no_form_is_answered_by_a_defect_or_without_an_end(demo: Gateway, role: Role) -> None:
    client = signed_in(demo, role)
    forms = places(demo, client)
    assert len(forms) >= {Role.COORDINATOR: 25, Role.MEMBER: 5, Role.ADMINISTRATOR: 5}[role], forms
    token = form_token(client, "/account")

    for path in forms.values():
        shown = client.get(path)
        own = PageForm(shown.text).fields if shown.status_code == 200 else MultiDict()
        fuzz(client, path, MultiDict({**own.to_dict(flat=False), "csrf_token": [token]}))


def fuzz(client: FlaskClient, path: str, fields: MultiDict[str, str]) -> None:
    """Send a form with some fields replaced by what nobody expects."""
    own = sorted(name for name in fields if name != "csrf_token")
    names = st.sampled_from(own) | NAMES if own else NAMES

    @given(typed=st.lists(st.tuples(names, TEXTS), max_size=8), emptied=st.booleans())
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def send(typed: list[tuple[str, str]], emptied: bool) -> None:
        form = MultiDict({"csrf_token": fields["csrf_token"]}) if emptied else MultiDict(fields)
        for name, text in typed:
            form.add(name, text)
        begun = time.monotonic()
        answer = client.post(path, data=form)
        assert answer.status_code < 500, (path, typed, answer.status_code)
        assert time.monotonic() - begun < SECONDS, (path, typed)
        assert len(answer.data) < BYTES, (path, typed)
        if answer.status_code == 303:
            assert client.get(answer.location).status_code < 500, (path, typed, answer.location)

    send()
