"""Whoever goes back in the browser finds pages as they were, and can go on from them."""

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from tests.gateway.browsing import PageForm, browser, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import a_visit, created


@pytest.fixture
def office(gateway: Gateway) -> Rest:
    return gateway.as_(Role.COORDINATOR)


@pytest.fixture
def client(gateway: Gateway) -> FlaskClient:
    return browser(gateway, Role.COORDINATOR)


def delegates(office: Rest, visit: str) -> list[str]:
    return [one["function"] for one in created(office.get(f"/v1/{visit}/delegates"))["delegates"]]


def test_a_form_that_was_saved_can_be_changed_and_sent_again_as_another_entry(
    client: FlaskClient, office: Rest
) -> None:
    visit = a_visit(office)["name"]
    path = f"/{visit}/delegates/new"
    form = PageForm(client.get(path).text).fields
    form["delegate.function"] = "Head of controlling"
    assert client.post(path, data=form).status_code == 303

    form["delegate.function"] = "Interpreter"  # after Back, which shows the form as it was sent
    told = client.post(path, data=form)

    assert 400 <= told.status_code < 500
    assert "This form is saved already" in text_of(told)
    assert "Press the button again" in text_of(told)
    assert "request_id" not in text_of(told)
    again = PageForm(told.text).fields
    assert again["delegate.function"] == "Interpreter"
    assert again["request_id"] != form["request_id"]
    assert delegates(office, visit) == ["Head of controlling"]
    assert client.post(path, data=again).status_code == 303
    assert sorted(delegates(office, visit)) == ["Head of controlling", "Interpreter"]


def test_a_form_that_is_sent_twice_as_it_was_is_saved_once(client: FlaskClient, office: Rest) -> None:
    visit = a_visit(office)["name"]
    path = f"/{visit}/delegates/new"
    form = PageForm(client.get(path).text).fields
    form["delegate.function"] = "Head of controlling"

    answers = [client.post(path, data=form) for _attempt in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len({answer.location for answer in answers}) == 1
    assert delegates(office, visit) == ["Head of controlling"]


def test_a_part_of_the_search_page_is_never_kept_in_its_place(client: FlaskClient) -> None:
    part = client.get("/search?query=x", headers={"HX-Request": "true", "HX-Target": "div#results"})
    page = client.get("/search?query=x")
    restored = client.get(
        "/search?query=x",
        headers={"HX-Request": "true", "HX-Target": "div#results", "HX-History-Restore-Request": "true"},
    )

    assert "<html" not in part.text
    assert part.headers["Cache-Control"] == "no-store"
    assert "<html" in page.text
    assert "<html" in restored.text
    for answer in (part, page, restored):
        assert {"HX-Request", "HX-Target"} <= set(answer.headers["Vary"].split(", "))


@pytest.mark.parametrize("page", ["timetable", "lessons"])
def test_a_part_of_a_page_is_never_shown_in_its_place(client: FlaskClient, office: Rest, page: str) -> None:
    address = f"/{a_visit(office)['name']}/{page}"

    part, whole = client.get(address, headers={"HX-Request": "true"}), client.get(address)

    assert ("<html" in part.text, "<html" in whole.text) == (False, True)
    for answer in (part, whole):
        assert "HX-Request" in answer.headers["Vary"].split(", ")


def test_the_search_page_keeps_its_filters_for_the_next_words(client: FlaskClient) -> None:
    page = client.get("/search?query=x&topics=budget&topics=water&languages=de").text
    form = page[page.index('<form class="search"') : page.index('id="found"')]

    for name, value in (("topics", "budget"), ("topics", "water"), ("languages", "de")):
        assert f'type="hidden" name="{name}" value="{value}"' in form
    elsewhere = client.get("/?topics=budget").text
    assert 'name="topics"' not in elsewhere[elsewhere.index('<form class="search"') : elsewhere.index('id="found"')]
