"""The connection to NATS JetStream, and the streams that every service needs there."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

STREAM = "austausch"
DEAD_LETTERS = "dead-letters"
WORK = "work"
# A task's subject is this and the name of its queue.
TASK_SUBJECTS = "work."
# Tasks in NATS at once, some hundreds of megabytes; more of them wait in the outboxes.
MAX_TASKS = 1_000_000
# Who publishes or consumes takes at once what came within a round: a transaction for each event costs three times the
# processor time.
ROUND_SECONDS = 0.02
KEEP_STREAM = timedelta(days=30)

log = structlog.get_logger(__name__)


async def ensure_streams(jetstream: JetStreamContext) -> None:
    """Create the streams of events, of dead letters and of work where they are missing."""
    streams = (
        StreamConfig(
            name=STREAM,
            subjects=["austausch.>"],
            retention=RetentionPolicy.LIMITS,
            max_age=KEEP_STREAM.total_seconds(),
            duplicate_window=600,
        ),
        StreamConfig(name=DEAD_LETTERS, subjects=["dead.>"], retention=RetentionPolicy.LIMITS),
        StreamConfig(
            name=WORK,
            subjects=[f"{TASK_SUBJECTS}>"],
            # A task is gone once it is done, and waits as long as it takes.
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            max_msgs=MAX_TASKS,
            discard=DiscardPolicy.NEW,
            # A task that is published again after it was done does no harm, and there are many of them to remember.
            duplicate_window=120,
        ),
    )
    for stream in streams:
        try:
            await jetstream.stream_info(str(stream.name))
        except NotFoundError:
            await jetstream.add_stream(stream)


async def connect(url: str, name: str, closed: Callable[[], object] = lambda: None) -> Client:
    """
    Return a connection to NATS that reconnects for ever; waits until the first one succeeds.

    Args:
        closed: Called when the connection is given up after all, which the client does when the server sends an error.
    """

    async def report_closed() -> None:
        closed()

    async def report(error: Exception) -> None:
        log.warning("nats.error", error=str(error) or type(error).__name__)

    while True:
        try:
            return await nats.connect(
                url, name=name, max_reconnect_attempts=-1, reconnect_time_wait=0.5, connect_timeout=2, error_cb=report,
                allow_reconnect=True, closed_cb=report_closed,
            )  # fmt: skip
        except (OSError, TimeoutError, nats.errors.Error) as error:
            log.info("nats.waiting", error=str(error) or type(error).__name__)
            await asyncio.sleep(0.5)
