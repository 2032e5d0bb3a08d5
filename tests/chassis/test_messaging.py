"""Outbox, relay, consumer and dead letters, on a real JetStream."""

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from austausch.exchange.v1.exchange_pb2 import CreateCityRequest, GetCityRequest
from nats.aio.client import Client
from nats.js import JetStreamContext
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import func, select, text, update

from chassis import embedded, server
from chassis.client import aio_channel
from chassis.consumer import Consumer, Handler, Origin
from chassis.database import Database, Session
from chassis.dead_letters import read, replay
from chassis.embedded import Nats
from chassis.identity import Role, identity
from chassis.outbox import DEAD_LETTERS, STREAM, Relay, emit, listen
from chassis.settings import ServiceSettings
from chassis.tables import InboxEvent, OutboxEvent
from tests.calls import Keys, RunningService
from tests.chassis import sample
from tests.chassis.test_calls import MANNHEIM

VISIT = "visits/018f2d5c-0000-7000-8000-000000000001"


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 15) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def working(*runs: Awaitable[None]) -> AsyncIterator[None]:
    """Run relays and consumers beside the block."""
    tasks = [asyncio.ensure_future(run) for run in runs]
    try:
        yield
    finally:
        pending = set(tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)


def consumer(
    database: Database,
    jetstream: JetStreamContext,
    handler: Handler = sample.record,
    *,
    name: str = "sample",
    back_off_seconds: tuple[float, ...] = (0.05, 0.05),
    ack_wait_seconds: float = 10,
) -> Consumer:
    """Return a consumer of the sample's event with short pauses between its tries."""
    return Consumer(
        name, database, jetstream, {VisitCreated: handler}, back_off_seconds=back_off_seconds,
        ack_wait_seconds=ack_wait_seconds,
    )  # fmt: skip


async def tell(database: Database, *visits: str) -> None:
    """Emit an event for each visit, in one transaction."""
    async with database.begin() as session:
        for visit in visits or (VISIT,):
            emit(session, sample.visit_created(visit), visit)


async def effects(database: Database) -> list[str]:
    """Return the visits that an event was applied of."""
    async with database.read() as session:
        return list(await session.scalars(select(sample.Effect.visit).order_by(sample.Effect.id)))


async def stored(jetstream: JetStreamContext, stream: str = STREAM) -> int:
    """Return how many messages a stream holds."""
    return (await jetstream.stream_info(stream)).state.messages


async def unpublished(database: Database) -> int:
    """Return how many events wait in the outbox."""
    async with database.read() as session:
        waiting = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.publish_time.is_(None))
        return await session.scalar(waiting) or 0


