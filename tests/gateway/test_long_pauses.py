"""A database, or a service, that stands still for seconds under load: nothing of that lasts longer than the pause."""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from chassis.identity import Role
from deploy.embedded import Nats, Postgres
from gateway.accounts.database import AccountsDatabase
from tests.calls import Keys
from tests.conftest import FreshDatabase
from tests.gateway.conftest import create_accounts, credentials, settings_for
from tests.gateway.killing import Exchange
from tests.gateway.served import Served, served

CLIENTS = 150
# What they ask for together, as a share of what the platform can answer.
LOAD = 0.5
PAUSE_SECONDS = 12
WELL_AGAIN_SECONDS = 10
# What a client waits for an answer before it asks anew.
PATIENCE_SECONDS = 3
WINDOW_SECONDS = 2
NO_ANSWER = 0


class Load:
    """Clients that read and write, each with a pause for thought; who is not answered in time asks again at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._numbers = count()
        self._token = self._call("POST", "/v1/sessions", credentials(Role.COORDINATOR), 60)[1]["token"]
        # When who was answered what.
        self.answers: list[tuple[float, int]] = []
        self._offered = LOAD * self._measure_capacity()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]

    def _call(self, verb: str, path: str, body: Any = None, seconds: float = PATIENCE_SECONDS) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if hasattr(self, "_token"):
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self._url}/api{path}", data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return NO_ANSWER, None

    def _ask(self) -> int:
        number = next(self._numbers)
        if number % 4:
            return self._call("GET", "/v1/cities?pageSize=10")[0]
        city = {"displayName": "Pause", "countryCode": "DE", "timeZone": "UTC"}
        return self._call("POST", f"/v1/cities?cityId=pause-{number}", city)[0]

    def _measure_capacity(self) -> float:
        """Return how many requests a second are answered when a few clients ask without a pause."""
        until, done = time.monotonic() + 3, count()

        def ask() -> None:
            while time.monotonic() < until:
                self._ask()
                next(done)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return next(done) / 3

    def _work(self, number: int) -> None:
        thought = CLIENTS / self._offered
        self._stop.wait(thought * number / CLIENTS)
        while not self._stop.is_set():
            code = self._ask()
            self.answers.append((time.monotonic(), code))
            # A program heeds Retry-After, and a person reads before the next click.
            self._stop.wait({NO_ANSWER: 0, 200: thought}.get(code, 1))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_until_all_is_well(self, seconds: float) -> None:
        """Wait until for a while everything that is asked is answered."""
        since = time.monotonic()
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            answers = [code for moment, code in list(self.answers) if moment > max(since, now - WINDOW_SECONDS)]
            if set(answers) == {200} and len(answers) >= WINDOW_SECONDS * self._offered / 2:
                return
            assert now - since < seconds, Counter(answers)


@pytest.fixture
def exchange(fresh_database: FreshDatabase, nats_server: Nats, keys: Keys, tmp_path: Path) -> Iterator[Exchange]:
    """The exchange service, running."""
    service = Exchange(fresh_database("services.exchange"), nats_server, keys, tmp_path / "exchange.log")
    service.start()
    yield service
    service.stop(signal.SIGKILL)


@pytest.fixture
def gateway(exchange: Exchange, fresh_database: FreshDatabase, keys: Keys, tmp_path: Path) -> Iterator[Served]:
    """The gateway as operators run it, before the service."""
    addresses = dict.fromkeys(("exchange", "forum", "knowledge"), exchange.address)
    settings = settings_for(fresh_database("gateway.accounts"), keys, addresses)
    accounts = AccountsDatabase(settings.database_url)
    create_accounts(accounts)
    accounts.dispose()
    with served(settings, tmp_path) as running:
        yield running


@pytest.mark.parametrize("what", ["database", "service"])
def test_after_a_long_pause_everybody_is_served_again(
    what: str, exchange: Exchange, gateway: Served, postgres_server: Postgres
) -> None:
    def signal_database(number: signal.Signals) -> None:
        server = psutil.Process(postgres_server.pid)
        for process in [server, *server.children(recursive=True)]:
            os.kill(process.pid, number)

    send: Callable[[signal.Signals], None] = signal_database if what == "database" else exchange.send
    with Load(f"http://{gateway.host}:{gateway.port}") as load:
        load.wait_until_all_is_well(60)
        send(signal.SIGSTOP)
        try:
            time.sleep(PAUSE_SECONDS)
        finally:
            send(signal.SIGCONT)
        load.wait_until_all_is_well(WELL_AGAIN_SECONDS)
    assert {code for _, code in load.answers} <= {NO_ANSWER, 200, 503, 504}
