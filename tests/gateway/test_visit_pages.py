"""The pages of visits: what they say to whom, what they offer, and what they ask before it happens."""

import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import get_flashed_messages
from flask.testing import FlaskClient

from chassis.identity import Role
from gateway.web import transitions
from tests.gateway.browsing import PageForm, crumbs_of, sign_in
from tests.gateway.conftest import Gateway, Rest, credentials
from tests.gateway.samples import a_visit, an_exchange, created, visit_of

AHEAD = {"startDate": {"year": 2030, "month": 5, "day": 14}, "endDate": {"year": 2030, "month": 5, "day": 16}}
LONG_AGO = {"startDate": {"year": 2020, "month": 5, "day": 12}, "endDate": {"year": 2020, "month": 5, "day": 14}}


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    """The international office, through REST."""
    return gateway.as_(Role.COORDINATOR)


def browser(gateway: Gateway, role: Role) -> FlaskClient:
    """Return the browser of somebody who is signed in."""
    client = gateway.app.test_client()
    assert sign_in(client, **credentials(role)).status_code == 303
    return client


def text_of(client: FlaskClient, path: str) -> str:
    """Return what a page says, without its markup."""
    answer = client.get(f"/{path}")
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def form_of(client: FlaskClient, path: str) -> PageForm:
    return PageForm(client.get(f"/{path}").text)


def take(office: Rest, visit: dict[str, Any], *verbs: str) -> None:
    for verb in verbs:
        created(office.post(f"/v1/{visit['name']}:{verb}"))


def an_item(office: Rest, visit: dict[str, Any], **fields: Any) -> dict[str, Any]:
    times = {"startTime": "2030-05-14T07:00:00Z", "endTime": "2030-05-14T08:00:00Z"}
    return created(office.post(f"/v1/{visit['name']}/agendaItems", {"title": "Welcome", **times, **fields}))


def a_person(office: Rest, function: str) -> dict[str, Any]:
    return created(office.post("/v1/people", {"function": function, "displayName": "Eva Ernst"}))


def a_room(office: Rest) -> dict[str, Any]:
    return created(office.post("/v1/rooms", {"displayName": "Ratssaal"}))


def test_who_hosts_is_said_by_name(gateway: Gateway, office: Rest) -> None:
    incoming, outgoing = a_visit(office), a_visit(office, direction="DIRECTION_OUTGOING")
    partner = browser(gateway, Role.PARTNER)
    assert "Visit from Swansea to Mannheim" in text_of(partner, incoming["name"])
    assert "Visit from Mannheim to Swansea" in text_of(partner, outgoing["name"])
    listed = text_of(partner, "visits")
    assert "Incoming: Mannheim hosts" in listed
    assert "we host" not in listed


def test_what_asks_back_in_a_visit_says_where_it_stands(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    delegate = created(office.post(f"/v1/{visit['name']}/delegates", {"function": "Head of controlling"}))
    coordinator = browser(gateway, Role.COORDINATOR)
    for part in (delegate, an_item(office, visit)):
        assert crumbs_of(coordinator.get(f"/{part['name']}/remove")) == ["/visits", f"/{visit['name']}"]


def test_a_partner_reads_the_functions_of_the_hosts_and_not_their_names(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    delegate = created(office.post(f"/v1/{visit['name']}/delegates", {"function": "Head of controlling"}))
    an_item(office, visit, people=[a_person(office, "Interpreter English–German")["name"], delegate["name"]])
    page = text_of(browser(gateway, Role.PARTNER), visit["name"])
    assert "Interpreter English–German, Head of controlling" in page
    assert "Eva Ernst" not in page


def test_a_partner_records_a_learning_from_the_page_of_a_visit_that_has_begun(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    partner = browser(gateway, Role.PARTNER)
    assert "Record a learning" not in text_of(partner, visit["name"])
    take(office, visit, "agree", "plan", "confirm", "start")
    page = text_of(partner, visit["name"])
    assert "Record a learning" in page
    assert "There are no learnings yet that you may read." in page
    assert f"/learnings/new?source={visit['name']}" in partner.get(f"/{visit['name']}").text


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.COORDINATOR, {"", "VISIBILITY_INTERNAL", "VISIBILITY_PARTNERS", "VISIBILITY_PUBLIC"}),
        (Role.MEMBER, {"", "VISIBILITY_INTERNAL", "VISIBILITY_PARTNERS"}),
    ],
)
def test_the_debrief_offers_the_readers_that_the_role_may_choose(
    role: Role, offered: set[str], gateway: Gateway, office: Rest
) -> None:
    visit = a_visit(office)
    take(office, visit, "agree", "plan", "confirm", "start")
    page = browser(gateway, role).get(f"/{visit['name']}/report").text
    select = re.search(r'<select[^>]+name="debrief\.entries\.0\.visibility".*?</select>', page, re.DOTALL)
    assert select
    assert set(re.findall(r'<option value="([^"]*)"', select[0])) == offered
    assert PageForm(page).fields["debrief.entries.0.visibility"] == "VISIBILITY_INTERNAL"


