"""Events that a consumer gives up on, and their replay, on a real JetStream."""

import asyncio

from austausch.exchange.v1.events_pb2 import VisitCreated
from nats.js import JetStreamContext
from sqlalchemy import text

from chassis.consumer import Origin
from chassis.database import Database, Session
from chassis.dead_letters import read, replay
from chassis.identity import identity
from chassis.jetstream import DEAD_LETTERS
from chassis.outbox import Relay
from chassis.tables import InboxEvent
from tests.chassis import sample
from tests.chassis.messaging import (
    VISIT,
    consumer,
    count_is,
    effects,
    has_stored,
    is_newer,
    stored,
    tell,
    until,
    working,
)


async def test_a_poison_event_is_buried_with_its_reason_and_a_replay_applies_it(
    database: Database, jetstream: JetStreamContext
) -> None:
    tries = []
    mended = False

    async def refuse(session: Session, event: VisitCreated, origin: Origin) -> None:
        await sample.record(session, event, origin)
        if event.visit.name == "visits/bad":
            tries.append(origin.id)
            if not mended:
                raise LookupError("unknown\r\nfür immer: 城市\n")

    async with working(Relay(database, jetstream).run(), consumer(database, jetstream, refuse).run()):
        await tell(database, "visits/bad", "visits/good")
        await until(lambda: stored(jetstream, DEAD_LETTERS))
        await until(lambda: effects(database))
        assert await effects(database) == ["visits/good"]
        assert set(tries) == {tries[0]}
        # Once with the good one, in whose transaction it has no place, and three times by itself.
        assert len(tries) in (3, 4)
        (letter,) = await read(jetstream)
        assert letter.id == tries[0]
        assert letter.headers["dead-consumer"] == "sample"
        assert letter.headers["dead-subject"] == "austausch.exchange.v1.VisitCreated"
        assert letter.headers["dead-reason"].startswith("LookupError: unknown f")
        mended = True
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
