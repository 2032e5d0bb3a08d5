"""What the tests of messaging share: relays, consumers and workers at work, and what came of it."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable

from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from sqlalchemy import func, select

from chassis.consumer import Consumer, Handler, Together
from chassis.database import Database
from chassis.jetstream import DEAD_LETTERS, STREAM
from chassis.outbox import emit
from chassis.tables import OutboxEvent
from chassis.work_queue import Worker, WorkHandler, enqueue
from tests.chassis import sample

VISIT = "visits/018f2d5c-0000-7000-8000-000000000001"


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 120) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def working(*runs: Awaitable[None]) -> AsyncIterator[None]:
    """Run relays and consumers beside the block."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        yield
    finally:
        pending = set(tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)


def consumer(
    database: Database,
    jetstream: JetStreamContext,
    handler: Handler | Together = sample.record,
    *,
    name: str = "sample",
    back_off_seconds: tuple[float, ...] = (0.05, 0.05),
    ack_wait_seconds: float = 10,
) -> Consumer:
    """Return a consumer of the sample's event with short pauses between its tries."""
    return Consumer(
        name, database, jetstream, {VisitCreated: handler}, back_off_seconds=back_off_seconds,
        ack_wait_seconds=ack_wait_seconds,
    )  # fmt: skip


async def tell(database: Database, *visits: str) -> None:
    """Emit an event for each visit, in one transaction."""
    async with database.begin() as session:
        for visit in visits or (VISIT,):
            emit(session, sample.visit_created(visit), visit)


def worker(
    database: Database,
    handler: WorkHandler | None = None,
    *,
    back_off_seconds: tuple[float, ...] = (0.05, 0.05),
    ack_wait_seconds: float = 10,
) -> Worker:
    """Return a worker of the sample's queue with short pauses between its tries."""
    return Worker(
        sample.RECORD, database, handler or functools.partial(sample.record_keys, database),
        back_off_seconds=back_off_seconds, ack_wait_seconds=ack_wait_seconds,
    )  # fmt: skip


async def put_in(database: Database, *keys: str) -> None:
    """Enqueue a task for each key, in one transaction."""
    async with database.begin() as session:
        enqueue(session, sample.RECORD, keys)


async def effects(database: Database) -> list[str]:
    """Return the visits that an event was applied of, and the keys of tasks that were done, once per time."""
    async with database.read() as session:
        return list(await session.scalars(select(sample.Effect.visit).order_by(sample.Effect.id)))


async def stored(jetstream: JetStreamContext, stream: str = STREAM) -> int:
    """Return how many messages a stream holds."""
    return (await jetstream.stream_info(stream)).state.messages


async def unpublished(database: Database) -> int:
    """Return how many events wait in the outbox."""
    async with database.read() as session:
        waiting = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.publish_time.is_(None))
        return await session.scalar(waiting) or 0


async def count_is(database: Database, wanted: int) -> bool:
    """Tell whether so many events were applied."""
    return len(await effects(database)) == wanted


async def nothing_waits(database: Database) -> bool:
    """Tell whether the outbox is empty."""
    return await unpublished(database) == 0


async def only_one_waits(database: Database) -> bool:
    """Tell whether a single event is left in the outbox."""
    return await unpublished(database) == 1


async def has_stored(jetstream: JetStreamContext, wanted: int, stream: str = STREAM) -> bool:
    """Tell whether a stream holds so many messages."""
    return await stored(jetstream, stream) == wanted


async def is_newer(jetstream: JetStreamContext, sequence: int) -> bool:
    """Tell whether a dead letter came after one."""
    return (await jetstream.stream_info(DEAD_LETTERS)).state.last_seq > sequence