def test_empty_pages_tell_nobody_to_do_what_they_may_not_do(gateway: Gateway, office: Rest) -> None:
    exchange = an_exchange(office)
    partner = browser(gateway, Role.PARTNER)
    page = text_of(partner, exchange["name"])
    assert "No visit is planned in this exchange." in page
    assert "Start with the days" not in page
    outgoing = created(office.post("/v1/visits", visit_of(exchange, direction="DIRECTION_OUTGOING")))
    page = text_of(partner, outgoing["name"])
    assert "No delegation is entered." in page
    assert "No programme is entered." in page
    assert "Add the" not in page
    assert "Add the first items" in text_of(browser(gateway, Role.COORDINATOR), outgoing["name"])


def test_who_proposed_a_visit_is_offered_to_change_it_and_to_call_it_off(gateway: Gateway, office: Rest) -> None:
    exchange = an_exchange(office)
    member = gateway.as_(Role.MEMBER)
    visit = created(member.post("/v1/visits", visit_of(exchange, hostDepartment="Water works")))
    page = text_of(browser(gateway, Role.MEMBER), visit["name"])
    assert "Change visit" in page
    assert "Cancel visit" in page
    assert "Agree" not in page.replace("Agreed", "")


def test_a_double_booking_names_every_clash_with_its_visit(gateway: Gateway, office: Rest) -> None:
    room, person = a_room(office), a_person(office, "Guide")
    first, second = a_visit(office), a_visit(office)
    welcome = an_item(office, first, room=room["name"])
    tour = an_item(office, second, title="Tour", people=[person["name"]])
    wish = a_visit(office)
    client = browser(gateway, Role.COORDINATOR)
    form = form_of(client, f"{wish['name']}/agendaItems/new").fields
    times = {"agenda_item.start_time": "2030-05-14T09:00", "agenda_item.end_time": "2030-05-14T10:30"}
    both = {"agenda_item.room": room["name"], "agenda_item.people": person["name"]}
    form.update({"agenda_item.title": "Both", **both, **times})
    answer = client.post(f"/{wish['name']}/agendaItems/new", data=form)
    assert answer.status_code == 409
    summary = answer.text[answer.text.index('id="error-summary"') :]
    for item, visit in ((welcome, first), (tour, second)):
        assert f'href="/{visit["name"]}#agendaItems-{item["name"].rpartition("/")[2]}"' in summary
    assert "Ratssaal is taken by" in summary
    assert "Eva Ernst is taken by" in summary


def test_rooms_of_the_home_city_are_offered_only_where_it_hosts(gateway: Gateway, office: Rest) -> None:
    room = a_room(office)
    client = browser(gateway, Role.COORDINATOR)
    incoming, outgoing = a_visit(office), a_visit(office, direction="DIRECTION_OUTGOING")
    assert room["name"] in client.get(f"/{incoming['name']}/agendaItems/new").text
    assert "agenda_item.room" not in client.get(f"/{outgoing['name']}/agendaItems/new").text
    assert "agenda_item.room" not in form_of(client, f"{an_item(office, outgoing)['name']}/edit").fields


