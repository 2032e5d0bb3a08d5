"""Alive, ready, and observed."""

import time
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.gateway.conftest import Gateway


def readiness(gateway: Gateway) -> TestResponse:
    """Return what the gateway says of the parts behind it, once NATS and the index had time to start."""
    until = time.monotonic() + 10
    while (answer := gateway.app.test_client().get("/readyz")).status_code != 200 and time.monotonic() < until:
        pass
    return answer


def test_a_gateway_with_everything_behind_it_is_ready(gateway: Gateway) -> None:
    answer = readiness(gateway)

    parts = dict.fromkeys(("accounts", "exchange", "forum", "knowledge", "nats", "index"), "ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "parts": parts})


def test_a_gateway_tells_which_service_is_away(door: Callable[..., Gateway], gateway: Gateway) -> None:
    addresses = {"exchange_address": gateway.settings.exchange_address, "knowledge_address": "127.0.0.1:1"}
    answer = door(**addresses, forum_address=gateway.settings.forum_address).app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json["status"] == "not ready"
    assert [part for part, state in answer.json["parts"].items() if state != "ready"] == ["knowledge", "index"]


def test_a_gateway_without_its_database_is_alive_and_not_ready(door: Callable[..., Gateway], gateway: Gateway) -> None:
    client = door().app.test_client()
    app = door(database_url="postgresql://nobody:x@127.0.0.1:1/nothing").app
    away = app.test_client()

    assert away.get("/healthz").status_code == 200
    assert "not ready" in away.get("/readyz").json["parts"]["accounts"]
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
    readiness(gateway)
    complete = gateway.app.test_client().get("/status", headers=headers).text
    lacking = door(**addresses, forum_address=gateway.settings.forum_address).app.test_client()

    page = lacking.get("/status", headers=headers).text

    assert (complete.count(f">{works}<"), complete.count(f">{fails}<")) == (6, 0)
    assert (page.count(f">{works}<"), page.count(f">{fails}<")) == (4, 2)
    assert 'href="/status"' in page
    assert 'href="/readyz"' not in page
