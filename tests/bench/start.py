"""
``make bench-start``: what it takes until the platform is ready on data that is there, and what it holds in memory then.

Processor time is that of every process that was started until then, those that have ended included; memory is the
proportional share (PSS), which counts once what processes share. Writes its part of ``docs/performance.md`` with
``--write``.
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests import stack
from tests.bench import report

HEADING = "## Start"
ROUNDS = 3
GOAL_SECONDS, GOAL_CPU_SECONDS = 6, 8
MODES: dict[str, dict[str, str]] = {
    "a process for each service": {},
    "`SERVICES=together`": {"SERVICES": "together"},
}
# What a process is called, by a part of its command line.
NAMES = {
    "services.exchange": "exchange",
    "services.forum": "forum",
    "services.knowledge": "knowledge",
    "deploy.together": "the three services",
    "gunicorn": "gateway",
    "nats-server": "NATS",
    "deploy.local": "supervisor",
}


@dataclass(frozen=True)
class Start:
    """One start: seconds until ready, seconds of processor time, and megabytes by process; without PostgreSQL's."""

    seconds: float
    cpu_seconds: float
    megabytes: Counter[str]


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.start", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        with stack.running(data):
            pass
        text = _report({mode: [_start(data, **how) for _ in range(ROUNDS)] for mode, how in MODES.items()})
    print(text)
    if arguments.write:
        report.write_part(text)


def _start(data: Path, **environment: str) -> Start:
    began = time.perf_counter()
    with stack.running(data, **environment) as platform:
        seconds = time.perf_counter() - began
        supervisor = psutil.Process(platform.process.pid)
        cpu_seconds, megabytes = 0.0, Counter[str]()
        for process in (supervisor, *supervisor.children(recursive=True)):
            times = process.cpu_times()
            cpu_seconds += times.user + times.system + times.children_user + times.children_system
            command = " ".join(process.cmdline())
            name = next((name for part, name in NAMES.items() if part in command), "")
            if name:
                megabytes[name] += round(process.memory_full_info().pss / 1e6)
        return Start(seconds, cpu_seconds, megabytes)


def _report(starts: dict[str, list[Start]]) -> str:
    rows = "\n".join(
        f"| {mode} | {statistics.median(one.seconds for one in found):.1f} s"
        f" | {statistics.median(one.cpu_seconds for one in found):.1f} s"
        f" | {statistics.median(one.megabytes.total() for one in found):.0f} MB |"
        for mode, found in starts.items()
    )
    shares = "\n".join(
        f"- {mode}: " + ", ".join(f"{name} {size}" for name, size in found[-1].megabytes.most_common())
        for mode, found in starts.items()
    )
    return f"""{HEADING}

What `make bench-start` prints: from `make run` to `ready` on data that is there, median of {ROUNDS} (goal: at most
{GOAL_SECONDS} s, and {GOAL_CPU_SECONDS} s of processor time), and the memory of all processes but PostgreSQL's then,
with the language model.

| how | until ready | processor time | memory |
|---|---|---|---|
{rows}

Of the memory, in MB:

{shares}
"""


if __name__ == "__main__":
    main()
