"""
Work that may take long is done from a queue, by any number of workers.

A task is enqueued in the transaction that makes it necessary, by way of the outbox, and waits in a JetStream stream
until a worker has done it. Workers of a queue share it: each takes a batch, and what a killed one had in hand is
delivered to another. So a task is done at least once, and now and then twice: handlers are idempotent.

A batch that fails is handled once more task by task. A task that fails is tried again after longer and longer pauses;
after the last try it moves to the dead-letter stream with the reason (``austausch dead-letters``).
"""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from opentelemetry import propagate, trace
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import func, select

from chassis.database import Database, Session
from chassis.database_errors import is_conflict
from chassis.identity import act_as, service_identity
from chassis.jetstream import DEAD_LETTERS, TASK_SUBJECTS, WORK, ensure_streams
from chassis.model import new_id, now
from chassis.outages import Outage
from chassis.redelivery import (
    ACK_WAIT_SECONDS,
    BACK_OFF_SECONDS,
    bury,
    count_messages,
    fetch,
    hold,
    is_no_fault_of_the_message,
    report_dead_letters,
)
from chassis.tables import OutboxTask

# A task that was delivered so often, and no worker lived to say what became of it, is what kills them.
MAX_DELIVERIES = 30
REPORT_SECONDS = 5.0
# Who asks how far the work is has a call to answer.
PROGRESS_SECONDS = 1.5
NAME = re.compile(r"[a-z]+\.[a-z_]+")

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
pending = Gauge("work_pending", "Tasks that wait for a worker", ["queue"])
held = Gauge("work_in_hand", "Tasks that a worker has taken and not done", ["queue"])
done = Counter("work_done_total", "Tasks whose handler succeeded", ["queue"])
failed = Counter("work_failed_total", "Failures of tasks", ["queue"])
dead = Counter("work_dead_total", "Tasks moved to the dead-letter stream", ["queue"])
handling = Histogram("work_batch_seconds", "How long the handler took", ["queue"])
lag = Histogram("work_lag_seconds", "From the transaction that enqueued a task until it was done", ["queue"])


@dataclass(frozen=True)
class Queue:
    """
    A queue of tasks; a constant of the service that it belongs to.

    Attributes:
        name: ``<service>.<verb>``, e.g. ``knowledge.embed``.
        batch: How many tasks a worker takes at once, at most.

    Raises:
        ValueError: The name is of another form, or the batch is empty.
    """

    name: str
    batch: int = 64

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.batch < 1:
            raise ValueError(f"{self.name!r} with batches of {self.batch} can't be a queue.")

    @property
    def service(self) -> str:
        """Name of the service that handlers act as."""
        return self.name.partition(".")[0]

    @property
    def subject(self) -> str:
        """Subject of its tasks in NATS."""
        return TASK_SUBJECTS + self.name

    @property
    def consumer(self) -> str:
        """Durable name that its workers share in NATS."""
        return self.name.replace(".", "-")


@dataclass(frozen=True)
class Progress:
    """
    How far the work of a queue is.

    Attributes:
        waiting: Tasks that no worker has taken yet, wherever they are on their way.
        in_hand: Tasks that a worker has taken and not done: it has them in hand, or they wait for their next try.
        dead: Tasks that were given up, and lie in the dead-letter stream.
    """

    waiting: int
    in_hand: int
    dead: int


WorkHandler = Callable[[Sequence[str]], Awaitable[None]]


def enqueue(session: Session, queue: Queue, keys: Iterable[str]) -> None:
    """
    Enqueue a task for each key; a worker gets it once the transaction has committed, and never if it rolls back.

    Args:
        keys: What the handler has to know of each, such as the id of a row.

    Raises:
        ValueError: A key is empty.
    """
    headers = {"ce-time": now().isoformat()}
    propagate.inject(headers)
    for key in keys:
        if not key:
            raise ValueError(f"A task of {queue.name} has no key.")
        task_id = new_id()
        session.add(OutboxTask(id=task_id, queue=queue.name, key=key, headers={**headers, "ce-id": task_id}))


