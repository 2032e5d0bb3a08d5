"""Two versions of a service side by side, of which one knows a type of event that the other does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated, VisitReported
from austausch.exchange.v1.exchange_pb2 import Visit
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerInfo, DeliverPolicy
from structlog.testing import capture_logs

from chassis import consumer as consumers
from chassis import redelivery
from chassis.consumer import Consumer, Origin
from chassis.database import Database, Session
from chassis.jetstream import DEAD_LETTERS, STREAM
from chassis.outbox import Relay, emit
from tests.chassis import sample
from tests.chassis.messaging import count_is, effects, nothing_waits, stored, tell, until, working

NEW = VisitReported.DESCRIPTOR.full_name
OLD = VisitCreated.DESCRIPTOR.full_name


async def record_report(session: Session, event: VisitReported, origin: Origin) -> None:
    """Note that a visit was reported."""
    session.add(sample.Effect(event_id=origin.id, visit=f"reported: {event.visit.name}"))


def old(database: Database, jetstream: JetStreamContext) -> Consumer:
    """Return the service's consumer as it was."""
    return Consumer("sample", database, jetstream, {VisitCreated: sample.record}, (0.05, 0.05))


def new(database: Database, jetstream: JetStreamContext) -> Consumer:
    """Return the service's consumer as it is now: it knows one type more."""
    return Consumer(
        "sample", database, jetstream, {VisitCreated: sample.record, VisitReported: record_report}, (0.05, 0.05)
    )


async def report(database: Database, *visits: str) -> None:
    """Emit an event of the new type for each visit."""
    async with database.begin() as session:
        for visit in visits:
            emit(session, VisitReported(visit=Visit(name=visit)), visit)


