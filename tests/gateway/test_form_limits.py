"""No form that is posted costs more than a form that one of our pages has."""

import time
import tracemalloc

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, form_token
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created

LONG_AGO = {"startDate": {"year": 2020, "month": 5, "day": 14}, "endDate": {"year": 2020, "month": 5, "day": 16}}
MAX_BYTES, MAX_SECONDS = 50_000_000, 10.0


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    return browser(gateway, Role.COORDINATOR)


def a_running_visit(office: Rest, **fields: str) -> str:
    visit = a_visit(office, **LONG_AGO, **fields)
    for verb in ("agree", "plan", "confirm", "start"):
        created(office.post(f"/v1/{visit['name']}:{verb}"))
    return str(visit["name"])


@pytest.fixture(scope="module")
def running_visit(gateway: Gateway) -> str:
    """A visit whose debrief can be recorded; nobody does."""
    return a_running_visit(gateway.as_(Role.COORDINATOR))


@pytest.mark.parametrize("index", ["100000", "9" * 60, "100", "-1", "²", "٣", "1e3", "0x1", "00", ""])
@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MEMBER])
def test_a_learning_with_an_impossible_number_costs_nothing(
    gateway: Gateway, running_visit: str, role: str, index: str
) -> None:
    client = browser(gateway, role)
    path = f"/{running_visit}/report"
    form = {"csrf_token": form_token(client, "/"), f"debrief.entries.{index}.observation": "x"}
    tracemalloc.start()
    begun = time.monotonic()

    statuses = {client.post(path, data={**form, **button}).status_code for button in ({}, {"add": "1"})}

    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(400 <= status < 500 for status in statuses), statuses
    assert most < MAX_BYTES
    assert time.monotonic() - begun < MAX_SECONDS


@pytest.mark.parametrize(
    "name", ["a..b", ".", "..", "visit.", ".visit", "visit..title", "visit.title.", "visit title", "visit[0]",
             "a" * 101, "visit\0", "vísit.title", "visit.\ntitle", "a" * 100_000, "1", "_"],
)  # fmt: skip
def test_a_field_with_an_impossible_name_is_refused_on_every_kind_of_page(client: FlaskClient, name: str) -> None:
    token = form_token(client, "/")

    for path in ("/visits/new", "/learnings/new", "/sign-in", "/language", "/account/password", "/no-such-page"):
        answer = client.post(path, data={"csrf_token": token, name: "x"})
        assert answer.status_code == 400, (path, answer.status_code)
        assert len(answer.data) < 100_000


@pytest.mark.parametrize("multipart", [False, True])
def test_a_form_of_thousands_of_fields_is_too_large(client: FlaskClient, multipart: bool) -> None:
    fields = {"csrf_token": form_token(client, "/"), **{f"visit.field{number}": "x" for number in range(20_000)}}
    kind = "multipart/form-data" if multipart else "application/x-www-form-urlencoded"

    answer = client.post("/visits/new", data=fields, content_type=kind)

    assert answer.status_code == 413


def test_a_debrief_takes_as_many_learnings_as_the_contract_and_offers_no_more(
    client: FlaskClient, office: Rest
) -> None:
    path = f"/{a_running_visit(office)}/report"
    form = PageForm(client.get(path).text).fields
    form["debrief.entries.48.title"] = "x"

    one_more = client.post(path, data={**form, "add": "1"})
    none_more = client.post(path, data={**PageForm(one_more.text).fields, "add": "1"})

    assert 'name="debrief.entries.49.title"' in one_more.text
    assert 'name="debrief.entries.50.title"' not in none_more.text
    assert 'name="add"' not in none_more.text


def test_who_may_not_record_the_debrief_is_refused_before_the_form_is_drawn(gateway: Gateway, office: Rest) -> None:
    member = browser(gateway, Role.MEMBER)
    path = f"/{a_running_visit(office, hostDepartment='Kultur')}/report"
    form = {"csrf_token": form_token(member, "/"), "debrief.entries.40.observation": "x"}

    assert member.get(path).status_code == 403
    assert member.post(path, data=form).status_code == 403
    assert member.post(path, data={**form, "add": "1"}).status_code == 403


def test_a_debrief_that_can_no_longer_be_recorded_keeps_what_was_typed(client: FlaskClient, office: Rest) -> None:
    visit = a_visit(office, **LONG_AGO)["name"]
    form = {"csrf_token": form_token(client, "/"), "debrief.entries.0.observation": "What I saw", "add": "1"}

    answer = client.post(f"/{visit}/report", data=form)

    assert 400 <= answer.status_code < 500
    assert "What I saw" in answer.text
    assert 'name="debrief.entries.1.title"' not in answer.text
