"""Events that leave together."""

import pytest
from nats.js import JetStreamContext
from sqlalchemy import text

from chassis.database import Database
from chassis.jetstream import STREAM
from chassis.outbox import Relay, emit
from tests.chassis import sample
from tests.chassis.messaging import has_stored, nothing_waits, only_one_waits, stored, tell, until, working


async def test_events_that_wait_are_stored_as_one_batch_each_with_its_place_in_the_stream(
    database: Database, jetstream: JetStreamContext
) -> None:
    await tell(database, *(f"visits/{number}" for number in range(50)))
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    batches = {(await headers(jetstream, sequence)).get("Nats-Batch-Id") for sequence in range(1, 51)}
    assert len(batches) == 1 and None not in batches
    async with database.read() as session:
        places = await session.execute(text("SELECT id, stream_sequence FROM outbox"))
    for id_, sequence in places:
        assert (await headers(jetstream, sequence))["ce-id"] == id_


async def headers(jetstream: JetStreamContext, sequence: int) -> dict[str, str]:
    """Return the headers of a message."""
    return dict((await jetstream.get_msg(STREAM, sequence)).headers or {})


async def test_of_a_batch_that_nats_knows_in_part_the_rest_is_stored(
    database: Database, jetstream: JetStreamContext
) -> None:
    await tell(database, *(f"visits/{number}" for number in range(20)))
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    async with database.begin() as session:
        # As after a death between NATS's acknowledgement and the commit.
        forget = "UPDATE outbox SET publish_time = NULL, stream_sequence = NULL WHERE stream_sequence > 5"
        await session.execute(text(forget))
    await tell(database, *(f"visits/{number}" for number in range(20, 40)))
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    assert await stored(jetstream) == 40
    async with database.read() as session:
        places = list(await session.scalars(text("SELECT stream_sequence FROM outbox ORDER BY stream_sequence")))
    assert places == list(range(1, 41))


async def test_a_nats_that_knows_no_batches_stores_events_one_by_one(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As one before 2.12 does, which has never heard of these headers.
    for name in ("BATCH_ID", "BATCH_SEQUENCE", "BATCH_COMMIT"):
        monkeypatch.setattr(f"chassis.publishing.{name}", f"Unheard-{name}")
    async with working(Relay(database, jetstream).run()):
        for start in (0, 20):
            await tell(database, *(f"visits/{number}" for number in range(start, start + 20)))
            await until(lambda: nothing_waits(database))
    assert await stored(jetstream) == 40


async def test_large_events_travel_beside_the_batch(database: Database, jetstream: JetStreamContext) -> None:
    async with database.begin() as session:
        for size in (2_000_000, 900_000):
            emit(session, sample.visit_created("x" * size), "visits/large")
    await tell(database, *(f"visits/{number}" for number in range(20)))
    async with working(Relay(database, jetstream).run()):
        await until(lambda: has_stored(jetstream, 21))
        # NATS takes no messages of two megabytes.
        await until(lambda: only_one_waits(database))
