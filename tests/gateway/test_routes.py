"""Every RPC as REST: paths, bodies, query parameters, and errors in one form."""

import json
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, an_exchange, created, visit_of


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


def details(answer: TestResponse, kind: str) -> dict[str, Any]:
    """Return one of the details of an error, by the last part of its type."""
    return next(detail for detail in answer.json["error"]["details"] if detail["@type"].endswith(f".{kind}"))


def fields(answer: TestResponse) -> list[str]:
    """Return the fields that an error says are wrong."""
    return [violation["field"] for violation in details(answer, "BadRequest")["fieldViolations"]]


def test_a_resource_is_created_read_changed_listed_and_removed(rest: Rest) -> None:
    visit = a_visit(rest)
    made = created(rest.post(f"/v1/{visit['name']}/delegates", {"function": "Head of controlling", "rank": 1}))
    name = made["name"]

    changed = created(rest.patch(f"/v1/{name}", {"rank": 2, "function": "ignored"}, updateMask="rank"))

    assert changed == {**made, "rank": 2, "etag": changed["etag"], "updateTime": changed["updateTime"]}
    assert created(rest.get(f"/v1/{name}")) == changed
    assert created(rest.get(f"/v1/{visit['name']}/delegates"))["delegates"] == [changed]
    assert created(rest.delete(f"/v1/{name}", etag=changed["etag"])) == {}
    assert rest.get(f"/v1/{name}").status_code == 404


def test_a_custom_verb_is_a_post_after_a_colon(rest: Rest) -> None:
    name = a_visit(rest)["name"]

    assert created(rest.post(f"/v1/{name}:agree"))["state"] == "STATE_AGREED"
    assert created(rest.post(f"/v1/{name}:cancel", {"reason": "Strike"}))["state"] == "STATE_CANCELLED"


def test_the_path_wins_over_the_body(rest: Rest) -> None:
    one, other = a_visit(rest), a_visit(rest)

    changed = rest.patch(f"/v1/{one['name']}", {"name": other["name"], "title": "New"}, updateMask="title")

    assert created(changed)["name"] == one["name"]


def test_query_parameters_are_fields_of_any_type(rest: Rest) -> None:
    exchange = an_exchange(rest)
    early = created(rest.post("/v1/visits", visit_of(exchange)))
    late = visit_of(
        exchange, startDate={"year": 2031, "month": 1, "day": 1}, endDate={"year": 2031, "month": 1, "day": 2}
    )
    created(rest.post("/v1/visits", late))
    query = {"exchange": exchange["name"], "toDate.year": 2030, "toDate.month": 12, "toDate.day": 31}

    for more in ({"state": "STATE_IDEA"}, {"state": "1"}, {"page_size": "5"}, {"direction": "DIRECTION_INCOMING"}):
        found = created(rest.get("/v1/visits", **query, **more))
        assert [visit["name"] for visit in found["visits"]] == [early["name"]]
    assert created(rest.get("/v1/visits", **query, state="STATE_CLOSED"))["visits"] == []


def test_repeated_query_parameters_fill_a_list(rest: Rest) -> None:
    answer = rest.client.get("/api/v1/learnings:search?query=x&topics=a&topics=b", headers=rest.headers)

    assert created(answer)["results"] == []


def test_an_update_mask_is_in_camel_case(rest: Rest) -> None:
    visit = a_visit(rest)

    changed = created(
        rest.patch(
            f"/v1/{visit['name']}",
            {"title": "Kept out", "hostDepartment": "Finance", "endDate": {"year": 2030, "month": 5, "day": 20}},
            updateMask="hostDepartment,endDate",
        )
    )

    assert (changed["title"], changed["hostDepartment"]) == (visit["title"], "Finance")
    assert changed["endDate"] == {"year": 2030, "month": 5, "day": 20}


@pytest.mark.parametrize("mask", [",", " ", " ,, ", "\t"])
def test_an_update_mask_that_names_nothing_is_refused(rest: Rest, mask: str) -> None:
    visit = a_visit(rest)

    answer = rest.patch(f"/v1/{visit['name']}", {"purpose": "sent"}, updateMask=mask)

    assert (answer.status_code, fields(answer)) == (400, ["updateMask"])
    assert details(answer, "ErrorInfo")["reason"] == "INVALID_FIELD"
    assert details(answer, "BadRequest")["fieldViolations"][0]["reason"] == "NOT_A_FIELD_MASK"
    assert created(rest.get(f"/v1/{visit['name']}"))["purpose"] == visit["purpose"]


def test_an_empty_update_mask_is_none(rest: Rest) -> None:
    visit = a_visit(rest)

    assert created(rest.patch(f"/v1/{visit['name']}", {"purpose": "sent"}, updateMask=""))["purpose"] == "sent"


def test_a_repeated_request_id_returns_the_first_answer(rest: Rest) -> None:
    body, request_id = visit_of(an_exchange(rest)), str(uuid4())

    first = created(rest.post("/v1/visits", body, requestId=request_id))

    assert created(rest.post("/v1/visits", body, requestId=request_id)) == first