async def read_progress(database: Database, jetstream: JetStreamContext, queue: Queue) -> Progress:
    """
    Return how far the work of a queue is; a task on its way from one place to the next may count in both.

    Raises:
        nats.errors.Error: NATS does not answer, or has no streams yet.
    """
    async with database.read_once() as session:
        unpublished = await session.scalar(select(func.count()).where(OutboxTask.queue == queue.name)) or 0
    try:
        in_hand = (await jetstream.consumer_info(WORK, queue.consumer)).num_ack_pending or 0
    except NotFoundError:
        in_hand = 0  # There was no worker yet.
    stored = await count_messages(jetstream, WORK, queue.subject)
    buried = await count_messages(jetstream, DEAD_LETTERS, f"dead.{queue.consumer}.{queue.subject}")
    return Progress(waiting=unpublished + max(stored - in_hand, 0), in_hand=in_hand, dead=buried)


class Worker:
    """
    Does the work of a queue.

    Args:
        handler: Is given distinct keys, as many as a batch of the queue has at most. What it was given is done when it
            returns. It opens its own transactions, and must not block the event loop, from where NATS is told that the
            worker lives. It raises `Unavailable` for what is no fault of the tasks: they wait.
        back_off_seconds: Pauses between tries.
        ack_wait_seconds: How long NATS waits for a sign of life before it delivers a task to another worker.
    """

    def __init__(
        self,
        queue: Queue,
        database: Database,
        handler: WorkHandler,
        back_off_seconds: tuple[float, ...] = BACK_OFF_SECONDS,
        ack_wait_seconds: float = ACK_WAIT_SECONDS,
    ) -> None:
        self._queue = queue
        self._database = database
        self._handler = handler
        self._back_off = back_off_seconds
        self._ack_wait = ack_wait_seconds
        self._jetstream: JetStreamContext | None = None

    @property
    def queue(self) -> Queue:
        """The queue that it works on."""
        return self._queue

    async def get_progress(self) -> Progress | None:
        """Return how far the work of the queue is, whoever does it; None while NATS does not answer."""
        if self._jetstream is None:
            return None
        try:
            async with asyncio.timeout(PROGRESS_SECONDS):
                return await read_progress(self._database, self._jetstream, self._queue)
        except (nats.errors.Error, TimeoutError):
            return None

    async def run(self, jetstream: JetStreamContext) -> None:
        """Work until cancelled; waits while NATS or PostgreSQL is away."""
        self._jetstream = jetstream
        reporter = asyncio.create_task(self._report())
        try:
            while True:
                try:
                    subscription = await self._subscribe(jetstream)
                    try:
                        while True:
                            await self._handle_batch(jetstream, await fetch(subscription, self._queue.batch))
                    finally:
                        with suppress(nats.errors.Error):
                            await subscription.unsubscribe()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    log.warning("worker.retry", queue=self._queue.name, error=str(error) or type(error).__name__)
                    await asyncio.sleep(0.5)
        finally:
            reporter.cancel()

    async def _report(self) -> None:
        while True:
            with suppress(Exception):  # Who has lost PostgreSQL says so elsewhere.
                if progress := await self.get_progress():
                    pending.labels(self._queue.name).set(progress.waiting)
                    held.labels(self._queue.name).set(progress.in_hand)
                if self._jetstream:
                    await report_dead_letters(self._jetstream, self._queue.consumer)
            await asyncio.sleep(REPORT_SECONDS)

    async def _subscribe(self, jetstream: JetStreamContext) -> JetStreamContext.PullSubscription:
        await ensure_streams(jetstream)
        config = ConsumerConfig(
            durable_name=self._queue.consumer,
            filter_subject=self._queue.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait,
            deliver_policy=DeliverPolicy.ALL,
            # Tries are counted here, so that the task can be moved, not dropped.
            max_deliver=-1,
            # As many as there are workers for, and tasks that wait for their next try hold nobody up.
            max_ack_pending=-1,
        )
        await jetstream.add_consumer(WORK, config)
        return await jetstream.pull_subscribe_bind(durable=self._queue.consumer, stream=WORK)

    async def _handle_batch(self, jetstream: JetStreamContext, messages: list[Msg]) -> None:
        # What failed before, or was in hand when a worker was killed, comes last, and each by itself. Who is killed by
        # one of them again has done some of the others before: their order is another one each time.
        random.shuffle(messages)
        in_hand = deque(sorted(messages, key=_count_deliveries))
        async with hold(in_hand, self._ack_wait):
            fresh = [message for message in messages if _count_deliveries(message) == 1]
            if len(fresh) > 1 and await self._handle_together(fresh):
                for _ in fresh:
                    await self._finish(in_hand[0])
                    in_hand.popleft()
            while in_hand:
                await self._handle_alone(jetstream, in_hand[0])
                in_hand.popleft()

    async def _handle_together(self, messages: Sequence[Msg]) -> bool:
        """Return whether the handler succeeded with all of them."""
        try:
            await self._handle(messages)
        except Exception as error:  # noqa: BLE001 - whatever it is, it shows again where each is handled by itself
            reason = str(error) or type(error).__name__
            log.info("worker.one_by_one", queue=self._queue.name, tasks=len(messages), error=reason)
            return False
        return True

    async def _handle_alone(self, jetstream: JetStreamContext, message: Msg) -> None:
        delivery = _count_deliveries(message)
        if delivery > MAX_DELIVERIES:
            await self._bury(jetstream, message, f"No worker survived it in {MAX_DELIVERIES} deliveries.")
            return
        try:
            await self._handle([message])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            failed.labels(self._queue.name).inc()
            reason = f"{type(error).__name__}: {error}"
            if delivery > len(self._back_off):
                await self._bury(jetstream, message, reason)
            else:
                log.warning(
                    "task.retry", queue=self._queue.name, key=_read_key(message), delivery=delivery, error=reason
                )
                await message.nak(delay=self._back_off[delivery - 1])
        else:
            await self._finish(message)

    async def _handle(self, messages: Sequence[Msg]) -> None:
        """
        Have the handler do tasks.

        It is no fault of theirs, and so no try, that the database or something else is away or refuses to write, or
        that two transactions met.
        """
        outage = Outage("worker.waiting", "worker.goes_on", queue=self._queue.name)
        keys = list(dict.fromkeys(map(_read_key, messages)))
        links = [trace.Link(cause) for cause in map(_read_trace, messages) if cause.is_valid]
        while True:
            act_as(service_identity(self._queue.service))
            started = time.perf_counter()
            try:
                with tracer.start_as_current_span(f"work {self._queue.name}", links=links):
                    await self._handler(keys)
            except Exception as error:
                if is_conflict(error):
                    continue
                if not await is_no_fault_of_the_message(error, self._database):
                    raise
                outage.tell(str(error) or type(error).__name__)
                await asyncio.sleep(1)
            else:
                outage.end()
                handling.labels(self._queue.name).observe(time.perf_counter() - started)
                return

    async def _finish(self, message: Msg) -> None:
        await message.ack()
        done.labels(self._queue.name).inc()
        if moment := dict(message.headers or {}).get("ce-time"):
            lag.labels(self._queue.name).observe((now() - datetime.fromisoformat(moment)).total_seconds())

    async def _bury(self, jetstream: JetStreamContext, message: Msg, reason: str) -> None:
        if await bury(jetstream, message, self._queue.consumer, reason):
            dead.labels(self._queue.name).inc()
            log.error("task.dead", queue=self._queue.name, key=_read_key(message), reason=reason)


def _count_deliveries(message: Msg) -> int:
    return message.metadata.num_delivered or 1


def _read_key(message: Msg) -> str:
    return message.data.decode(errors="replace")


def _read_trace(message: Msg) -> trace.SpanContext:
    return trace.get_current_span(propagate.extract(dict(message.headers or {}))).get_span_context()
