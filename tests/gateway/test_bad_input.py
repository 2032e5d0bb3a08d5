"""
Whatever is sent to any endpoint that takes a body, made from the contract: it is stored whole, or refused
with the names of the fields that are wrong; and never a 500.
"""

from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from chassis.identity import Role
from gateway.rest import routes
from gateway.rest.endpoints import Endpoint
from gateway.rest.fields import TEXT_MESSAGES, is_repeated
from gateway.rest.openapi.schemas import make_sample
from tests.gateway.browsing import OWN_PASSWORD, choose_password, sign_in
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

WRITES = [route.endpoint for route in routes.build_routes() if route.endpoint.body]
# The few that would end what the other tests stand on.
WRITES = [endpoint for endpoint in WRITES if endpoint.method.name != "CreateSession"]

NASTY = {
    "sql": "'; DROP TABLE visits; --",
    "sql-in-quotes": '" OR "1"="1" /*',
    "script": "<script>alert(document.cookie)</script>",
    "template": "{{ 7 * 7 }}${7*7}%s%n{0}",
    "emoji": "👩‍🚒 Zürich 🇺🇦 naïve",
    "right-to-left": "مرحبا بكم \u202eabc\u202c שלום",
    "control": "a\u0001b\u001f\u007f\u0085",
    "blank": " \t\u00a0\u200b ",
    "long": "ü" * 100_000,
    "path": "../../../etc/passwd",
    "header": "x\r\nSet-Cookie: a=b",
    "combining": "Z" + "\u0301" * 500,
}
WRONG_TYPE: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_STRING: 7,
    FieldDescriptor.CPPTYPE_BOOL: "yes",
    FieldDescriptor.CPPTYPE_ENUM: "NOT_A_VALUE",
    FieldDescriptor.CPPTYPE_MESSAGE: "no object",
}


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> Rest:
    body = {"email": "all@city.example", "displayName": "All", "roles": ["ROLE_COORDINATOR", "ROLE_ADMINISTRATOR"]}
    account = created(gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", body))
    client = gateway.app.test_client()
    sign_in(client, email=account["email"], password=account["password"])
    choose_password(client)
    credentials = {"email": account["email"], "password": OWN_PASSWORD}
    office = gateway.as_(None)
    rest = Rest(office.client, created(office.post("/v1/sessions", credentials))["token"])
    a_visit(rest)
    return rest


def body_type(endpoint: Endpoint) -> Descriptor:
    """Return the message that the body of an endpoint is."""
    request: Descriptor = endpoint.method.input_type
    return request if endpoint.body == "*" else request.fields_by_name[endpoint.body].message_type


def body_fields(endpoint: Endpoint) -> list[FieldDescriptor]:
    """Return the fields that a body can hold: not those of the path."""
    in_path = {variable.field for variable in endpoint.variables}
    return [field for field in body_type(endpoint).fields if field.name not in in_path]


def example(endpoint: Endpoint) -> dict[str, Any]:
    """Return a body that keeps the rules."""
    return make_sample(body_type(endpoint), frozenset(variable.field for variable in endpoint.variables))


def send(rest: Rest, endpoint: Endpoint, body: Any) -> Any:
    """Send a body to an endpoint, with names in the path that could be."""
    ids = {name: "me" if name == "account" else "0190d6c5-3f0a-4a57-9d44-0d6a1f2b3c4d" for name in endpoint.segments}
    query = {"cityId": "nowhere"} if endpoint.method.name == "CreateCity" else {}
    return rest.call(endpoint.verb, endpoint.path.format_map(ids), body, **query)


def named(answer: Any) -> list[str]:
    """Return the fields that an answer says are wrong."""
    return [
        violation["field"]
        for detail in answer.json["error"]["details"]
        for violation in detail.get("fieldViolations", [])
    ]


def place(endpoint: Endpoint, field: FieldDescriptor) -> str:
    """Return the path by which a field of the body is named."""
    if endpoint.body == "*":
        return str(field.json_name)
    outer = endpoint.method.input_type.fields_by_name[endpoint.body].json_name
    return f"{outer}.{field.json_name}"


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.method.name)
def test_a_wrong_type_is_named_for_every_field(rest: Rest, endpoint: Endpoint) -> None:
    fields = body_fields(endpoint)
    body = {
        field.json_name: {"not": "a list"} if is_repeated(field) else WRONG_TYPE.get(field.cpp_type, "no number")
        for field in fields
    }

    answer = send(rest, endpoint, body)

    if fields:
        assert answer.status_code == 400
        assert {path.split("[")[0] for path in named(answer)} >= {place(endpoint, field) for field in fields}


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.method.name)
def test_an_unknown_field_is_named(rest: Rest, endpoint: Endpoint) -> None:
    answer = send(rest, endpoint, {**example(endpoint), "colour": "red"})

    assert answer.status_code == 400
    assert [path.rpartition(".")[2] for path in named(answer)] == ["colour"]


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.method.name)
def test_nul_is_named_in_every_text(rest: Rest, endpoint: Endpoint) -> None:
    texts = [field for field in body_fields(endpoint) if field.type == FieldDescriptor.TYPE_STRING]
    body = {field.json_name: ["a\0b"] if is_repeated(field) else "a\0b" for field in texts}

    answer = send(rest, endpoint, body)

    if texts:
        assert answer.status_code == 400
        assert {path.split("[")[0] for path in named(answer)} == {place(endpoint, field) for field in texts}


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.method.name)
def test_a_nasty_text_is_stored_or_refused(rest: Rest, endpoint: Endpoint, kind: str) -> None:
    texts = [field for field in body_fields(endpoint) if field.type == FieldDescriptor.TYPE_STRING]
    nasty = {field.json_name: [NASTY[kind]] if is_repeated(field) else NASTY[kind] for field in texts}

    answer = send(rest, endpoint, {**example(endpoint), **nasty})

    assert answer.status_code < 500, answer.text
    if answer.status_code == 400 and answer.json["error"]["status"] == "INVALID_ARGUMENT":
        assert all(named(answer))
        assert named(answer)


