"""
Events arrive through the inbox: at-least-once delivery, exactly-once effect.

The id of an event is recorded in the transaction of its effect, so a redelivery finds it there and does nothing. Events
that arrive together are applied together, in one transaction; where one of them fails, each by itself. A handler that
fails is tried again after longer and longer pauses; after the last try the message moves to the dead-letter stream with
the reason, from where an administrator replays it (``austausch dead-letters``).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nats.errors
import structlog
from google.protobuf.message import DecodeError, Message
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from opentelemetry import propagate, trace
from prometheus_client import Counter, Histogram
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Database, Session
from chassis.database_errors import is_conflict
from chassis.deliveries import ACK_WAIT_SECONDS, BACK_OFF_SECONDS, bury, fetch, hold
from chassis.identity import act_as, service_identity
from chassis.jetstream import ROUND_SECONDS, STREAM, ensure_streams
from chassis.model import now
from chassis.tables import InboxEvent

BATCH = 64
# A replayed dead letter is for the consumer that gave up on it, named by this header.
REPLAY_FOR = "replay-for"

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
handled = Counter("events_handled_total", "Events whose handler succeeded", ["type"])
repeated = Counter("events_repeated_total", "Redelivered events that had no second effect", ["type"])
failed = Counter("events_failed_total", "Handler failures", ["type"])
dead = Counter("events_dead_total", "Events moved to the dead-letter stream", ["type"])
lag = Histogram("event_lag_seconds", "From the producer's transaction to the consumer's", ["type"])


@dataclass(frozen=True)
class Origin:
    """Where an event comes from: its CloudEvents attributes."""

    id: str
    source: str
    time: datetime
    subject: str


Handler = Callable[[Session, Any, Origin], Awaitable[None]]
Handlers = Mapping[type[Message], Handler]


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

    async def run(self) -> None:
        """Consume until cancelled; waits while NATS or PostgreSQL is away."""
        while True:
            try:
                subscription = await self._subscribe()
                try:
                    await self._consume(subscription)
                finally:
                    with suppress(nats.errors.Error):
                        await subscription.unsubscribe()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                log.warning("consumer.retry", error=str(error) or type(error).__name__)
                await asyncio.sleep(0.5)

    async def _consume(self, subscription: JetStreamContext.PullSubscription) -> None:
        while True:
            in_hand = deque(await fetch(subscription, BATCH))
            round_over = asyncio.create_task(asyncio.sleep(ROUND_SECONDS))
            async with hold(in_hand, self._ack_wait):
                await self._skip_replays_for_others(in_hand)
                if len(in_hand) > 1:
                    await self._receive_together(in_hand)
                while in_hand:
                    await self._receive(in_hand[0])
                    in_hand.popleft()
            await round_over

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        await ensure_streams(self._jetstream)
        subjects = sorted(self._handlers)
        config = ConsumerConfig(
            durable_name=self._service,
            filter_subjects=subjects,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait,
            deliver_policy=DeliverPolicy.ALL,
            # Tries are counted here, so that the message can be moved, not dropped.
            max_deliver=-1,
            max_ack_pending=BATCH * 4,
        )
        await self._jetstream.add_consumer(STREAM, config)
        return await self._jetstream.pull_subscribe_bind(durable=self._service, stream=STREAM)

    async def _skip_replays_for_others(self, in_hand: deque[Msg]) -> None:
        """Take out of hand what an administrator sent once more to another service."""
        for message in list(in_hand):
            if dict(message.headers or {}).get(REPLAY_FOR, self._service) != self._service:
                await message.ack()
                in_hand.remove(message)

    async def _receive_together(self, in_hand: deque[Msg]) -> None:
        """Apply messages in one transaction and take them out of hand; where one can't be, all stay in hand."""
        try:
            decoded = [self._decode(message) for message in in_hand]
            async with self._database.begin() as session:
                new = await _record(session, [(event, origin) for event, _, origin in decoded])
                # Of what was delivered twice, the first counts.
                waiting = set(new)
                for message, (event, handler, origin) in zip(in_hand, decoded, strict=True):
                    if origin.id in waiting:
                        waiting.remove(origin.id)
                        with _trace(message):
                            await self._apply(session, event, handler, origin)
        except Exception as error:  # noqa: BLE001 - whatever it is, it shows again where each is applied by itself
            log.info("consumer.one_by_one", events=len(in_hand), error=str(error) or type(error).__name__)
            return
        for event, _, origin in decoded:
            _count(event, origin, origin.id in new)
            new.discard(origin.id)
        while in_hand:
            await in_hand[0].ack()
            in_hand.popleft()

    async def _receive(self, message: Msg) -> None:
        with _trace(message):
            try:
                event, handler, origin = self._decode(message)
            except (DecodeError, KeyError, ValueError) as error:
                # No number of tries makes it readable.
                await self._bury(message, f"{type(error).__name__}: {error}")
                return
            delivery = message.metadata.num_delivered or 1
            try:
                await self._apply_once_the_database_answers(event, handler, origin)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                failed.labels(self._get_label(message)).inc()
                reason = f"{type(error).__name__}: {error}"
                if delivery > len(self._back_off):
                    await self._bury(message, reason)
                else:
                    log.warning("event.retry", type=message.subject, delivery=delivery, error=reason)
                    await message.nak(delay=self._back_off[delivery - 1])
            else:
                await message.ack()

    def _get_label(self, message: Msg) -> str:
        """Return the label of a message in metrics: whoever may publish could make up any number of subjects."""
        return message.subject if message.subject in self._handlers else "other"

    async def _apply_once_the_database_answers(self, event: Message, handler: Handler, origin: Origin) -> None:
        """
        Apply an event.

        It is no fault of the event, and so no try, that the database is away, or that two transactions met in it.
        """
        while True:
            try:
                async with self._database.begin() as session:
                    new = await _record(session, [(event, origin)])
                    if new:
                        await self._apply(session, event, handler, origin)
            except Exception as error:
                if is_conflict(error):
                    continue
                if await self._database.answers():
                    raise
                log.warning("consumer.waiting", error=type(error).__name__)
                await asyncio.sleep(1)
            else:
                _count(event, origin, bool(new))
                return

    def _decode(self, message: Msg) -> tuple[Message, Handler, Origin]:
        """
        Return the event, its handler and where it comes from.

        Raises:
            DecodeError, KeyError, ValueError: The message is no event that this service knows.
        """
        headers = dict(message.headers or {})
        kind, handler = self._handlers[message.subject]
        origin = Origin(
            id=headers["ce-id"],
            source=headers.get("ce-source", ""),
            time=datetime.fromisoformat(headers["ce-time"]),
            subject=headers.get("ce-subject", ""),
        )
        return kind.FromString(message.data), handler, origin

    async def _apply(self, session: Session, event: Message, handler: Handler, origin: Origin) -> None:
        act_as(service_identity(self._service))
        await handler(session, event, origin)
        # As whoever the handler acts, not as who is behind the next event.
        await session.flush()

    async def _bury(self, message: Msg, reason: str) -> None:
        await bury(self._jetstream, message, self._service, reason)
        dead.labels(self._get_label(message)).inc()
        log.error("event.dead", type=message.subject, id=dict(message.headers or {}).get("ce-id"), reason=reason)


_RECORD_IDS = (
    insert(InboxEvent.__table__)  # type: ignore[arg-type]
    .on_conflict_do_nothing()
    .returning(InboxEvent.__table__.c.event_id)
)


async def _record(session: Session, events: Sequence[tuple[Message, Origin]]) -> set[str]:
    """Record the ids of events whose effect the transaction will have; return those that are new here."""
    rows = [
        {"event_id": origin.id, "type": event.DESCRIPTOR.full_name, "receive_time": now()} for event, origin in events
    ]
    connection = await session.connection()
    return set((await connection.execute(_RECORD_IDS, rows)).scalars())


def _count(event: Message, origin: Origin, effective: bool) -> None:
    kind = event.DESCRIPTOR.full_name
    if effective:
        handled.labels(kind).inc()
        lag.labels(kind).observe((now() - origin.time).total_seconds())
    else:
        repeated.labels(kind).inc()


def _trace(message: Msg) -> AbstractContextManager[object]:
    """Return the span of a message's effect, in the trace of what caused it."""
    context = propagate.extract(dict(message.headers or {}))
    return tracer.start_as_current_span(f"consume {message.subject}", context=context)
