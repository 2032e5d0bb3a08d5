"""
Events arrive through the inbox: at-least-once delivery, exactly-once effect.

The id of an event is recorded in the transaction of its effect, so a redelivery finds it there and does nothing. Events
that arrive together are applied together, in one transaction; where one of them fails, in two halves, and so on. A
handler that fails is tried again after longer and longer pauses; after the last try the message moves to the
dead-letter stream with the reason, from where an administrator replays it (``austausch dead-letters``). An event of a
type that this version does not know waits for one that does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nats.errors
import structlog
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from opentelemetry import propagate, trace
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Database, Session
from chassis.database_errors import is_conflict
from chassis.durable_consumer import list_types, widen
from chassis.identity import act_as, service_identity
from chassis.jetstream import ROUND_SECONDS, STREAM
from chassis.model import now
from chassis.outages import Outage
from chassis.redelivery import (
    ACK_WAIT_SECONDS,
    BACK_OFF_SECONDS,
    bury,
    fetch,
    hold,
    is_no_fault_of_the_message,
    report_dead_letters,
)
from chassis.tables import InboxEvent

BATCH = 64
# A replayed dead letter is for the consumer that gave up on it, named by this header.
REPLAY_FOR = "replay-for"
# Events that wait for their next try, and whose failures a replica remembers.
MAX_FAILURES = 10_000
# Pauses of an event that this version does not know; the last one repeats.
UNKNOWN_BACK_OFF_SECONDS = (*BACK_OFF_SECONDS, 600.0)
LOOK_SECONDS = 5.0
UNKNOWN_TOLD_SECONDS = 600.0

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
handled = Counter("events_handled_total", "Events whose handler succeeded", ["type"])
repeated = Counter("events_repeated_total", "Redelivered events that had no second effect", ["type"])
failed = Counter("events_failed_total", "Handler failures", ["type"])
dead = Counter("events_dead_total", "Events moved to the dead-letter stream", ["type"])
unknown = Counter("events_unknown_total", "Deliveries of events that this version does not know, and that wait")
pending = Gauge("events_pending", "Events that NATS has for a consumer, and that are not applied", ["consumer"])
lag = Histogram("event_lag_seconds", "From the producer's transaction to the consumer's", ["type"])


@dataclass(frozen=True)
class Origin:
    """Where an event comes from: its CloudEvents attributes."""

    id: str
    source: str
    time: datetime
    subject: str


Handler = Callable[[Session, Any, Origin], Awaitable[None]]


@dataclass(frozen=True)
class Arrival:
    """An event among others that are handled together; what is emitted because of it belongs into its `trace`."""

    content: Any
    origin: Origin
    _span: trace.Span

    def trace(self) -> AbstractContextManager[object]:
        """Let what happens in the block belong to the trace of what caused the event."""
        return trace.use_span(self._span)


@dataclass(frozen=True)
class Together:
    """
    Handles all events of a transaction at once, after the others; for events that may be applied in any order.

    A statement for all of them takes as long as one for each while the database or this process has much else to do.
    """

    handle: Callable[[Session, Sequence[Arrival]], Awaitable[None]]


Handlers = Mapping[type[Message], Handler | Together]


@dataclass(frozen=True)
class _Delivery:
    """An event in the message that brought it."""

    message: Msg
    content: Message
    handler: Handler | Together
    origin: Origin

    @property
    def type(self) -> str:
        return self.content.DESCRIPTOR.full_name

    @property
    def sequence(self) -> int:
        return self.message.metadata.sequence.stream


class Consumer:
    """
    Applies other services' events to one database.

    Args:
        service: Name of the consuming service: its durable consumer in NATS, and the identity that handlers act as.
        handlers: Event message → handler; the handler runs in the transaction that records the event's id.
        back_off_seconds: Pauses between tries.
        ack_wait_seconds: How long NATS waits for a sign of life before it delivers a message to someone else.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        jetstream: JetStreamContext,
        handlers: Handlers,
        back_off_seconds: tuple[float, ...] = BACK_OFF_SECONDS,
        ack_wait_seconds: float = ACK_WAIT_SECONDS,
    ) -> None:
        self._service = service
        self._database = database
        self._jetstream = jetstream
        self._handlers = {kind.DESCRIPTOR.full_name: (kind, handler) for kind, handler in handlers.items()}
        self._back_off = back_off_seconds
        self._ack_wait = ack_wait_seconds
        # Where an event lies in the stream → how often its handler failed here.
        self._failures: dict[int, int] = {}
        self._unknown_told: dict[str, float] = {}
        self._waiting = Outage("consumer.waiting", "consumer.goes_on")

    async def run(self) -> None:
        """Consume until cancelled; waits while NATS or PostgreSQL is away."""
        outage = Outage("consumer.retry", "consumer.again")
        overseer = asyncio.create_task(self._oversee())
        try:
            while True:
                try:
                    await self._widen()
                    subscription = await self._jetstream.pull_subscribe_bind(durable=self._service, stream=STREAM)
                    try:
                        while True:
                            await self._consume(await fetch(subscription, BATCH))
                            outage.end()
                    finally:
                        with suppress(nats.errors.Error):
                            await subscription.unsubscribe()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    outage.tell(str(error) or type(error).__name__)
                    await asyncio.sleep(0.5)
        finally:
            overseer.cancel()

    async def _consume(self, in_hand: list[Msg]) -> None:
        round_over = asyncio.create_task(asyncio.sleep(ROUND_SECONDS))
        async with hold(in_hand, self._ack_wait):
            events = [event for message in list(in_hand) if (event := await self._read(message, in_hand))]
            await self._receive(events, in_hand)
        await round_over

    async def _widen(self) -> None:
        await widen(self._jetstream, self._database, self._service, self._handlers, self._ack_wait)

    async def _oversee(self) -> None:
        """Look how far the consumer is behind, and that no replica of an older release has narrowed it."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(Exception):  # Who has lost NATS says so elsewhere.
                info = await self._jetstream.consumer_info(STREAM, self._service)
                pending.labels(self._service).set((info.num_pending or 0) + (info.num_ack_pending or 0))
                if not self._handlers.keys() <= list_types(info):
                    await self._widen()
                await report_dead_letters(self._jetstream, self._service)

    async def _read(self, message: Msg, in_hand: list[Msg]) -> _Delivery | None:
        """Return the event of a message; None for one that is not to be applied here and now, which leaves the hand."""
        if dict(message.headers or {}).get(REPLAY_FOR, self._service) != self._service:
            # An administrator sent it once more to another service.
            await message.ack()
        elif message.subject not in self._handlers:
            await self._put_off_unknown(message)
        else:
            try:
                return self._decode(message)
            except (DecodeError, KeyError, ValueError) as error:
                # No number of tries makes it readable.
                await self._bury(message, f"{type(error).__name__}: {error}")
        in_hand.remove(message)
        return None

    async def _put_off_unknown(self, message: Msg) -> None:
        """Let an event wait for a version that knows its type; it comes again, to whoever is there then."""
        unknown.inc()
        if time.monotonic() - self._unknown_told.get(message.subject, -UNKNOWN_TOLD_SECONDS) >= UNKNOWN_TOLD_SECONDS:
            # Its filter lets no other types through than versions of this service asked for.
            self._unknown_told[message.subject] = time.monotonic()
            log.warning("event.unknown", type=message.subject)
        delivery = message.metadata.num_delivered or 1
        await message.nak(delay=UNKNOWN_BACK_OFF_SECONDS[min(delivery, len(UNKNOWN_BACK_OFF_SECONDS)) - 1])

    async def _receive(self, events: Sequence[_Delivery], in_hand: list[Msg]) -> None:
        """Apply events in one transaction, or in two where that fails, and take them out of hand."""
        if not events:
            return
        try:
            new = await self._apply_once_the_database_writes(events)
        except Exception as error:  # noqa: BLE001 - whatever it is, it shows again where each is applied by itself
            if len(events) > 1:
                log.info("consumer.divided", events=len(events), error=str(error) or type(error).__name__)
                middle = len(events) // 2
                await self._receive(events[:middle], in_hand)
                await self._receive(events[middle:], in_hand)
            else:
                await self._count_failure(events[0].message, error)
                in_hand.remove(events[0].message)
            return
        for event in events:
            _count(event, event.origin.id in new)
            new.discard(event.origin.id)
            self._failures.pop(event.sequence, None)
            await event.message.ack()
            in_hand.remove(event.message)

    async def _count_failure(self, message: Msg, error: Exception) -> None:
        """Give an event back for its next try, or give it up after the last."""
        failed.labels(self._get_label(message)).inc()
        sequence = message.metadata.sequence.stream
        # Not its deliveries: it may have waited for a version that knows it, or come back from one that stopped.
        before = self._failures.get(sequence, 0)
        if not before and len(self._failures) >= MAX_FAILURES:
            # Where more fail than are remembered, they are all that is known.
            before = (message.metadata.num_delivered or 1) - 1
        self._failures.pop(sequence, None)
        failures = before + 1
        reason = f"{type(error).__name__}: {error}"
        if failures > len(self._back_off):
            await self._bury(message, reason)
            return
        self._failures[sequence] = failures
        if len(self._failures) > MAX_FAILURES:
            # Another replica may have applied it, so it is never heard of again.
            del self._failures[next(iter(self._failures))]
        log.warning("event.retry", type=message.subject, failures=failures, error=reason)
        await message.nak(delay=self._back_off[failures - 1])

    def _get_label(self, message: Msg) -> str:
        """Return the label of a message in metrics: whoever may publish could make up any number of subjects."""
        return message.subject if message.subject in self._handlers else "other"

    async def _apply_once_the_database_writes(self, events: Sequence[_Delivery]) -> set[str]:
        """
        Apply events in one transaction; return the ids of those that are new here.

        It is no fault of an event, and so no try, that the database is away or refuses to write, or that two
        transactions met in it.
        """
        while True:
            try:
                new = await self._apply(events)
            except Exception as error:
                if is_conflict(error) and len(events) == 1:
                    continue
                if is_conflict(error) or not await is_no_fault_of_the_message(error, self._database):
                    raise
                self._waiting.tell(str(error) or type(error).__name__)
                await asyncio.sleep(1)
            else:
                self._waiting.end()
                return new

    async def _apply(self, events: Sequence[_Delivery]) -> set[str]:
        async with self._database.begin() as session:
            new = await _record(session, events)
            # Of what was delivered twice, the first counts.
            waiting = set(new)
            together: dict[Together, list[_Delivery]] = {}
            for event in events:
                if event.origin.id in waiting:
                    waiting.remove(event.origin.id)
                    if isinstance(event.handler, Together):
                        together.setdefault(event.handler, []).append(event)
                        continue
                    with _trace(event.message):
                        act_as(service_identity(self._service))
                        await event.handler(session, event.content, event.origin)
                        # As whoever the handler acts, not as who is behind the next event.
                        await session.flush()
            for handler, alike in together.items():
                with ExitStack() as spans:
                    arrivals = [
                        Arrival(event.content, event.origin, spans.enter_context(_trace(event.message)))
                        for event in alike
                    ]
                    act_as(service_identity(self._service))
                    await handler.handle(session, arrivals)
                    await session.flush()
        return new

    def _decode(self, message: Msg) -> _Delivery:
        """
        Return the event, its handler and where it comes from.

        Raises:
            DecodeError, KeyError, ValueError: Nobody can read it.
        """
        headers = dict(message.headers or {})
        kind, handler = self._handlers[message.subject]
        origin = Origin(
            id=headers["ce-id"],
            source=headers.get("ce-source", ""),
            time=datetime.fromisoformat(headers["ce-time"]),
            subject=headers.get("ce-subject", ""),
        )
        return _Delivery(message, kind.FromString(message.data), handler, origin)

    async def _bury(self, message: Msg, reason: str) -> None:
        if await bury(self._jetstream, message, self._service, reason):
            dead.labels(self._get_label(message)).inc()
            log.error("event.dead", type=message.subject, id=dict(message.headers or {}).get("ce-id"), reason=reason)


_RECORD_IDS = (
    insert(InboxEvent.__table__)  # type: ignore[arg-type]
    .on_conflict_do_nothing()
    .returning(InboxEvent.__table__.c.event_id)
)


async def _record(session: Session, events: Sequence[_Delivery]) -> set[str]:
    """Record the ids of events whose effect the transaction will have; return those that are new here."""
    rows = [{"event_id": event.origin.id, "type": event.type, "receive_time": now()} for event in events]
    connection = await session.connection()
    return set((await connection.execute(_RECORD_IDS, rows)).scalars())


def _count(event: _Delivery, effective: bool) -> None:
    if effective:
        handled.labels(event.type).inc()
        lag.labels(event.type).observe((now() - event.origin.time).total_seconds())
    else:
        repeated.labels(event.type).inc()


def _trace(message: Msg) -> AbstractContextManager[trace.Span]:
    """Return the span of a message's effect, in the trace of what caused it."""
    context = propagate.extract(dict(message.headers or {}))
    return tracer.start_as_current_span(f"consume {message.subject}", context=context)
