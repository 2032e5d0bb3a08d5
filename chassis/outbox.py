"""
Events leave through the outbox: written in the transaction that changes the state, published afterwards.

An event is lost by nothing: until the relay has NATS's acknowledgement it stays in the outbox, and is published again
with the same ``Nats-Msg-Id``. And before a batch counts as published, NATS has to show the last event before it: what
it acknowledged and has lost since is published again (`chassis.lost_events`).

Several relays may run at once (``SKIP LOCKED``); order is not promised, so events carry the version of what they tell
of. Tasks of work queues (`chassis.work_queue`) leave in the same way by a table of their own, so that any number of
them holds up no event.

Headers follow CloudEvents' NATS protocol binding in binary mode: ``ce-id``, ``ce-type``, ``ce-source``, ``ce-time``,
``ce-subject``.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import nats.errors
import structlog
from google.protobuf.message import Message
from nats.js import JetStreamContext
from nats.js.errors import APIError
from opentelemetry import propagate
from prometheus_client import Counter
from sqlalchemy import (
    BigInteger,
    Delete,
    Row,
    Select,
    Text,
    Update,
    any_,
    bindparam,
    column,
    delete,
    func,
    inspect,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Session
from chassis.jetstream import ROUND_SECONDS, STREAM, TASK_SUBJECTS, StreamLimits, ensure_streams, make_room
from chassis.lost_events import PIECE, reclaim_lost
from chassis.model import new_id, now
from chassis.notifications import listen, wait_until_set
from chassis.outages import Outage
from chassis.publishing import Publisher
from chassis.tables import ChassisBase, InboxEvent, OutboxEvent, OutboxTask, RequestId

CHANNEL = "outbox"
BATCH = 256
# A relay that missed a notification looks again after this long.
POLL_SECONDS = 1.0
# While nothing is published, NATS is asked this often whether it still has what it acknowledged.
LOOK_SECONDS = 60.0
KEEP_PUBLISHED = timedelta(days=7)
# Longer than the stream keeps a message, so that no redelivery can find its id forgotten.
KEEP_INBOX = timedelta(days=60)
KEEP_REQUEST_IDS = timedelta(days=7)
KEPT: tuple[tuple[type[ChassisBase], Any, timedelta], ...] = (
    (OutboxEvent, OutboxEvent.publish_time, KEEP_PUBLISHED),
    (InboxEvent, InboxEvent.receive_time, KEEP_INBOX),
    (RequestId, RequestId.create_time, KEEP_REQUEST_IDS),
)
# Rows that one transaction deletes: a million in one would hold their space, and block a migration, for minutes.
PURGE_BATCH = 10_000

log = structlog.get_logger(__name__)
published = Counter("outbox_published_total", "Events that NATS acknowledged")
resent = Counter("outbox_resent_total", "Events that NATS acknowledged and lost, and that are published again")
tasks_published = Counter("outbox_tasks_published_total", "Tasks of work queues that NATS acknowledged")


@dataclass(frozen=True)
class _Outbox:
    """
    A table that the relay publishes from.

    Attributes:
        select: Rows to publish: ``id``, ``subject``, ``headers`` and ``payload``.
        settle: Makes those with the ids ``sent`` wait no longer; ``sequences`` says where in the stream they are.
    """

    name: str
    select: Select[Any]
    settle: Update | Delete
    published: Counter


# On the tables: rows that are read to be sent need no object of the ORM.
_EVENTS: Any = OutboxEvent.__table__
_TASKS: Any = OutboxTask.__table__
_SENT = any_(bindparam("sent", type_=ARRAY(Text)))
_STORED = (
    func.unnest(bindparam("sent", type_=ARRAY(Text)), bindparam("sequences", type_=ARRAY(BigInteger)))
    .table_valued(column("id", Text), column("sequence", BigInteger))
    .render_derived("stored")
)
# JetStream's error codes for no room: in the account, on the disk, in the stream.
NO_ROOM = {10023, 10047, 10077}
EVENTS = _Outbox(
    "events",
    select(_EVENTS.c.id, _EVENTS.c.type.label("subject"), _EVENTS.c.headers, _EVENTS.c.payload)
    .where(_EVENTS.c.publish_time.is_(None))
    .order_by(_EVENTS.c.id)
    .limit(BATCH),
    update(_EVENTS)
    .where(_EVENTS.c.id == _STORED.c.id)
    .values(publish_time=func.now(), stream_sequence=_STORED.c.sequence),
    published,
)
TASKS = _Outbox(
    "tasks",
    select(
        _TASKS.c.id,
        (TASK_SUBJECTS + _TASKS.c.queue).label("subject"),
        _TASKS.c.headers,
        func.convert_to(_TASKS.c.key, "UTF8").label("payload"),
    )
    .order_by(_TASKS.c.id)
    .limit(BATCH),
    # Nobody will ask later which tasks there were.
    delete(_TASKS).where(_TASKS.c.id == _SENT),
    tasks_published,
)


class _NotAcknowledged(Exception):
    """NATS says nothing of what was published."""

    def __str__(self) -> str:
        return "NATS does not acknowledge what is published."


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
    published_since = (_EVENTS.c.create_time >= since) & _EVENTS.c.publish_time.is_not(None)
    count, last = 0, ""
    while True:
        # By their ids: a relay publishes the first ones while the last ones are looked for.
        piece = select(_EVENTS.c.id).where(published_since & (_EVENTS.c.id > last)).order_by(_EVENTS.c.id).limit(PIECE)
        again = update(_EVENTS).where(_EVENTS.c.id.in_(piece)).values(publish_time=None, stream_sequence=None)
        async with database.begin() as session:
            ids = (await session.scalars(again.returning(_EVENTS.c.id))).all()
        count += len(ids)
        if len(ids) < PIECE:
            return count
        last = max(ids)


async def remember_applied(database: Database) -> None:
    """
    Let the inbox remember what was applied long ago as long as what is applied now.

    In a database that comes from an old backup, it would be forgotten before its events have come once more.
    """
    piece = select(InboxEvent.event_id).where(InboxEvent.receive_time < now() - KEEP_INBOX / 2).limit(PIECE)
    remember = update(InboxEvent).where(InboxEvent.event_id.in_(piece)).values(receive_time=now())
    count = PIECE
    while count == PIECE:
        async with database.begin() as session:
            result = await session.execute(remember, execution_options={"synchronize_session": False})
            count = result.rowcount  # type: ignore[attr-defined]


class Relay:
    """
    Publishes what is in a service's outboxes.

    Args:
        limits: Those of the streams, as the operator wants them.
    """

    def __init__(self, database: Database, jetstream: JetStreamContext, limits: StreamLimits | None = None) -> None:
        self._database = database
        self._jetstream = jetstream
        self._limits = limits
        self._publisher = Publisher(jetstream)
        self._events_wait = asyncio.Event()
        self._tasks_wait = asyncio.Event()
        self._silences = 0
        self._is_full = False

    @property
    def is_stored(self) -> bool:
        """Whether NATS stores events; not so when its disk or their stream is full."""
        return not self._is_full

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
        has_streams = has_failed = False
        look_at = 0.0
        outage = Outage("outbox.retry", "outbox.again", outbox=outbox.name)
        while True:
            wake.clear()
            round_over = asyncio.create_task(asyncio.sleep(ROUND_SECONDS))
            try:
                if not has_streams:
                    await ensure_streams(self._jetstream, self._limits)
                    has_streams = True
                if outbox is EVENTS and time.monotonic() >= look_at:
                    async with self._database.engine.begin() as connection:
                        await self._reclaim_lost(connection)
                    look_at = time.monotonic() + LOOK_SECONDS
                while (count := await self._publish_batch(outbox)) == BATCH:
                    pass
                # What another relay has in hand does not say that NATS stores anything.
                if has_failed and (count or not await self._waits(outbox)):
                    has_failed = False
                    outage.end()
                    if outbox is EVENTS:
                        self._silences, self._is_full = 0, False
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                has_failed = True
                outage.tell(await self._explain(outbox, error))
                # Perhaps that is why: NATS may have lost its data.
                has_streams, look_at = False, 0.0
                await asyncio.sleep(0.5)
            await round_over
            await wait_until_set(wake, POLL_SECONDS)

    async def _waits(self, outbox: _Outbox) -> bool:
        """Return whether anything waits, also where another relay has it in hand."""
        async with self._database.engine.connect() as connection:
            return bool(await connection.scalar(select(outbox.select.exists())))

    async def _publish_batch(self, outbox: _Outbox) -> int:
        async with self._database.engine.begin() as connection:
            rows = (await connection.execute(outbox.select.with_for_update(skip_locked=True))).all()
            if not rows:
                return 0
            results = await self._publish(rows)
            # After they are stored, and before one of them becomes the outbox's last event in the stream.
            if outbox is EVENTS and await self._reclaim_lost(connection):
                return BATCH
            sent = {id_: result for id_, result in results.items() if isinstance(result, int)}
            errors = [result for result in results.values() if isinstance(result, Exception)]
            if sent:
                await connection.execute(outbox.settle, {"sent": list(sent), "sequences": list(sent.values())})
        if outbox is EVENTS and sent:
            self._silences, self._is_full = 0, False
        outbox.published.inc(len(sent))
        if errors:
            raise next((error for error in errors if isinstance(error, _NotAcknowledged)), errors[0])
        return len(sent)

    async def _publish(self, rows: Sequence[Row[Any]]) -> dict[str, int | Exception]:
        try:
            results = await self._publisher.publish(rows)
        except nats.errors.TimeoutError:
            raise _NotAcknowledged from None
        # Those beside it that are acknowledged count as published nevertheless.
        return {
            id_: _NotAcknowledged() if isinstance(result, nats.errors.TimeoutError) else result
            for id_, result in results.items()
        }

    async def _reclaim_lost(self, connection: AsyncConnection) -> int:
        if lost := await reclaim_lost(connection, self._jetstream):
            resent.inc(lost)
            log.error("outbox.lost_by_nats", events=lost, advice="published again; set sync_interval: always in NATS")
        return lost

    async def _explain(self, outbox: _Outbox, error: Exception) -> str:
        """Return why nothing is published, and what to do where NATS has no room for events, after it made some."""
        text = str(error) or type(error).__name__
        if outbox is not EVENTS:
            return text
        if isinstance(error, _NotAcknowledged) and await self._answers():
            self._silences += 1
            # What was on its way when a connection broke is not acknowledged either.
            if self._silences > 1:
                self._is_full = True
                return "NATS answers, and stores nothing. Its disk is full? Then make room, and restart it."
        if isinstance(error, APIError) and error.err_code in NO_ROOM:
            with suppress(nats.errors.Error):
                if removed := await make_room(self._jetstream):
                    log.info("stream.made_room", removed=removed)
                    return text
            self._is_full = True
            return f"{text}: no room for events. See NATS_MAX_MEGABYTES, and which consumer is behind."
        return text

    async def _answers(self) -> bool:
        try:
            await self._jetstream.stream_info(STREAM)
        except (nats.errors.Error, TimeoutError):
            return False
        return True

    async def _purge_hourly(self) -> None:
        outage = Outage("outbox.retry", "outbox.again", outbox="purge")
        while True:
            try:
                await self._purge()
                outage.end()
                await asyncio.sleep(3600)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                outage.tell(str(error) or type(error).__name__)
                await asyncio.sleep(5)

    async def _purge(self) -> None:
        for model, moment, age in KEPT:
            while await self._purge_some(model, moment, age) == PURGE_BATCH:
                pass

    async def _purge_some(self, model: type[ChassisBase], moment: Any, age: timedelta) -> int:
        key = inspect(model).primary_key
        old = select(*key).where(moment < now() - age).limit(PURGE_BATCH)
        async with self._database.engine.begin() as connection:
            return (await connection.execute(delete(model).where(tuple_(*key).in_(old)))).rowcount
