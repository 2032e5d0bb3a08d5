"""How errors of the API name fields: in lowerCamelCase, an entry of a list by its place in brackets."""

from itertools import count
from typing import Any

import pytest

from tests.gateway.conftest import Rest
from tests.gateway.samples import a_visit, created
from tests.gateway.test_routes import details, fields

_number = count(1)
DAY = "2030-05-14"


@pytest.fixture
def visit(rest: Rest) -> dict[str, Any]:
    return a_visit(rest)


def an_item(rest: Rest, visit: dict[str, Any]) -> dict[str, Any]:
    """Return a new item that has no time yet."""
    return created(rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "Welcome", "durationMinutes": 30}))


def a_delegate(rest: Rest, visit: dict[str, Any]) -> dict[str, Any]:
    """Return a new member of the delegation."""
    return created(rest.post(f"/v1/{visit['name']}/delegates", {"function": "Head of controlling"}))


def test_a_mask_in_a_batch_is_named_at_its_entry(rest: Rest, visit: dict[str, Any]) -> None:
    item, delegate = an_item(rest, visit), a_delegate(rest, visit)

    for path, body, field in (
        (
            "agendaItems:batchUpdate",
            {"requests": [{"agendaItem": {"name": item["name"]}, "updateMask": "foo"}]},
            "requests[0].updateMask",
        ),
        (
            "agendaItems:batchEdit",
            {"changes": [{"agendaItem": {"name": item["name"]}, "updateMask": "foo"}]},
            "changes[0].updateMask",
        ),
        (
            "delegates:batchEdit",
            {"changes": [{"delegate": {"name": delegate["name"]}, "updateMask": "foo"}]},
            "changes[0].updateMask",
        ),
    ):
        answer = rest.post(f"/v1/{visit['name']}/{path}", body)
        assert (answer.status_code, fields(answer)) == (400, [field])
        assert answer.json["error"]["message"].startswith(f"{field}: ")


def test_a_predecessor_is_named_by_its_place(rest: Rest, visit: dict[str, Any]) -> None:
    item, stranger = an_item(rest, visit), an_item(rest, a_visit(rest))
    after = {"title": "x", "durationMinutes": 30, "after": [{"agendaItem": stranger["name"]}]}

    alone = rest.patch(f"/v1/{item['name']}", after)
    batch = rest.post(f"/v1/{visit['name']}/agendaItems:batchEdit", {"additions": [after]})

    assert fields(alone) == ["agendaItem.after[0].agendaItem"]
    assert fields(batch) == ["additions[0].after[0].agendaItem"]


def test_an_entry_of_a_batch_that_is_refused_as_a_whole_is_named_as_json_has_it(
    rest: Rest, visit: dict[str, Any]
) -> None:
    change = {"agendaItem": {"name": an_item(rest, visit)["name"], "title": "x", "etag": "999"}}

    answer = rest.post(f"/v1/{visit['name']}/agendaItems:batchEdit", {"changes": [change]})

    assert details(answer, "ErrorInfo")["metadata"]["entry"] == "changes[0].agendaItem"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "venues",
            {"openingHours": [{"weekday": "MONDAY", "startTime": "10:00", "endTime": "09:00"}]},
            "venue.openingHours[0].endTime",
        ),
        ("venues", {"ways": [{"venue": "venues/nothing", "minutes": 5}]}, "venue.ways[0].venue"),
        (
            "people",
            {"absences": [{"startTime": f"{DAY}T10:00:00Z", "endTime": f"{DAY}T09:00:00Z"}]},
            "person.absences[0].endTime",
        ),
        ("people", {"languagePairs": ["de-de"]}, "person.languagePairs[0]"),
        ("people", {"languagePairs": ["no pair"]}, "person.languagePairs[0]"),
    ],
)
def test_an_entry_of_a_list_is_named_by_its_place_whoever_refuses_it(
    rest: Rest, path: str, body: dict[str, Any], field: str
) -> None:
    names = {"displayName": f"Place {next(_number)}", "function": "Mayor"}
    known = {"venues": ("displayName",), "people": ("displayName", "function")}[path]

    answer = rest.post(f"/v1/{path}", {**{name: names[name] for name in known}, **body})

    assert (answer.status_code, fields(answer)) == (400, [field])


def test_fields_that_cannot_be_changed_are_named_as_json_has_them(rest: Rest, visit: dict[str, Any]) -> None:
    for sent in ("createTime", "create_time"):
        answer = rest.patch(f"/v1/{visit['name']}", {"title": "x"}, updateMask=sent)

        [violation] = details(answer, "BadRequest")["fieldViolations"]
        assert (violation["field"], violation["reason"]) == ("updateMask", "FIELD_NOT_CHANGEABLE")
        assert violation["description"].startswith("createTime can't be changed; what can: ")
        assert violation["description"] in answer.json["error"]["message"]
        metadata = details(answer, "ErrorInfo")["metadata"]
        assert metadata["violations_0_path"] == "createTime"
        assert "endDate" in metadata["violations_0_allowed"].split(",")
        assert "_" not in violation["description"] + metadata["violations_0_allowed"]


def test_a_description_names_other_fields_as_json_has_them(rest: Rest, visit: dict[str, Any]) -> None:
    times = {"startTime": f"{DAY}T10:00:00Z", "endTime": f"{DAY}T09:00:00Z"}

    answer = rest.post(f"/v1/{visit['name']}/agendaItems", {"title": "x", **times})

    assert "_" not in answer.json["error"]["message"]
