"""The connection to NATS JetStream, and the streams that every service needs there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from chassis.outages import Outage
from chassis.setting_types import MAX_KEEP_DAYS

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
KEEP_DAYS = 30
MAX_MEGABYTES = 2048
# Of the room for all streams.
SHARES = {STREAM: 0.5, DEAD_LETTERS: 0.25, WORK: 0.25}
# "stream name already in use with a different configuration"
NAME_IN_USE = 10058

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StreamLimits:
    """
    What an operator wants of the streams; None where nothing was said: existing streams then keep what they have.

    Attributes:
        replicas: On how many servers of a cluster each stream is kept; 1 for a new stream.
        max_megabytes: Room that all streams may take together; 2048 for new streams.
        keep_days: How long events stay in their stream; 30 for a new one.

    Raises:
        ValueError: A limit is not positive, or events would stay longer than their ids are known.
    """

    replicas: int | None = None
    max_megabytes: int | None = None
    keep_days: int | None = None

    def __post_init__(self) -> None:
        if any(limit is not None and limit < 1 for limit in (self.replicas, self.max_megabytes, self.keep_days)):
            raise ValueError("Limits of streams are positive.")
        if (self.keep_days or 0) > MAX_KEEP_DAYS:
            raise ValueError(f"Events can stay in their stream for {MAX_KEEP_DAYS} days at most.")

    def list_settings(self, stream: str) -> dict[str, Any]:
        """Return what was said, as settings of a stream."""
        settings: dict[str, Any] = {}
        if self.replicas:
            settings["num_replicas"] = self.replicas
        if self.max_megabytes:
            settings["max_bytes"] = int(self.max_megabytes * 1024 * 1024 * SHARES[stream])
            settings["discard"] = DiscardPolicy.NEW
        if self.keep_days and stream == STREAM:
            settings["max_age"] = timedelta(days=self.keep_days).total_seconds()
        return settings


DEFAULTS = StreamLimits(replicas=1, max_megabytes=MAX_MEGABYTES, keep_days=KEEP_DAYS)
STREAMS = (
    # A stream that is full refuses what is new, which then waits in the outbox: what is old, nobody may have read.
    # Atomic batches are of NATS 2.12; an older one stores events one by one.
    StreamConfig(
        name=STREAM,
        subjects=["austausch.>"],
        retention=RetentionPolicy.LIMITS,
        duplicate_window=600,
        allow_atomic=True,
    ),
    StreamConfig(name=DEAD_LETTERS, subjects=["dead.>"], retention=RetentionPolicy.LIMITS),
    StreamConfig(
        name=WORK,
        subjects=[f"{TASK_SUBJECTS}>"],
        # A task is gone once it is done, and waits as long as it takes.
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        max_msgs=MAX_TASKS,
        # A task that is published again after it was done does no harm, and there are many of them to remember.
        duplicate_window=120,
        allow_atomic=True,
    ),
)


async def ensure_streams(jetstream: JetStreamContext, limits: StreamLimits | None = None) -> None:
    """
    Create the streams of events, of dead letters and of work where they are missing.

    Args:
        limits: What existing streams are changed to, too; nothing of them is changed where it says nothing.
    """
    limits = limits or StreamLimits()
    for stream in STREAMS:
        name = str(stream.name)
        wanted = limits.list_settings(name)
        try:
            config = (await jetstream.stream_info(name)).config
        except NotFoundError:
            try:
                await jetstream.add_stream(stream, **(DEFAULTS.list_settings(name) | wanted))
                continue
            except APIError as error:
                if error.err_code != NAME_IN_USE:
                    raise
                # Another service was faster, with other limits.
                config = (await jetstream.stream_info(name)).config
        changes = {setting: value for setting, value in wanted.items() if getattr(config, setting) != value}
        if changes:
            log.warning("stream.updated", stream=name, **{setting: str(value) for setting, value in changes.items()})
        if stream.allow_atomic and not config.allow_atomic:
            changes["allow_atomic"] = True
        if changes:
            await jetstream.update_stream(config, **changes)


async def make_room(jetstream: JetStreamContext) -> int:
    """
    Remove from the stream of events what every consumer has applied; return how many events that were.

    Nothing is removed that a consumer has yet to read, and nothing while there is none.
    """
    before = (await jetstream.stream_info(STREAM)).state
    done = [
        before.last_seq
        if not consumer.num_pending and not consumer.num_ack_pending
        else consumer.ack_floor.stream_seq
        if consumer.ack_floor
        else 0
        for consumer in await jetstream.consumers_info(STREAM)
        if consumer.config.durable_name
    ]
    if not done or min(done) < before.first_seq:
        return 0
    await jetstream.purge_stream(STREAM, seq=min(done) + 1)
    return before.messages - (await jetstream.stream_info(STREAM)).state.messages


def list_servers(url: str) -> list[str]:
    """Return the URL of each server of a cluster, which are divided by commas."""
    return [server.strip() for server in url.split(",")]


async def connect(url: str, name: str, closed: Callable[[], object] = lambda: None) -> Client:
    """
    Return a connection to NATS that reconnects for ever; waits until the first one succeeds.

    A request that is not answered when the connection breaks raises `nats.errors.ConnectionClosedError`.

    Args:
        url: ``nats://user:password@host:port``; several servers of a cluster divided by commas.
        closed: Called when the connection is given up after all, which the client does when the server sends an error.
    """

    outage = Outage("nats.waiting", "nats.again")

    async def report_closed() -> None:
        closed()

    async def report_connected() -> None:
        outage.end()

    while True:
        client = Client()

        async def report(error: Exception, client: Client = client) -> None:
            reason = str(error) or type(error).__name__
            if client.is_connected:
                log.warning("nats.error", error=reason)
            else:
                # The client tries to connect twice a second, and reports each time.
                outage.tell(reason)

        async def give_up_requests(client: Client = client) -> None:
            # The server knows nothing of them any more; the client would wait until their deadline.
            for answer in list(client._resp_map.values()):
                if not answer.done():
                    answer.set_exception(nats.errors.ConnectionClosedError())

        try:
            await client.connect(
                list_servers(url), name=name, max_reconnect_attempts=-1, connect_timeout=2, allow_reconnect=True,
                error_cb=report, closed_cb=report_closed, disconnected_cb=give_up_requests,
                reconnected_cb=report_connected,
                # A float does, whatever its type says.
                reconnect_time_wait=0.5,  # type: ignore[arg-type]
                # A server that vanished without a word is noticed within 15 seconds.
                ping_interval=5, max_outstanding_pings=2,
            )  # fmt: skip
            outage.end()
            return client
        except (OSError, TimeoutError, nats.errors.Error) as error:
            outage.tell(str(error) or type(error).__name__)
            await asyncio.sleep(0.5)
