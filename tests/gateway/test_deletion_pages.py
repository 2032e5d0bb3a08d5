"""Deleting through the pages: who is offered it and when, what it says before, and what is in its way."""

from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, crumbs_of, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_city, a_visit, an_exchange, created, visit_of

_number = count(1)


@pytest.fixture
def rest(gateway: Gateway) -> Rest:
    rest = gateway.as_(Role.COORDINATOR)
    a_city(rest, "mannheim", countryCode="DE", timeZone="Europe/Berlin")
    return rest


def an_unknown_city(rest: Rest) -> dict[str, Any]:
    return a_city(rest, f"unknown-{next(_number)}")


def a_partnership(rest: Rest) -> dict[str, Any]:
    return created(rest.post("/v1/partnerships", {"city": an_unknown_city(rest)["name"], "kind": "KIND_CONTACT"}))


def a_room(rest: Rest) -> dict[str, Any]:
    return created(rest.post("/v1/rooms", {"displayName": f"Room {next(_number)}"}))


def a_person(rest: Rest) -> dict[str, Any]:
    return created(rest.post("/v1/people", {"function": f"Interpreter {next(_number)}"}))


def a_learning(rest: Rest) -> dict[str, Any]:
    learning = {"title": f"Short ways {next(_number)}", "language": "en", "observation": "They help."}
    return created(rest.post("/v1/learnings", learning))


def an_item(rest: Rest, **booked: Any) -> dict[str, Any]:
    """Return an item in the programme of a new visit."""
    times = {"startTime": "2030-05-14T08:00:00Z", "endTime": "2030-05-14T09:00:00Z"}
    return created(
        rest.post(f"/v1/{a_visit(rest)['name']}/agendaItems", {"title": "Budget control", **times, **booked})
    )


# Collection → what makes one, and a change of it by somebody else.
MADE: dict[str, tuple[Callable[[Rest], dict[str, Any]], dict[str, str]]] = {
    "cities": (an_unknown_city, {"localName": "Elsewhere"}),
    "partnerships": (a_partnership, {"theme": "Wastewater"}),
    "exchanges": (an_exchange, {"objectives": "One report"}),
    "visits": (a_visit, {"purpose": "To see it"}),
    "rooms": (a_room, {"address": "E5"}),
    "people": (a_person, {"department": "Protocol"}),
    "learnings": (a_learning, {"discussion": "Because they are short."}),
}
EACH = pytest.mark.parametrize("collection", MADE)


def used(collection: str, rest: Rest) -> tuple[str, str, str]:
    """Return the name of something, with name and title of what refers to it."""
    if collection == "cities":
        referrer = a_partnership(rest)
        return referrer["city"], referrer["name"], f"Partnership with {referrer['cityDisplayName']}"
    if collection == "partnerships":
        referrer = an_exchange(rest)
        return referrer["partnership"], referrer["name"], referrer["title"]
    if collection == "exchanges":
        referrer = a_visit(rest)
        return referrer["exchange"], referrer["name"], referrer["title"]
    booked = MADE[collection][0](rest)["name"]
    item = an_item(rest, **({"room": booked} if collection == "rooms" else {"people": [booked]}))
    visit = rest.get(f"/v1/{item['name'].partition('/agendaItems/')[0]}").json
    return booked, item["name"], f"{visit['title']}: {item['title']}"


def page_of(name: str) -> str:
    """Return the address of the page of something; rooms and people have only that on which they are changed."""
    return f"/{name}/edit" if name.startswith(("rooms/", "people/")) else f"/{name}"


def is_offered(reader: FlaskClient, name: str) -> bool:
    """Return whether its page offers to delete something."""
    page = reader.get(page_of(name))
    assert page.status_code == 200
    return f'href="/{name}/delete"' in page.text


@EACH
def test_what_nothing_refers_to_is_deleted_from_its_page(collection: str, office: FlaskClient, rest: Rest) -> None:
    name = MADE[collection][0](rest)["name"]
    assert is_offered(office, name)
    asked = office.get(f"/{name}/delete")
    assert "is deleted for good" in text_of(asked)
    assert crumbs_of(asked) == [f"/{collection}", page_of(name)]
    assert f'href="{page_of(name)}"' in asked.text.partition("<form")[2], "the way back"

    done = send(office, f"/{name}/delete")
    assert (done.status_code, done.location) == (303, f"/{collection}")
    assert "is deleted." in text_of(office.get(done.location))
    assert rest.get(f"/v1/{name}").status_code == 404

    for path in (page_of(name), f"/{name}/delete"):  # back in the browser
        gone = office.get(path)
        assert gone.status_code == 404
        assert "There is nothing here" in text_of(gone)
        assert "Go to the start page" in text_of(gone)
    assert office.post(f"/{name}/delete", data=PageForm(asked.text).fields).status_code == 404


@pytest.mark.parametrize(
    ("collection", "offered"),
    [("cities", False), ("partnerships", False), ("exchanges", False), ("rooms", True), ("people", True)],
)
def test_what_refers_to_it_is_linked_and_nothing_is_deleted(
    collection: str, offered: bool, office: FlaskClient, rest: Rest
) -> None:
    name, referrer, title = used(collection, rest)
    assert is_offered(office, name) is offered, "a page that shows what refers to it does not offer to delete it"
    refused = send(office, f"/{name}/delete")
    assert refused.status_code == 400
    assert "Something else refers to it" in text_of(refused)
    place = referrer.replace("/agendaItems/", "#agendaItems-")
    assert f'href="/{place}" target="_blank" rel="noopener">{title}</a>' in refused.text
    assert rest.get(f"/v1/{name}").status_code == 200


