"""The streams' limits: what an operator sets, what is left as it is, and what happens when they are reached."""

import asyncio

import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy
from sqlalchemy import select
from structlog.testing import capture_logs

from chassis.consumer import Origin
from chassis.database import Database, Session
from chassis.jetstream import DEAD_LETTERS, STREAM, WORK, StreamLimits, ensure_streams
from chassis.outbox import Relay
from chassis.tables import OutboxEvent
from tests.chassis import sample
from tests.chassis.messaging import (
    consumer,
    count_is,
    effects,
    nothing_waits,
    tell,
    unpublished,
    until,
    working,
)

MEGABYTE = 1024**2
DAY = 24 * 3600
# Events of a stream of 1 MB, some of which find no room.
PAYLOAD = "x" * 10_000


async def limits(jetstream: JetStreamContext, stream: str) -> tuple[int | None, float | None, DiscardPolicy | None]:
    """Return how many bytes a stream may hold, how long, and what it does when it is full."""
    config = (await jetstream.stream_info(stream)).config
    return config.max_bytes, config.max_age, config.discard


async def test_new_streams_refuse_what_they_have_no_room_for(jetstream: JetStreamContext) -> None:
    assert await limits(jetstream, STREAM) == (1024 * MEGABYTE, 30 * DAY, DiscardPolicy.NEW)
    assert await limits(jetstream, WORK) == (512 * MEGABYTE, 0, DiscardPolicy.NEW)
    assert await limits(jetstream, DEAD_LETTERS) == (512 * MEGABYTE, 0, DiscardPolicy.NEW)


async def test_settings_change_existing_streams_and_the_log_says_so(jetstream: JetStreamContext) -> None:
    with capture_logs() as logs:
        await ensure_streams(jetstream, StreamLimits(max_megabytes=100, keep_days=7))
        await ensure_streams(jetstream, StreamLimits(max_megabytes=100, keep_days=7))
    assert await limits(jetstream, STREAM) == (50 * MEGABYTE, 7 * DAY, DiscardPolicy.NEW)
    assert await limits(jetstream, WORK) == (25 * MEGABYTE, 0, DiscardPolicy.NEW)
    assert [line["stream"] for line in logs if line["event"] == "stream.updated"] == [STREAM, DEAD_LETTERS, WORK]


async def test_what_an_operator_set_by_hand_stays_where_the_settings_say_nothing(jetstream: JetStreamContext) -> None:
    config = (await jetstream.stream_info(STREAM)).config
    await jetstream.update_stream(config, max_bytes=4096 * MEGABYTE, max_age=3 * DAY, discard=DiscardPolicy.OLD)
    await ensure_streams(jetstream)
    await ensure_streams(jetstream, StreamLimits(replicas=1))
    assert await limits(jetstream, STREAM) == (4096 * MEGABYTE, 3 * DAY, DiscardPolicy.OLD)


@pytest.mark.parametrize("limit", [{"replicas": 0}, {"max_megabytes": -1}, {"keep_days": 60}])
def test_a_limit_that_makes_no_sense_is_refused(limit: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"positive|59 days"):
        StreamLimits(**limit)


async def test_a_full_stream_makes_room_of_what_everybody_has_applied(
    database: Database, jetstream: JetStreamContext
) -> None:
    visits = [f"visits/{number:03}{PAYLOAD}" for number in range(200)]
    small = StreamLimits(max_megabytes=2)
    async with working(Relay(database, jetstream, small).run(), consumer(database, jetstream).run()):
        for start in range(0, 200, 20):
            await tell(database, *visits[start : start + 20])
        await until(lambda: count_is(database, 200), seconds=60)
    assert sorted(await effects(database)) == visits
    assert (await jetstream.stream_info(STREAM)).state.bytes <= MEGABYTE


async def test_a_full_stream_drops_nothing_that_a_consumer_has_yet_to_read(
    database: Database, jetstream: JetStreamContext
) -> None:
    visits = [f"visits/{number:03}{PAYLOAD}" for number in range(200)]
    relay = Relay(database, jetstream, StreamLimits(max_megabytes=2))
    async with working(consumer(database, jetstream).run()):
        await until(lambda: has_consumer(jetstream))
    with capture_logs() as logs:
        async with working(relay.run()):
            await tell(database, *visits)
            await until(lambda: asyncio.sleep(0, not relay.is_stored))
            assert await unpublished(database)
            # Relays that earlier tests of this process left behind may have troubles of their own.
            retries = [line["error"] for line in logs if line["event"] == "outbox.retry"]
            assert len([error for error in retries if "NATS_MAX_MEGABYTES" in error]) == 1
            async with working(consumer(database, jetstream).run()):
                await until(lambda: count_is(database, 200), seconds=60)
                await until(lambda: nothing_waits(database))
            # It says so after the last of them is published.
            await until(lambda: asyncio.sleep(0, relay.is_stored))
    assert sorted(await effects(database)) == visits


async def test_a_stream_is_still_full_while_another_relay_has_the_events_in_hand(
    database: Database, jetstream: JetStreamContext
) -> None:
    relay = Relay(database, jetstream, StreamLimits(max_megabytes=2))
    async with working(consumer(database, jetstream).run()):
        await until(lambda: has_consumer(jetstream))
    async with working(relay.run()):
        await tell(database, *(f"visits/{number:03}{PAYLOAD}" for number in range(200)))
        await until(lambda: asyncio.sleep(0, not relay.is_stored))
        async with database.begin() as session:
            await session.execute(select(OutboxEvent.id).with_for_update())
            await asyncio.sleep(4)
            assert not relay.is_stored


async def has_consumer(jetstream: JetStreamContext) -> bool:
    """Tell whether somebody consumes the events."""
    return bool(await jetstream.consumers_info(STREAM))


async def in_hand_is(jetstream: JetStreamContext, count: int) -> bool:
    """Tell whether the consumer has so many events that are not acknowledged."""
    return (await jetstream.consumer_info(STREAM, "sample")).num_ack_pending == count


async def test_dead_letters_that_find_no_room_hold_up_nothing(database: Database, jetstream: JetStreamContext) -> None:
    config = (await jetstream.stream_info(DEAD_LETTERS)).config
    await jetstream.update_stream(config, max_bytes=1)

    async def refuse(session: Session, event: VisitCreated, origin: Origin) -> None:
        if event.visit.name == "visits/bad":
            raise LookupError
        await sample.record(session, event, origin)

    runs = Relay(database, jetstream).run(), consumer(database, jetstream, refuse, back_off_seconds=()).run()
    async with working(*runs):
        await tell(database, "visits/bad")
        await tell(database, *(f"visits/{number}" for number in range(30)))
        await until(lambda: count_is(database, 30))
        # They are acknowledged once they are applied.
        await until(lambda: in_hand_is(jetstream, 1))
    assert (await jetstream.consumer_info(STREAM, "sample")).num_ack_pending == 1
