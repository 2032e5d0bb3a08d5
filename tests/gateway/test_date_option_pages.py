"""Candidate dates through the pages: the office puts them, the partner's staff say what suits, the office takes one."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.gateway.browsing import PageForm, send, text_of
from tests.gateway.conftest import Browse, Rest
from tests.gateway.samples import a_city, an_exchange, created, visit_of

ENGLISH = {"Accept-Language": "en"}


def an_idea(rest: Rest, **fields: Any) -> dict[str, Any]:
    """Return an idea of a visit from Swansea, whose dates are open."""
    body = {**visit_of(an_exchange(rest)), **fields}
    del body["startDate"], body["endDate"]
    return created(rest.post("/v1/visits", body))


def options_of(rest: Rest, visit: dict[str, Any]) -> list[dict[str, Any]]:
    return list(rest.get(f"/v1/{visit['name']}/dateOptions").json["dateOptions"])


def page_of(client: FlaskClient, visit: dict[str, Any]) -> TestResponse:
    return client.get(f"/{visit['name']}/dateOptions", headers=ENGLISH)


def put(office: FlaskClient, visit: dict[str, Any], first: str, last: str) -> TestResponse:
    days = {"date_option__start_date": first, "date_option__end_date": last}
    return send(office, f"/{visit['name']}/dateOptions", **days)


def press(client: FlaskClient, page: TestResponse, address: str, **fields: str) -> TestResponse:
    """Press the button of the first form that posts to an address, with the fields that it holds."""
    form = page.text.split(f'action="{address}"')[1].split("</form>")[0]
    held = {
        part.split('name="')[1].split('"')[0]: part.split('value="')[1].split('"')[0]
        for part in form.split("<input")[1:]
    }
    return client.post(address, data={**held, **fields})


def test_dates_are_put_answered_and_taken(office: FlaskClient, browse: Browse, rest: Rest) -> None:
    idea = an_idea(rest)
    path = f"/{idea['name']}/dateOptions"
    assert f'href="{path}"' in office.get(f"/{idea['name']}").text
    assert put(office, idea, "2030-05-14", "2030-05-16").location == path
    assert put(office, idea, "2030-06-04", "2030-06-06").status_code == 303
    partner = browse(Role.PARTNER)
    assert f'href="{path}"' in partner.get(f"/{idea['name']}").text
    seen = page_of(partner, idea)
    assert "Say for each whether these days suit your city." in text_of(seen)
    assert "Take these days" not in text_of(seen) and "Put dates to the cities" not in text_of(seen)
    first, second = (f"/{option['name']}" for option in options_of(rest, idea))
    assert press(partner, seen, f"{first}/answer", answer="ANSWER_NO").status_code == 303
    assert press(partner, seen, f"{second}/answer", answer="ANSWER_IF_NEED_BE").status_code == 303
    page = page_of(office, idea)
    assert "If need be Partner" in text_of(page)
    taken = press(office, page, f"{second}/choose")
    assert (taken.status_code, taken.location) == (303, f"/{idea['name']}")
    assert rest.get(f"/v1/{idea['name']}").json["startDate"] == {"year": 2030, "month": 6, "day": 4}
    created(rest.post(f"/v1/{idea['name']}:agree"))
    settled = page_of(office, idea)
    assert "The dates of this visit are settled" in text_of(settled)
    assert "/answer" not in settled.text and "/choose" not in settled.text
    assert f'href="{path}"' not in office.get(f"/{idea['name']}").text


def test_the_office_takes_down_what_each_city_said(office: FlaskClient, rest: Rest) -> None:
    a_city(rest, "hebron", countryCode="PS", timeZone="Asia/Hebron")
    idea = an_idea(rest, otherGuestCities=["cities/hebron"])
    put(office, idea, "2030-05-14", "2030-05-16")
    page = page_of(office, idea)
    assert text_of(page).count("no answer yet") == 2
    (option,) = options_of(rest, idea)
    assert (
        press(office, page, f"/{option['name']}/answer", city="cities/hebron", answer="ANSWER_YES").status_code == 303
    )
    page = page_of(office, idea)
    assert "Hebron: Yes recorded by Coordinator" in text_of(page)
    assert text_of(page).count("no answer yet") == 1


def test_who_takes_dates_that_somebody_spoke_about_since_is_told(
    office: FlaskClient, browse: Browse, rest: Rest
) -> None:
    idea = an_idea(rest)
    put(office, idea, "2030-05-14", "2030-05-16")
    (option,) = options_of(rest, idea)
    page, partner = page_of(office, idea), browse(Role.PARTNER)
    press(partner, page_of(partner, idea), f"/{option['name']}/answer", answer="ANSWER_NO")
    answer = press(office, page, f"/{option['name']}/choose")
    assert answer.location == f"/{idea['name']}/dateOptions"
    assert "Partner changed this on" in text_of(page_of(office, idea))
    assert "startDate" not in rest.get(f"/v1/{idea['name']}").json


def test_dates_are_taken_back(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    put(office, idea, "2030-05-14", "2030-05-16")
    (option,) = options_of(rest, idea)
    assert press(office, page_of(office, idea), f"/{option['name']}/remove").status_code == 303
    page = page_of(office, idea)
    assert "The dates are taken back." in text_of(page) and "No candidate dates yet" in text_of(page)


def test_dates_that_cannot_be_are_refused_with_what_was_typed(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    reversed_days = put(office, idea, "2030-05-16", "2030-05-14")
    assert reversed_days.status_code == 400
    assert "Last day: The last day is before the first." in text_of(reversed_days)
    assert PageForm(reversed_days.text).fields["date_option.start_date"] == "2030-05-16"
    put(office, idea, "2030-05-14", "2030-05-16")
    again = put(office, idea, "2030-05-14", "2030-05-16")
    assert again.status_code == 409
    assert "These days are put to the cities already." in text_of(again)


def test_dates_that_were_found_are_put_to_the_cities(office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest)
    question = (
        f"/visits/dates?visit={idea['name']}&ask=on&working_days=3&earliest_date=2030-05-06&latest_date=2030-05-10"
    )
    found = office.get(question, headers=ENGLISH)
    assert "Put to the cities" in text_of(found)
    assert press(office, found, f"/{idea['name']}/dateOptions").status_code == 303
    assert len(options_of(rest, idea)) == 1


def test_a_department_that_is_not_in_charge_looks_on(browse: Browse, office: FlaskClient, rest: Rest) -> None:
    idea = an_idea(rest, hostDepartment="Water works")
    put(office, idea, "2030-05-14", "2030-05-16")
    page = page_of(browse(Role.MEMBER), idea)
    assert page.status_code == 200
    assert "/answer" not in page.text and "/choose" not in page.text