def test_a_lost_update_is_refused_with_who_changed_it(rest: Rest) -> None:
    visit = a_visit(rest)
    created(rest.patch(f"/v1/{visit['name']}", {"title": "First"}, updateMask="title"))

    answer = rest.patch(f"/v1/{visit['name']}", {"title": "Second", "etag": visit["etag"]}, updateMask="title")

    assert (answer.status_code, answer.json["error"]["status"]) == (409, "ABORTED")
    assert details(answer, "ErrorInfo")["reason"] == "ETAG_MISMATCH"
    assert details(answer, "ErrorInfo")["metadata"]["updater"] == "Coordinator"


def test_an_illegal_transition_tells_what_is_allowed(rest: Rest) -> None:
    answer = rest.post(f"/v1/{a_visit(rest)['name']}:close")

    assert (answer.status_code, answer.json["error"]["status"]) == (400, "FAILED_PRECONDITION")
    info = details(answer, "ErrorInfo")
    assert (info["reason"], info["metadata"]["state"]) == ("ILLEGAL_TRANSITION", "IDEA")
    assert "agree" in info["metadata"]["allowed"].split(",")


def test_a_violation_of_a_service_names_the_field_as_json_has_it(rest: Rest) -> None:
    answer = rest.post("/v1/visits", {**visit_of(an_exchange(rest)), "endDate": None})

    assert (answer.status_code, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert fields(answer) == ["visit.endDate"]
    assert answer.json["error"]["message"].startswith("visit.endDate:")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"pageSize": "many"}, "pageSize"),
        ({"pageSize": "-1"}, "pageSize"),
        ({"pageSize": "99999999999"}, "pageSize"),
        ({"state": "STATE_BLUE"}, "state"),
        ({"fromDate": "2030-01-01"}, "fromDate"),
        ({"fromDate.year": "x"}, "fromDate.year"),
        ({"colour": "red"}, "colour"),
        ({"pageSize": ["1", "2"]}, "pageSize"),
        ({"exchange": "a\0b"}, "exchange"),
        ({"exchange": "a" * 5000}, "exchange"),
        ({"pageToken": "not one of ours"}, "pageToken"),
        ({"orderBy": "title; DROP TABLE visits"}, "orderBy"),
    ],
)
def test_a_wrong_query_parameter_is_named(rest: Rest, query: dict[str, Any], field: str) -> None:
    answer = rest.get("/v1/visits", **query)

    assert answer.status_code == 400
    assert fields(answer) == [field]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"[]", b'"text"', b"nul", b"{'title': 1}", b'{"title": NaN}', b'\xff\xfe{"title": "x"}',
        b'{"title": "\xc3\x28"}', b"\xef\xbb\xbf{}", b"[" * 100_000, b"1" * 10_000, b"{}{}", b'{"a":' * 50_000,
    ],
)  # fmt: skip
def test_a_malformed_body_is_refused(rest: Rest, body: bytes) -> None:
    answer = rest.client.post("/api/v1/visits", data=body, content_type="application/json", headers=rest.headers)

    assert answer.status_code == 400
    assert fields(answer)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"title": "one", "title": "two"}', "visit.title"),
        (b'{"title": "one", "startDate": {"year": 2030, "year": 2031}}', "visit.startDate.year"),
        (b'{"title": "one", "colour": 1, "colour": 2}', "visit.colour"),
        (b'{"startDate": {}, "start_date": {}}', "visit.startDate"),
        (b'{"title": null, "title": "two"}', "visit.title"),
    ],
)
def test_a_name_given_twice_in_one_object_is_named(rest: Rest, body: bytes, named: str) -> None:
    answer = rest.client.post("/api/v1/visits", data=body, content_type="application/json", headers=rest.headers)

    assert answer.status_code == 400
    assert named in fields(answer)
    violations = details(answer, "BadRequest")["fieldViolations"]
    assert "twice" in next(one["description"] for one in violations if one["field"] == named)


FLOODS = {
    "unknown names": {f"name{number}": 1 for number in range(50_000)},
    "a very long name": {"n" * 500_000: 1},
    "a list of what no list takes": {"title": list(range(100_000))},
    "unknown parts of a part": {"startDate": {f"name{number}": 1 for number in range(50_000)}},
    "a very long text": {"direction": "x" * 900_000},
}


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_mistakes_gets_a_short_answer(rest: Rest, body: dict[str, Any]) -> None:
    answer = rest.post("/v1/visits", body)

    assert answer.status_code == 400
    assert fields(answer)
    assert len(answer.data) < 20_000


def test_a_flood_of_wrong_entries_of_a_list_gets_a_short_answer(rest: Rest) -> None:
    for topics in ([1] * 100_000, ["Not a topic"] * 50_000, ["x" * 900_000]):
        answer = rest.post("/v1/learnings", {"title": "x", "language": "en", "observation": "x", "topics": topics})

        assert answer.status_code == 400, answer.text[:500]
        assert fields(answer)
        assert len(answer.data) < 20_000


