"""Consumers and their inbox, on a real JetStream."""

import asyncio
from collections.abc import Sequence

import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import text

from chassis import consumer as consumers
from chassis.consumer import Arrival, Origin, Together, repeated
from chassis.database import Database, Session
from chassis.identity import Role, identity
from chassis.jetstream import DEAD_LETTERS, STREAM
from chassis.outbox import Relay
from chassis.redelivery import read_own_headers
from tests.chassis import sample
from tests.chassis.messaging import (
    VISIT,
    consumer,
    count_is,
    effects,
    has_stored,
    nothing_waits,
    stored,
    tell,
    until,
    working,
)


async def test_a_consumer_that_was_down_catches_up(database: Database, jetstream: JetStreamContext) -> None:
    visits = [f"visits/{number}" for number in range(150)]
    async with working(Relay(database, jetstream).run()):
        async with working(consumer(database, jetstream).run()):
            await tell(database)
            await until(lambda: effects(database))
        await tell(database, *visits)
        await until(lambda: nothing_waits(database))
        assert await effects(database) == [VISIT]
        async with working(consumer(database, jetstream).run()):
            await until(lambda: count_is(database, 151))
    assert sorted(await effects(database)) == sorted([VISIT, *visits])


async def test_events_that_wait_are_applied_together_and_in_halves_where_one_fails(
    database: Database, jetstream: JetStreamContext
) -> None:
    transactions: dict[str, set[int]] = {"good": set(), "bad": set()}
    kind = "good"

    async def note(session: Session, event: VisitCreated, origin: Origin) -> None:
        await sample.record(session, event, origin)
        if event.visit.name == "visits/bad":
            raise LookupError
        transactions[kind].add(await session.scalar(text("SELECT txid_current()")))

    async def catch_up(*visits: str) -> None:
        await tell(database, *visits)
        async with working(Relay(database, jetstream).run()):
            await until(lambda: nothing_waits(database))
        known = len(await effects(database))
        async with working(consumer(database, jetstream, note, back_off_seconds=(60,)).run()):
            await until(lambda: count_is(database, known + len(visits) - ("visits/bad" in visits)))

    await catch_up(*(f"visits/{number}" for number in range(40)))
    kind = "bad"
    await catch_up(*(f"visits/{number}" for number in range(40, 60)), "visits/bad")
    assert len(transactions["good"]) == 1
    # Of 21: those with the bad one in them are cut in two until it is alone, and the other halves are applied whole.
    assert 2 <= len(transactions["bad"]) <= 12
    assert sorted(await effects(database)) == sorted(f"visits/{number}" for number in range(60))


async def test_what_is_handled_together_comes_in_one_call_and_alone_where_one_fails(
    database: Database, jetstream: JetStreamContext
) -> None:
    calls: list[int] = []

    async def record_all(session: Session, arrivals: Sequence[Arrival]) -> None:
        visits = [arrival.content.visit.name for arrival in arrivals]
        session.add_all(sample.Effect(event_id="", visit=visit) for visit in visits)
        if "visits/bad" in visits:
            raise LookupError
        calls.append(len(visits))

    async def catch_up(*visits: str) -> None:
        await tell(database, *visits)
        async with working(Relay(database, jetstream).run()):
            await until(lambda: nothing_waits(database))
        known = len(await effects(database))
        async with working(consumer(database, jetstream, Together(record_all), back_off_seconds=(60,)).run()):
            await until(lambda: count_is(database, known + len(visits) - ("visits/bad" in visits)))

    await catch_up(*(f"visits/{number}" for number in range(40)))
    assert calls == [40]
    await catch_up(*(f"visits/{number}" for number in range(40, 60)), "visits/bad")
    assert sum(calls) == 60
    assert sorted(await effects(database)) == sorted(f"visits/{number}" for number in range(60))


async def test_an_event_that_comes_twice_at_once_has_one_effect_and_is_counted_as_repeated(
    database: Database, jetstream: JetStreamContext
) -> None:
    visits = [f"visits/{number}" for number in range(5)]
    await tell(database, *visits)
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    for sequence in range(1, 6):
        message = await jetstream.get_msg(STREAM, sequence)
        again = {**read_own_headers(message.headers), "Nats-Msg-Id": f"again-{sequence}"}
        await jetstream.publish(str(message.subject), message.data or b"", headers=again)
    before = repeated.labels(VisitCreated.DESCRIPTOR.full_name)._value.get()
    async with working(consumer(database, jetstream).run()):
        await until(lambda: count_is(database, 5))
        await until(lambda: all_acknowledged(jetstream))
    assert sorted(await effects(database)) == visits
    assert repeated.labels(VisitCreated.DESCRIPTOR.full_name)._value.get() - before == 5


async def all_acknowledged(jetstream: JetStreamContext) -> bool:
    info = await jetstream.consumer_info(STREAM, "sample")
    return info.num_ack_pending == 0 and info.num_pending == 0


async def test_two_transactions_that_meet_are_no_try_of_the_event(
    database: Database, jetstream: JetStreamContext
) -> None:
    tries = 0

    async def meet(session: Session, event: VisitCreated, origin: Origin) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            await session.execute(text("DO $$ BEGIN RAISE 'met' USING ERRCODE = '40P01'; END $$"))
        await sample.record(session, event, origin)

    await tell(database)
    async with working(
        Relay(database, jetstream).run(), consumer(database, jetstream, meet, back_off_seconds=()).run()
    ):
        await until(lambda: count_is(database, 1))
    assert await stored(jetstream, DEAD_LETTERS) == 0
    assert tries == 4


