"""
``make chaos``: break a running platform again and again, then check what it holds.

Exit code 0 when everything that was acknowledged is there once, whole, and all is in step; else 1.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.bench.client import Client
from tests.chaos import checker, faults, platform, report
from tests.chaos.work import Notes, People, Unanswered
from tests.stack import ROOT

# A platform that is not well so long after a fault needs a hand.
WELL_SECONDS = 180.0


def main() -> int:
    """Run, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="how long faults go on")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="gives their order and lengths")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(ROOT)}")
    parser.add_argument("--keep", type=Path, help="folder for the data and logs, which is not there yet")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with contextlib.ExitStack() as exits:
        scratch = arguments.keep or Path(exits.enter_context(tempfile.TemporaryDirectory()))
        with platform.running(scratch) as under_test:
            outcomes, notes = _break(under_test, arguments.seconds, arguments.seed)
            broken = checker.check(under_test.url, under_test.nats_url, notes)
    text = report.describe(outcomes, notes, broken, arguments.seed)
    print(text)
    if arguments.write:
        report.PAGE.write_text(text)
    return 1 if broken else 0


def _break(under_test: platform.Platform, seconds: float, seed: int) -> tuple[list[report.Outcome], Notes]:
    people = People(Client(under_test.url))
    outcomes = []
    until = time.monotonic() + seconds
    with people.at_work():
        for fault, length in faults.draw(under_test, seed):
            if time.monotonic() > until:
                break
            outcomes.append(_inflict(fault, length, under_test.url, people))
            print(outcomes[-1].line, flush=True)
    if not under_test.disks:
        print("no disk was filled: this user may not mount any", file=sys.stderr)
    return outcomes, people.notes


def _inflict(fault: faults.Fault, length: float, url: str, people: People) -> report.Outcome:
    """Let a fault happen, and wait until the platform is well again."""
    began = time.monotonic()
    end = fault.begin()
    try:
        time.sleep(length)
    finally:
        end()
    ended = time.monotonic()
    well = _await_well(url, people, ended)
    reads = Counter(answered for moment, answered in people.notes.reads if moment >= began)
    writes = sum(1 for moment in people.notes.writes if moment >= began)
    return report.Outcome(fault.name, length, well, writes, reads[True], reads[False])


def _await_well(url: str, people: People, ended: float) -> float | None:
    """Return how many seconds after a fault a visit is reported, its learning found, and every part called ready."""
    client = people.client
    while time.monotonic() < ended + WELL_SECONDS:
        with contextlib.suppress(OSError, Unanswered):
            title = people.report_visit()
            while time.monotonic() < ended + WELL_SECONDS:
                if checker.find(client, title) and checker.is_ready(url):
                    return time.monotonic() - ended
                time.sleep(0.1)
    people.notes.defects.append(f"the platform was not well within {WELL_SECONDS:.0f} s")
    return None


if __name__ == "__main__":
    sys.exit(main())
