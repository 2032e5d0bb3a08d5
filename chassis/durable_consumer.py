"""
The durable consumer of a service in NATS: which events it is given, and where in the stream it stands.

All replicas of a service share it, those of an older or a newer version, too. So it is only ever widened: a replica
that knows fewer types of events than another takes nothing away from it. Where the stream holds events of a type that
is new to it, it starts once more at the beginning; what was applied already, the inbox drops.
"""

from collections.abc import Collection
from contextlib import suppress

import structlog
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError
from sqlalchemy import func, select

from chassis.database import Database
from chassis.jetstream import STREAM, ensure_streams

# Two replicas that widen it at once would take away what the other one adds; they take turns in the database.
LOCK = 5_206_000_002

log = structlog.get_logger(__name__)


async def widen(
    jetstream: JetStreamContext, database: Database, name: str, types: Collection[str], ack_wait_seconds: float
) -> None:
    """
    Create the durable consumer, or let it be given events of these types, too.

    Args:
        types: Full names of messages, which are their subjects.
        ack_wait_seconds: How long NATS waits for a sign of life before it delivers a message to someone else.

    Raises:
        nats.errors.Error: NATS does not answer.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    await ensure_streams(jetstream)
    async with database.engine.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        try:
            info = await jetstream.consumer_info(STREAM, name)
        except NotFoundError:
            await jetstream.add_consumer(STREAM, _configure(name, types, ack_wait_seconds))
            return
        known = list_types(info)
        new = set(types) - known
        config = _configure(name, known | new, ack_wait_seconds)
        if not await _are_stored(jetstream, new):
            await jetstream.add_consumer(
                STREAM,
                config,
                # These cannot be changed.
                deliver_policy=info.config.deliver_policy,
                opt_start_seq=info.config.opt_start_seq,
                num_replicas=info.config.num_replicas,
            )
            # Once more: what was stored before the filter let it through may have been passed over.
            if not await _are_stored(jetstream, new):
                return
        log.info("consumer.starts_again", consumer=name, new=sorted(new))
        await jetstream.delete_consumer(STREAM, name)
        # From the beginning, as every release creates it: one that asks for another start is refused.
        await jetstream.add_consumer(STREAM, config)


def list_types(info: ConsumerInfo) -> set[str]:
    """Return the types of events that a durable consumer is given."""
    config = info.config
    return set(config.filter_subjects or ([config.filter_subject] if config.filter_subject else []))


def _configure(name: str, types: Collection[str], ack_wait_seconds: float) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=name,
        filter_subjects=sorted(types),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait_seconds,
        deliver_policy=DeliverPolicy.ALL,
        # Tries are counted here, so that the message can be moved, not dropped.
        max_deliver=-1,
        # Events that wait for a next try, or for a version that knows them, hold nobody up.
        max_ack_pending=-1,
    )


async def _are_stored(jetstream: JetStreamContext, types: Collection[str]) -> bool:
    """Return whether the stream holds an event of one of these types."""
    first = (await jetstream.stream_info(STREAM)).state.first_seq if types else 0
    for kind in types:
        with suppress(NotFoundError):
            await jetstream.get_msg(STREAM, seq=first, subject=kind, next=True)
            return True
    return False
