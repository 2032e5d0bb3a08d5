"""What earlier exchanges taught, on the page of a visit that is being planned."""

import time
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from deploy.embedded import free_port
from gateway import create_app
from tests.gateway.browsing import browser, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_city, a_visit, created, visit_of

ENGLISH = {"Accept-Language": "en", "HX-Request": "true"}
_number = count(1)


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


def a_visit_of_a_new_city(rest: Rest, **exchange: Any) -> tuple[dict[str, Any], str]:
    """Return a new visit of an exchange with a new city, and that city."""
    city = a_city(rest, f"lessonville-{next(_number)}")["name"]
    partnership = created(rest.post("/v1/partnerships", {"city": city, "kind": "KIND_PARTNERSHIP"}))
    body = {"title": "Flags", "kind": "KIND_ADMINISTRATIVE", "partnership": partnership["name"], "department": "Flags"}
    made = created(rest.post("/v1/exchanges", {**body, **exchange}))
    return created(rest.post("/v1/visits", visit_of(made))), city


def a_lesson(gateway: Gateway, title: str, **fields: Any) -> str:
    """Return a learning that is validated, and can be found."""
    member, office = gateway.as_(Role.MEMBER), gateway.as_(Role.COORDINATOR)
    body = {"title": title, "language": "en", "observation": "Seen.", "recommendation": "Order them early.", **fields}
    name = str(created(member.post("/v1/learnings", body))["name"])
    created(office.post(f"/v1/{name}:analyze"))
    created(office.post(f"/v1/{name}:identify", {"remedialAction": "Order early", "owner": "Controlling"}))
    created(office.post(f"/v1/{name}:implement"))
    created(office.post(f"/v1/{name}:validate"))
    until = time.monotonic() + 60
    while True:
        found = office.post("/v1/learnings:search", {"query": title, "states": ["STATE_VALIDATED"]}).json["results"]
        if any(result["learning"]["name"] == name for result in found):
            return name
        assert time.monotonic() < until
        time.sleep(0.05)


def press(client: FlaskClient, part: str, action: str, decision: str) -> None:
    """Press the button of a lesson."""
    token = part.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]
    assert client.post(action, data={"csrf_token": token, "decision": decision}).status_code == 303


def test_validated_learnings_of_partner_and_topics_are_shown_those_with_most_in_common_first(
    gateway: Gateway, client: FlaskClient, rest: Rest
) -> None:
    visit, city = a_visit_of_a_new_city(rest, topics=["flags-and-banners"])
    a_lesson(gateway, "Flags of the partner", cities=[city])
    a_lesson(gateway, "Flags on masts", topics=["flags-and-banners"])
    a_lesson(gateway, "Flags of the partner on masts", cities=[city], topics=["flags-and-banners"])
    a_lesson(gateway, "Something else")
    created(
        gateway.as_(Role.MEMBER).post(
            "/v1/learnings", {"title": "Raw", "language": "en", "observation": "x", "cities": [city]}
        )
    )
    assert f'hx-get="/{visit["name"]}/lessons"' in client.get(f"/{visit['name']}").text
    part = client.get(f"/{visit['name']}/lessons", headers=ENGLISH)
    assert "<html" not in part.text
    said = text_of(part)
    places = [
        said.index(title) for title in ("Flags of the partner on masts", "Flags on masts", "Flags of the partner about")
    ]
    assert places == sorted(places)
    assert "Something else" not in said
    assert "Raw" not in said


def test_what_is_taken_up_or_dismissed_is_kept_and_can_be_undone(
    gateway: Gateway, client: FlaskClient, rest: Rest
) -> None:
    visit, city = a_visit_of_a_new_city(rest)
    taken, left = [a_lesson(gateway, title, cities=[city]) for title in ("Flags up", "Flags down")]
    address = f"/{visit['name']}/lessons"
    part = client.get(address, headers=ENGLISH).text
    press(client, part, f"{address}/{taken.removeprefix('learnings/')}", "DECISION_ACCEPTED")
    press(client, part, f"{address}/{left.removeprefix('learnings/')}", "DECISION_DISMISSED")
    said = text_of(client.get(address, headers=ENGLISH))
    assert "Taken up for this visit Flags up Order them early." in said
    assert "One is not for this visit Flags down" in said
    assert "Take it up" not in said
    press(client, part, f"{address}/{left.removeprefix('learnings/')}", "DECISION_OPEN")
    assert "Flags down about" in text_of(client.get(address, headers=ENGLISH))


def test_a_learning_that_is_gone_is_shown_no_more(gateway: Gateway, client: FlaskClient, rest: Rest) -> None:
    visit, city = a_visit_of_a_new_city(rest)
    lesson = a_lesson(gateway, "Flags away", cities=[city])
    address = f"/{visit['name']}/lessons"
    part = client.get(address, headers=ENGLISH).text
    press(client, part, f"{address}/{lesson.removeprefix('learnings/')}", "DECISION_ACCEPTED")
    assert rest.delete(f"/v1/{lesson}").status_code == 200
    assert "Flags away" not in text_of(client.get(address, headers=ENGLISH))


def test_while_the_learnings_are_away_planning_goes_on(gateway: Gateway, rest: Rest) -> None:
    visit = a_visit(rest)
    app = create_app(replace(gateway.settings, knowledge_address=f"127.0.0.1:{free_port()}"))
    lonely = browser(Gateway(app, gateway.database, gateway.settings), Role.COORDINATOR)
    assert lonely.get(f"/{visit['name']}").status_code == 200
    part = lonely.get(f"/{visit['name']}/lessons", headers=ENGLISH)
    assert (part.status_code, "Planning goes on without them" in text_of(part)) == (200, True)
    app.extensions["rpc"].close()


def test_partners_are_not_shown_what_is_internal(gateway: Gateway, rest: Rest) -> None:
    visit = a_visit(rest)
    partner = browser(gateway, Role.PARTNER)
    assert "/lessons" not in partner.get(f"/{visit['name']}").text
    assert partner.get(f"/{visit['name']}/lessons").status_code == 403
