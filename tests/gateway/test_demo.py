"""The demo data: complete, loaded once, continued when it was interrupted, and never beside anything else."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chassis.embedded import Postgres
from chassis.identity import Role
from gateway.demo.accounts import EMAILS, PASSWORD
from tests.calls import Keys
from tests.conftest import FreshDatabase
from tests.gateway.conftest import Gateway, Rest, environment, platform
from tests.gateway.samples import a_visit

COMMAND = [sys.executable, "-m", "gateway.demo"]
FORUM = "/v1/forums/leitbild-mannheim-2030"
SIZES = {
    "/v1/cities": 11,
    "/v1/partnerships": 10,
    "/v1/exchanges": 2,
    "/v1/visits": 2,
    "/v1/rooms": 2,
    "/v1/people": 4,
    "/v1/forums": 1,
    f"{FORUM}/panelists": 19,
    f"{FORUM}/subjectNodes": 15,
    f"{FORUM}/workingGroups": 4,
    f"{FORUM}/conclusions": 5,
    f"{FORUM}/recommendations": 4,
}


@pytest.fixture(scope="module")
def empty(postgres_server: Postgres, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A platform without data and accounts."""
    with platform(postgres_server, keys, tmp_path_factory.mktemp("demo"), "demo") as running:
        yield running


def load(gateway: Gateway) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, env=environment(gateway.settings), capture_output=True, text=True, timeout=120, check=False
    )


def test_an_interrupted_load_is_continued_and_loads_nothing_twice(empty: Gateway) -> None:
    for seconds in (3, 5):
        killed = subprocess.Popen(COMMAND, env=environment(empty.settings))
        time.sleep(seconds)
        killed.send_signal(signal.SIGKILL)
        killed.wait()

    done = load(empty)

    assert (done.returncode, done.stderr) == (0, "")
    rest = Rest(empty.app.test_client(), "")
    credentials = {"email": "coordinator@mannheim.example", "password": PASSWORD}
    rest.headers["Authorization"] = "Bearer " + rest.post("/v1/sessions", credentials).json["token"]
    assert {path: rest.get(path).json["totalSize"] for path in SIZES} == SIZES
    assert {visit["state"] for visit in rest.get("/v1/visits").json["visits"]} == {"STATE_CLOSED"}
    assert {one["state"] for one in rest.get("/v1/partnerships").json["partnerships"]} == {"STATE_ACTIVE"}
    panelists = rest.get(f"{FORUM}/panelists").json["panelists"]
    assert {panelist["state"] for panelist in panelists} == {"STATE_ACCEPTED"}
    assert [one["state"] for one in rest.get(f"{FORUM}/conclusions").json["conclusions"]].count("STATE_DRAFT") == 1
    learnings = rest.get("/v1/learnings").json["learnings"]
    visits = [learning for learning in learnings if learning["source"].startswith("visits/")]
    assert sorted(learning["language"] for learning in visits) == ["de", "de", "en", "en"]
    assert empty.store.emails() == EMAILS


def test_a_second_load_does_nothing(empty: Gateway) -> None:
    load(empty)
    empty.store.create_account("press@city.example", "Press office", "a long password", ["member"])

    done = load(empty)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_not_loaded_beside_other_accounts(gateway: Gateway) -> None:
    done = load(gateway)

    assert (done.returncode, done.stderr) == (1, "The demo data is not loaded: there are accounts already.\n")


def test_it_is_not_loaded_beside_other_data(gateway: Gateway, fresh_database: FreshDatabase) -> None:
    a_visit(gateway.as_(Role.COORDINATOR))
    without_accounts = replace(gateway.settings, database_url=fresh_database("gateway.accounts"))

    done = load(replace(gateway, settings=without_accounts))

    assert done.returncode == 1
    assert done.stderr.startswith("The demo data is not loaded: there is a")
    assert "that is not demo data" in done.stderr