def test_a_flood_of_names_given_twice_gets_a_short_answer(rest: Rest) -> None:
    body = b"{" + b",".join(b'"name%d": 1' % (number // 2) for number in range(50_000)) + b"}"
    answer = rest.client.post("/api/v1/visits", data=body, content_type="application/json", headers=rest.headers)

    assert answer.status_code == 400
    assert fields(answer)
    assert len(answer.data) < 20_000


def test_a_flood_of_unknown_parameters_gets_a_short_answer(rest: Rest) -> None:
    answer = rest.get("/v1/visits", **{f"name{number}": "1" for number in range(5_000)})

    assert answer.status_code == 400
    assert len(answer.data) < 20_000


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_of_another_kind_is_refused(rest: Rest, kind: str) -> None:
    answer = rest.client.post("/api/v1/visits", data=b"{}", content_type=kind, headers=rest.headers)

    assert answer.status_code == 415
    assert answer.json["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("body", "field"),
    [(b'{"etag": "999"}', "etag"), (b'{"zzz": 1, "zzz": 2}', "zzz"), (b"etag=999", "body"), (b"[]", "body")],
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_where_none_is_taken_is_refused_and_nothing_is_done(
    rest: Rest, body: bytes, field: str, kind: str
) -> None:
    path = f"/api/v1/{a_visit(rest)['name']}"

    for verb in ("DELETE", "GET"):
        answer = rest.client.open(path, method=verb, data=body, content_type=kind, headers=rest.headers)
        assert (answer.status_code, fields(answer)) == (400, [field])

    assert rest.client.get(path, headers=rest.headers).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_empty_body_may_come_where_none_is_taken(rest: Rest, body: bytes) -> None:
    path, headers = f"/api/v1/{a_visit(rest)['name']}", rest.headers

    for verb in ("GET", "DELETE"):
        created(rest.client.open(path, method=verb, data=body, content_type="application/json", headers=headers))


def test_json_with_a_charset_is_json(rest: Rest) -> None:
    body = json.dumps(visit_of(an_exchange(rest))).encode()
    kind = "application/json; charset=utf-8"

    assert created(rest.client.post("/api/v1/visits", data=body, content_type=kind, headers=rest.headers))


def test_a_body_of_ten_megabytes_is_refused(rest: Rest) -> None:
    answer = rest.client.post(
        "/api/v1/visits", data=b"x" * 10_000_000, content_type="application/json", headers=rest.headers
    )

    assert answer.status_code == 413
    assert "1048576" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/visits/", "/v1/visits/x/y", "/v2/visits", "/v1/visits/x:fly", "/x"]
)
def test_an_unknown_path_is_not_found_as_json(rest: Rest, path: str) -> None:
    answer = rest.post(path)

    assert answer.status_code == 404
    assert answer.json["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/v1//cities", "//v1/cities", "/v1/cities//swansea", "//openapi.json", "/v1/cities/"])
def test_a_path_with_a_slash_too_many_is_not_found_as_json(rest: Rest, path: str) -> None:
    answer = rest.get(path)

    assert answer.status_code == 404
    assert answer.json["error"]["status"] == "NOT_FOUND"


def test_a_wrong_method_names_the_right_ones(rest: Rest) -> None:
    answer = rest.call("PUT", "/v1/visits/x")

    assert answer.status_code == 405
    assert {"GET", "PATCH"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer " + "a" * 8000, "Bearer \xff", "bearer as_", "x" * 100],
)
def test_without_a_valid_token_nobody_is_signed_in(gateway: Gateway, header: str) -> None:
    answer = gateway.app.test_client().get("/api/v1/visits", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json["error"]["status"] == "UNAUTHENTICATED"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_who_may_not_is_denied(gateway: Gateway) -> None:
    answer = gateway.as_(Role.EXPERT).get("/v1/visits")

    assert (answer.status_code, answer.json["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_a_name_that_leads_elsewhere_is_only_a_name(rest: Rest) -> None:
    for name in ("..", "%2e%2e%2fcities", "a'--", "💧", "%00"):
        assert rest.get(f"/v1/visits/{name}").status_code in (400, 404)


@pytest.mark.usefixtures("usual_deadlines")
def test_a_gateway_without_services_says_that_they_are_away(door: Any) -> None:
    answer = door().as_(Role.COORDINATOR).get("/v1/visits")

    assert (answer.status_code, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert "exchange" in answer.json["error"]["message"]
    assert answer.headers["Retry-After"]


def test_an_answer_is_not_stored_and_runs_nothing(rest: Rest) -> None:
    answer = rest.get("/v1/visits")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_query_cannot_say_what_the_body_or_the_path_says(rest: Rest) -> None:
    name = a_visit(rest)["name"]

    answer = rest.patch(f"/v1/{name}", {"title": "New"}, **{"updateMask": "title", "visit.title": "Other"})
    other = rest.get(f"/v1/{name}", name="visits/x")

    assert (answer.status_code, fields(answer)) == (400, ["visit.title"])
    assert (other.status_code, fields(other)) == (400, ["name"])
