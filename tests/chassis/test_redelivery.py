"""What NATS has delivered to who is told to end, on a real JetStream."""

import asyncio
import threading

import pytest
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from chassis.jetstream import TASK_SUBJECTS, WORK, connect
from chassis.redelivery import fetch
from deploy.embedded import Nats
from tests.chassis.messaging import until

DURABLE, SUBJECT = "deliveries", f"{TASK_SUBJECTS}sample.deliveries"


async def test_what_arrives_while_somebody_is_told_to_end_goes_to_others_at_once(
    jetstream: JetStreamContext, nats_server: Nats
) -> None:
    config = ConsumerConfig(
        durable_name=DURABLE, filter_subject=SUBJECT, ack_policy=AckPolicy.EXPLICIT, ack_wait=600, max_ack_pending=-1
    )
    await jetstream.add_consumer(WORK, config)
    ending = asyncio.create_task(fetch(await jetstream.pull_subscribe_bind(durable=DURABLE, stream=WORK), 10))

    async def waits() -> bool:
        return bool((await jetstream.consumer_info(WORK, DURABLE)).num_waiting)

    await until(waits)
    # Meanwhile this loop stands still: the task lies before its door when it is cancelled.
    other = threading.Thread(target=lambda: asyncio.run(publish_until_delivered(nats_server.url)))
    other.start()
    other.join()
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending

    subscription = await jetstream.pull_subscribe_bind(durable=DURABLE, stream=WORK)
    (message,) = await subscription.fetch(1, timeout=60)
    assert message.data == b"task"


async def publish_until_delivered(url: str) -> None:
    """Put a task into the queue, and wait until NATS has sent it to somebody."""
    client = await connect(url, "test")
    jetstream = client.jetstream()
    await jetstream.publish(SUBJECT, b"task")

    async def is_delivered() -> bool:
        return (await jetstream.consumer_info(WORK, DURABLE)).num_ack_pending == 1

    await until(is_delivered)
    await client.close()
