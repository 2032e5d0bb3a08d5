"""
The durable consumer of a service in NATS: which events it is given, and where in the stream it stands.

All replicas of a service share it, those of an older or a newer version, too. So it is only ever widened: a replica
that knows fewer types of events than another takes nothing away from it. Where the stream holds events of a type that
is new to it, it starts once more at the first of these; what was applied already, the inbox drops.
"""

from collections.abc import Collection

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
        wanted = known | set(types)
        if start := await _find_start(jetstream, info, wanted - known):
            log.info("consumer.starts_again", consumer=name, new=sorted(wanted - known), sequence=start)
            config = _configure(name, wanted, ack_wait_seconds)
            await jetstream.delete_consumer(STREAM, name)
            await jetstream.add_consumer(
                STREAM, config, deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=start
            )
            return
        await jetstream.add_consumer(
            STREAM,
            _configure(name, wanted, ack_wait_seconds),
            # These cannot be changed.
            deliver_policy=info.config.deliver_policy,
            opt_start_seq=info.config.opt_start_seq,
            num_replicas=info.config.num_replicas,
        )


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


async def _find_start(jetstream: JetStreamContext, info: ConsumerInfo, new_types: Collection[str]) -> int:
    """Return where the first event of a new type lies, or one before it that is not applied yet; 0 if there is none."""
    first = (await jetstream.stream_info(STREAM)).state.first_seq
    found = []
    for kind in new_types:
        try:
            message = await jetstream.get_msg(STREAM, seq=first, subject=kind, next=True)
        except NotFoundError:
            continue
        found.append(message.seq or first)
    if not found:
        return 0
    return max(1, min(*found, (info.ack_floor.stream_seq if info.ack_floor else 0) + 1))
