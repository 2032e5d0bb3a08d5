"""The description of the API: valid, complete, and true."""

import re
from typing import Any

import pytest
from austausch.accounts.v1 import accounts_pb2
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2, topics_pb2
from buf.validate import validate_pb2
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate as validate_document

from chassis.contract import is_read
from chassis.errors import InvalidArgument
from chassis.identity import Role
from chassis.validation import validate
from gateway.rest import json_reader, routes
from gateway.rest.endpoints import Endpoint
from gateway.rest.openapi import schemas
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

# As gateway/gunicorn.conf.py has it, which cannot be read without settings.
LONGEST_LINE = 8190
ENDPOINTS = [route.endpoint for route in routes.build_routes()]


@pytest.fixture(scope="module")
def document(gateway: Gateway) -> dict[str, Any]:
    answer = gateway.app.test_client().get("/api/openapi.json")
    assert answer.content_type == "application/json"
    return dict(answer.json)


def errors(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """Return what a value breaks of a schema of the document."""
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate_document(document)
    assert document["openapi"].startswith("3.1")


def test_every_route_of_the_api_is_described(gateway: Gateway, document: dict[str, Any]) -> None:
    routed = {
        (re.sub(r"<segment:(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in gateway.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert routed == {(path, verb) for path, operations in document["paths"].items() for verb in operations}


def test_every_operation_says_what_it_does_who_may_call_it_and_how_it_fails(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert "May be called by" in operation["description"]
            assert {"200", "400", "401", "500", "503", "504"} <= operation["responses"].keys()
    open_to_all = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if operation.get("security") == []
    ]
    assert sorted(open_to_all) == ["CreateSession", "PublishLearnings"]


def test_an_operation_that_can_be_asked_too_often_says_so(document: dict[str, Any]) -> None:
    limited = {
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "429" in operation["responses"]
    }

    assert limited == {"CreateSession", "CreateScheduleRun", "ScheduleProgramme", "PublishLearnings"}
    answer = document["components"]["responses"]["TooManyRequests"]
    assert answer["x-reasons"].keys() == {"TOO_MANY_ATTEMPTS", "INSTALLATION_FULL", "PLANNER_BUSY"}
    assert answer["headers"].keys() == {"Retry-After"}


def test_a_write_without_a_request_id_says_why_and_only_what_answers_with_a_secret_is_one(
    document: dict[str, Any],
) -> None:
    writes = {
        endpoint.name: document["paths"][f"/api{endpoint.path}"]["post"]
        for endpoint in ENDPOINTS
        if endpoint.verb == "POST" and not is_read(endpoint.method)
    }
    without = {name for name, operation in writes.items() if not takes_request_id(operation)}

    assert without == {"CreateSession", "CreateAccount", "ResetAccountPassword", "CreateAccessToken"}
    assert all("Takes no `requestId`" in writes[name]["description"] for name in without)


def takes_request_id(operation: dict[str, Any]) -> bool:
    """Return whether an operation takes a request id: in its query, or in its body."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    in_query = {parameter["name"] for parameter in operation.get("parameters", [])}
    return "requestId" in in_query | schema.get("properties", {}).keys()


def test_everything_is_explained(document: dict[str, Any]) -> None:
    ours = ("Any", "Date", "DayOfWeek", "LatLng", "Empty")
    for name, schema in document["components"]["schemas"].items():
        if name not in ours:
            assert schema.get("description"), name
            for field, held in schema.get("properties", {}).items():
                assert held.get("description") or "const" in held or name.startswith(("Error", "BadRequest")), (
                    name,
                    field,
                )
    assert all(tag["description"] for tag in document["tags"])


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    names = [one["operationId"] for operations in document["paths"].values() for one in operations.values()]

    assert len(names) == len(set(names))


WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body]


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=lambda endpoint: endpoint.method.name)
def test_the_example_of_a_body_keeps_the_rules(document: dict[str, Any], endpoint: Endpoint) -> None:
    operation = document["paths"][f"/api{endpoint.path}"][endpoint.verb.lower()]
    content = operation["requestBody"]["content"]["application/json"]

    assert errors(document, content["schema"], content["example"]) == []
    message = GetMessageClass(endpoint.method.input_type)()
    violations: json_reader.Violations = []
    target = message if endpoint.body == "*" else getattr(message, endpoint.body)
    json_reader.read_message(target, content["example"], violations)
    assert violations == []
    # What the path or the query holds is no part of the example.
    prefix = "" if endpoint.body == "*" else f"{endpoint.body}."
    in_path = {variable.field for variable in endpoint.variables}
    assert [field for field in broken(message) if field.startswith(prefix) and field not in in_path] == []


def broken(message: Message) -> list[str]:
    """Return the fields of a request that break the rules of the contract."""
    try:
        validate(message)
    except InvalidArgument as error:
        return [violation.field for violation in error.violations]
    return []


def test_answers_are_as_described(gateway: Gateway, document: dict[str, Any]) -> None:
    rest = gateway.as_(Role.COORDINATOR)
    visit = a_visit(rest)
    calls = [
        ("/api/v1/visits/{visit}", f"/v1/{visit['name']}"),
        ("/api/v1/visits", "/v1/visits"),
        ("/api/v1/cities", "/v1/cities"),
        ("/api/v1/exchanges", "/v1/exchanges"),
        ("/api/v1/partnerships", "/v1/partnerships"),
        ("/api/v1/learnings:search", "/v1/learnings:search"),
        ("/api/v1/accounts/{account}", "/v1/accounts/me"),
    ]

    for path, address in calls:
        answers = document["paths"][path]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        assert errors(document, schema, created(rest.get(address))) == []


def test_errors_are_as_described(gateway: Gateway, document: dict[str, Any]) -> None:
    rest = gateway.as_(Role.COORDINATOR)
    schema = document["components"]["schemas"]["Error"]

    for answer in (
        rest.get("/v1/visits/nothing"),
        rest.get("/v1/visits", pageSize="x"),
        rest.post(f"/v1/{a_visit(rest)['name']}:close"),
        rest.call("PUT", "/v1/visits"),
        Rest(rest.client, "").get("/v1/visits"),
    ):
        assert answer.status_code >= 400
        assert errors(document, schema, answer.json) == []


def test_limits_come_from_the_rules_of_the_fields(document: dict[str, Any]) -> None:
    visit = document["components"]["schemas"]["Visit"]["properties"]

    assert visit["title"]["maxLength"] == 200
    assert visit["name"]["readOnly"]
    assert visit["startDate"]["$ref"] == "#/components/schemas/Date"
    seats = document["components"]["schemas"]["Room"]["properties"]["seats"]
    assert (seats["minimum"], seats["maximum"]) == (0, 100000)


def test_a_parameter_that_may_be_longer_than_a_request_line_can_be_sent_in_a_body(document: dict[str, Any]) -> None:
    long = {
        (path, parameter["name"])
        for path, operations in document["paths"].items()
        for parameter in operations.get("get", {}).get("parameters", [])
        if parameter["schema"].get("maxLength", 0) > LONGEST_LINE
    }

    assert long == {("/api/v1/learnings:search", "query")}
    for path, name in long:
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert name in body["properties"]
        assert f"POST {path}" in document["info"]["description"]
        [described] = [one for one in document["paths"][path]["get"]["parameters"] if one["name"] == name]
        assert "POST" in described["description"]
    assert f"{LONGEST_LINE:,} bytes" in document["info"]["description"]


@pytest.mark.parametrize("kind", ["Exchange", "DebriefEntry", "Learning"])
def test_topics_are_described_with_their_limits(document: dict[str, Any], kind: str) -> None:
    topics = document["components"]["schemas"][kind]["properties"]["topics"]

    assert topics["uniqueItems"]
    assert topics["maxItems"] == (30 if kind == "Learning" else 20)
    fits = {
        text: errors(document, topics["items"], text) == []
        for text in (
            "water-supply",
            "grünflächen",
            "l10n",
            "Water",
            "water supply",
            "water_supply",
            "-water",
            "",
            "é" * 64,
        )
    }
    assert [text for text, fit in fits.items() if fit] == ["water-supply", "grünflächen", "l10n"]


def test_every_pattern_of_the_contract_is_described(document: dict[str, Any]) -> None:
    components = document["components"]["schemas"]
    for module in (accounts_pb2, exchange_pb2, forum_pb2, knowledge_pb2, topics_pb2):
        for kind in module.DESCRIPTOR.message_types_by_name.values():
            for field in kind.fields if kind.name in components else ():
                rules = field.GetOptions().Extensions[validate_pb2.field]
                described = components[kind.name]["properties"].get(field.json_name, {})
                if rules.string.pattern:
                    assert "pattern" in described, field.full_name
                if rules.repeated.items.string.pattern:
                    assert "pattern" in described["items"], field.full_name


def test_a_pattern_with_classes_of_unicode_is_described_without_them() -> None:
    described = schemas.make_portable(r"^[\p{Ll}\p{Nd}_][\p{Lu}\p{Ll}-]{0,3}$")

    assert "p{" not in described
    for fitting in ("a", "éÉ-x", "_A", "7"):
        assert re.search(described, fitting)
    for wrong in ("A", "-", "a b", "a7", "abcde"):
        assert not re.search(described, wrong)


def test_the_document_is_not_sent_again_when_it_is_known(gateway: Gateway) -> None:
    client = gateway.app.test_client()
    tag = client.get("/api/openapi.json").headers["ETag"]

    assert client.get("/api/openapi.json", headers={"If-None-Match": tag}).status_code == 304


def test_the_reference_page_shows_every_operation_and_loads_nothing_from_elsewhere(
    gateway: Gateway, document: dict[str, Any]
) -> None:
    page = gateway.app.test_client().get("/api/reference").text

    for operations in document["paths"].values():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert gateway.app.test_client().get("/api/").headers["Location"] == "/api/reference"