@EACH
def test_who_saw_an_older_version_is_told_before_anything_is_deleted(
    collection: str, office: FlaskClient, rest: Rest
) -> None:
    make, change = MADE[collection]
    name = make(rest)["name"]
    seen = PageForm(office.get(f"/{name}/delete").text).fields
    created(rest.patch(f"/v1/{name}", change))
    told = office.post(f"/{name}/delete", data=seen)
    assert told.status_code == 409
    assert "Changed meanwhile" in text_of(told)
    assert "Nothing is overwritten." in text_of(told)
    assert "What you typed" not in text_of(told), "nothing was"
    assert rest.get(f"/v1/{name}").status_code == 200
    assert office.post(f"/{name}/delete", data=PageForm(told.text).fields).status_code == 303


@EACH
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.MEMBER, Role.PARTNER, Role.EXPERT])
def test_who_may_not_delete_is_not_offered_it(collection: str, role: Role, gateway: Gateway, rest: Rest) -> None:
    name, reader = MADE[collection][0](rest)["name"], browser(gateway, role)
    own = collection in ("exchanges", "visits") and role is Role.MEMBER
    page = reader.get(page_of(name))
    offered = f'href="/{name}/delete"' in page.text
    assert offered is (collection == "exchanges" and role is Role.MEMBER), "a department leads its own exchanges"
    assert reader.get(f"/{name}/delete").status_code == (200 if own else 403)


def test_a_department_deletes_the_ideas_that_it_proposed_only(gateway: Gateway, rest: Rest) -> None:
    department = browser(gateway, Role.MEMBER)
    offices = a_visit(rest)
    own = created(gateway.as_(Role.MEMBER).post("/v1/visits", visit_of({"name": offices["exchange"]})))
    refused = send(department, f"/{offices['name']}/delete")
    assert refused.status_code == 403
    assert rest.get(f"/v1/{offices['name']}").status_code == 200
    assert is_offered(department, own["name"])
    assert send(department, f"/{own['name']}/delete").status_code == 303


def test_an_idea_says_what_goes_with_it(office: FlaskClient, rest: Rest) -> None:
    visit = an_item(rest)["name"].partition("/agendaItems/")[0]
    for function in ("Head of controlling", "Controller"):
        created(rest.post(f"/v1/{visit}/delegates", {"function": function}, requestId=str(uuid4())))
    asked = text_of(office.get(f"/{visit}/delete"))
    assert "With it go 2 members of the delegation. With it goes one item of the programme." in asked
    german = text_of(office.get(f"/{visit}/delete", headers={"Accept-Language": "de"}))
    assert "Mit ihr werden 2 Mitglieder der Delegation gelöscht." in german
    assert "Löschen" in german


def test_what_is_more_than_an_idea_is_cancelled_instead(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    created(rest.post(f"/v1/{visit}:agree"))
    assert not is_offered(office, visit)
    refused = send(office, f"/{visit}/delete")
    assert refused.status_code == 400
    assert "This visit is more than an idea. Cancel it instead." in text_of(refused)


def test_a_partnership_that_has_begun_is_ended_instead(office: FlaskClient, rest: Rest) -> None:
    partnership = a_partnership(rest)["name"]
    created(rest.post(f"/v1/{partnership}:activate"))
    assert not is_offered(office, partnership)
    refused = send(office, f"/{partnership}/delete")
    assert refused.status_code == 400
    assert "This partnership is not in preparation any more. End it instead." in text_of(refused)


def test_the_home_city_stays(office: FlaskClient, rest: Rest) -> None:
    assert not is_offered(office, "cities/mannheim")
    assert "The home city cannot be deleted." in text_of(send(office, "/cities/mannheim/delete"))


def test_a_deleted_city_is_no_longer_offered(office: FlaskClient, rest: Rest) -> None:
    city = an_unknown_city(rest)["name"]
    assert send(office, f"/{city}/edit", city__local_name="Elsewhere").status_code == 303  # names are kept for a while
    assert f'value="{city}"' in office.get("/visits").text
    assert send(office, f"/{city}/delete").status_code == 303
    assert f'value="{city}"' not in office.get("/visits").text


def test_a_learning_says_what_stays_when_it_is_deleted(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)["name"]
    body = {"title": "Short ways", "language": "en", "observation": "They help.", "source": visit}
    name = created(rest.post("/v1/learnings", body))["name"]
    asked = text_of(office.get(f"/{name}/delete"))
    assert "What it comes from, the debrief or the forum, keeps what it says." in asked
    german = text_of(office.get(f"/{name}/delete", headers={"Accept-Language": "de"}))
    assert "Die Lernerfahrung wird endgültig gelöscht" in german
    assert "bleibt im Wortlaut unverändert" in german


def test_a_learning_whose_successor_was_deleted_says_so(office: FlaskClient, rest: Rest) -> None:
    old, new = a_learning(rest)["name"], a_learning(rest)["name"]
    created(rest.post(f"/v1/{old}:supersede", {"successor": new}))
    assert "Go to the newer learning" in text_of(office.get(f"/{old}"))
    assert send(office, f"/{new}/delete").status_code == 303
    assert "Superseded The newer learning was deleted." in text_of(office.get(f"/{old}"))
