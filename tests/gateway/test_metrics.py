"""Metrics count what happens in a fixed number of ways: nobody outside can add a label."""

import http.client
import random
import string
from collections.abc import Iterator
from http import HTTPMethod, HTTPStatus
from pathlib import Path

import pytest
from flask import Flask

from gateway.operations import request_telemetry
from tests.gateway.conftest import Gateway
from tests.gateway.served import Served, served

# 750 invented methods took three times as much.
MAX_BYTES = 1_000_000
KNOWN_METHODS = {*HTTPMethod, "other"}


@pytest.fixture(scope="module")
def running(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(gateway.settings, tmp_path_factory.mktemp("served")) as server:
        yield server


def bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def invented(source: random.Random, length: int) -> str:
    return "".join(source.choices(string.ascii_uppercase, k=length))


def flood(server: Served, source: random.Random, count: int) -> set[int]:
    """Send requests with invented methods, paths, hosts and headers; return the statuses of the answers."""
    statuses = set()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    paths = ("/", "/visits/{}", "/{}", "/api/v1/{}", "/api/v1/visits/{}:{}", "/static/{}", "/sign-in?{}={}")
    methods = [*HTTPMethod, "BREW", "get", "PROPFIND"]
    for number in range(count):
        method = invented(source, 12) if number % 2 else source.choice(methods)
        if method == "CONNECT":
            continue
        path = source.choice(paths).format(invented(source, 8), invented(source, 8))
        headers = {"Authorization": f"Bearer {invented(source, 20)}", "X-Invented": invented(source, 8)}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
        if answer.will_close:
            connection.close()
    connection.close()
    return statuses


def test_a_flood_of_invented_requests_adds_no_label_and_no_file(running: Served, gateway: Gateway) -> None:
    source = random.Random(7)
    known_routes = {rule.rule for rule in gateway.app.url_map.iter_rules()} | {"unknown"}
    temporary = running.log.parent / "tmp"

    statuses = flood(running, source, 1500)

    assert statuses & {401, 404, 405}
    assert all(status < 500 for status in statuses)
    samples = [sample for metric in running.metrics() for sample in metric.samples]
    assert {sample.labels["method"] for sample in samples if "method" in sample.labels} <= KNOWN_METHODS
    assert {sample.labels["route"] for sample in samples if "route" in sample.labels} <= known_routes
    known_statuses = {str(status.value) for status in HTTPStatus} | {"other"}
    assert {sample.labels["status"] for sample in samples if "status" in sample.labels} <= known_statuses
    # The database is the gateway's own.
    assert len({sample.labels["database"] for sample in samples if "database" in sample.labels}) == 1
    assert {name for sample in samples for name in sample.labels} <= {"method", "route", "status", "le", "database"}
    assert bytes_below(temporary) < MAX_BYTES


def test_a_status_outside_of_http_is_counted_as_other() -> None:
    app = Flask(__name__)
    app.before_request(request_telemetry.note_start)
    app.after_request(request_telemetry.note_status)
    app.teardown_request(request_telemetry.record_request)
    app.add_url_rule("/odd", view_func=lambda: ("odd", 799))

    assert app.test_client().get("/odd").status_code == 799

    labels = [sample.labels for metric in request_telemetry.request_seconds.collect() for sample in metric.samples]
    assert {"route": "/odd", "method": "GET", "status": "other"} in labels
