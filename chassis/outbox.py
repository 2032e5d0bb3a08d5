"""
Events leave through the outbox: written in the transaction that changes the state, published afterwards.

An event is lost by nothing: until the relay has NATS's acknowledgement it stays in the outbox, and is published again
with the same ``Nats-Msg-Id``. Several relays may run at once (``SKIP LOCKED``); order is not promised, so events carry
the version of what they tell of.

Headers follow CloudEvents' NATS protocol binding in binary mode: ``ce-id``, ``ce-type``, ``ce-source``, ``ce-time``,
``ce-subject``.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from google.protobuf.message import Message
from nats.js import JetStreamContext
from opentelemetry import propagate, trace
from prometheus_client import Counter, Gauge
from sqlalchemy import Row, Text, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import Database, Session
from chassis.jetstream import ROUND_SECONDS, ensure_streams
from chassis.model import new_id, now
from chassis.notifications import listen
from chassis.tables import InboxEvent, OutboxEvent, RequestId

CHANNEL = "outbox"
BATCH = 256
# A relay that missed a notification looks again after this long.
POLL_SECONDS = 1.0
KEEP_PUBLISHED = timedelta(days=7)
# Longer than the stream keeps a message, so that no redelivery can find its id forgotten.
KEEP_INBOX = timedelta(days=60)
KEEP_REQUEST_IDS = timedelta(days=7)

# On the table: rows that are read to be sent need no object of the ORM.
_OUTBOX: Any = OutboxEvent.__table__
_WAITING = (
    select(_OUTBOX.c.id, _OUTBOX.c.type, _OUTBOX.c.headers, _OUTBOX.c.payload)
    .where(_OUTBOX.c.publish_time.is_(None))
    .order_by(_OUTBOX.c.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_MARK_PUBLISHED = (
    update(_OUTBOX)
    .where(_OUTBOX.c.id == any_(bindparam("sent", type_=ARRAY(Text))))
    .values(publish_time=bindparam("moment"))
)

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
published = Counter("outbox_published_total", "Events that NATS acknowledged")
waiting = Gauge("outbox_waiting", "Events that wait to be published")


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


class Relay:
    """Publishes what is in a service's outbox."""

    def __init__(self, database: Database, jetstream: JetStreamContext) -> None:
        self._database = database
        self._jetstream = jetstream
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Publish until cancelled; an error of PostgreSQL or NATS is logged, and tried again."""
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, lambda _payload: self._wake.set()))
        purge_at = 0.0
        has_streams = False
        try:
            while True:
                self._wake.clear()
                round_over = asyncio.create_task(asyncio.sleep(ROUND_SECONDS))
                try:
                    if not has_streams:
                        await ensure_streams(self._jetstream)
                        has_streams = True
                    while await self._publish_batch() == BATCH:
                        pass
                    if (moment := asyncio.get_running_loop().time()) >= purge_at:
                        await self._purge()
                        purge_at = moment + 3600
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    log.warning("outbox.retry", error=str(error) or type(error).__name__)
                    has_streams = False  # Perhaps that is why: NATS may have lost its data.
                    await asyncio.sleep(0.5)
                await round_over
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
        finally:
            listener.cancel()

    async def _publish_batch(self) -> int:
        async with self._database.engine.begin() as connection:
            events = (await connection.execute(_WAITING)).all()
            waiting.set(len(events))
            if not events:
                return 0
            # One that NATS refuses, for its size say, does not hold up the others.
            results = await asyncio.gather(*map(self._publish, events), return_exceptions=True)
            errors = [result for result in results if result is not None]
            sent = [event.id for event, result in zip(events, results, strict=True) if result is None]
            await connection.execute(_MARK_PUBLISHED, {"sent": sent, "moment": now()})
        published.inc(len(sent))
        if errors:
            raise errors[0]
        return len(sent)

    async def _publish(self, event: Row[Any]) -> None:
        with tracer.start_as_current_span(f"publish {event.type}", context=propagate.extract(event.headers)):
            headers = {**event.headers, "Nats-Msg-Id": event.id}
            await self._jetstream.publish(event.type, event.payload, timeout=5, headers=headers)

    async def _purge(self) -> None:
        async with self._database.begin() as session:
            await session.execute(delete(OutboxEvent).where(OutboxEvent.publish_time < now() - KEEP_PUBLISHED))
            await session.execute(delete(InboxEvent).where(InboxEvent.receive_time < now() - KEEP_INBOX))
            await session.execute(delete(RequestId).where(RequestId.create_time < now() - KEEP_REQUEST_IDS))
