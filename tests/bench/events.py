"""
``make bench-events``: how many events a second a relay publishes and a consumer that was away applies, with the NATS
and the PostgreSQL of ``make run``, which sync their disks. Writes its part of ``docs/performance.md`` with ``--write``.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import uvloop
from austausch.exchange.v1.events_pb2 import VisitCreated
from sqlalchemy import Select, func, select

from chassis.consumer import Consumer
from chassis.database import Database
from chassis.jetstream import connect
from chassis.migrate import migrate
from chassis.outbox import Relay, emit
from chassis.tables import OutboxEvent
from deploy import embedded
from tests import stack
from tests.bench import report
from tests.chassis import sample
from tests.chassis.messaging import working

HEADING = "## Events"
EVENTS = 10_000
GOAL_PUBLISHED = 2_000
GOAL_APPLIED = 500


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.events", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE.relative_to(stack.ROOT)}")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        embedded.postgres(Path(scratch) / "postgres", ["sample"]) as postgres,
        embedded.nats(Path(scratch) / "nats") as nats,
    ):
        migrate(postgres.url_for("sample"), sample.__name__)
        published, applied = uvloop.run(_measure(postgres.url_for("sample"), nats.url))
    text = f"""{HEADING}

What `make bench-events` prints on two cores, for {EVENTS:,} events that waited: in the outbox of a service while NATS
was away, then in NATS for a consumer that was away, whose handler inserts one row. Both servers sync their disks.

| | events a second | goal |
|---|---|---|
| published by one relay | {published:,.0f} | {GOAL_PUBLISHED:,} |
| applied by one consumer | {applied:,.0f} | {GOAL_APPLIED:,} |"""
    print(text)
    if arguments.write:
        report.write_part(text)


async def _measure(database_url: str, nats_url: str) -> tuple[float, float]:
    """Return how many events a second are published, and applied."""
    database = Database(database_url)
    client = await connect(nats_url, "bench")
    jetstream = client.jetstream(timeout=5)
    async with database.begin() as session:
        for number in range(EVENTS):
            emit(session, sample.visit_created(f"visits/{number}"), f"visits/{number}")
    started = time.perf_counter()
    async with working(Relay(database, jetstream).run()):
        await _wait(database, select(func.count()).where(OutboxEvent.publish_time.is_(None)), 0)
        published = EVENTS / (time.perf_counter() - started)
    started = time.perf_counter()
    async with working(Consumer("sample", database, jetstream, {VisitCreated: sample.record}).run()):
        await _wait(database, select(func.count()).select_from(sample.Effect), EVENTS)
        applied = EVENTS / (time.perf_counter() - started)
    await client.close()
    await database.dispose()
    return published, applied


async def _wait(database: Database, count: Select[tuple[int]], wanted: int) -> None:
    """Wait until a statement counts as many as wanted."""
    while True:
        async with database.read_once() as session:
            if await session.scalar(count) == wanted:
                return
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
