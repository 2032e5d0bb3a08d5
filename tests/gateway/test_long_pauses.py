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

CLIENTS = 40
PAUSE_SECONDS = 12
WELL_AGAIN_SECONDS = 10
# What a client waits for an answer.
PATIENCE_SECONDS = 10


class Load:
    """Clients that read and write without a pause, whatever they are answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._numbers = count()
        self._token = self._call("POST", "/v1/sessions", credentials(Role.COORDINATOR))[1]["token"]
        # Who was answered what, and when.
        self.answers: list[tuple[float, int, int]] = []
        self._threads = [threading.Thread(target=self._work, args=(client,)) for client in range(CLIENTS)]

    def _call(self, verb: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"} if token else {}
        headers.setdefault("Content-Type", "application/json")
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self._url}/api{path}", data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    def _work(self, client: int) -> None:
        while not self._stop.is_set():
            number = next(self._numbers)
            if number % 4:
                code, _ = self._call("GET", "/v1/cities", token=self._token)
            else:
                city = {"displayName": "Pause", "countryCode": "DE", "timeZone": "UTC"}
                code, _ = self._call("POST", f"/v1/cities?cityId=pause-{number}", city, token=self._token)
            self.answers.append((time.monotonic(), client, code))
            if code != 200:
                # As a program that heeds Retry-After.
                self._stop.wait(0.5)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_until_all_are_served(self, seconds: float) -> None:
        """Wait until every client has been served from now on, and nobody was refused for a second."""
        since = time.monotonic()
        while True:
            now = time.monotonic()
            answers = [answer for answer in list(self.answers) if answer[0] > since]
            refused = [moment for moment, _, code in answers if code != 200]
            since_refusal = max(refused, default=since)
            served = {client for moment, client, code in answers if moment > since_refusal and code == 200}
            if len(served) == CLIENTS and now > since_refusal + 1:
                return
            assert now - since < seconds, (len(served), Counter(code for _, _, code in answers))
            time.sleep(0.05)


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
        load.wait_until_all_are_served(60)
        send(signal.SIGSTOP)
        try:
            time.sleep(PAUSE_SECONDS)
        finally:
            send(signal.SIGCONT)
        load.wait_until_all_are_served(WELL_AGAIN_SECONDS)
    assert {code for _, _, code in load.answers} <= {0, 200, 503, 504}
