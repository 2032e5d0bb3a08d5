"""The pages of a visit with several guest cities: their delegations, their consent, and the forum that meets on it."""

from typing import Any

import pytest

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, form_token, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_city, a_visit, created

HEBRON = "cities/hebron"


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    """The international office, through REST."""
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def conference(office: Rest) -> dict[str, Any]:
    """A visit from Swansea to which Hebron comes as well; each has a delegate."""
    a_city(office, "hebron", timeZone="Asia/Hebron", countryCode="PS")
    visit = a_visit(office, otherGuestCities=[HEBRON])
    for city, function in (("cities/swansea", "Head of controlling"), (HEBRON, "Head of water")):
        created(office.post(f"/v1/{visit['name']}/delegates", {"function": function, "city": city}))
    return visit


def test_the_office_chooses_more_guests_in_the_form(gateway: Gateway, office: Rest) -> None:
    a_city(office, "hebron", timeZone="Asia/Hebron", countryCode="PS")
    visit, coordinator = a_visit(office), browser(gateway, Role.COORDINATOR)
    assert send(coordinator, f"/{visit['name']}/edit", visit__other_guest_cities=[HEBRON]).status_code == 303
    assert "Visit from Swansea and Hebron to Mannheim" in text_of(coordinator.get(f"/{visit['name']}"))
    # The city of the exchange takes part anyhow.
    form = PageForm(coordinator.get(f"/{visit['name']}/edit").text)
    assert form.fields.getlist("visit.other_guest_cities") == ["", HEBRON]


def test_the_office_sees_each_delegation_under_its_city(gateway: Gateway, conference: dict[str, Any]) -> None:
    page = text_of(browser(gateway, Role.COORDINATOR).get(f"/{conference['name']}"))
    assert page.index("Swansea Function") < page.index("Head of controlling") < page.index("Hebron Function")
    assert page.index("Hebron Function") < page.index("Head of water")


def test_a_partner_sees_and_fills_in_its_own_delegation(gateway: Gateway, conference: dict[str, Any]) -> None:
    partner = browser(gateway, Role.PARTNER)
    page = text_of(partner.get(f"/{conference['name']}"))
    assert "Head of controlling" in page
    assert "Head of water" not in page
    form = partner.get(f"/{conference['name']}/delegates/new").text
    assert "delegate.city" not in form
    send(partner, f"/{conference['name']}/delegates/new", delegate__function="Directorate controller")
    assert "Directorate controller" in text_of(partner.get(f"/{conference['name']}"))


def test_the_timetable_shows_the_clock_of_the_guest_that_is_chosen(
    gateway: Gateway, office: Rest, conference: dict[str, Any]
) -> None:
    times = {"startTime": "2030-05-14T07:00:00Z", "endTime": "2030-05-14T08:00:00Z"}
    created(office.post(f"/v1/{conference['name']}/agendaItems", {"title": "Welcome", **times}))
    coordinator = browser(gateway, Role.COORDINATOR)
    swansea = text_of(coordinator.get(f"/{conference['name']}/timetable"))
    assert "Time in Swansea" in swansea and "08:00–09:00" in swansea
    hebron = text_of(coordinator.get(f"/{conference['name']}/timetable?clock={HEBRON}"))
    assert "Time in Hebron" in hebron and "10:00–11:00" in hebron


def test_an_item_is_for_the_delegations_of_some_cities(
    gateway: Gateway, office: Rest, conference: dict[str, Any]
) -> None:
    coordinator = browser(gateway, Role.COORDINATOR)
    item = {"agenda_item__title": "Working group", "agenda_item__duration_minutes": "60"}
    path = f"/{conference['name']}/agendaItems/new"
    assert send(coordinator, path, agenda_item__delegations=[HEBRON], **item).status_code == 303
    assert "Delegation from Hebron" in text_of(coordinator.get(f"/{conference['name']}"))


