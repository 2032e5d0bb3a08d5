"""What the tests enter through REST: cities, a partnership, an exchange, a visit."""

from itertools import count
from typing import Any
from uuid import uuid4

from tests.gateway.conftest import Rest

_number = count(1)

# Breaks no part of the rule of eligibility, and belongs to no city.
NATIONAL_EXPERT = {
    "function": "Professor of public administration",
    "affiliation": "Universität Speyer",
    "kind": "KIND_ACADEMIC",
    "origin": "ORIGIN_NATIONAL",
    "politicallyNeutral": True,
    "conflictOfInterest": "none",
}


def created(answer: Any) -> dict[str, Any]:
    """Return the resource of a successful answer."""
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    return body


def a_city(rest: Rest, city_id: str, **fields: Any) -> dict[str, Any]:
    """Return a city, created unless it is there."""
    found = rest.get(f"/v1/cities/{city_id}")
    if found.status_code == 200:
        return dict(found.json)
    body = {"displayName": city_id.title(), "countryCode": "GB", "timeZone": "Europe/London", **fields}
    return created(rest.post("/v1/cities", body, cityId=city_id))


def an_exchange(rest: Rest, **more: Any) -> dict[str, Any]:
    """Return a new exchange with Swansea; ``more`` are fields of it."""
    a_city(rest, "mannheim", countryCode="DE", timeZone="Europe/Berlin")
    a_city(rest, "swansea")
    partnership = created(rest.post("/v1/partnerships", {"city": "cities/swansea", "kind": "KIND_PARTNERSHIP"}))
    body = {
        "title": f"Controlling {next(_number)}",
        "kind": "KIND_ADMINISTRATIVE",
        "partnership": partnership["name"],
        "department": "Controlling",
        "topics": ["controlling"],
    }
    return created(rest.post("/v1/exchanges", {**body, **more}))


def visit_of(exchange: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the body of a new visit."""
    return {
        "title": f"Controllers from Swansea {next(_number)}",
        "exchange": exchange["name"],
        "direction": "DIRECTION_INCOMING",
        "startDate": {"year": 2030, "month": 5, "day": 14},
        "endDate": {"year": 2030, "month": 5, "day": 16},
        "hostDepartment": "Controlling",
        **fields,
    }


def a_visit(rest: Rest, **fields: Any) -> dict[str, Any]:
    """Return a new visit of a new exchange."""
    return created(rest.post("/v1/visits", visit_of(an_exchange(rest), **fields), requestId=str(uuid4())))
