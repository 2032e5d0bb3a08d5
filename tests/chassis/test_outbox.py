"""The outbox and its relay, on a real JetStream."""

import asyncio
from datetime import timedelta

import pytest
from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from sqlalchemy import func, select, text, update

from chassis import outbox
from chassis.database import Database
from chassis.jetstream import STREAM, ensure_streams
from chassis.model import now
from chassis.notifications import listen
from chassis.outbox import Relay, emit, remember_applied, republish
from chassis.tables import InboxEvent, OutboxEvent, RequestId
from tests.chassis import sample
from tests.chassis.messaging import (
    VISIT,
    consumer,
    count_is,
    effects,
    has_stored,
    nothing_waits,
    only_one_waits,
    stored,
    tell,
    unpublished,
    until,
    working,
)


async def test_an_event_is_applied_within_moments_of_its_commit(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody looks into the outbox but when an event is committed.
    monkeypatch.setattr(outbox, "POLL_SECONDS", 600.0)
    async with working(Relay(database, jetstream).run(), consumer(database, jetstream).run()):
        await tell(database)
        await until(lambda: effects(database))  # Both have started.
        await tell(database, "visits/2")
        await until(lambda: count_is(database, 2))


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


async def test_an_event_that_nats_says_nothing_of_does_not_hold_up_the_others(
    database: Database, jetstream: JetStreamContext
) -> None:
    # Somebody listens, so that NATS does not say at once that it stores no such subject.
    silent = await jetstream._nc.subscribe("foreign.Event")
    async with database.begin() as session:
        session.add(OutboxEvent(id="0", type="foreign.Event", headers={}, payload=b"", create_time=now()))
    await tell(database)
    async with working(Relay(database, jetstream).run()):
        await until(lambda: only_one_waits(database))
    await silent.unsubscribe()


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


async def lose_everything(jetstream: JetStreamContext) -> None:
    """Let NATS lose all events, and the consumers that it knows."""
    await jetstream.delete_stream(STREAM)
    await ensure_streams(jetstream)


async def test_what_nats_lost_is_published_again_and_applied_once(
    database: Database, jetstream: JetStreamContext
) -> None:
    start = now()
    async with working(Relay(database, jetstream).run()):
        await tell(database, "visits/1", "visits/2")
        await until(lambda: nothing_waits(database))
        await lose_everything(jetstream)
        assert await republish(database, start) == 2
        async with working(consumer(database, jetstream).run()):
            await until(lambda: count_is(database, 2))
        await lose_everything(jetstream)
        assert await republish(database, start) == 2
        await until(lambda: has_stored(jetstream, 2))
        await tell(database, "visits/3")
        async with working(consumer(database, jetstream).run()):
            await until(lambda: count_is(database, 3))
    assert sorted(await effects(database)) == ["visits/1", "visits/2", "visits/3"]


async def test_more_events_than_one_statement_changes_are_published_again(
    database: Database, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PIECE", 2)
    async with working(Relay(database, jetstream).run()):
        await tell(database, *(f"visits/{number}" for number in range(5)))
        await until(lambda: nothing_waits(database))
    assert await republish(database, now() - timedelta(hours=1)) == 5
    assert await unpublished(database) == 5


async def test_the_inbox_remembers_all_that_was_applied_long_ago(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PIECE", 2)
    async with database.begin() as session:
        for number in range(5):
            session.add(InboxEvent(event_id=str(number), type="", receive_time=now() - timedelta(days=50)))
    await remember_applied(database)
    async with database.read() as session:
        oldest = await session.scalar(select(func.min(InboxEvent.receive_time)))
    assert oldest
    assert now() - oldest < timedelta(days=1)


async def test_only_what_was_emitted_since_then_is_published_again(
    database: Database, jetstream: JetStreamContext
) -> None:
    async with working(Relay(database, jetstream).run()):
        await tell(database, "visits/1")
        await until(lambda: nothing_waits(database))
        start = now()
        await tell(database, "visits/2")
        await until(lambda: nothing_waits(database))
    assert await republish(database, start) == 1
    assert await only_one_waits(database)


async def test_what_is_old_is_deleted_a_batch_at_a_time_and_what_waits_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch, jetstream: JetStreamContext
) -> None:
    monkeypatch.setattr(outbox, "PURGE_BATCH", 10)
    moments = {"old": now() - timedelta(days=61), "fresh": now() - timedelta(days=6)}
    event = {"type": "", "headers": {}, "payload": b"", "create_time": now()}
    async with database.begin() as session:
        for number in range(25):
            session.add(OutboxEvent(id=f"waits {number}", **event))
            for kind, moment in moments.items():
                id_ = f"{kind} {number}"
                session.add(OutboxEvent(id=id_, publish_time=moment, **event))
                session.add(InboxEvent(event_id=id_, type="", receive_time=moment))
                session.add(RequestId(subject="", request_id=id_, request_digest=b"", create_time=moment))
    await Relay(database, jetstream)._purge()
    async with database.read() as session:
        left = [
            {key.split()[0] for key in await session.scalars(select(column))}
            for column in (OutboxEvent.id, InboxEvent.event_id, RequestId.request_id)
        ]
    assert left == [{"fresh", "waits"}, {"fresh"}, {"fresh"}]