def test_the_timetable_knows_whom_an_item_for_a_citys_delegation_holds(
    gateway: Gateway, office: Rest, conference: dict[str, Any]
) -> None:
    path = f"/v1/{conference['name']}"
    (delegate,) = [
        each for each in office.get(f"{path}/delegates").json["delegates"] if each["function"] == "Head of water"
    ]
    created(office.patch(f"/v1/{delegate['name']}", {"group": "GROUP_STAFF"}, updateMask="group"))
    for_hebron = {"title": "Waterworks", "durationMinutes": 60, "delegations": [HEBRON]}
    created(office.post(f"{path}/agendaItems", for_hebron))
    (item,) = browser(gateway, Role.COORDINATOR).get(f"/{conference['name']}/timetable.json").json["items"]
    assert (item["books"], item["groups"]) == ([delegate["name"]], ["GROUP_STAFF"])


def test_a_guest_that_has_delegates_stays(gateway: Gateway, conference: dict[str, Any]) -> None:
    coordinator = browser(gateway, Role.COORDINATOR)
    refused = send(coordinator, f"/{conference['name']}/edit", visit__other_guest_cities=[""])
    assert refused.status_code == 400
    assert "Hebron still has a delegation on this visit." in text_of(refused)


def test_the_other_side_is_asked_and_agrees_on_its_own_page(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    path, coordinator, partner = f"/{visit['name']}", browser(gateway, Role.COORDINATOR), browser(gateway, Role.PARTNER)
    assert "Agree for our side, ask the others" in text_of(coordinator.get(path))
    own_side = {"csrf_token": form_token(coordinator, path), "own_side_only": "true"}
    assert coordinator.post(f"{path}/agree", data=own_side).status_code == 303
    page = text_of(coordinator.get(path))
    assert "Swansea: still open" in page
    assert "Agree for our side" not in page
    assert partner.post(f"{path}/agree", data={"csrf_token": form_token(partner, path)}).status_code == 303
    assert office.get(f"/v1/{visit['name']}").json["state"] == "STATE_AGREED"


def test_the_office_takes_down_that_a_guest_agrees_who_comes_later(gateway: Gateway, office: Rest) -> None:
    a_city(office, "hebron", timeZone="Asia/Hebron", countryCode="PS")
    visit = a_visit(office)
    path, coordinator = f"/{visit['name']}", browser(gateway, Role.COORDINATOR)
    agreed = created(office.post(f"/v1{path}:agree", {}))
    created(office.patch(f"/v1{path}", {"otherGuestCities": [HEBRON], "etag": agreed["etag"]}))
    page = coordinator.get(path)
    assert "Hebron: still open" in text_of(page)
    assert page.text.index(f'action="{path}/plan"') < page.text.index(f'action="{path}/agree"')
    assert f'action="{path}/agree"' not in browser(gateway, Role.PARTNER).get(path).text
    assert coordinator.post(f"{path}/agree", data={"csrf_token": form_token(coordinator, path)}).status_code == 303
    page = coordinator.get(path)
    assert "Hebron: still open" not in text_of(page)
    assert f'action="{path}/agree"' not in page.text
    assert office.get(f"/v1{path}").json["state"] == "STATE_AGREED"


def test_a_forum_leads_to_the_visit_on_which_it_meets_and_back(
    gateway: Gateway, office: Rest, conference: dict[str, Any]
) -> None:
    forum = created(
        office.post(
            "/v1/forums",
            {"title": "Leitbild", "city": "cities/mannheim", "language": "de", "visit": conference["name"]},
        )
    )
    coordinator = browser(gateway, Role.COORDINATOR)
    assert f'href="/{conference["name"]}"' in coordinator.get(f"/{forum['name']}").text
    part = coordinator.get(f"/{conference['name']}/forums", headers={"HX-Request": "true"})
    assert "Expert forum: Leitbild" in text_of(part)
    listed = coordinator.get(f"/{conference['name']}/forums", follow_redirects=True)
    assert "Leitbild" in text_of(listed)
    form = PageForm(coordinator.get(f"/{forum['name']}/edit").text)
    assert form.fields["forum.visit"] == conference["name"]


def test_a_forum_meets_on_no_visit_that_does_not_exist(office: Rest) -> None:
    refused = office.post(
        "/v1/forums", {"title": "Leitbild", "city": "cities/mannheim", "language": "de", "visit": "visits/none"}
    )
    assert refused.status_code == 400
    (details,) = [each for each in refused.json["error"]["details"] if "fieldViolations" in each]
    assert [(each["field"], each["reason"]) for each in details["fieldViolations"]] == [
        ("forum.visit", "REFERENCE_NOT_FOUND")
    ]
