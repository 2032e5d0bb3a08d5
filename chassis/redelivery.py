"""What the consumer of events and the workers of queues do alike with the messages that NATS delivers to them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from prometheus_client import Gauge
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database
from chassis.database_errors import as_domain_error
from chassis.errors import Unavailable
from chassis.jetstream import DEAD_LETTERS
from chassis.model import now

# Pauses between deliveries; one more delivery than pauses, then the dead-letter stream.
BACK_OFF_SECONDS = (0.2, 1.0, 5.0, 30.0, 120.0)
# NATS delivers again what a killed process had in hand after this long; a living one asks for more time.
ACK_WAIT_SECONDS = 5.0
# A request for messages is lost when NATS restarts; the next one is sent after this long.
FETCH_SECONDS = 2
# What is on its way to a fetch that ends is waited for so long.
HAND_BACK_SECONDS = 0.2

log = structlog.get_logger(__name__)
buried = Gauge("dead_letters", "Events or tasks that lie in the dead-letter stream", ["consumer"])


async def fetch(subscription: JetStreamContext.PullSubscription, batch: int) -> list[Msg]:
    """Return messages as soon as there are any, at most ``batch``; cancelled meanwhile, hand them back."""
    while True:
        fetching = asyncio.create_task(subscription.fetch(batch, timeout=FETCH_SECONDS))
        try:
            with suppress(TimeoutError, nats.errors.TimeoutError):
                return await asyncio.shield(fetching)
        except asyncio.CancelledError:
            # What NATS has sent by now would lie in nobody's hand until its time to acknowledge it is over.
            await asyncio.wait([fetching], timeout=HAND_BACK_SECONDS)
            fetching.cancel()
            with suppress(asyncio.CancelledError, TimeoutError, nats.errors.Error):
                await hand_back(await fetching)
            raise


@asynccontextmanager
async def hold(in_hand: Collection[Msg], ack_wait_seconds: float) -> AsyncIterator[None]:
    """
    Keep messages in hand during the block, however slow it is, and hand back at its end those that are still there.

    Args:
        in_hand: Shrinks within the block, by what is acknowledged.
        ack_wait_seconds: As the subscription's: how long NATS waits for a sign of life.
    """
    keeper = asyncio.create_task(_keep(in_hand, ack_wait_seconds))
    try:
        yield
    finally:
        keeper.cancel()
        await hand_back(in_hand)


async def hand_back(messages: Collection[Msg]) -> None:
    """Let others have messages at once: they need not wait until NATS notices that nobody works on them."""
    for message in messages:
        with suppress(nats.errors.Error):
            await message.nak()


async def _keep(in_hand: Collection[Msg], ack_wait_seconds: float) -> None:
    while True:
        await asyncio.sleep(ack_wait_seconds / 3)
        for message in list(in_hand):
            with suppress(nats.errors.Error):
                await message.in_progress()


async def is_no_fault_of_the_message(error: Exception, database: Database) -> bool:
    """
    Return whether a handler failed for what it stands on: the message waits then, and it is no try.

    So it is while the database is away, refuses to write (a standby after a failover, a full disk) or has no connection
    left, and where the handler itself raised `Unavailable`.
    """
    if isinstance(error, SQLAlchemyError):
        error = as_domain_error(error)
    return isinstance(error, Unavailable) or not await database.answers()


def read_own_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers of a message without those that tell NATS how to store it."""
    return {name: value for name, value in (headers or {}).items() if not name.startswith("Nats-")}


async def bury(jetstream: JetStreamContext, message: Msg, consumer: str, reason: str) -> bool:
    """
    Move a message to the dead-letter stream; it is acknowledged only once it is there.

    Args:
        consumer: Durable name of who gives up on it.
        reason: Why, in words for administrators.

    Returns:
        Whether it is there. Where that stream is full or away, the message comes again after the longest pause.
    """
    headers = {
        **read_own_headers(message.headers),
        "dead-reason": " ".join(reason.split())[:1000],
        "dead-consumer": consumer,
        "dead-subject": message.subject,
        "dead-time": now().isoformat(),
        # Not the message's own id: one that fails again after a replay is no duplicate.
        "Nats-Msg-Id": f"{consumer}:{message.metadata.sequence.stream}",
    }
    try:
        await jetstream.publish(f"dead.{consumer}.{message.subject}", message.data, timeout=5, headers=headers)
    except nats.errors.Error as error:
        log.error("dead_letter.refused", subject=message.subject, error=str(error) or type(error).__name__)
        await message.nak(delay=BACK_OFF_SECONDS[-1])
        return False
    await message.ack()
    return True


async def count_messages(jetstream: JetStreamContext, stream: str, subjects: str) -> int:
    """Return how many messages of some subjects, ``work.knowledge.embed`` or ``dead.knowledge.>``, a stream holds."""
    counts = (await jetstream.stream_info(stream, subjects_filter=subjects)).state.subjects
    return sum((counts or {}).values())


async def report_dead_letters(jetstream: JetStreamContext, consumer: str) -> None:
    """Set the gauge of what a consumer gave up on and nobody has replayed."""
    buried.labels(consumer).set(await count_messages(jetstream, DEAD_LETTERS, f"dead.{consumer}.>"))
