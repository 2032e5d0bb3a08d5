"""Programmes are used again through the pages: copied from another visit, kept as a template, put into a visit."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm, crumbs_of, send, text_of
from tests.gateway.conftest import Browse, Rest
from tests.gateway.samples import a_visit, an_exchange, created, visit_of

ENGLISH = {"Accept-Language": "en"}


def an_item(rest: Rest, visit: dict[str, Any], title: str, **fields: Any) -> dict[str, Any]:
    body = {"title": title, "durationMinutes": 60, **fields}
    return created(rest.post(f"/v1/{visit['name']}/agendaItems", body))


def items_of(rest: Rest, visit: dict[str, Any]) -> list[dict[str, Any]]:
    return list(rest.get(f"/v1/{visit['name']}/agendaItems").json["agendaItems"])


def two_visits(rest: Rest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a visit with a programme of two items, and another of the same exchange, which is a day long."""
    exchange = an_exchange(rest)
    visit = created(rest.post("/v1/visits", visit_of(exchange)))
    an_item(rest, visit, "Welcome", startTime="2030-05-14T07:00:00Z")
    an_item(rest, visit, "Farewell", startTime="2030-05-16T07:00:00Z")
    day = {"year": 2031, "month": 5, "day": 12}
    return visit, created(rest.post("/v1/visits", visit_of(exchange, startDate=day, endDate=day)))


def path_of(visit: dict[str, Any]) -> str:
    return f"/{visit['name']}/programme/copy"


def test_a_programme_is_looked_at_and_copied(office: FlaskClient, rest: Rest) -> None:
    visit, target = two_visits(rest)
    assert path_of(target) in office.get(f"/{target['name']}").text
    shown = send(office, path_of(target), source=visit["name"], show="on")
    assert shown.status_code == 200
    assert "2 items would be added. One of them would have no time." in text_of(shown)
    assert items_of(rest, target) == []
    # The page that shows it is the form that adds it.
    added = office.post(path_of(target), data=PageForm(shown.text).fields)
    assert added.status_code == 303
    assert added.location.startswith(f"/{target['name']}?copied=2-")
    page = text_of(office.get(f"/{target['name']}", headers=ENGLISH))
    assert "2 items are added to the programme. One of them has no time" in page
    assert [(item["title"], item.get("startTime")) for item in items_of(rest, target)] == [
        ("Welcome", "2031-05-12T07:00:00Z"),
        ("Farewell", None),
    ]
    again = office.post(path_of(target), data=PageForm(shown.text).fields)
    assert (again.status_code, len(items_of(rest, target))) == (303, 2)


def take_back(client: FlaskClient, page: TestResponse, visit: dict[str, Any]) -> TestResponse:
    """Press the button that removes what was copied."""
    path = f"/{visit['name']}/programme/takeBack"
    form = page.text.partition(f'action="{path}"')[2].partition("</form>")[0]
    return client.post(path, data=dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form)), headers=ENGLISH)


def test_a_copy_is_taken_back_as_long_as_it_is_unchanged(office: FlaskClient, rest: Rest) -> None:
    visit, target = two_visits(rest)
    before = an_item(rest, target, "Dinner")
    added = send(office, path_of(target), source=visit["name"])
    page = office.get(added.location, headers=ENGLISH)
    assert "Take the copy back" in page.text
    assert "Take the copy back" not in office.get(f"/{target['name']}", headers=ENGLISH).text
    welcome = next(item for item in items_of(rest, target) if item["title"] == "Welcome")
    renamed = created(rest.patch(f"/v1/{welcome['name']}", {"title": "Welcome!"}, updateMask="title"))
    assert take_back(office, page, target).status_code == 303
    assert len(items_of(rest, target)) == 3, "somebody has changed an item since"
    assert "Take the copy back" not in office.get(added.location, headers=ENGLISH).text
    created(rest.post(f"/v1/{target['name']}/agendaItems:batchEdit", {"deletions": [{"name": renamed["name"]}]}))
    again = send(office, path_of(target), source=visit["name"])
    page = office.get(again.location, headers=ENGLISH)
    for _pressed in range(2):
        assert take_back(office, page, target).status_code == 303
    left = [item["title"] for item in items_of(rest, target)]
    assert sorted(left) == ["Dinner", "Farewell"]
    assert before["name"] in [item["name"] for item in items_of(rest, target)]


