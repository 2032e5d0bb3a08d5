"""
A producer or a consumer of events as a process, to be killed.

The producer commits cities one by one, each with its event, and goes on where it was when it starts again. A process
can be told to kill itself at one point: ``before-publish``, ``after-publish`` (NATS has the event, the outbox does not
know), ``before-effect`` (within the consumer's transaction), ``after-effect`` (the effect is committed, NATS does not
know).
"""

import asyncio
import functools
import os
import signal
import sys
from typing import Any

import uvloop
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from sqlalchemy import func, select

from chassis import server, telemetry
from chassis.consumer import Consumer, Origin
from chassis.database import Database, Session
from chassis.outbox import emit
from chassis.server import Service
from chassis.settings import ServiceSettings, load
from tests.chassis import sample

# Shorter than in earnest, so that the tests need not wait long for what a killed consumer had in hand.
ACK_WAIT_SECONDS = 2.0


def die() -> None:
    """End at once, without a chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


async def produce(database: Database, cities: int) -> None:
    """Commit what is missing of the cities, each with an event."""
    async with database.read() as session:
        done = await session.scalar(select(func.count()).select_from(sample.City)) or 0
    for number in range(done + 1, cities + 1):
        async with database.begin() as session:
            city = sample.City(id=str(number), display_name=f"City {number}")
            session.add(city)
            emit(session, sample.visit_created(city.name), city.name)
        await asyncio.sleep(0.01)


async def consume(session: Session, event: VisitCreated, origin: Origin, *, dies: bool) -> None:
    """Apply an event, slowly enough to be killed meanwhile."""
    await sample.record(session, event, origin)
    await session.flush()
    await asyncio.sleep(0.003)
    if dies:
        die()


def die_around(kind: Any, method: str, *, after: bool) -> None:
    """Let the process die at a call of NATS's client, before or after it."""
    call = getattr(kind, method)

    @functools.wraps(call)
    async def deadly(*arguments: Any, **options: Any) -> None:
        if after:
            await call(*arguments, **options)
        die()

    setattr(kind, method, deadly)


def main(role: str, environment: dict[str, str], cities: int, dies_at: str, log: str) -> None:
    """
    Run as the ``producer`` or the ``consumer`` until killed.

    Args:
        environment: The settings, ``DELIVERY_DATABASE_URL`` and the others.
        cities: How many the producer commits.
        dies_at: The point at which the process kills itself; empty for none.
        log: File that takes what the process prints.
    """
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    settings = load(ServiceSettings, "delivery", environment)
    telemetry.set_up(role, settings)
    match dies_at:
        case "before-publish":
            die_around(JetStreamContext, "publish", after=False)
        case "after-publish":
            die_around(JetStreamContext, "publish", after=True)
        case "after-effect":
            die_around(Msg, "ack", after=False)
    server.Consumer = functools.partial(Consumer, ack_wait_seconds=ACK_WAIT_SECONDS)  # type: ignore[assignment,attr-defined]
    database = Database(settings.database_url)
    producing = role == "producer"
    service = Service(
        name=role,
        settings=settings,
        database=database,
        servicers=[],
        handlers={} if producing else {VisitCreated: functools.partial(consume, dies=dies_at == "before-effect")},
        tasks=[lambda: produce(database, cities)] if producing else [],
    )

    async def run() -> None:
        async with server.running(service):
            await asyncio.Event().wait()

    uvloop.run(run())