def test_a_visit_starts_ahead_of_its_first_day_only_after_a_question(gateway: Gateway, office: Rest) -> None:
    client = browser(gateway, Role.COORDINATOR)
    ahead, begun = a_visit(office, **AHEAD), a_visit(office, **LONG_AGO)
    for visit in (ahead, begun):
        take(office, visit, "agree", "plan", "confirm")
    assert f'action="/{begun["name"]}/start"' in client.get(f"/{begun['name']}").text
    page = client.get(f"/{ahead['name']}").text
    assert f'action="/{ahead["name"]}/start"' not in page
    assert f'href="/{ahead["name"]}/start"' in page
    assert "the first day of the visit is Tue, 14 May 2030" in text_of(client, f"{ahead['name']}/start")
    answer = client.post(f"/{ahead['name']}/start", data=form_of(client, f"{ahead['name']}/start").fields)
    assert answer.status_code == 303
    assert created(office.get(f"/v1/{ahead['name']}"))["state"] == "STATE_RUNNING"


def test_a_debrief_before_the_last_day_has_to_be_confirmed(gateway: Gateway, office: Rest) -> None:
    client = browser(gateway, Role.COORDINATOR)
    ahead, over = a_visit(office, **AHEAD), a_visit(office, **LONG_AGO)
    for visit in (ahead, over):
        take(office, visit, "agree", "plan", "confirm", "start")
    assert 'name="early"' not in client.get(f"/{over['name']}/report").text
    path = f"{ahead['name']}/report"
    assert "although the visit lasts until Thu, 16 May 2030" in text_of(client, path)
    form = form_of(client, path).fields
    form.update({"debrief.entries.0.title": "Monthly reports", "debrief.entries.0.observation": "They help."})
    answer = client.post(f"/{path}", data=form)
    assert answer.status_code == 400
    assert PageForm(answer.text).fields["debrief.entries.0.title"] == "Monthly reports"
    form["early"] = "on"
    assert client.post(f"/{path}", data=form).status_code == 303
    assert created(office.get(f"/v1/{ahead['name']}"))["state"] == "STATE_REPORTED"


def test_the_debrief_says_which_learning_a_complaint_is_about_and_leads_into_a_new_one(
    gateway: Gateway, office: Rest
) -> None:
    visit = a_visit(office, **LONG_AGO)
    take(office, visit, "agree", "plan", "confirm", "start")
    client = browser(gateway, Role.COORDINATOR)
    path = f"/{visit['name']}/report"
    page = client.post(path, data={**PageForm(client.get(path).text).fields, "add": "1"}).text
    focused = re.findall(r"<(?:input|textarea|div)[^>]*\sautofocus[^>]*>", page)
    assert len(focused) == 1
    assert 'name="debrief.entries.1.title"' in focused[0]
    form = PageForm(page).fields
    for field in ("title", "observation"):
        form[f"debrief.entries.0.{field}"] = "Monthly reports"
    form["debrief.entries.1.title"] = "Public hearings"
    answer = client.post(path, data=form)
    assert answer.status_code == 400
    assert "Learning 2: Observation: Please fill this in." in answer.text


@pytest.mark.usefixtures("known_vocabulary")
def test_the_debrief_suggests_known_topics_and_tells_of_new_ones(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office, **LONG_AGO)
    take(office, visit, "agree", "plan", "confirm", "start")
    client, path = browser(gateway, Role.COORDINATOR), f"/{visit['name']}/report"
    page = client.get(path).text
    suggested = re.search(r'<datalist id="field-debrief-entries-0-topics-list">(.*?)</datalist>', page, re.DOTALL)
    assert suggested
    assert {"Controlling", "Wastewater"} <= set(re.findall(r'value="([^"]+)"', suggested[1]))
    form = PageForm(page).fields
    form.update({"debrief.entries.0.title": "Trees", "debrief.entries.0.observation": "They help."})
    form["debrief.entries.0.topics"] = "Controlling, Straßenbäume"
    assert client.post(path, data=form).status_code == 303
    assert "New among the topics: Straßenbäume." in text_of(client, visit["name"])