async def test_an_event_is_applied_within_moments_of_its_commit(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with working(Relay(database, jetstream).run(), consumer(database, jetstream).run()):
        await tell(database)
        await until(lambda: effects(database))  # Both have started.
        started = asyncio.get_running_loop().time()
        await tell(database, "visits/2")
        await until(lambda: count_is(database, 2))
        assert asyncio.get_running_loop().time() - started < 1


async def count_is(database: Database, wanted: int) -> bool:
    """Tell whether so many events were applied."""
    return len(await effects(database)) == wanted


async def tell_and_fail(database: Database) -> None:
    """Emit an event in a transaction that rolls back."""
    async with database.begin() as session:
        emit(session, sample.visit_created("visits/never"), "visits/never")
        await session.flush()
        raise LookupError


async def test_what_is_rolled_back_is_never_told(database: Database, jetstream: JetStreamContext) -> None:
    async with working(Relay(database, jetstream).run()):
        with pytest.raises(LookupError):
            await tell_and_fail(database)
        await tell(database)
        await until(lambda: stored(jetstream))
    assert await stored(jetstream) == 1


async def test_a_message_follows_cloudevents_in_binary_mode(database: Database, jetstream: JetStreamContext) -> None:
    async with working(Relay(database, jetstream).run()):
        await tell(database)
        await until(lambda: stored(jetstream))
    message = await jetstream.get_msg(STREAM, 1)
    assert message.subject == "austausch.exchange.v1.VisitCreated"
    assert VisitCreated.FromString(message.data or b"") == sample.visit_created(VISIT)
    assert message.headers
    assert message.headers["ce-type"] == "austausch.exchange.v1.VisitCreated"
    assert message.headers["ce-source"] == "/exchange"
    assert message.headers["ce-subject"] == VISIT
    assert message.headers["ce-specversion"] == "1.0"
    assert message.headers["ce-id"] == message.headers["Nats-Msg-Id"]


async def test_two_relays_at_once_publish_each_event_once(database: Database, jetstream: JetStreamContext) -> None:
    visits = [f"visits/{number}" for number in range(600)]
    async with database.begin() as session:
        for visit in visits:
            emit(session, sample.visit_created(visit), visit)
    async with working(Relay(database, jetstream).run(), Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    assert await stored(jetstream) == len(visits)


async def nothing_waits(database: Database) -> bool:
    """Tell whether the outbox is empty."""
    return await unpublished(database) == 0


async def only_one_waits(database: Database) -> bool:
    """Tell whether a single event is left in the outbox."""
    return await unpublished(database) == 1


async def test_an_event_that_nats_had_already_is_stored_and_applied_once(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with working(Relay(database, jetstream).run(), consumer(database, jetstream).run()):
        await tell(database)
        await until(lambda: effects(database))
        # As after a death between NATS's acknowledgement and the commit.
        async with database.begin() as session:
            await session.execute(update(OutboxEvent).values(publish_time=None))
        await until(lambda: nothing_waits(database))
        assert await stored(jetstream) == 1
        # And past the time in which JetStream knows a duplicate.
        message = await jetstream.get_msg(STREAM, 1)
        again = {**(message.headers or {}), "Nats-Msg-Id": "another"}
        await jetstream.publish(message.subject or "", message.data or b"", headers=again)
        await tell(database, "visits/last")
        await until(lambda: count_is(database, 2))
    assert await effects(database) == [VISIT, "visits/last"]


async def test_an_event_that_nats_refuses_does_not_hold_up_the_others(
    database: Database, jetstream: JetStreamContext
) -> None:
    await tell(database, "x" * 2_000_000, "visits/small")
    async with working(Relay(database, jetstream).run()):
        await until(lambda: stored(jetstream))
        await tell(database, "visits/next")
        await until(lambda: has_stored(jetstream, 2))
        # The relay marks an event as published after NATS has it.
        await until(lambda: only_one_waits(database))


async def has_stored(jetstream: JetStreamContext, wanted: int, stream: str = STREAM) -> bool:
    """Tell whether a stream holds so many messages."""
    return await stored(jetstream, stream) == wanted


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


async def test_two_replicas_share_the_events(database: Database, jetstream: JetStreamContext) -> None:
    visits = [f"visits/{number}" for number in range(200)]
    runs = (consumer(database, jetstream).run() for _ in range(2))
    async with working(Relay(database, jetstream).run(), *runs):
        await tell(database, *visits)
        await until(lambda: count_is(database, 200))
    assert sorted(await effects(database)) == sorted(visits)


async def test_a_poison_event_is_buried_with_its_reason_and_a_replay_applies_it(
    database: Database, jetstream: JetStreamContext
) -> None:
    tries = []

    async def refuse(session: Session, event: VisitCreated, origin: Origin) -> None:
        await sample.record(session, event, origin)
        if event.visit.name == "visits/bad":
            tries.append(origin.id)
            if len(tries) <= 3:
                raise LookupError("unknown\r\nfür immer: 城市\n")

    async with working(Relay(database, jetstream).run(), consumer(database, jetstream, refuse).run()):
        await tell(database, "visits/bad", "visits/good")
        await until(lambda: stored(jetstream, DEAD_LETTERS))
        await until(lambda: effects(database))
        assert await effects(database) == ["visits/good"]
        assert len(tries) == 3
        (letter,) = await read(jetstream)
        assert letter.id == tries[0]
        assert letter.headers["dead-consumer"] == "sample"
        assert letter.headers["dead-subject"] == "austausch.exchange.v1.VisitCreated"
        assert letter.headers["dead-reason"].startswith("LookupError: unknown f")
        await replay(jetstream, letter)
        await until(lambda: count_is(database, 2))
        assert await stored(jetstream, DEAD_LETTERS) == 0
        async with database.read() as session:
            assert await session.get(InboxEvent, letter.id)


async def test_a_replay_that_fails_again_is_buried_again(database: Database, jetstream: JetStreamContext) -> None:
    async def refuse(session: Session, event: VisitCreated, origin: Origin) -> None:
        raise LookupError("still")

    async with working(
        Relay(database, jetstream).run(), consumer(database, jetstream, refuse, back_off_seconds=()).run()
    ):
        await tell(database)
        for _ in range(3):
            await until(lambda: stored(jetstream, DEAD_LETTERS))
            (letter,) = await read(jetstream)
            await replay(jetstream, letter)
            await until(lambda first=letter.sequence: is_newer(jetstream, first))  # type: ignore[misc]


async def is_newer(jetstream: JetStreamContext, sequence: int) -> bool:
    """Tell whether a dead letter came after one."""
    return (await jetstream.stream_info(DEAD_LETTERS)).state.last_seq > sequence


async def test_a_replay_is_for_the_consumer_that_gave_up_and_for_nobody_else(
    database: Database, jetstream: JetStreamContext
) -> None:
    bad = True

    async def refuse(session: Session, event: VisitCreated, origin: Origin) -> None:
        if bad:
            raise LookupError("not yet")
        session.add(sample.Effect(event_id=origin.id, visit=f"{identity().name}: {event.visit.name}"))

    async def forget(session: Session, event: VisitCreated, origin: Origin) -> None:
        await session.execute(text("DELETE FROM inbox"))  # As after many weeks.
        session.add(sample.Effect(event_id=origin.id, visit=f"{identity().name}: {event.visit.name}"))

    async with working(
        Relay(database, jetstream).run(),
        consumer(database, jetstream, refuse, name="first", back_off_seconds=()).run(),
        consumer(database, jetstream, forget, name="second").run(),
    ):
        await tell(database)
        await until(lambda: stored(jetstream, DEAD_LETTERS))
        await until(lambda: count_is(database, 1))
        bad = False
        (letter,) = await read(jetstream)
        await replay(jetstream, letter)
        await until(lambda: count_is(database, 2))
        await asyncio.sleep(0.3)
    assert await effects(database) == [f"second: {VISIT}", f"first: {VISIT}"]


async def test_a_message_that_nobody_can_read_is_buried_at_once(
    database: Database, jetstream: JetStreamContext
) -> None:
    subject = VisitCreated.DESCRIPTOR.full_name
    headers = {"ce-id": "1", "ce-time": "2026-01-01T00:00:00+00:00"}
    await jetstream.publish(subject, b"\xff\xff\xff", headers=headers)
    await jetstream.publish(subject, b"")
    await jetstream.publish(subject, b"", headers={**headers, "ce-time": "yesterday"})
    async with working(consumer(database, jetstream, back_off_seconds=(60,)).run()):
        await until(lambda: has_stored(jetstream, 3, DEAD_LETTERS))
    reasons = [letter.headers["dead-reason"].split(":")[0] for letter in await read(jetstream)]
    assert reasons == ["DecodeError", "KeyError", "ValueError"]
    assert await effects(database) == []


async def test_a_slow_handler_keeps_its_events_to_itself(database: Database, jetstream: JetStreamContext) -> None:
    deliveries = 0

    async def slow(session: Session, event: VisitCreated, origin: Origin) -> None:
        nonlocal deliveries
        deliveries += 1
        await asyncio.sleep(0.7)
        await sample.record(session, event, origin)

    await tell(database, "visits/1", "visits/2", "visits/3", "visits/4")
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
    async with working(consumer(database, jetstream, slow, ack_wait_seconds=1).run()):
        await until(lambda: count_is(database, 4))
        await asyncio.sleep(1.2)
        info = await jetstream.consumer_info(STREAM, "sample")
    assert deliveries == 4
    assert info.num_redelivered == 0


async def test_events_in_hand_are_given_back_when_a_consumer_stops(
    database: Database, jetstream: JetStreamContext
) -> None:
    began = asyncio.Event()

    async def hang(session: Session, event: VisitCreated, origin: Origin) -> None:
        began.set()
        await asyncio.sleep(60)

    await tell(database, "visits/1", "visits/2", "visits/3")
    async with working(Relay(database, jetstream).run()):
        await until(lambda: nothing_waits(database))
        async with working(consumer(database, jetstream, hang, ack_wait_seconds=60).run()):
            await began.wait()
        async with working(consumer(database, jetstream, ack_wait_seconds=60).run()):
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


async def test_calls_are_served_while_nats_is_away_and_their_events_arrive_later(
    database_url: str, keys: Keys, tmp_path: Path
) -> None:
    with embedded.nats(tmp_path / "nats") as nats:
        pass
    settings = ServiceSettings(
        database_url=database_url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    service = sample.service(settings)
    async with server.running(service) as address, aio_channel(address) as channel:
        caller = RunningService("exchange", address, settings, service.database, channel, keys).as_(Role.COORDINATOR)
        await caller.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))
        assert (await caller.GetCity(GetCityRequest(name="cities/mannheim"))).display_name == "Mannheim"
        assert await unpublished(service.database) == 1
        with embedded.nats(tmp_path / "nats", port=nats.port):
            await until(lambda: effects(service.database))
        # And once more, after a restart of NATS.
        await caller.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="monnem"))
        with embedded.nats(tmp_path / "nats", port=nats.port):
            await until(lambda: count_is(service.database, 2))


