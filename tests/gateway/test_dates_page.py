"""The page that finds dates for a visit: what it asks, what it says of a date, and where it leads."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, sign_in
from tests.gateway.conftest import Gateway, Rest, credentials
from tests.gateway.samples import a_visit, an_exchange


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    """The international office, through REST."""
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    """The browser of the international office."""
    client = gateway.app.test_client()
    assert sign_in(client, **credentials(Role.COORDINATOR)).status_code == 303
    return client


def ask(client: FlaskClient, **fields: str) -> tuple[int, str]:
    """Return the status of the page that answers a question, and its markup."""
    usual = {"working_days": "3", "earliest_date": "2030-04-29", "latest_date": "2030-05-31"}
    answer = client.get(f"/visits/dates?{urlencode({'ask': 'on', **usual, **fields})}")
    return answer.status_code, answer.text


def test_dates_lead_to_the_form_of_a_visit_on_these_days(client: FlaskClient, office: Rest) -> None:
    exchange = an_exchange(office)["name"]
    status, page = ask(client, exchange=exchange)
    assert status == 200
    assert "Labor Day" in page
    link = unescape(re.findall(r'href="(/visits/new[^"]*)"', page)[0])
    form = PageForm(client.get(link).text)
    assert form.fields["visit.exchange"] == exchange
    assert form.fields["visit.start_date"] < form.fields["visit.end_date"]


def test_other_visits_of_the_department_are_named_with_a_link(client: FlaskClient, office: Rest) -> None:
    visit = a_visit(office, hostDepartment="Waterworks")
    start, end = ("{year}-{month:02}-{day:02}".format(**visit[name]) for name in ("startDate", "endDate"))
    _, page = ask(
        client,
        exchange=visit["exchange"],
        department="Waterworks",
        working_days="1",
        earliest_date=start,
        latest_date=end,
    )
    assert f'href="/{visit["name"]}"' in page
    assert "Another visit" in page


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "Please fill this in"),
        ({"working_days": "many"}, "whole number"),
        ({"latest_date": "2030-01-01"}, "The end is before the beginning."),
        ({"latest_date": "2040-01-01"}, "more than 550 days"),
        ({"working_days": "99"}, "from 1 to 30"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_stays_typed(
    client: FlaskClient, office: Rest, fields: dict[str, str], complaint: str
) -> None:
    exchange = {"exchange": an_exchange(office)["name"]} if fields else {}
    status, page = ask(client, **exchange, **fields)
    assert status == 400
    assert complaint in unescape(page)
    for name, text in fields.items():
        assert PageForm(page).fields[name] == text


def test_no_dates_at_all_are_explained(client: FlaskClient, office: Rest) -> None:
    _, page = ask(client, exchange=an_exchange(office)["name"], earliest_date="2030-05-04", latest_date="2030-05-05")
    assert "No dates fit" in page


def test_who_plans_no_visits_does_not_find_dates(gateway: Gateway) -> None:
    client = gateway.app.test_client()
    sign_in(client, **credentials(Role.PARTNER))
    assert client.get("/visits/dates").status_code == 403
    assert "/visits/dates" not in client.get("/visits").text
