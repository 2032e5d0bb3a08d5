"""The pages of the installations that publish their learnings here."""

from itertools import count

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role, new_private_key
from services.knowledge.signatures import load_private_key
from tests.gateway.browsing import PageForm, browser, text_of
from tests.gateway.conftest import Browse, Gateway
from tests.gateway.samples import a_city
from tests.knowledge.installations import public_pem

NEW = "/installations/new"
_number = count(1)


@pytest.fixture
def administrator(gateway: Gateway) -> FlaskClient:
    a_city(gateway.as_(Role.COORDINATOR), "swansea")
    return browser(gateway, Role.ADMINISTRATOR)


def register(client: FlaskClient, **fields: str) -> str:
    """Register an installation; return its path."""
    usual = {
        "installation.display_name": f"Swansea {next(_number)}",
        "installation.city": "cities/swansea",
        "installation.uri": "https://austausch.swansea.example",
        "installation.public_key": public_pem(load_private_key(new_private_key())),
    }
    form = PageForm(client.get(NEW).text).fields
    answer = client.post(NEW, data={**form, **usual, **fields})
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["Location"])


def test_an_administrator_registers_an_installation_and_revokes_it(administrator: FlaskClient) -> None:
    path = register(administrator, **{"installation.display_name": "Bay", "installation_id": "swansea"})
    assert path.endswith("/installations/swansea")
    page = text_of(administrator.get(path))
    assert "“Bay” may publish its learnings here now." in page
    assert "May publish" in page
    assert "BEGIN PUBLIC KEY" in page
    assert "Bay Swansea https://austausch.swansea.example 0 May publish" in text_of(administrator.get("/installations"))

    asked = administrator.get(f"{path}/revoke")
    assert "All that it has published here is deleted for good" in text_of(asked)
    assert administrator.post(f"{path}/revoke", data=PageForm(asked.text).fields).status_code == 303
    page = administrator.get(path)
    assert "“Bay” is revoked." in text_of(page)
    assert f"{path}/revoke" not in page.text
    assert "Revoked" in text_of(administrator.get("/installations"))


def test_one_that_is_revoked_already_is_told_of(administrator: FlaskClient) -> None:
    path = register(administrator)
    form = PageForm(administrator.get(f"{path}/revoke").text).fields
    assert administrator.post(f"{path}/revoke", data=form).status_code == 303
    again = administrator.post(f"{path}/revoke", data={**form, "etag": "", "request_id": ""})
    assert again.status_code == 400
    assert "Somebody has moved this on meanwhile" in text_of(again)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("installation.public_key", "none", "public key"),
        ("installation.uri", "swansea", "web address"),
        ("installation.display_name", "", "Please fill this in"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    administrator: FlaskClient, field: str, typed: str, said: str
) -> None:
    form = {
        **PageForm(administrator.get(NEW).text).fields.to_dict(),
        "installation.display_name": "Kept",
        "installation.city": "cities/swansea",
        "installation.uri": "https://austausch.swansea.example",
        "installation.public_key": public_pem(load_private_key(new_private_key())),
        field: typed,
    }
    answer = administrator.post(NEW, data=form)
    assert answer.status_code == 400
    assert said.lower() in text_of(answer).lower()
    kept = PageForm(answer.text).fields
    assert {name: kept[name].strip() for name in form if name.startswith("installation.")} == {
        name: value.strip() for name, value in form.items() if name.startswith("installation.")
    }


def test_who_has_none_is_told_what_they_are_for(administrator: FlaskClient) -> None:
    page = text_of(administrator.get("/administration"))
    assert "Platforms of other cities that may publish their learnings here." in page


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MEMBER, Role.PARTNER, Role.EXPERT])
def test_only_administrators_see_installations(browse: Browse, role: Role) -> None:
    for path in ("/installations", NEW, "/installations/swansea", "/installations/swansea/revoke"):
        assert browse(role).get(path).status_code == 403, path
