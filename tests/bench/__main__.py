"""
``make bench``: throughput and latency beside a bare baseline in the same run, SQL statements per page, event lag,
start-up time. Writes ``docs/performance.md`` with ``--write``.
"""

import argparse
import contextlib
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf import json_format

from chassis.embedded import free_port
from tests import stack
from tests.bench import load, throughput
from tests.bench.baseline import ANSWERS
from tests.bench.client import Client
from tests.bench.statements import StatementLog, database_of
from tests.bench.throughput import ROUNDS, Subject

REPORT = stack.ROOT / "docs/performance.md"
VISITS = 60
LAG_SAMPLES = 40


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="of each load in each round")
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
        client.furnish(visits[-1]["name"])
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


def _loads(client: Client, data: Path, scratch: Path, visit: str, seconds: float) -> list[throughput.Row]:
    paths = {
        "list": "/api/v1/visits?pageSize=50",
        "search": "/api/v1/learnings:search?query=controllers",
        "detail": f"/api/v1/{visit}",
    }
    for name, path in paths.items():
        answer = json_format.ParseDict(client.get(path), ANSWERS[name]())
        (scratch / f"{name}.binpb").write_bytes(answer.SerializeToString())

    with _baseline(scratch, database_of(data).url_for("exchange")) as baseline:
        echoes = {
            name: Subject(f"*echo {name}*: Flask, gRPC, the same answer, protobuf's JSON", [f"{baseline}/{name}"])
            for name in paths
        }
        plain = Subject("*bytes*: Flask, gRPC, the list's JSON as bytes", [f"{baseline}/bytes"])
        bare = Subject("*page*: Flask, gRPC, one SQL statement, a bare table of 50 rows", [f"{baseline}/page"])

        def api(what: str, paths: Sequence[str], against: str, goal: float = 0.0) -> Subject:
            return Subject(what, [client.url + path for path in paths], client.bearer, echoes[against].what, goal)

        def page(what: str, path: str) -> Subject:
            return Subject(f"page: {what}", [client.url + path], client.cookie, bare.what, 0.5)

        subjects = [
            *echoes.values(),
            plain,
            bare,
            api("JSON list, 50 visits", [paths["list"]], "list", 0.6),
            api("JSON search, 50 learnings", [paths["search"]], "search", 0.6),
            api("JSON search, each time in another spelling", _spellings(paths["search"], "controllers"), "search"),
            api("JSON detail, one visit", [paths["detail"]], "detail"),
            page("visits", "/visits"),
            page("one visit, with delegation and programme", f"/{visit}"),
            page("search", "/search?query=controllers"),
        ]
        return throughput.measure(subjects, seconds)


def _spellings(path: str, word: str) -> list[str]:
    """Return a path with a word in it in all ways to write it in small and capital letters: each finds the same."""
    ways = itertools.product(*((letter, letter.upper()) for letter in word))
    return [path.replace(word, "".join(way)) for way in ways]


@contextlib.contextmanager
def _baseline(answers: Path, database_url: str) -> Iterator[str]:
    """Run the baseline's two processes, under the gateway's gunicorn settings."""
    address, port = f"127.0.0.1:{free_port()}", free_port()
    environment = {**os.environ, "EXCHANGE_DATABASE_URL": database_url, "BASELINE_ADDRESS": address}
    commands = [
        [sys.executable, "-m", "tests.bench.baseline", str(answers), address],
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
    rows: list[throughput.Row], statements: dict[str, list[str]], lag: tuple[float, float], start: tuple[float, float]
) -> str:
    table = "\n".join(map(str, rows))
    counts = "\n".join(f"| {page} | {len(found)} |" for page, found in statements.items())
    return f"""# Performance

Taken by `make bench` ({platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}); everything,
the load generator included, shares those cores. Each line is 8 connections without a pause, after a second of warming
up; each figure is the median of {ROUNDS} rounds, and every round loads each line once. What counts are the ratios to
the baselines (`tests/bench/baseline.py`), which carry the same answers under the same gunicorn settings in the same
round; absolute figures say more about the machine. A line asks for the same again and again, as desks do, so that what
the services keep of the last answers is there; the search in ever another spelling is one for which they keep nothing.

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