async def test_a_nats_that_lost_its_data_gets_its_streams_again(database_url: str, keys: Keys, tmp_path: Path) -> None:
    with embedded.nats(tmp_path / "old") as nats:
        pass
    settings = ServiceSettings(
        database_url=database_url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    (tmp_path / "new").mkdir(mode=0o700)
    (tmp_path / "new" / "password").write_text((tmp_path / "old" / "password").read_text())
    service = sample.service(settings)
    async with server.running(service):
        with embedded.nats(tmp_path / "old", port=nats.port):
            await tell(service.database)
            await until(lambda: effects(service.database))
        with embedded.nats(tmp_path / "new", port=nats.port):
            await tell(service.database, "visits/2")
            await until(lambda: count_is(service.database, 2))


async def test_a_connection_that_nats_closes_for_good_is_replaced(settings: ServiceSettings) -> None:
    service = sample.service(settings)
    async with server.running(service):
        await tell(service.database)
        await until(lambda: effects(service.database))
        # The client gives up a connection on which the server reports an error of the protocol.
        await break_protocol(service)
        await tell(service.database, "visits/2")
        await until(lambda: count_is(service.database, 2))


async def break_protocol(service: server.Service) -> None:
    """Send NATS, on the service's own connection, what it does not understand."""
    (client,) = [
        found
        for found in gc.get_objects()
        if isinstance(found, Client) and found.is_connected and found.options["name"] == service.name
    ]
    assert client._transport
    client._transport.write(b"NONSENSE\r\n")
    await asyncio.sleep(0.2)


async def test_listen_hears_again_after_its_connection_was_lost(database: Database, database_url: str) -> None:
    heard: list[str] = []
    async with working(listen(database_url, "news", heard.append)):
        await until(lambda: asyncio.sleep(0, heard == [""]))
        async with database.begin() as session:
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            await session.execute(text(end))
        await until(lambda: asyncio.sleep(0, heard == ["", ""]))
        async with database.begin() as session:
            await session.execute(text("NOTIFY news, 'visits/1'"))
        await until(lambda: asyncio.sleep(0, heard == ["", "", "visits/1"]))


async def test_the_dead_letter_tool_lists_and_replays(
    database: Database, jetstream: JetStreamContext, nats_server: Nats
) -> None:
    subject = VisitCreated.DESCRIPTOR.full_name
    await jetstream.publish(subject, b"\xff\xff", headers={"ce-id": "e1", "ce-time": "2026-01-01T00:00:00+00:00"})
    async with working(consumer(database, jetstream).run()):
        await until(lambda: stored(jetstream, DEAD_LETTERS))
    listed = await tool(nats_server, "list")
    assert "e1" in listed
    assert "DecodeError" in listed
    assert await tool(nats_server, "replay", "another") == ""
    assert await stored(jetstream, DEAD_LETTERS) == 1
    assert "replayed e1" in await tool(nats_server, "replay")
    assert await stored(jetstream, DEAD_LETTERS) == 0


async def tool(nats: Nats, *arguments: str) -> str:
    """Run ``python -m chassis.dead_letters`` and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chassis.dead_letters", *arguments, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NATS_URL": nats.url},
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()