@pytest.mark.parametrize("kind", [kind for kind in NASTY if kind not in ("long", "blank")])
def test_a_nasty_text_comes_back_as_it_was_sent(rest: Rest, kind: str) -> None:
    visit = a_visit(rest)

    answer = rest.patch(f"/v1/{visit['name']}", {"purpose": NASTY[kind]}, updateMask="purpose")

    if answer.status_code == 200:
        assert rest.get(f"/v1/{visit['name']}").json["purpose"] == NASTY[kind]
    else:
        assert (answer.status_code, named(answer)) == (400, ["visit.purpose"])


@pytest.mark.parametrize("collection", ["cities", "partnerships", "exchanges", "visits", "learnings", "forums"])
def test_what_is_refused_is_not_stored_half(rest: Rest, collection: str) -> None:
    before = rest.get(f"/v1/{collection}").json["totalSize"]
    create = next(endpoint for endpoint in WRITES if endpoint.path == f"/v1/{collection}" and endpoint.verb == "POST")

    bodies = [{}, {"colour": "red"}, {**example(create), "title": "a\0b", "displayName": "a\0b"}]
    codes = [send(rest, create, body).status_code for body in bodies]

    assert all(400 <= code < 500 for code in codes)
    assert rest.get(f"/v1/{collection}").json["totalSize"] == before


@pytest.mark.parametrize("endpoint", WRITES, ids=lambda endpoint: endpoint.method.name)
def test_a_missing_field_is_named(rest: Rest, endpoint: Endpoint) -> None:
    answer = send(rest, endpoint, {})

    assert answer.status_code < 500
    if endpoint.method.name.startswith("Create") and example(endpoint):
        assert answer.status_code == 400
        assert named(answer)


def test_the_messages_that_json_writes_as_text_are_covered() -> None:
    kinds = {
        field.message_type.full_name for endpoint in WRITES for field in body_fields(endpoint) if field.message_type
    }

    assert kinds & TEXT_MESSAGES