def test_visits_of_the_exchange_are_offered_first_then_others_then_templates(office: FlaskClient, rest: Rest) -> None:
    visit, target = two_visits(rest)
    last = {"year": 2099, "month": 5, "day": 12}
    other = created(rest.post("/v1/visits", visit_of(an_exchange(rest), startDate=last, endDate=last)))
    send(office, f"/{visit['name']}/programme/keep", programme_template__title="A template to offer")
    page = office.get(path_of(target), headers=ENGLISH).text
    places = [
        page.index(text)
        for text in (
            "Visits of this exchange", visit["name"] + '"', "Other visits", other["name"] + '"', "Programme templates",
            ">A template to offer</option>",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert f'value="{target["name"]}"' not in page


def test_what_cannot_be_copied_is_said_on_the_page(office: FlaskClient, rest: Rest) -> None:
    visit, target = two_visits(rest)
    nothing = send(office, path_of(target))
    assert nothing.status_code == 400
    assert "Programme of: " in text_of(nothing)
    empty = send(office, path_of(visit), source=target["name"])
    assert empty.status_code == 400
    assert "no item that could be copied" in text_of(empty)


def test_a_programme_is_kept_renamed_used_and_deleted(office: FlaskClient, rest: Rest) -> None:
    visit, target = two_visits(rest)
    keep = f"/{visit['name']}/programme/keep"
    assert f'href="{keep}"' in office.get(f"/{visit['name']}").text
    assert f'href="/{target["name"]}/programme/keep"' not in office.get(f"/{target['name']}").text
    kept = send(office, keep, programme_template__title="A first visit")
    assert kept.status_code == 303
    page = text_of(office.get(kept.location, headers=ENGLISH))
    assert all(text in page for text in ("A first visit", "Day 1", "Day 3", "Welcome", "09:00", "Farewell"))
    assert "A first visit" in text_of(office.get("/programmeTemplates"))
    assert send(office, f"{kept.location}/edit", programme_template__title="A short visit").status_code == 303
    assert "A short visit" in text_of(office.get(kept.location))
    used = send(office, path_of(target), source=kept.location.removeprefix("/"))
    assert used.status_code == 303
    assert [item["title"] for item in items_of(rest, target)] == ["Welcome", "Farewell"]
    assert crumbs_of(office.get(f"{kept.location}/delete")) == ["/programmeTemplates", kept.location]
    assert send(office, f"{kept.location}/delete").location == "/programmeTemplates"
    assert office.get(kept.location).status_code == 404
    assert len(items_of(rest, target)) == 2


def test_a_template_says_what_rooms_and_people_are_called_now(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    room = created(rest.post("/v1/rooms", {"displayName": "Ratssaal"}))
    gone = created(rest.post("/v1/people", {"function": "Porter of long ago"}))
    host = created(rest.post("/v1/people", {"function": "Head of protocol"}))
    item = an_item(rest, visit, "Reception", room=room["name"], people=[host["name"], gone["name"]])
    kept = send(office, f"/{visit['name']}/programme/keep", programme_template__title="With a reception")
    assert rest.delete(f"/v1/{item['name']}").status_code == 200
    assert rest.delete(f"/v1/{gone['name']}").status_code == 200
    rest.patch(f"/v1/{room['name']}", {"displayName": "Council chamber"})
    page = text_of(office.get(kept.location, headers=ENGLISH))
    assert "Council chamber" in page and "Head of protocol" in page
    assert "Porter" not in page and "Member of the delegation" not in page


def test_a_template_says_the_venue_and_further_rooms(office: FlaskClient, rest: Rest) -> None:
    visit = a_visit(rest)
    venue = created(rest.post("/v1/venues", {"displayName": "Glasshouse"}))
    hall, foyer = [
        created(rest.post("/v1/rooms", {"displayName": title, "venue": venue["name"]})) for title in ("Hall", "Foyer")
    ]
    an_item(rest, visit, "Reception", room=hall["name"], additionalRooms=[foyer["name"]])
    title = f"Kept from {visit['name']}"
    send(office, f"/{visit['name']}/programme/keep", programme_template__title=title)
    kept = rest.get("/v1/programmeTemplates", pageSize=1000).json["programmeTemplates"]
    template = next(each for each in kept if each["title"] == title)
    assert "Hall, Foyer; Glasshouse" in text_of(office.get(f"/{template['name']}"))


def test_a_department_uses_templates_and_the_office_keeps_them(browse: Browse, rest: Rest) -> None:
    visit, target = two_visits(rest)
    member = browse(Role.MEMBER)
    assert "programme/keep" not in member.get(f"/{visit['name']}").text
    assert member.get(f"/{visit['name']}/programme/keep").status_code == 403
    assert member.get("/programmeTemplates").status_code == 200
    assert send(member, path_of(target), source=visit["name"]).status_code == 303
    partner = browse(Role.PARTNER)
    assert path_of(target) not in partner.get(f"/{target['name']}").text
    assert partner.get(path_of(target)).status_code == 403


def test_what_cannot_be_kept_is_said_on_the_page(office: FlaskClient, rest: Rest) -> None:
    visit, target = two_visits(rest)
    empty = send(office, f"/{target['name']}/programme/keep")
    assert empty.status_code == 400
    assert "no item that could be copied" in text_of(empty)
    nameless = send(office, f"/{visit['name']}/programme/keep", programme_template__title=" ")
    assert nameless.status_code == 400
    assert "Title: Please fill this in." in text_of(nameless)
