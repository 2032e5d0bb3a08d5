"""The exchange service as processes that are killed, and programs that go on using the gateway meanwhile."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from itertools import count
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from chassis.client import channel
from chassis.health import READY
from deploy.embedded import Nats, free_port
from tests.calls import Keys
from tests.gateway.conftest import Rest

CLIENTS = 10
SECONDS = 60


class Exchange:
    """The exchange service as a process that can be killed and started again on the same port."""

    def __init__(self, database_url: str, nats: Nats, keys: Keys, log: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._metrics = f"127.0.0.1:{free_port()}"
        self._log = log
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "EXCHANGE_DATABASE_URL": database_url,
            "EXCHANGE_LISTEN": self.address,
            "EXCHANGE_METRICS_LISTEN": self._metrics,
            "EXCHANGE_SHUTDOWN_SECONDS": "10",
            "NATS_URL": nats.url,
            "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        }

    def start(self) -> None:
        """Start it, and wait until it serves."""
        with self._log.open("a") as log:
            command = [sys.executable, "-m", "services.exchange"]
            self._process = subprocess.Popen(command, env=self._environment, stderr=log)
        deadline = time.monotonic() + SECONDS
        while not self._is_ready():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        """Tell whether it serves; the port may still break connections of the one that was killed."""
        with channel(self.address) as opened, contextlib.suppress(grpc.RpcError):
            health = health_pb2_grpc.HealthStub(opened)
            health.Check(health_pb2.HealthCheckRequest(service=READY), timeout=SECONDS, wait_for_ready=True)
            return True
        return False

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(what)

    def count_calls(self) -> int:
        """Return how many calls it has answered."""
        with urllib.request.urlopen(f"http://{self._metrics}/metrics") as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
        return int(sum(sample.value for sample in samples if sample.name == "rpc_seconds_count"))

    def stop(self, how: signal.Signals) -> None:
        """Send it a signal, and wait until it has ended."""
        self._process.send_signal(how)
        self._process.wait(SECONDS)


class Work:
    """Clients that do a piece of work again and again, each on a thread of its own, until they are told to stop."""

    def __init__(self, rest: Callable[[], Rest], piece: Callable[[Rest, int], None]) -> None:
        self.done = 0
        self._stop = threading.Event()
        self._numbers = count()
        self._failures: list[BaseException] = []
        programs = [rest() for _ in range(CLIENTS)]
        self._threads = [threading.Thread(target=self._work, args=(program, piece)) for program in programs]

    def _work(self, program: Rest, piece: Callable[[Rest, int], None]) -> None:
        try:
            while not self._stop.is_set():
                piece(program, next(self._numbers))
                self.done += 1
        except BaseException as failure:  # noqa: BLE001 - told by the test's own thread
            self._failures.append(failure)

    def __enter__(self) -> "Work":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self._failures == []

    def wait_for_more(self) -> None:
        """Wait until every client is likely to have a call under way again."""
        wanted, deadline = self.done + 2 * CLIENTS, time.monotonic() + SECONDS
        while self.done < wanted and not self._failures:
            assert time.monotonic() < deadline
            time.sleep(0.005)
