"""The forms of visits and exchanges: what they suggest, and how they say what is in the way."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, send, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, an_exchange, created, visit_of

NEW = {"visit__title": "Controllers", "visit__start_date": "2030-05-14", "visit__end_date": "2030-05-16"}


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    """The international office, through REST."""
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    return browser(gateway, Role.COORDINATOR)


def summary_of(answer: TestResponse) -> str:
    """Return the markup of the error summary of a form."""
    found = re.search(r'<div class="error-summary".*?<form', answer.text, re.DOTALL)
    assert found, answer.text
    return found[0]


def marked(answer: TestResponse, path: str) -> bool:
    """Return whether the field at a path is marked as wrong, and the summary leads to it."""
    field = "field-" + path.replace(".", "-")
    tag = re.search(rf'<[^>]*\bid="{field}"[^>]*>', answer.text, re.DOTALL)
    return bool(tag and 'aria-invalid="true"' in tag[0]) and f'href="#{field}"' in summary_of(answer)


def an_item(office: Rest, visit: dict[str, str], start: str, end: str, **fields: object) -> dict[str, str]:
    body = {"title": "Welcome", "startTime": start, "endTime": end, **fields}
    return created(office.post(f"/v1/{visit['name']}/agendaItems", body))


def anchor(name: str) -> str:
    """Return where the page of a visit shows a part of it."""
    visit, collection, part = name.rsplit("/", 2)
    return f'href="/{visit}#{collection}-{part}"'


def options_of(page: str, field: str) -> list[str]:
    """Return what a field suggests."""
    found = re.search(rf'<datalist id="field-{field}-list">(.*?)</datalist>', page, re.DOTALL)
    assert found
    return re.findall(r'value="([^"]*)"', found[1])


def test_the_department_that_was_suggested_to_host_does_not_become_the_host_of_an_outgoing_visit(
    office: Rest, client: FlaskClient
) -> None:
    path = f"/visits/new?exchange={an_exchange(office)['name']}"
    fields: dict[str, str] = {**NEW, "visit__direction": "DIRECTION_OUTGOING"}
    answer = send(client, path, **{**fields, "visit__title": ""})
    assert marked(answer, "visit.host_department")
    assert marked(answer, "visit.title")
    answer = send(client, path, **fields)
    assert answer.status_code == 400
    assert answer.text.count('class="kern-error"') == 1
    assert options_of(answer.text, "visit-host_department") == []
    form = PageForm(answer.text).fields
    assert (form["visit.host_department"], form["visit.title"]) == ("", "Controllers")
    form["visit.host_department"] = "Controlling"
    answer = client.post(path, data=form)
    assert answer.status_code == 303, "the other city's department may be called the same"
    visit = created(office.get(f"/v1{answer.headers['Location']}"))
    assert (visit["direction"], visit["hostDepartment"]) == ("DIRECTION_OUTGOING", "Controlling")


def test_forms_suggest_the_departments_that_are_known_each_in_one_spelling(gateway: Gateway, office: Rest) -> None:
    exchange = an_exchange(office)
    created(office.patch(f"/v1/{exchange['name']}", {"department": "Stadtarchiv"}, updateMask="department"))
    created(office.post("/v1/people", {"function": "Engineer", "department": "Tiefbauamt"}))
    created(office.post("/v1/people", {"function": "Controller", "department": " stadtarchiv"}))
    visit = created(office.post("/v1/visits", visit_of(exchange)))
    member = browser(gateway, Role.MEMBER)
    for path, field in (
        ("/visits/new", "visit-host_department"),
        (f"/{visit['name']}/edit", "visit-host_department"),
        ("/exchanges/new", "exchange-department"),
        (f"/{exchange['name']}/edit", "exchange-department"),
    ):
        offered = options_of(member.get(path).text, field)
        assert {"Stadtarchiv", "Tiefbauamt", "Controlling"} <= set(offered), path
        assert len({name.strip().casefold() for name in offered}) == len(offered)


def test_whatever_names_a_department_suggests_those_that_are_known(
    gateway: Gateway, office: Rest, client: FlaskClient
) -> None:
    exchange = an_exchange(office)
    created(office.patch(f"/v1/{exchange['name']}", {"department": "Stadtarchiv"}, updateMask="department"))
    text = {"title": "Files", "observation": "They help.", "language": "en", "visibility": "VISIBILITY_INTERNAL"}
    learning = created(office.post("/v1/learnings", text))
    created(office.post(f"/v1/{learning['name']}:analyze"))
    forum = created(office.post("/v1/forums", {"title": "Leitbild", "city": "cities/mannheim", "language": "de"}))
    for path, field in (
        ("/people/new", "person-department"),
        (f"/{learning['name']}/identify", "owner"),
        (f"/{forum['name']}/subjectNodes/new", "subject_node-department"),
    ):
        assert {"Stadtarchiv", "Controlling"} <= set(options_of(client.get(path).text, field)), path


def test_the_form_of_an_account_suggests_the_departments_of_exchanges_and_of_other_accounts(
    gateway: Gateway, office: Rest
) -> None:
    exchange = an_exchange(office)
    created(office.patch(f"/v1/{exchange['name']}", {"department": "Stadtarchiv"}, updateMask="department"))
    press = {"email": "press@paper.example", "displayName": "Press", "roles": ["ROLE_MEMBER"]}
    for number, department in enumerate(("Presseamt", "presseamt ", "STADTARCHIV", "")):
        fields = press | {"email": f"{number}@paper.example", "department": department}
        account = created(gateway.as_(Role.ADMINISTRATOR).post("/v1/accounts", fields))
    administrator = browser(gateway, Role.ADMINISTRATOR)
    for path in ("/accounts/new", f"/{account['name']}/edit"):
        offered = options_of(administrator.get(path).text, "account-department")
        assert {"Stadtarchiv", "Presseamt", "Controlling"} <= set(offered), path
        assert len({name.strip().casefold() for name in offered}) == len(offered)


def test_the_home_citys_departments_are_not_suggested_as_hosts_where_it_travels(
    office: Rest, client: FlaskClient
) -> None:
    visit = a_visit(office, direction="DIRECTION_OUTGOING")
    assert options_of(client.get(f"/{visit['name']}/edit").text, "visit-host_department") == []


def test_a_double_booking_marks_the_fields_and_says_the_day_once(office: Rest, client: FlaskClient) -> None:
    room = created(office.post("/v1/rooms", {"displayName": "Ratssaal"}))
    guide = created(office.post("/v1/people", {"function": "Guide"}))
    times = ("2030-05-14T07:00:00Z", "2030-05-14T08:00:00Z")
    taken, wish = a_visit(office), a_visit(office)
    item = an_item(office, taken, *times, room=room["name"], people=[guide["name"]])
    both = {"agenda_item__room": room["name"], "agenda_item__people": guide["name"]}
    both |= {"agenda_item__start_time": "2030-05-14T09:00", "agenda_item__end_time": "2030-05-14T10:30"}
    answer = send(client, f"/{wish['name']}/agendaItems/new", agenda_item__title="Tour", **both)
    assert answer.status_code == 409
    assert marked(answer, "agenda_item.room")
    assert marked(answer, "agenda_item.people")
    summary = summary_of(answer)
    assert summary.count("Tue, 14 May 2030") == 1, "once for both that the item holds"
    assert "Tue, 14 May 2030, 09:00–10:00" in summary
    link = re.search(rf"<a[^>]*{re.escape(anchor(item['name']))}[^>]*>", summary)
    assert link
    assert 'target="_blank"' in link[0]
    assert link.start() < summary.index("Guide, Ratssaal are taken")


def test_new_days_that_leave_items_of_the_programme_outside_name_them_and_mark_the_day(
    office: Rest, client: FlaskClient
) -> None:
    visit = a_visit(office)
    item = an_item(office, visit, "2030-05-16T07:00:00Z", "2030-05-16T08:00:00Z", title="Farewell")
    answer = send(client, f"/{visit['name']}/edit", visit__end_date="2030-05-15")
    assert answer.status_code == 400
    assert marked(answer, "visit.end_date")
    assert not marked(answer, "visit.start_date")
    assert anchor(item["name"]) in summary_of(answer)
    assert "“Farewell”, Thu, 16 May 2030" in text_of(answer)


def test_a_second_head_is_told_who_the_first_one_is(office: Rest, client: FlaskClient) -> None:
    visit = a_visit(office)
    head = created(office.post(f"/v1/{visit['name']}/delegates", {"function": "Director of finance", "head": True}))
    answer = send(client, f"/{visit['name']}/delegates/new", delegate__function="Mayor", delegate__head="on")
    assert answer.status_code == 409
    assert marked(answer, "delegate.head")
    assert anchor(head["name"]) in summary_of(answer)
    assert "Director of finance heads the delegation now." in text_of(answer)
    assert "exists already" not in text_of(answer)


def test_an_empty_debrief_before_the_last_day_is_complained_about_once(office: Rest, client: FlaskClient) -> None:
    visit = a_visit(office)
    for verb in ("agree", "plan", "confirm", "start"):
        created(office.post(f"/v1/{visit['name']}:{verb}"))
    answer = send(client, f"/{visit['name']}/report")
    assert answer.status_code == 400
    for field in ("early", "debrief.entries.0.title", "debrief.entries.0.observation"):
        assert marked(answer, field), field


def test_a_visit_that_nobody_prepared_is_confirmed_only_after_a_question(office: Rest, client: FlaskClient) -> None:
    visit = a_visit(office)
    for verb in ("agree", "plan"):
        created(office.post(f"/v1/{visit['name']}:{verb}"))
    path = f"/{visit['name']}/confirm"
    assert f'action="{path}"' not in client.get(f"/{visit['name']}").text
    assert f'href="{path}"' in client.get(f"/{visit['name']}").text
    assert "Nobody travels yet. The programme is empty." in text_of(client.get(path))
    created(office.post(f"/v1/{visit['name']}/delegates", {"function": "Mayor"}))
    page = text_of(client.get(path))
    assert "Nobody travels yet." not in page
    assert "The programme is empty." in page
    an_item(office, visit, "2030-05-14T07:00:00Z", "2030-05-14T08:00:00Z")
    assert f'action="{path}"' in client.get(f"/{visit['name']}").text
    assert client.post(path, data=PageForm(client.get(path).text).fields).status_code == 303
    assert created(office.get(f"/v1/{visit['name']}"))["state"] == "STATE_CONFIRMED"


def test_a_visit_is_closed_before_its_last_day_only_after_a_question(office: Rest, client: FlaskClient) -> None:
    long_ago = {"startDate": {"year": 2020, "month": 5, "day": 12}, "endDate": {"year": 2020, "month": 5, "day": 14}}
    entry = {"title": "Monthly reports", "language": "en", "observation": "They help."}
    ahead, over = a_visit(office), a_visit(office, **long_ago)
    for visit in (ahead, over):
        for verb in ("agree", "plan", "confirm", "start"):
            created(office.post(f"/v1/{visit['name']}:{verb}"))
        created(office.post(f"/v1/{visit['name']}:report", {"debrief": {"entries": [entry]}}))
    assert f'action="/{over["name"]}/close"' in client.get(f"/{over['name']}").text
    path = f"/{ahead['name']}/close"
    assert f'action="{path}"' not in client.get(f"/{ahead['name']}").text
    assert "the last day of the visit is Thu, 16 May 2030" in text_of(client.get(path))
    assert client.post(path, data=PageForm(client.get(path).text).fields).status_code == 303
    assert created(office.get(f"/v1/{ahead['name']}"))["state"] == "STATE_CLOSED"


def test_the_form_of_a_new_visit_leads_back_to_where_one_came_from(office: Rest, client: FlaskClient) -> None:
    exchange = an_exchange(office)
    for query, back in (("", "/visits"), (f"?exchange={exchange['name']}", f"/{exchange['name']}"),
                        ("?exchange=https://elsewhere.example", "/visits")):  # fmt: skip
        page = client.get(f"/visits/new{query}").text
        link = re.search(r'<a[^>]*href="([^"]*)"[^>]*>\s*<span class="kern-label">Back without changes', page)
        assert link
        assert link[1] == back
