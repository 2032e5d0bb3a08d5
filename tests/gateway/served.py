"""The gateway as operators run it: gunicorn with its workers, on free ports."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from deploy.embedded import free_port
from gateway.settings import GatewaySettings
from tests.gateway.conftest import environment

SECONDS = 90.0


@dataclass(frozen=True)
class Served:
    """A gateway that answers at `host`:`port`, whose metrics are at `metrics_port`, and what it logged."""

    port: int
    metrics_port: int
    process: subprocess.Popen[bytes]
    log: Path
    host: str = "127.0.0.1"

    def metrics(self) -> list[Metric]:
        """Return what Prometheus would read."""
        with urllib.request.urlopen(f"http://{self.host}:{self.metrics_port}/metrics") as answer:
            return list(text_string_to_metric_families(answer.read().decode()))


@contextmanager
def served(settings: GatewaySettings, folder: Path, port: int = 0) -> Iterator[Served]:
    """Serve a gateway of these settings; its temporary files and its log are below `folder`."""
    port, metrics_port = port or free_port(), free_port()
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    own = replace(settings, listen=f"127.0.0.1:{port}", metrics_listen=f"127.0.0.1:{metrics_port}")
    variables = {**environment(own), "TMPDIR": str(temporary), "HOME": os.environ.get("HOME", "/")}
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_alive(port, process, log)
            yield Served(port, metrics_port, process, log)
        finally:
            process.terminate()
            process.wait(SECONDS)


def _wait_until_alive(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the gateway did not start:\n{log.read_text()}")
