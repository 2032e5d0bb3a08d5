"""
Events leave through the outbox: written in the transaction that changes the state, published afterwards.

An event is lost by nothing: until the relay has NATS's acknowledgement it stays in the outbox, and is published again
with the same ``Nats-Msg-Id``. Several relays may run at once (``SKIP LOCKED``); order is not promised, so events carry
the version of what they tell of. Tasks of work queues (`chassis.work_queue`) leave in the same way by a table of their
own, so that any number of them holds up no event.

Headers follow CloudEvents' NATS protocol binding in binary mode: ``ce-id``, ``ce-type``, ``ce-source``, ``ce-time``,
``ce-subject``.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from google.protobuf.message import Message
from nats.js import JetStreamContext
from opentelemetry import propagate, trace
from prometheus_client import Counter
from sqlalchemy import Delete, Row, Select, Text, Update, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import Database, Session
from chassis.jetstream import ROUND_SECONDS, TASK_SUBJECTS, ensure_streams
from chassis.model import new_id, now
from chassis.notifications import listen, wait_until_set
from chassis.tables import InboxEvent, OutboxEvent, OutboxTask, RequestId

CHANNEL = "outbox"
BATCH = 256
# A relay that missed a notification looks again after this long.
POLL_SECONDS = 1.0
KEEP_PUBLISHED = timedelta(days=7)
# Longer than the stream keeps a message, so that no redelivery can find its id forgotten.
KEEP_INBOX = timedelta(days=60)
KEEP_REQUEST_IDS = timedelta(days=7)

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
published = Counter("outbox_published_total", "Events that NATS acknowledged")
tasks_published = Counter("outbox_tasks_published_total", "Tasks of work queues that NATS acknowledged")


@dataclass(frozen=True)
class _Outbox:
    """
    A table that the relay publishes from.

    Attributes:
        select: Rows to publish: ``id``, ``subject``, ``headers`` and ``payload``.
        settle: Makes those with the ids ``sent`` wait no longer.
    """

    select: Select[Any]
    settle: Update | Delete
    published: Counter


# On the tables: rows that are read to be sent need no object of the ORM.
_EVENTS: Any = OutboxEvent.__table__
_TASKS: Any = OutboxTask.__table__
_SENT = any_(bindparam("sent", type_=ARRAY(Text)))
EVENTS = _Outbox(
    select(_EVENTS.c.id, _EVENTS.c.type.label("subject"), _EVENTS.c.headers, _EVENTS.c.payload)
    .where(_EVENTS.c.publish_time.is_(None))
    .order_by(_EVENTS.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True),
    update(_EVENTS).where(_EVENTS.c.id == _SENT).values(publish_time=func.now()),
    published,
)
TASKS = _Outbox(
    select(
        _TASKS.c.id,
        (TASK_SUBJECTS + _TASKS.c.queue).label("subject"),
        _TASKS.c.headers,
        func.convert_to(_TASKS.c.key, "UTF8").label("payload"),
    )
    .order_by(_TASKS.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True),
    # Nobody will ask later which tasks there were.
    delete(_TASKS).where(_TASKS.c.id == _SENT),
    tasks_published,
)


def emit(session: Session, event: Message, subject_name: str = "") -> None:
    """
    Record an event; it is published once the transaction has committed, and never if it rolls back.

    Args:
        event: A message in the past tense, e.g. ``VisitReported``.
        subject_name: Name of the resource that it is about, e.g. ``visits/018f…``.
    """
    descriptor = event.DESCRIPTOR
    moment = now()
    event_id = new_id()
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-type": descriptor.full_name,
        "ce-source": "/" + descriptor.file.package.split(".")[1],
        "ce-time": moment.isoformat(),
        "ce-subject": subject_name,
        "content-type": "application/protobuf",
    }
    propagate.inject(headers)
    session.add(
        OutboxEvent(
            id=event_id,
            type=descriptor.full_name,
            headers=headers,
            payload=event.SerializeToString(deterministic=True),
            create_time=moment,
        )
    )


async def republish(database: Database, since: datetime) -> int:
    """
    Let a running relay publish again what was emitted since a time, and return how many events that are.

    Who has applied one of them does not apply it again. NATS itself drops what it took within the last ten minutes, and
    still holds. Events are kept for `KEEP_PUBLISHED`.
    """
    async with database.begin() as session:
        published_since = (OutboxEvent.create_time >= since) & OutboxEvent.publish_time.is_not(None)
        result = await session.execute(update(OutboxEvent).where(published_since).values(publish_time=None))
        count: int = result.rowcount  # type: ignore[attr-defined]
    return count


async def remember_applied(database: Database) -> None:
    """
    Let the inbox remember what was applied long ago as long as what is applied now.

    In a database that comes from an old backup, it would be forgotten before its events have come once more.
    """
    is_old = InboxEvent.receive_time < now() - KEEP_INBOX / 2
    async with database.begin() as session:
        await session.execute(update(InboxEvent).where(is_old).values(receive_time=now()))


class Relay:
    """Publishes what is in a service's outboxes."""

    def __init__(self, database: Database, jetstream: JetStreamContext) -> None:
        self._database = database
        self._jetstream = jetstream
        self._events_wait = asyncio.Event()
        self._tasks_wait = asyncio.Event()

    async def run(self) -> None:
        """Publish until cancelled; an error of PostgreSQL or NATS is logged, and tried again."""
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, self._notice))
        try:
            await asyncio.gather(
                self._relay(EVENTS, self._events_wait), self._relay(TASKS, self._tasks_wait), self._purge_hourly()
            )
        finally:
            listener.cancel()

    def _notice(self, payload: str) -> None:
        (self._tasks_wait if payload == "tasks" else self._events_wait).set()

    async def _relay(self, outbox: _Outbox, wake: asyncio.Event) -> None:
        has_streams = False
        while True:
            wake.clear()
            round_over = asyncio.create_task(asyncio.sleep(ROUND_SECONDS))
            try:
                if not has_streams:
                    await ensure_streams(self._jetstream)
                    has_streams = True
                while await self._publish_batch(outbox) == BATCH:
                    pass
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                log.warning("outbox.retry", error=str(error) or type(error).__name__)
                has_streams = False  # Perhaps that is why: NATS may have lost its data.
                await asyncio.sleep(0.5)
            await round_over
            await wait_until_set(wake, POLL_SECONDS)

    async def _publish_batch(self, outbox: _Outbox) -> int:
        async with self._database.engine.begin() as connection:
            rows = (await connection.execute(outbox.select)).all()
            if not rows:
                return 0
            # One that NATS refuses, for its size say, does not hold up the others.
            results = await asyncio.gather(*map(self._publish, rows), return_exceptions=True)
            errors = [result for result in results if result is not None]
            sent = [row.id for row, result in zip(rows, results, strict=True) if result is None]
            await connection.execute(outbox.settle, {"sent": sent})
        outbox.published.inc(len(sent))
        if errors:
            raise errors[0]
        return len(sent)

    async def _publish(self, row: Row[Any]) -> None:
        with tracer.start_as_current_span(f"publish {row.subject}", context=propagate.extract(row.headers)):
            headers = {**row.headers, "Nats-Msg-Id": row.id}
            await self._jetstream.publish(row.subject, row.payload, timeout=5, headers=headers)

    async def _purge_hourly(self) -> None:
        while True:
            try:
                await self._purge()
                await asyncio.sleep(3600)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                log.warning("outbox.retry", error=str(error) or type(error).__name__)
                await asyncio.sleep(5)

    async def _purge(self) -> None:
        async with self._database.begin() as session:
            await session.execute(delete(OutboxEvent).where(OutboxEvent.publish_time < now() - KEEP_PUBLISHED))
            await session.execute(delete(InboxEvent).where(InboxEvent.receive_time < now() - KEEP_INBOX))
            await session.execute(delete(RequestId).where(RequestId.create_time < now() - KEEP_REQUEST_IDS))
