"""
``make bench``: throughput and latency beside a bare baseline in the same run, SQL statements per page, event lag,
start-up time. With ``--write`` writes ``docs/performance.md`` and adds a line to ``docs/performance-history.jsonl``.
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
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from google.protobuf import json_format

from deploy.embedded import free_port
from tests import stack
from tests.bench import load, report, throughput
from tests.bench.asking import Asking, Question
from tests.bench.baseline import ANSWERS
from tests.bench.client import Client
from tests.bench.statements import StatementLog, database_url
from tests.bench.throughput import ROUNDS, Subject

VISITS = 240
FURNISHED = 80
LEARNINGS = 240
# Answers of each kind that a baseline gives in turn.
SAMPLES = 40
LAG_SAMPLES = 40
HALF_LOAD_P99 = 50


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="of each load in each round")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        text, figures = _measure(Path(scratch), arguments.seconds)
    print(text)
    if arguments.write:
        report.write_part(text)
        report.add_to_history(figures)


def _measure(scratch: Path, seconds: float) -> tuple[str, dict[str, object]]:
    """Return the part of the page, and the figures in it."""
    data = scratch / "data"
    started = time.perf_counter()
    with stack.running(data):
        first_start = time.perf_counter() - started
    started = time.perf_counter()
    with stack.running(data) as platform_under_test:
        second_start = time.perf_counter() - started
        client = Client(platform_under_test.url)
        visits = client.create_visits(VISITS)
        for visit in visits[-FURNISHED:]:
            client.furnish(visit["name"])
        client.create_learnings(LEARNINGS)
        client.wait_until_compared()
        lags = [_lag(client, visits[number], f"quokka{number}") for number in range(LAG_SAMPLES)]
        statements = _statements(client, data, visits[-1]["name"])
        rows, at_half = _loads(client, data, scratch, seconds)
    cuts = statistics.quantiles(lags, n=100)
    lag = (cuts[49] * 1000, cuts[98] * 1000)
    figures: dict[str, object] = {
        "rows": {row.subject.what: {**row.figures, "ratio": row.ratio} for row in rows},
        "mix_at_half_load": asdict(at_half),
        "statements": {page: len(found) for page, found in statements.items()},
        "lag_milliseconds": lag,
        "start_seconds": (first_start, second_start),
    }
    return _report(rows, at_half, statements, lag, (first_start, second_start)), figures


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
            page: log.of(lambda path=path: load.once(client.url, path, headers=client.cookie))
            for page, path in paths.items()
        }


def _loads(client: Client, data: Path, scratch: Path, seconds: float) -> tuple[list[throughput.Row], load.Load]:
    """Return what each load gave, and the mix with half of its own."""
    asking = Asking(client)
    reads = {
        "list": asking.lists,
        "search": lambda: asking.searches("/api/v1/learnings:search"),
        "detail": lambda: asking.details("/api/v1"),
    }
    for kind, questions in reads.items():
        for number, question in enumerate(itertools.islice(questions(), SAMPLES)):
            answer = json_format.ParseDict(client.get(question.path), ANSWERS[kind]())
            (scratch / f"{kind}-{number}.binpb").write_bytes(answer.SerializeToString())

    with _baseline(scratch, database_url(data, "exchange")) as baseline:

        def echo(kind: str) -> Iterator[Question]:
            return (Question(kind, f"/{kind}/{number}") for number in itertools.cycle(range(SAMPLES)))

        def bare(path: str) -> Iterator[Question]:
            return itertools.repeat(Question("", path))

        echoes = {
            kind: Subject(f"*echo {kind}*: Flask, gRPC, such answers, protobuf's JSON", baseline, echo(kind))
            for kind in reads
        }
        echoes["write"] = Subject(
            "*echo write*: Flask, gRPC, two rows inserted, protobuf's JSON", baseline, echo("write")
        )
        echoes["mix"] = Subject(
            "*echo mix*: the three, and two rows inserted in 10 of 100",
            baseline,
            asking.mix(*map(echo, (*reads, "write"))),
        )
        plain = Subject("*bytes*: Flask, gRPC, a list's JSON as bytes", baseline, bare("/bytes"))
        table = Subject("*page*: Flask, gRPC, one SQL statement, a bare table of 50 rows", baseline, bare("/page"))

        def api(what: str, questions: Iterator[Question], against: str, goal: float = 0.0) -> Subject:
            return Subject(what, client.url, questions, client.bearer, echoes[against].what, goal)

        def page(what: str, questions: Iterator[Question]) -> Subject:
            return Subject(f"page: {what}", client.url, questions, client.cookie, table.what, 0.5)

        subjects = [
            *echoes.values(),
            plain,
            table,
            api("JSON list, 50 visits, filters vary", reads["list"](), "list", 0.6),
            api("JSON search, each query once", reads["search"](), "search", 0.6),
            api("JSON detail, one visit", reads["detail"](), "detail", 0.6),
            api("JSON write, a new visit", asking.creates(), "write", 0.4),
            mix := api(
                "JSON mix, one in ten a write",
                asking.mix(*(each() for each in reads.values()), asking.writes()),
                "mix",
                0.6,
            ),
            page("visits, filters vary", asking.list_pages()),
            page("one visit, with delegation and programme", asking.details("")),
            page("search, each query once", asking.searches("/search")),
            page("mix of the three", asking.mix(asking.list_pages(), asking.details(""), asking.searches("/search"))),
        ]
        rows = throughput.measure(subjects, seconds)
        at_half = throughput.measure_at_half(next(row for row in rows if row.subject is mix), 5 * seconds)
        return rows, at_half


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
            load.once(url, "/page")
            return url
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("a process of the baseline ended")
        time.sleep(0.1)
    raise TimeoutError(f"the baseline does not answer within {seconds} s")


def _report(
    rows: list[throughput.Row],
    at_half: load.Load,
    statements: dict[str, list[str]],
    lag: tuple[float, float],
    start: tuple[float, float],
) -> str:
    table = "\n".join(map(str, rows))
    counts = "\n".join(f"| {page} | {len(found)} |" for page, found in statements.items())
    return f"""# Performance

Taken by `make bench` ({platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}); everything,
the load generator included, shares those cores. Each line is 8 connections without a pause, after a second of warming
up; each figure is the median of {ROUNDS} rounds, and every round loads each line once. What counts are the ratios to
the baselines (`tests/bench/baseline.py`), which carry the same answers under the same gunicorn settings in the same
round; absolute figures say more about the machine. Questions are drawn from what is there by Zipf's law
(`tests/bench/asking.py`), a query or a list with its filters once only: what a process keeps of whole answers is of no
use to it; what it keeps of visits is, for other lists show the same. The mix is 40 lists, 30 searches, 20
visits and 10 writes of a hundred. The known gaps are `detail`, which carries so little that identity, rights and two
hops are nearly all of it; search, of which the language model alone takes 11 to 30 ms of a core to read the query, and
PostgreSQL 19 ms to find the names that the page shows as well; the page of a visit, which asks for its programme, the
ways between its rooms and the holidays of its cities in five statements; and writes: two rows in the baseline, here
also what refers to others, a request id, an event, its way through NATS and its effect in another service. What earlier
runs found is in [performance-history.jsonl](performance-history.jsonl).

| what | requests/s | p50 ms | p99 ms | bytes | ratio |
|---|---|---|---|---|---|
{table}

The mix at half of its load, {at_half.per_second:.0f} requests a second that come when they are due: p50
{at_half.p50:.0f} ms, p99 {at_half.p99:.0f} ms (goal: at most {HALF_LOAD_P99}).

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
