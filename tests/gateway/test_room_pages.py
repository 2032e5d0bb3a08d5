"""The pages of what programmes book: the rooms and the people of the home city."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import created

ROOM = ("rooms", {"displayName": "Ratssaal", "seats": 48}, "room.display_name", "displayName")
PERSON = ("people", {"function": "Interpreter", "displayName": "Eva Ernst"}, "person.function", "function")
EACH = pytest.mark.parametrize(("collection", "body", "field", "key"), [ROOM, PERSON])


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


def listed(rest: Rest, collection: str, **fields: Any) -> list[dict[str, Any]]:
    """Return the rooms or people that hold some fields."""
    found = created(rest.get(f"/v1/{collection}", pageSize=1000))[collection]
    return [one for one in found if fields.items() <= one.items()]


def test_a_room_is_entered_and_changed(office: FlaskClient, rest: Rest) -> None:
    fields = {"room__display_name": "Council chamber E5", "room__seats": "48", "room__step_free": ["", "on"]}
    assert send(office, "/rooms/new", **fields).location == "/rooms"
    assert "Council chamber E5" in text_of(office.get("/rooms"))
    (room,) = listed(rest, "rooms", displayName="Council chamber E5")
    assert (room["seats"], room["stepFree"]) == (48, True)
    assert send(office, f"/{room['name']}/edit", room__seats="", room__step_free=[""]).status_code == 303
    room = rest.get(f"/v1/{room['name']}").json
    assert (room["seats"], room["stepFree"], room["displayName"]) == (0, False, "Council chamber E5")


def test_a_person_is_entered_and_changed(office: FlaskClient, rest: Rest) -> None:
    fields = {"person__function": "Driver of the mayor", "person__languages": "German, Polish"}
    assert send(office, "/people/new", **fields).location == "/people"
    assert "Driver of the mayor" in text_of(office.get("/people"))
    (person,) = listed(rest, "people", function="Driver of the mayor")
    assert person["languages"] == ["de", "pl"]
    assert send(office, f"/{person['name']}/edit", person__languages="German").status_code == 303
    assert rest.get(f"/v1/{person['name']}").json["languages"] == ["de"]


def test_bad_fields_are_named(office: FlaskClient) -> None:
    room = send(office, "/rooms/new", room__seats="many")
    assert room.status_code == 400
    assert "Seats: Please give a whole number." in text_of(room)
    assert "Name: Please fill this in." in text_of(send(office, "/rooms/new"))
    person = send(office, "/people/new", person__languages="Klingon?")
    assert "Function: Please fill this in." in text_of(person)
    assert "Languages: This language is not known." in text_of(person)


@EACH
def test_what_somebody_else_saved_is_not_overwritten(
    collection: str, body: dict[str, Any], field: str, key: str, office: FlaskClient, rest: Rest
) -> None:
    name = created(rest.post(f"/v1/{collection}", body))["name"]
    typed = PageForm(office.get(f"/{name}/edit").text).fields
    created(rest.patch(f"/v1/{name}", {key: "Theirs"}))
    typed[field] = "Ours"
    answer = office.post(f"/{name}/edit", data=typed)
    assert answer.status_code == 409
    assert "“Theirs”" in text_of(answer)
    assert rest.get(f"/v1/{name}").json[key] == "Theirs"
    assert office.post(f"/{name}/edit", data=PageForm(answer.text).fields).status_code == 303
    assert rest.get(f"/v1/{name}").json[key] == "Ours"


@EACH
def test_departments_read_rooms_and_people_and_only_the_office_enters_them(
    collection: str, body: dict[str, Any], field: str, key: str, gateway: Gateway, rest: Rest
) -> None:
    name = created(rest.post(f"/v1/{collection}", body))["name"]
    member = browser(gateway, Role.MEMBER)
    page = member.get(f"/{collection}")
    assert body[key] in text_of(page)
    assert "/edit" not in page.text
    assert f"/{collection}/new" not in page.text
    assert member.get(f"/{collection}/new").status_code == 403
    assert member.get(f"/{name}/edit").status_code == 403
    assert browser(gateway, Role.PARTNER).get(f"/{collection}").status_code == 403
