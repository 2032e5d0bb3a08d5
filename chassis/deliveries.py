"""What the consumer of events and the workers of queues do alike with the messages that NATS delivers to them."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from chassis.model import now

# Pauses between deliveries; one more delivery than pauses, then the dead-letter stream.
BACK_OFF_SECONDS = (0.2, 1.0, 5.0, 30.0, 120.0)
# NATS delivers again what a killed process had in hand after this long; a living one asks for more time.
ACK_WAIT_SECONDS = 10.0
# A request for messages is lost when NATS restarts; the next one is sent after this long.
FETCH_SECONDS = 2


async def fetch(subscription: JetStreamContext.PullSubscription, batch: int) -> list[Msg]:
    """Return messages as soon as there are any, at most ``batch``."""
    while True:
        with suppress(TimeoutError, nats.errors.TimeoutError):
            return await subscription.fetch(batch, timeout=FETCH_SECONDS)


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
        # On the way out: others need not wait until NATS notices.
        for message in in_hand:
            with suppress(nats.errors.Error):
                await message.nak()


async def _keep(in_hand: Collection[Msg], ack_wait_seconds: float) -> None:
    while True:
        await asyncio.sleep(ack_wait_seconds / 3)
        for message in list(in_hand):
            with suppress(nats.errors.Error):
                await message.in_progress()


async def bury(jetstream: JetStreamContext, message: Msg, consumer: str, reason: str) -> None:
    """
    Move a message to the dead-letter stream; it is acknowledged only once it is there.

    Args:
        consumer: Durable name of who gives up on it.
        reason: Why, in words for administrators.
    """
    headers = {
        **dict(message.headers or {}),
        "dead-reason": " ".join(reason.split())[:1000],
        "dead-consumer": consumer,
        "dead-subject": message.subject,
        "dead-time": now().isoformat(),
        # Not the message's own id: one that fails again after a replay is no duplicate.
        "Nats-Msg-Id": f"{consumer}:{message.metadata.sequence.stream}",
    }
    await jetstream.publish(f"dead.{consumer}.{message.subject}", message.data, timeout=5, headers=headers)
    await message.ack()
