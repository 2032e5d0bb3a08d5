"""A forum and what is in it, as tests of the pages need them, and how its forms are filled in."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import NATIONAL_EXPERT, created


def group_of(rest: Rest, forum: str, title: str, *members: str) -> str:
    body = {"title": title, "members": list(members)}
    return str(created(rest.post(f"/v1/{forum}/workingGroups", body))["name"])


def seat(gateway: Gateway, rest: Rest, forum: str) -> str:
    """Put the account with the role of an expert on the panel, and return its place."""
    account = gateway.as_(Role.EXPERT).get("/v1/accounts/me").json["name"]
    place = created(rest.post(f"/v1/{forum}/panelists", {**NATIONAL_EXPERT, "account": account}))["name"]
    created(rest.post(f"/v1/{place}:accept"))
    return str(place)


def draft(rest: Rest, forum: str, *groups: str) -> str:
    body = {"title": "Präambel", "text": "Sie ist nötig.", "language": "de", "workingGroups": list(groups)}
    return str(created(rest.post(f"/v1/{forum}/conclusions", body))["name"])


def recommend(rest: Rest, conclusion: str, **fields: Any) -> str:
    forum = conclusion.partition("/conclusions/")[0]
    body = {"conclusion": conclusion, "title": "Voranstellen", "text": "Dem Leitbild.", "language": "de", **fields}
    return str(created(rest.post(f"/v1/{forum}/recommendations", body))["name"])


def fill_in(browser: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Open the form at a path and send it with some fields changed, named without the message they are in."""
    page = browser.get(path)
    assert page.status_code == 200
    form = PageForm(page.text)
    (message,) = {name.partition(".")[0] for name in form.fields if "." in name}
    changes = {f"{message}.{name}": value for name, value in fields.items()}
    return browser.post(path, data={**form.fields.to_dict(flat=False), **changes})
