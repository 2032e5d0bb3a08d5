"""
The dead-letter stream: events that a consumer gave up on, and tasks that the workers of a queue gave up on.

`read` and `replay` are what the operator's command ``austausch dead-letters`` does.
"""

from dataclasses import dataclass

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.consumer import REPLAY_FOR
from chassis.jetstream import DEAD_LETTERS, TASK_SUBJECTS
from chassis.redelivery import read_own_headers


@dataclass(frozen=True)
class DeadLetter:
    """An event or a task that was given up, and where it lies in the stream."""

    sequence: int
    headers: dict[str, str]
    payload: bytes

    @property
    def id(self) -> str:
        """The id of the event or the task (``ce-id``)."""
        return self.headers.get("ce-id", "")

    @property
    def about(self) -> str:
        """What it is about: the resource of an event (``ce-subject``), the key of a task."""
        if self.headers["dead-subject"].startswith(TASK_SUBJECTS):
            return self.payload.decode(errors="replace")
        return self.headers.get("ce-subject", "")


async def read(jetstream: JetStreamContext) -> list[DeadLetter]:
    """Return every dead letter, oldest first."""
    subscription = await jetstream.pull_subscribe(
        "dead.>", stream=DEAD_LETTERS, config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, inactive_threshold=30)
    )
    letters: list[DeadLetter] = []
    total = (await jetstream.stream_info(DEAD_LETTERS)).state.messages
    while len(letters) < total:
        try:
            messages = await subscription.fetch(min(256, total - len(letters)), timeout=2)
        except (TimeoutError, nats.errors.TimeoutError):
            break
        letters += [DeadLetter(m.metadata.sequence.stream, dict(m.headers or {}), m.data) for m in messages]
    await subscription.unsubscribe()
    return letters


async def replay(jetstream: JetStreamContext, letter: DeadLetter) -> None:
    """Send a dead letter once more to the consumer that gave up on it, then remove it."""
    headers = {key: value for key, value in read_own_headers(letter.headers).items() if not key.startswith("dead-")}
    headers[REPLAY_FOR] = letter.headers["dead-consumer"]
    # Another message id than the first time, or JetStream would take it for a duplicate.
    headers["Nats-Msg-Id"] = f"{letter.id}:{letter.sequence}"
    await jetstream.publish(letter.headers["dead-subject"], letter.payload, timeout=5, headers=headers)
    await jetstream.delete_msg(DEAD_LETTERS, letter.sequence)