@pytest.fixture(autouse=True)
async def _relay(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    # Events that nobody knows come again sooner than in earnest.
    monkeypatch.setattr(consumers, "UNKNOWN_BACK_OFF_SECONDS", (0.1, 0.3))
    async with working(Relay(database, jetstream).run()):
        yield


@contextlib.asynccontextmanager
async def started(consumer: Consumer, jetstream: JetStreamContext) -> AsyncIterator[None]:
    """Run a consumer beside the block, from when it has its subscription."""
    before = await waiting_requests(jetstream)
    async with working(consumer.run()):
        await until(lambda: is_more(jetstream, before))
        yield


async def waiting_requests(jetstream: JetStreamContext) -> int:
    """Return how many replicas ask for events."""
    infos = {info.name: info for info in await jetstream.consumers_info(STREAM)}
    return (infos["sample"].num_waiting or 0) if "sample" in infos else 0


async def is_more(jetstream: JetStreamContext, before: int) -> bool:
    """Tell whether one more asks for events."""
    return await waiting_requests(jetstream) > before


async def test_an_old_replica_that_connects_again_takes_no_events_from_the_new_one(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with started(new(database, jetstream), jetstream):
        pass
    async with started(old(database, jetstream), jetstream):
        # Only the old one runs: the event has to wait for the other.
        await report(database, "visits/1")
        await tell(database, "visits/2")
        await until(lambda: count_is(database, 1))
        await until(lambda: nothing_waits(database))
        await asyncio.sleep(1)
        assert await effects(database) == ["visits/2"]
    async with started(new(database, jetstream), jetstream):
        await until(lambda: count_is(database, 2))
    assert await effects(database) == ["visits/2", "reported: visits/1"]
    assert await stored(jetstream, DEAD_LETTERS) == 0


async def test_two_versions_side_by_side_apply_every_event_once(
    database: Database, jetstream: JetStreamContext
) -> None:
    visits = [f"visits/{number}" for number in range(60)]
    async with working(*(make(database, jetstream).run() for make in (new, old, old, new))):
        for start in range(0, 60, 10):
            await report(database, *visits[start : start + 10])
            await tell(database, *visits[start : start + 10])
            await asyncio.sleep(0.1)
        await until(lambda: count_is(database, 120))
    assert sorted(await effects(database)) == sorted([*visits, *(f"reported: {visit}" for visit in visits)])
    assert await stored(jetstream, DEAD_LETTERS) == 0


async def test_an_event_that_was_published_before_anybody_knew_it_is_applied_by_the_new_version(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with started(old(database, jetstream), jetstream):
        await report(database, "visits/1")
        await tell(database, "visits/2")
        await until(lambda: count_is(database, 1))
        await until(lambda: nothing_waits(database))
        async with working(new(database, jetstream).run()):
            await until(lambda: count_is(database, 2))
            await tell(database, "visits/3")
            await until(lambda: count_is(database, 3))
    assert await effects(database) == ["visits/2", "reported: visits/1", "visits/3"]


async def test_a_filter_that_an_older_release_narrowed_is_widened_again_and_nothing_is_skipped(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.3)
    async with started(new(database, jetstream), jetstream):
        await jetstream.add_consumer(
            STREAM, (await jetstream.consumer_info(STREAM, "sample")).config, filter_subjects=[OLD]
        )
        await report(database, "visits/1")
        await tell(database, "visits/2")
        await until(lambda: count_is(database, 2))
    assert sorted(await effects(database)) == ["reported: visits/1", "visits/2"]


async def test_an_event_of_a_new_type_that_is_stored_while_the_filter_is_widened_is_not_skipped(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = jetstream._nc.jetstream(timeout=5)
    widen = newer.add_consumer

    async def publish_just_before(*arguments: Any, **options: Any) -> ConsumerInfo:
        if not await stored(jetstream):
            await report(database, "visits/1")
            await tell(database, "visits/2")
            # NATS passes over what the filter does not let through.
            await until(lambda: count_is(database, 1))
        return await widen(*arguments, **options)

    monkeypatch.setattr(newer, "add_consumer", publish_just_before)
    async with started(old(database, jetstream), jetstream), working(new(database, newer).run()):
        await until(lambda: count_is(database, 2))


async def test_a_release_that_starts_at_the_beginning_of_the_stream_connects_after_one_that_knows_more(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with started(old(database, jetstream), jetstream):
        await report(database, "visits/1")
        await until(lambda: nothing_waits(database))
        async with working(new(database, jetstream).run()):
            await until(lambda: count_is(database, 1))
    await jetstream.add_consumer(
        STREAM,
        durable_name="sample",
        filter_subjects=[OLD],
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        max_deliver=-1,
        max_ack_pending=-1,
    )


async def test_replicas_that_widen_at_once_take_nothing_from_each_other(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with started(old(database, jetstream), jetstream):
        pass
    only_reports = Consumer("sample", database, jetstream, {VisitReported: record_report})
    async with working(only_reports.run(), *(old(database, jetstream).run() for _ in range(4))):
        await until(lambda: is_more(jetstream, 4))
    config = (await jetstream.consumer_info(STREAM, "sample")).config
    assert config.filter_subjects == [OLD, NEW]


async def test_what_no_version_knows_holds_up_nothing_and_is_told_of_once(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "UNKNOWN_BACK_OFF_SECONDS", redelivery.BACK_OFF_SECONDS)
    async with started(new(database, jetstream), jetstream):
        pass
    await report(database, *(f"visits/{number}" for number in range(1500)))
    await until(lambda: nothing_waits(database))
    with capture_logs() as logs:
        async with working(old(database, jetstream).run()):
            await asyncio.sleep(1)
            await tell(database, "visits/known")
            await until(lambda: count_is(database, 1))
    assert [line["type"] for line in logs if line["event"] == "event.unknown"] == [NEW]
    assert await stored(jetstream, DEAD_LETTERS) == 0
    assert (await jetstream.consumer_info(STREAM, "sample")).num_ack_pending


async def test_an_event_that_waited_for_long_has_all_its_tries(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def fail_twice(session: Session, event: VisitReported, origin: Origin) -> None:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise LookupError
        await record_report(session, event, origin)

    monkeypatch.setattr(consumers, "UNKNOWN_BACK_OFF_SECONDS", (0.05,))
    async with started(new(database, jetstream), jetstream):
        pass
    async with working(old(database, jetstream).run()):
        await report(database, "visits/1")
        await asyncio.sleep(2)
    newer = Consumer("sample", database, jetstream, {VisitReported: fail_twice}, (0.05, 0.05))
    async with working(newer.run()):
        await until(lambda: count_is(database, 1))
    assert await stored(jetstream, DEAD_LETTERS) == 0