async def test_an_event_is_given_up_also_where_more_fail_than_are_remembered(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(session: Session, event: VisitCreated, origin: Origin) -> None:
        raise LookupError

    monkeypatch.setattr(consumers, "MAX_FAILURES", 2)
    await tell(database, *(f"visits/{number}" for number in range(10)))
    async with working(Relay(database, jetstream).run(), consumer(database, jetstream, fail).run()):
        await until(lambda: has_stored(jetstream, 10, DEAD_LETTERS))


async def test_two_replicas_share_the_events(database: Database, jetstream: JetStreamContext) -> None:
    visits = [f"visits/{number}" for number in range(200)]
    runs = (consumer(database, jetstream).run() for _ in range(2))
    async with working(Relay(database, jetstream).run(), *runs):
        await tell(database, *visits)
        await until(lambda: count_is(database, 200))
    assert sorted(await effects(database)) == sorted(visits)


async def test_a_slow_handler_keeps_its_events_to_itself(database: Database, jetstream: JetStreamContext) -> None:
    deliveries = 0

    async def slow(session: Session, event: VisitCreated, origin: Origin) -> None:
        nonlocal deliveries
        deliveries += 1
        await asyncio.sleep(1.4)
        await sample.record(session, event, origin)

    await tell(database, "visits/1", "visits/2", "visits/3", "visits/4")
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    async with working(consumer(database, jetstream, slow, ack_wait_seconds=2).run()):
        await until(lambda: count_is(database, 4))
        await asyncio.sleep(2.4)
        info = await jetstream.consumer_info(STREAM, "sample")
    assert deliveries == 4
    assert info.num_redelivered == 0


async def test_events_in_hand_are_given_back_when_a_consumer_stops(
    database: Database, jetstream: JetStreamContext
) -> None:
    began = asyncio.Event()

    async def hang(session: Session, event: VisitCreated, origin: Origin) -> None:
        began.set()
        await asyncio.sleep(3600)

    await tell(database, "visits/1", "visits/2", "visits/3")
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
        async with working(consumer(database, jetstream, hang, ack_wait_seconds=600).run()):
            await began.wait()
        async with working(consumer(database, jetstream, ack_wait_seconds=600).run()):
            await until(lambda: count_is(database, 3))


async def test_while_the_consumers_database_is_away_no_event_is_given_up(
    database: Database, database_url: str, jetstream: JetStreamContext
) -> None:
    name = database_url.rpartition("/")[2]

    async def refuse_connections(admin: Database, refuse: bool) -> None:
        async with admin.begin() as session:
            await session.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not refuse}"))
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            await session.execute(text(end), {"name": name})

    await tell(database)
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    admin = Database(database_url.rpartition("/")[0] + "/postgres")
    apart = Database(database_url)
    await refuse_connections(admin, True)
    await database.dispose()
    async with working(consumer(apart, jetstream, back_off_seconds=(0.01,)).run()):
        await asyncio.sleep(2)
        assert await stored(jetstream, DEAD_LETTERS) == 0
        await refuse_connections(admin, False)
        await until(lambda: effects(database))
    assert await stored(jetstream, DEAD_LETTERS) == 0
    await admin.dispose()
    await apart.dispose()


async def test_the_trace_of_a_call_goes_on_in_the_consumer(database: Database, jetstream: JetStreamContext) -> None:
    tracer = TracerProvider().get_tracer("test")
    seen = []

    async def look(session: Session, event: VisitCreated, origin: Origin) -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)

    async with working(Relay(database, jetstream).run(), consumer(database, jetstream, look).run()):
        with tracer.start_as_current_span("call") as span:
            await tell(database)
        await until(lambda: asyncio.sleep(0, bool(seen)))
    assert seen == [span.get_span_context().trace_id]


async def test_what_is_handled_together_keeps_the_trace_of_each_call(
    database: Database, jetstream: JetStreamContext
) -> None:
    tracer = TracerProvider().get_tracer("test")
    seen: dict[str, int] = {}

    async def look(session: Session, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            with arrival.trace():
                seen[arrival.content.visit.name] = trace.get_current_span().get_span_context().trace_id

    told = {}
    for visit in ("visits/one", "visits/other"):
        with tracer.start_as_current_span("call") as span:
            await tell(database, visit)
        told[visit] = span.get_span_context().trace_id
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    async with working(consumer(database, jetstream, Together(look)).run()):
        await until(lambda: asyncio.sleep(0, len(seen) == 2))
    assert seen == told


async def test_a_handler_acts_as_the_service_itself(database: Database, jetstream: JetStreamContext) -> None:
    seen = []

    async def look(session: Session, event: VisitCreated, origin: Origin) -> None:
        seen.append((identity(), origin.source, origin.subject))

    async with working(Relay(database, jetstream).run(), consumer(database, jetstream, look).run()):
        await tell(database)
        await until(lambda: asyncio.sleep(0, bool(seen)))
    ((who, source, subject),) = seen
    assert who.subject == "services/sample"
    assert who.roles == frozenset({Role.SERVICE})
    assert (source, subject) == ("/exchange", VISIT)
