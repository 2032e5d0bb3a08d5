"""How much a service has not published yet, as gauges."""

import asyncio
from contextlib import suppress
from typing import Any

from prometheus_client import Gauge
from sqlalchemy import Select, extract, func, literal, select

from chassis.database import Database
from chassis.tables import OutboxEvent, OutboxTask

REPORT_SECONDS = 10.0

events_waiting = Gauge("outbox_waiting", "Events that wait to be published", ["database"])
oldest = Gauge("outbox_oldest_seconds", "How long the oldest of them has waited", ["database"])
tasks_waiting = Gauge("outbox_tasks_waiting", "Tasks of work queues that wait to be published", ["database"])

_EVENTS: Any = OutboxEvent.__table__
_IS_WAITING = _EVENTS.c.publish_time.is_(None)
# Ids are in the order of time; both are read from the index of those that wait.
_FIRST = select(_EVENTS.c.create_time).where(_IS_WAITING).order_by(_EVENTS.c.id).limit(1).scalar_subquery()
_COUNT: Select[Any] = select(
    select(func.count()).where(_IS_WAITING).select_from(_EVENTS).scalar_subquery(),
    func.coalesce(extract("epoch", func.now() - _FIRST), literal(0)),
    select(func.count()).select_from(OutboxTask.__table__).scalar_subquery(),
)


async def report(database: Database) -> None:
    """Bring the gauges up to date every few seconds, until cancelled."""
    name = database.engine.url.database
    while True:
        # Who has lost PostgreSQL says so elsewhere.
        with suppress(Exception):
            async with database.read_once() as session:
                events, seconds, tasks = (await session.execute(_COUNT)).one()
            events_waiting.labels(name).set(events)
            oldest.labels(name).set(float(seconds))
            tasks_waiting.labels(name).set(tasks)
        await asyncio.sleep(REPORT_SECONDS)
