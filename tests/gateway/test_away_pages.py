"""What a page needs one service for, and only shows what another one knows besides, is there while that is away."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from chassis.identity import Role
from deploy.embedded import free_port
from gateway import create_app
from tests.gateway.browsing import PageForm, browser, text_of
from tests.gateway.conftest import Gateway, Rest
from tests.gateway.samples import created
from tests.gateway.test_form_limits import a_running_visit

OpenWithout = Callable[[str], FlaskClient]


@pytest.fixture
def open_without(gateway: Gateway) -> Iterator[OpenWithout]:
    """Open the browser of a coordinator before a gateway that does not reach one of the services."""
    apps = []

    def open_(service: str) -> FlaskClient:
        settings = replace(gateway.settings, **{f"{service}_address": f"127.0.0.1:{free_port()}"})
        apps.append(create_app(settings))
        return browser(Gateway(apps[-1], gateway.database, settings), Role.COORDINATOR)

    yield open_
    for app in apps:
        app.extensions["rpc"].close()
        app.extensions["accounts"].dispose()


def a_learning(rest: Rest) -> str:
    body = {"title": "Short ways", "language": "en", "observation": "Seen.", "cities": ["cities/swansea"]}
    return str(created(rest.post("/v1/learnings", body))["name"])


@pytest.mark.usefixtures("usual_deadlines")
def test_a_visit_that_has_begun_is_shown_without_its_learnings(rest: Rest, open_without: OpenWithout) -> None:
    visit = a_running_visit(rest)

    page = open_without("knowledge").get(f"/{visit}")

    assert page.status_code == 200
    assert "Learnings cannot be looked up at the moment." in text_of(page)


@pytest.mark.usefixtures("usual_deadlines")
def test_a_learning_is_shown_without_the_names_of_its_cities(rest: Rest, open_without: OpenWithout) -> None:
    page = open_without("exchange").get(f"/{a_learning(rest)}")

    assert page.status_code == 200
    assert "Short ways" in text_of(page)


@pytest.mark.usefixtures("usual_deadlines")
def test_what_is_saved_is_not_said_to_have_failed_for_want_of_suggestions(
    rest: Rest, open_without: OpenWithout
) -> None:
    learning = a_learning(rest)
    office = open_without("exchange")
    form = PageForm(office.get(f"/{learning}").text).fields
    form["application.result"], form["application.department"] = "We moved in.", "Controlling"

    answer = office.post(f"/{learning}", data=form)

    assert (answer.status_code, len(rest.get(f"/v1/{learning}/applications").json["applications"])) == (303, 1)
    assert "No exchange and no person here" not in text_of(office.get(answer.location))