def test_another_item_starts_when_the_last_one_ended(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office, **AHEAD)
    client = browser(gateway, Role.COORDINATOR)
    path = f"/{visit['name']}/agendaItems/new"
    form = PageForm(client.get(path).text).fields
    assert form["agenda_item.start_time"] == "", "the time can follow"
    times = {"agenda_item.start_time": "2030-05-14T09:00", "agenda_item.end_time": "2030-05-14T11:45"}
    form.update({"agenda_item.title": "Tour", **times, "another": "1"})
    answer = client.post(path, data=form)
    assert answer.status_code == 303
    following = PageForm(client.get(answer.headers["Location"]).text).fields
    assert following["agenda_item.start_time"] == "2030-05-14T11:45"
    assert following["agenda_item.end_time"] == "2030-05-14T13:15"
    late = PageForm(client.get(f"{path}?after=2030-05-14T23:30").text).fields
    assert late["agenda_item.end_time"] == "2030-05-14T23:59"
    assert PageForm(client.get(f"{path}?after=noon").text).fields["agenda_item.start_time"] == ""


def test_a_new_visit_names_the_department_that_is_known_to_host(gateway: Gateway, office: Rest) -> None:
    exchange = an_exchange(office)
    coordinator, member = browser(gateway, Role.COORDINATOR), browser(gateway, Role.MEMBER)
    named = f"visits/new?exchange={exchange['name']}"
    assert form_of(coordinator, named).fields["visit.host_department"] == "Controlling"
    assert form_of(coordinator, "visits/new").fields["visit.host_department"] == ""
    assert form_of(member, "visits/new").fields["visit.host_department"] == "Controlling"


def test_the_page_of_a_visit_asks_for_the_learnings_of_its_debrief_until_they_are_there(
    gateway: Gateway, office: Rest
) -> None:
    visit = a_visit(office, **LONG_AGO)
    take(office, visit, "agree", "plan", "confirm", "start")
    entry = {"title": "It arrives", "observation": "By an event.", "language": "en"}
    created(office.post(f"/v1/{visit['name']}:report", {"debrief": {"summary": "Good.", "entries": [entry] * 2}}))
    client, part = browser(gateway, Role.COORDINATOR), f"/{visit['name']}/learnings"
    assert client.get(part).location == f"/{visit['name']}#learnings", "without scripts a link leads to the page"
    deadline = time.monotonic() + 60
    while part in (answer := client.get(part, headers={"HX-Request": "true"}, query_string={"asked": 1})).text:
        assert "are on their way" in answer.text
        assert "asked=2" in answer.text
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.text.count("It arrives") == 2
    assert "<html" not in answer.text


def test_nobody_waits_for_learnings_that_they_may_not_see(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office, **LONG_AGO)
    take(office, visit, "agree", "plan", "confirm", "start")
    entry = {"title": "For us", "observation": "Not for partners.", "language": "en"}
    created(office.post(f"/v1/{visit['name']}:report", {"debrief": {"summary": "Good.", "entries": [entry]}}))
    partner, part = browser(gateway, Role.PARTNER), f"/{visit['name']}/learnings"
    assert f'hx-get="{part}' not in partner.get(f"/{visit['name']}").text
    for asked in ("1", "20", "-1", "many"):
        answer = partner.get(part, headers={"HX-Request": "true"}, query_string={"asked": asked})
        assert "There are no learnings yet that you may read." in answer.text
        assert "hx-get" not in answer.text


def test_the_last_change_of_a_visit_may_be_one_of_its_programme(gateway: Gateway, office: Rest) -> None:
    visit = a_visit(office)
    client = browser(gateway, Role.COORDINATOR)
    assert "by Coordinator" in text_of(client, visit["name"])
    an_item(gateway.as_(Role.MEMBER), visit)
    assert "by Member" in text_of(client, visit["name"])


@pytest.mark.usefixtures("usual_deadlines")
def test_a_step_whose_outcome_nobody_knows_is_not_said_to_have_changed_nothing(door: Callable[..., Gateway]) -> None:
    with door().app.test_request_context("/visits/a:agree", method="POST", data={"etag": "1"}):
        transitions.transition_and_flash("VisitService", "agree", "visits/a")
        (said,) = get_flashed_messages()
    assert "Nothing was changed" not in said
    assert "See what holds" in said
