"""Work queues and their workers, on a real JetStream."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import func, select, text

from chassis.database import Database
from chassis.dead_letters import read, replay
from chassis.errors import Unavailable
from chassis.identity import identity
from chassis.jetstream import DEAD_LETTERS, STREAM, WORK, connect
from chassis.outbox import Relay, emit
from chassis.tables import OutboxTask
from chassis.work_queue import MAX_DELIVERIES, Progress, Queue, Worker, done, enqueue, held, pending, read_progress
from deploy.embedded import Nats
from tests.chassis import sample
from tests.chassis.messaging import (
    consumer,
    count_is,
    effects,
    has_stored,
    put_in,
    stored,
    tell,
    until,
    worker,
    working,
)

QUEUE = sample.RECORD


async def all_done(database: Database, jetstream: JetStreamContext) -> bool:
    """Tell whether no task of the queue is left anywhere."""
    progress = await read_progress(database, jetstream, QUEUE)
    return not progress.waiting and not progress.in_hand


async def publish(database: Database, jetstream: JetStreamContext, *keys: str) -> None:
    """Enqueue tasks, and wait until they are in NATS."""
    expected = await stored(jetstream, WORK) + len(keys)
    await put_in(database, *keys)
    async with working(Relay(database, jetstream).run()):
        await until(lambda: has_stored(jetstream, expected, WORK))
        await until(lambda: nothing_to_publish(database))


async def count_unpublished_tasks(database: Database) -> int:
    """Return how many tasks wait in the outbox."""
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(OutboxTask)) or 0


async def nothing_to_publish(database: Database) -> bool:
    """Tell whether the outbox of tasks is empty."""
    return not await count_unpublished_tasks(database)


async def test_two_workers_share_the_work_and_do_each_task_once(
    database: Database, jetstream: JetStreamContext, nats_server: Nats
) -> None:
    keys = [f"learnings/{number:03}" for number in range(500)]
    shares: list[list[str]] = [[], []]

    def note(share: list[str]) -> Worker:
        async def handle(given: Sequence[str]) -> None:
            share.extend(given)
            await sample.record_keys(database, given)

        return worker(database, handle)

    other = await connect(nats_server.url, "another process")
    workers = (note(shares[0]).run(jetstream), note(shares[1]).run(other.jetstream()))
    async with working(Relay(database, jetstream).run(), *workers):
        await put_in(database, *keys)
        await until(lambda: all_done(database, jetstream))
    await other.close()
    assert sorted(await effects(database)) == keys
    assert all(shares)


async def test_what_is_rolled_back_is_never_enqueued(database: Database, jetstream: JetStreamContext) -> None:
    async def enqueue_and_fail() -> None:
        async with database.begin() as session:
            enqueue(session, QUEUE, ["never"])
            await session.flush()
            raise LookupError

    async with working(Relay(database, jetstream).run(), worker(database).run(jetstream)):
        with pytest.raises(LookupError):
            await enqueue_and_fail()
        await put_in(database, "later")
        await until(lambda: effects(database))
        await until(lambda: all_done(database, jetstream))
    assert await effects(database) == ["later"]


async def test_a_task_that_nats_had_already_is_done_once(database: Database, jetstream: JetStreamContext) -> None:
    await put_in(database, "1")
    async with database.read() as session:
        (row,) = (await session.execute(select(OutboxTask.__table__))).mappings().all()
    async with working(Relay(database, jetstream).run(), worker(database).run(jetstream)):
        await until(lambda: effects(database))
        # As after a death between NATS's acknowledgement and the commit.
        async with database.begin() as session:
            session.add(OutboxTask(**row))
        await until(lambda: all_done(database, jetstream))
        await put_in(database, "2")
        await until(lambda: count_is(database, 2))
        await until(lambda: all_done(database, jetstream))
    assert await effects(database) == ["1", "2"]


def test_a_queue_is_named_after_its_service_and_a_task_has_a_key() -> None:
    for name in ("embed", "knowledge.", "knowledge.embed.all", "Knowledge.embed", "knowledge.*", "knowledge.>"):
        with pytest.raises(ValueError, match="can't be a queue"):
            Queue(name)
    with pytest.raises(ValueError, match="can't be a queue"):
        Queue("knowledge.embed", batch=0)
    with pytest.raises(ValueError, match="no key"):
        enqueue(None, QUEUE, [""])  # type: ignore[arg-type]


async def test_a_handler_gets_a_batch_with_each_key_once_and_acts_as_the_service(
    database: Database, jetstream: JetStreamContext
) -> None:
    batches: list[list[str]] = []
    subjects = set()

    async def note(keys: Sequence[str]) -> None:
        batches.append(sorted(keys))
        subjects.add(identity().subject)

    keys = [f"{number:02}" for number in range(QUEUE.batch)]
    await publish(database, jetstream, *keys[:10], *keys[:10], "größer", "城市 and more\n")
    async with working(worker(database, note).run(jetstream)):
        await until(lambda: all_done(database, jetstream))
    assert [len(batch) for batch in batches] in ([10, 2], [11, 1], [12])
    assert {key for batch in batches for key in batch} == {*keys[:10], "größer", "城市 and more\n"}
    assert subjects == {"services/sample"}


async def test_a_poisonous_task_is_buried_while_the_others_go_on_and_a_replay_does_it(
    database: Database, jetstream: JetStreamContext
) -> None:
    mended = False

    async def refuse(keys: Sequence[str]) -> None:
        if "bad" in keys and not mended:
            raise LookupError("no such\tlanguage")
        await sample.record_keys(database, keys)

    before = done.labels(QUEUE.name)._value.get()
    doing = worker(database, refuse)
    async with working(Relay(database, jetstream).run(), doing.run(jetstream)):
        await put_in(database, *map(str, range(10)), "bad", *map(str, range(10, 20)))
        await until(lambda: stored(jetstream, DEAD_LETTERS))
        await until(lambda: all_done(database, jetstream))
        assert sorted(await effects(database)) == sorted(map(str, range(20)))
        assert await doing.get_progress() == Progress(waiting=0, in_hand=0, dead=1)
        (letter,) = await read(jetstream)
        assert (letter.about, letter.headers["dead-reason"]) == ("bad", "LookupError: no such language")
        assert letter.headers["dead-subject"] == "work.sample.record"
        mended = True
        await replay(jetstream, letter)
        await until(lambda: count_is(database, 21))
        await until(lambda: all_done(database, jetstream))
        assert await doing.get_progress() == Progress(waiting=0, in_hand=0, dead=0)
    assert done.labels(QUEUE.name)._value.get() - before == 21


async def test_a_task_that_failed_is_tried_again_by_itself_after_a_pause(
    database: Database, jetstream: JetStreamContext
) -> None:
    tries: list[tuple[float, list[str]]] = []

    async def fail_twice(keys: Sequence[str]) -> None:
        if "bad" in keys:
            tries.append((time.monotonic(), list(keys)))
            if len(tries) < 4:
                raise LookupError
        await sample.record_keys(database, keys)

    await publish(database, jetstream, "bad", "good")
    async with working(worker(database, fail_twice, back_off_seconds=(0.3, 0.6)).run(jetstream)):
        await until(lambda: all_done(database, jetstream))
    assert sorted(await effects(database)) == ["bad", "good"]
    (_, together), *alone = tries
    assert sorted(together) == ["bad", "good"]
    assert [keys for _, keys in alone] == [["bad"]] * 3
    assert alone[1][0] - alone[0][0] >= 0.3
    assert alone[2][0] - alone[1][0] >= 0.6


async def test_what_kills_every_worker_is_buried_in_the_end(database: Database, jetstream: JetStreamContext) -> None:
    await publish(database, jetstream, "deadly")
    async with working(worker(database, hang).run(jetstream)):
        await until(lambda: in_hand_is(jetstream, 1))
    subscription = await jetstream.pull_subscribe_bind(durable=QUEUE.consumer, stream=WORK)
    for _ in range(MAX_DELIVERIES - 1):
        (message,) = await subscription.fetch(1, timeout=60)
        await message.nak()
    await subscription.unsubscribe()
    async with working(worker(database).run(jetstream)):
        await until(lambda: stored(jetstream, DEAD_LETTERS))
    (letter,) = await read(jetstream)
    assert (letter.about, "No worker survived" in letter.headers["dead-reason"]) == ("deadly", True)
    assert await effects(database) == []


async def hang(keys: Sequence[str]) -> None:
    """Handle tasks for ever."""
    await asyncio.sleep(3600)


async def in_hand_is(jetstream: JetStreamContext, wanted: int) -> bool:
    """Tell whether workers have so many tasks in hand."""
    infos = {info.name: info for info in await jetstream.consumers_info(WORK)}
    return QUEUE.consumer in infos and infos[QUEUE.consumer].num_ack_pending == wanted


async def test_what_is_no_fault_of_the_task_is_no_try(database: Database, jetstream: JetStreamContext) -> None:
    tries = 0

    async def wait_for_model(keys: Sequence[str]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Unavailable("The model is being copied.", reason="MODEL_AWAY")
        if tries == 2:
            async with database.begin() as session:
                await session.execute(text("DO $$ BEGIN RAISE 'met' USING ERRCODE = '40P01'; END $$"))
        await sample.record_keys(database, keys)

    await put_in(database, "1")
    doing = worker(database, wait_for_model, back_off_seconds=())
    async with working(Relay(database, jetstream).run(), doing.run(jetstream)):
        await until(lambda: effects(database))
    assert await stored(jetstream, DEAD_LETTERS) == 0
    assert tries == 3


async def test_while_the_database_is_away_no_task_is_given_up(
    database: Database, database_url: str, jetstream: JetStreamContext
) -> None:
    name = database_url.rpartition("/")[2]
    admin = Database(database_url.rpartition("/")[0] + "/postgres")

    async def refuse_connections(refuse: bool) -> None:
        async with admin.begin() as session:
            await session.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not refuse}"))
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            await session.execute(text(end), {"name": name})

    await publish(database, jetstream, *map(str, range(5)))
    apart = Database(database_url)
    await refuse_connections(True)
    await database.dispose()
    async with working(worker(apart, back_off_seconds=(0.01,)).run(jetstream)):
        await asyncio.sleep(2)
        assert await stored(jetstream, WORK) == 5
        await refuse_connections(False)
        await until(lambda: count_is(database, 5))
    assert await stored(jetstream, DEAD_LETTERS) == 0
    await admin.dispose()
    await apart.dispose()


async def test_a_slow_handler_keeps_its_tasks_to_itself(database: Database, jetstream: JetStreamContext) -> None:
    batches = 0

    async def work_slowly(keys: Sequence[str]) -> None:
        nonlocal batches
        batches += 1
        await asyncio.sleep(5)
        await sample.record_keys(database, keys)

    await publish(database, jetstream, *map(str, range(QUEUE.batch)))
    runs = (worker(database, work_slowly, ack_wait_seconds=2).run(jetstream) for _ in range(2))
    async with working(*runs):
        await until(lambda: count_is(database, QUEUE.batch))
        await until(lambda: all_done(database, jetstream))
    # A second batch is what came to the other worker while the first was still being sent.
    assert batches <= 2
    assert len(await effects(database)) == QUEUE.batch


async def test_tasks_in_hand_are_given_back_when_a_worker_stops(
    database: Database, jetstream: JetStreamContext
) -> None:
    await publish(database, jetstream, *map(str, range(5)))
    async with working(worker(database, hang, ack_wait_seconds=600).run(jetstream)):
        await until(lambda: in_hand_is(jetstream, 5))
    async with working(worker(database, ack_wait_seconds=600).run(jetstream)):
        await until(lambda: count_is(database, 5))


async def test_progress_counts_what_waits_is_in_hand_and_was_given_up(
    database: Database, jetstream: JetStreamContext
) -> None:
    assert await read_progress(database, jetstream, QUEUE) == Progress(waiting=0, in_hand=0, dead=0)
    await put_in(database, *map(str, range(30)))
    assert await read_progress(database, jetstream, QUEUE) == Progress(waiting=30, in_hand=0, dead=0)
    go_on = asyncio.Event()

    async def wait(keys: Sequence[str]) -> None:
        await go_on.wait()
        await sample.record_keys(database, keys)

    doing = worker(database, wait)
    assert await doing.get_progress() is None
    async with working(Relay(database, jetstream).run()):
        await until(lambda: has_stored(jetstream, 30, WORK))
        await until(lambda: nothing_to_publish(database))
    async with working(doing.run(jetstream)):
        await until(lambda: in_hand_is(jetstream, QUEUE.batch))
        assert await doing.get_progress() == Progress(waiting=10, in_hand=20, dead=0)
        go_on.set()
        await until(lambda: all_done(database, jetstream))
    assert pending.labels(QUEUE.name)._value.get() + held.labels(QUEUE.name)._value.get() == 30


async def test_ten_thousand_tasks_are_done_within_seconds(database: Database, jetstream: JetStreamContext) -> None:
    keys = [f"{number:05}" for number in range(10_000)]
    runs = (worker(database).run(jetstream) for _ in range(2))
    async with working(Relay(database, jetstream).run(), *runs):
        await put_in(database, *keys)
        await until(lambda: count_is(database, len(keys)), seconds=120)
        await until(lambda: all_done(database, jetstream))
    assert sorted(await effects(database)) == keys


async def test_tasks_hold_up_no_event(database: Database, jetstream: JetStreamContext) -> None:
    async with working(Relay(database, jetstream).run()):
        await put_in(database, *map(str, range(20_000)))
        await asyncio.sleep(0.2)
        await tell(database)
        await until(lambda: stored(jetstream, STREAM))
        # Before half of the tasks are there, however fast they are published.
        assert await count_unpublished_tasks(database) > 10_000


async def test_tasks_that_find_no_room_in_nats_wait_in_the_outbox_and_events_go_on(
    database: Database, jetstream: JetStreamContext
) -> None:
    config = (await jetstream.stream_info(WORK)).config
    await jetstream.update_stream(StreamConfig(**{**config.__dict__, "max_msgs": 10}))
    async with working(Relay(database, jetstream).run()):
        await put_in(database, *map(str, range(50)))
        await until(lambda: has_stored(jetstream, 10, WORK))
        assert (await read_progress(database, jetstream, QUEUE)).waiting >= 50
        await tell(database)
        await until(lambda: stored(jetstream, STREAM))
        async with working(worker(database).run(jetstream)):
            await until(lambda: all_done(database, jetstream))
    assert sorted(await effects(database)) == sorted(map(str, range(50)))


async def test_events_and_tasks_of_one_transaction_both_arrive(database: Database, jetstream: JetStreamContext) -> None:
    runs = (consumer(database, jetstream).run(), worker(database).run(jetstream))
    async with working(Relay(database, jetstream).run(), *runs):
        async with database.begin() as session:
            emit(session, sample.visit_created("visits/1"), "visits/1")
            enqueue(session, QUEUE, ["visits/1"])
        await until(lambda: count_is(database, 2))


async def test_a_task_carries_the_trace_of_what_caused_it(database: Database, jetstream: JetStreamContext) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("call") as span:
        await publish(database, jetstream, "traced")
    message = await jetstream.get_msg(WORK, 1)
    assert trace.format_trace_id(span.get_span_context().trace_id) in (message.headers or {})["traceparent"]
    async with working(worker(database).run(jetstream)):
        await until(lambda: effects(database))
