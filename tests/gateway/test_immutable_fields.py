"""What was fixed at creation: refused where another value is sent, and no hindrance where it is sent back as it is."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chassis.field_mask import is_immutable
from gateway.rest import routes
from tests.gateway.conftest import Rest
from tests.gateway.samples import NATIONAL_EXPERT, a_city, a_visit, an_exchange, created
from tests.gateway.test_routes import details, fields

_number = count(1)


def a_partnership(rest: Rest) -> dict[str, Any]:
    return created(rest.get(f"/v1/{an_exchange(rest)['partnership']}"))


def a_venue(rest: Rest) -> dict[str, Any]:
    a_city(rest, "swansea")
    return created(rest.post("/v1/venues", {"displayName": f"House {next(_number)}"}))


def a_learning(rest: Rest) -> dict[str, Any]:
    body = {"title": "Water", "language": "en", "observation": "It was dry.", "source": a_visit(rest)["name"]}
    return created(rest.post("/v1/learnings", body))


def a_recommendation(rest: Rest) -> dict[str, Any]:
    a_city(rest, "mannheim", countryCode="DE", timeZone="Europe/Berlin")
    body = {"title": f"Leitbild {next(_number)}", "city": "cities/mannheim", "language": "de"}
    forum = created(rest.post("/v1/forums", body))["name"]
    created(rest.post(f"/v1/{forum}/panelists", NATIONAL_EXPERT))
    conclusion = created(rest.post(f"/v1/{forum}/conclusions", {"title": "x", "text": "y", "language": "de"}))
    body = {"conclusion": conclusion["name"], "title": "Do it", "text": "Soon.", "language": "de"}
    return created(rest.post(f"/v1/{forum}/recommendations", body))


CASES: dict[str, tuple[Callable[[Rest], dict[str, Any]], str]] = {
    "partnership.city": (a_partnership, "cities/mannheim"),
    "exchange.partnership": (an_exchange, "partnerships/nope"),
    "visit.exchange": (a_visit, "exchanges/nope"),
    "visit.direction": (a_visit, "DIRECTION_OUTGOING"),
    "venue.city": (a_venue, "cities/swansea"),
    "learning.source": (a_learning, "visits/x"),
    "learning.sourceTitle": (a_learning, "Another title"),
    "recommendation.conclusion": (a_recommendation, "forums/x/conclusions/y"),
}


def test_every_immutable_field_of_the_contract_is_tried_here() -> None:
    updates = [route.endpoint for route in routes.build_routes() if route.endpoint.verb == "PATCH"]

    assert CASES.keys() == {
        f"{update.body_field.json_name}.{field.json_name}"
        for update in updates
        if update.body_field is not None and update.body_field.message_type is not None
        for field in update.body_field.message_type.fields
        if is_immutable(field)
    }


@pytest.mark.parametrize("query", [{}, {"updateMask": "*"}], ids=["no mask", "star"])
@pytest.mark.parametrize("path", CASES)
def test_another_value_of_an_immutable_field_is_refused(rest: Rest, path: str, query: dict[str, str]) -> None:
    make, value = CASES[path]
    field = path.partition(".")[2]
    stored = make(rest)

    answer = rest.patch(f"/v1/{stored['name']}", {**stored, field: value}, **query)

    assert (answer.status_code, fields(answer)) == (400, [path])
    assert details(answer, "ErrorInfo")["reason"] == "FIELD_NOT_CHANGEABLE"
    assert details(answer, "ErrorInfo")["metadata"]["violations_0_path"] == field
    assert created(rest.get(f"/v1/{stored['name']}")) == stored


@pytest.mark.parametrize("make", dict.fromkeys(make for make, _ in CASES.values()))
def test_all_of_a_resource_may_be_sent_back_with_one_field_changed(
    rest: Rest, make: Callable[[Rest], dict[str, Any]]
) -> None:
    stored = make(rest)
    field = next(name for name in ("title", "displayName", "theme") if name in stored)

    changed = created(rest.patch(f"/v1/{stored['name']}", {**stored, field: "Sent back"}))

    assert changed[field] == "Sent back"
    assert {name for name in stored if changed[name] != stored[name]} <= {
        field,
        "etag",
        "updateTime",
        "lastChangeTime",
        "updater",
    }


def test_an_immutable_field_that_the_mask_leaves_out_is_ignored(rest: Rest) -> None:
    visit = a_visit(rest)

    changed = rest.patch(f"/v1/{visit['name']}", {"title": "x", "direction": "DIRECTION_OUTGOING"}, updateMask="title")

    assert created(changed)["direction"] == visit["direction"]
