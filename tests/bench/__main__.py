"""
``make bench``: throughput and latency beside a bare baseline in the same run, SQL statements per page, event lag,
start-up time. Writes ``docs/performance.md`` with ``--write``.
"""

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from austausch.exchange.v1 import exchange_pb2
from google.protobuf import json_format

from chassis.embedded import free_port
from tests import stack
from tests.bench import load
from tests.bench.client import Client
from tests.bench.statements import StatementLog, database_of

REPORT = stack.ROOT / "docs/performance.md"
VISITS = 60
LAG_SAMPLES = 40


@dataclass(frozen=True)
class Row:
    """A line of the table: what was loaded, and the baseline and ratio that are the goal."""

    what: str
    load: load.Load
    baseline: str = ""
    ratio: float = 0.0
    goal: float = 0.0

    def __str__(self) -> str:
        result = f"{self.ratio:.2f} of {self.baseline} (goal {self.goal})" if self.baseline else ""
        figures = f"{self.load.per_second:,.0f} | {self.load.p50:.1f} | {self.load.p99:.1f} | {self.load.bytes:,}"
        return f"| {self.what} | {figures} | {result} |"


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        text = _measure(Path(scratch), arguments.seconds)
    print(text)
    if arguments.write:
        REPORT.write_text(text)


def _measure(scratch: Path, seconds: float) -> str:
    data = scratch / "data"
    started = time.perf_counter()
    with stack.running(data):
        first_start = time.perf_counter() - started
    started = time.perf_counter()
    with stack.running(data) as platform_under_test:
        second_start = time.perf_counter() - started
        client = Client(platform_under_test.url)
        visits = client.create_visits(VISITS)
        lags = [_lag(client, visits[number], f"quokka{number}") for number in range(LAG_SAMPLES)]
        statements = _statements(client, data, visits[-1]["name"])
        rows = _loads(client, data, scratch, visits[-1]["name"], seconds)
    cuts = statistics.quantiles(lags, n=100)
    return _report(rows, statements, (cuts[49] * 1000, cuts[98] * 1000), (first_start, second_start))


def _lag(client: Client, visit: dict[str, str], word: str) -> float:
    """Return the seconds from the answer to `report` until a search finds the learning."""
    committed = client.report(visit, word)
    return client.wait_until_found(word) - committed


def _statements(client: Client, data: Path, visit: str) -> dict[str, list[str]]:
    paths = {
        "start": "/",
        "visits": "/visits",
        "visit": f"/{visit}",
        "forum": "/forums/leitbild-mannheim-2030",
        "learnings": "/learnings",
        "search": "/search?query=controllers",
    }
    with StatementLog(data) as log:
        return {
            page: log.of(lambda path=path: load.once(client.url + path, headers=client.cookie))
            for page, path in paths.items()
        }


def _loads(client: Client, data: Path, scratch: Path, visit: str, seconds: float) -> list[Row]:
    message = scratch / "visits.binpb"
    answer = client.get("/api/v1/visits", pageSize=50)
    message.write_bytes(json_format.ParseDict(answer, exchange_pb2.ListVisitsResponse()).SerializeToString())

    def run(path: str, headers: dict[str, str]) -> load.Load:
        return load.run(client.url + path, headers=headers, seconds=seconds)

    with _baseline(message, database_of(data).url_for("exchange")) as url:
        echo = load.run(f"{url}/message", seconds=seconds)
        plain = load.run(f"{url}/bytes", seconds=seconds)
        page = load.run(f"{url}/page", seconds=seconds)

    def row(what: str, measured: load.Load, name: str, against: load.Load, goal: float) -> Row:
        return Row(what, measured, name, measured.per_second / against.per_second, goal)

    search = "/api/v1/learnings:search?query=controllers"
    return [
        Row("baseline *echo*: Flask, gRPC, 50 visits, protobuf's JSON", echo),
        Row("baseline *bytes*: Flask, gRPC, the same JSON as bytes", plain),
        Row("baseline *page*: Flask, gRPC, one SQL statement, a bare table of 50 rows", page),
        row("JSON list, 50 visits", run("/api/v1/visits?pageSize=50", client.bearer), "echo", echo, 0.6),
        row("JSON search", run(search, client.bearer), "echo", echo, 0.6),
        row("JSON detail, one visit", run(f"/api/v1/{visit}", client.bearer), "echo", echo, 0.6),
        row("page: visits", run("/visits", client.cookie), "page", page, 0.5),
        row("page: one visit", run(f"/{visit}", client.cookie), "page", page, 0.5),
        row("page: search", run("/search?query=controllers", client.cookie), "page", page, 0.5),
    ]


@contextlib.contextmanager
def _baseline(message: Path, database_url: str) -> Iterator[str]:
    """Run the baseline's two processes, under the gateway's gunicorn settings."""
    address, port = f"127.0.0.1:{free_port()}", free_port()
    environment = {**os.environ, "EXCHANGE_DATABASE_URL": database_url, "BASELINE_ADDRESS": address}
    commands = [
        [sys.executable, "-m", "tests.bench.baseline", str(message), address],
        [
            sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
            "--workers", "2", "--threads", "16", "--no-control-socket", "--log-level", "error",
            "tests.bench.baseline:app",
        ],
    ]  # fmt: skip
    running = [subprocess.Popen(command, cwd=stack.ROOT, env=environment) for command in commands]
    try:
        yield _answering(f"http://127.0.0.1:{port}", running)
    finally:
        for process in running:
            process.terminate()
            process.wait(20)


def _answering(url: str, processes: list[subprocess.Popen[bytes]], seconds: float = 60) -> str:
    """
    Wait until the baseline answers with a page, which takes both of its processes, and return its URL.

    Raises:
        RuntimeError: One of its processes ended.
        TimeoutError: It does not answer within `seconds`.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError, EOFError, RuntimeError, TimeoutError):
            load.once(f"{url}/page")
            return url
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("a process of the baseline ended")
        time.sleep(0.1)
    raise TimeoutError(f"the baseline does not answer within {seconds} s")


def _report(
    rows: list[Row], statements: dict[str, list[str]], lag: tuple[float, float], start: tuple[float, float]
) -> str:
    table = "\n".join(map(str, rows))
    counts = "\n".join(f"| {page} | {len(found)} |" for page, found in statements.items())
    return f"""# Performance

Taken by `make bench` ({platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}); everything,
the load generator included, shares those cores. Each line is 8 connections without a pause, after a second of warming
up. What counts are the ratios to the baselines, which ran beside the platform in the same minutes under the same
gunicorn settings; absolute figures say more about the machine. The baselines are in `tests/bench/baseline.py`.

| what | requests/s | p50 ms | p99 ms | bytes | ratio |
|---|---|---|---|---|---|
{table}

SQL statements per page, all processes together, by PostgreSQL's log, without transaction control (goal: at most 5):

| page | statements |
|---|---|
{counts}

From the answer to `report` until a search finds the learning ({LAG_SAMPLES} visits, one after another):
p50 {lag[0]:.0f} ms, p99 {lag[1]:.0f} ms. The search itself is part of it.

From `make run` (already set up) to `ready`: {start[0]:.1f} s on an empty data directory, demo data included;
{start[1]:.1f} s on existing data.
"""


if __name__ == "__main__":
    main()
