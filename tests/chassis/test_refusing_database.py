"""A database that answers and refuses writes is no fault of events and tasks: they wait, and nothing is given up."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from sqlalchemy import text
from structlog.testing import capture_logs

from chassis.consumer import Origin
from chassis.database import Database, Session
from chassis.jetstream import DEAD_LETTERS, WORK
from chassis.outbox import Relay
from tests.chassis import sample
from tests.chassis.messaging import (
    consumer,
    count_is,
    effects,
    has_stored,
    nothing_waits,
    put_in,
    stored,
    tell,
    until,
    worker,
    working,
)

# Disk full, out of memory, too many connections, shutting down, crashed, starting, read-only.
REFUSALS = ("53100", "53200", "53300", "57P01", "57P02", "57P03", "25006")


@pytest.fixture
async def other_side(database_url: str) -> AsyncIterator[Database]:
    """The same database for the consumer, by connections of its own."""
    made = Database(database_url)
    yield made
    await made.dispose()


async def refuse_writes(database_url: str, other_side: Database, refuse: bool) -> None:
    """Make a database read-only for new connections, as a standby is; the consumer's are new from now on."""
    admin = Database(database_url.rpartition("/")[0] + "/postgres")
    async with admin.begin() as session:
        name = database_url.rpartition("/")[2]
        await session.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {refuse}"))
    await admin.dispose()
    await other_side.dispose()


async def test_events_wait_while_the_database_is_read_only_and_are_applied_together_then(
    database: Database, database_url: str, other_side: Database, jetstream: JetStreamContext
) -> None:
    visits = [f"visits/{number:02}" for number in range(20)]
    await tell(database, *visits)
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    await refuse_writes(database_url, other_side, True)
    with capture_logs() as logs:
        async with working(consumer(other_side, jetstream, back_off_seconds=(0.01,)).run()):
            await until(lambda: asyncio.sleep(0, any(line["event"] == "consumer.waiting" for line in logs)))
            await asyncio.sleep(2)
            assert await stored(jetstream, DEAD_LETTERS) == 0
            await refuse_writes(database_url, other_side, False)
            await until(lambda: count_is(database, 20))
    # One line for the outage, however long it is.
    assert [line["event"] for line in logs if "waiting" in line["event"]] == ["consumer.waiting"]
    assert sorted(await effects(database)) == visits
    assert await stored(jetstream, DEAD_LETTERS) == 0


async def test_tasks_wait_while_the_database_is_read_only(
    database: Database, database_url: str, other_side: Database, jetstream: JetStreamContext
) -> None:
    await put_in(database, *map(str, range(5)))
    async with working(Relay(database, jetstream).run()):
        await until(lambda: has_stored(jetstream, 5, WORK))
    await refuse_writes(database_url, other_side, True)
    async with working(worker(other_side, back_off_seconds=(0.01,)).run(jetstream)):
        await asyncio.sleep(3)
        assert await stored(jetstream, DEAD_LETTERS) == 0
        await refuse_writes(database_url, other_side, False)
        await until(lambda: count_is(database, 5))


@pytest.mark.parametrize("sqlstate", REFUSALS)
async def test_an_event_waits_while_the_database_refuses(
    database: Database, jetstream: JetStreamContext, sqlstate: str
) -> None:
    tries = 0

    async def meet_refusal(session: Session, event: VisitCreated, origin: Origin) -> None:
        nonlocal tries
        tries += 1
        if tries <= 2:
            await session.execute(text(f"DO $$ BEGIN RAISE 'refused' USING ERRCODE = '{sqlstate}'; END $$"))
        await sample.record(session, event, origin)

    await tell(database)
    runs = Relay(database, jetstream).run(), consumer(database, jetstream, meet_refusal, back_off_seconds=()).run()
    async with working(*runs):
        await until(lambda: count_is(database, 1))
    assert tries == 3
    assert await stored(jetstream, DEAD_LETTERS) == 0


@pytest.mark.parametrize("sqlstate", REFUSALS)
async def test_a_task_waits_while_the_database_refuses(
    database: Database, jetstream: JetStreamContext, sqlstate: str
) -> None:
    tries = 0

    async def meet_refusal(keys: Sequence[str]) -> None:
        nonlocal tries
        tries += 1
        if tries <= 2:
            async with database.begin() as session:
                await session.execute(text(f"DO $$ BEGIN RAISE 'refused' USING ERRCODE = '{sqlstate}'; END $$"))
        await sample.record_keys(database, keys)

    await put_in(database, "1")
    runs = Relay(database, jetstream).run(), worker(database, meet_refusal, back_off_seconds=()).run(jetstream)
    async with working(*runs):
        await until(lambda: count_is(database, 1))
    assert tries == 3
    assert await stored(jetstream, DEAD_LETTERS) == 0


async def test_a_handler_that_lacks_a_file_fails_as_any_other(database: Database, jetstream: JetStreamContext) -> None:
    async def look(session: Session, event: VisitCreated, origin: Origin) -> None:
        raise FileNotFoundError("no such template")

    await tell(database)
    runs = Relay(database, jetstream).run(), consumer(database, jetstream, look, back_off_seconds=()).run()
    async with working(*runs):
        await until(lambda: stored(jetstream, DEAD_LETTERS))
