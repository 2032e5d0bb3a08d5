"""Events that NATS acknowledged and has lost: by a power cut, by a restored copy, with its whole disk."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from chassis import lost_events
from chassis.database import Database
from chassis.jetstream import DEAD_LETTERS, STREAM, connect, ensure_streams
from chassis.model import now
from chassis.outbox import LOOK_SECONDS, Relay, resent
from deploy import embedded
from tests.chassis import sample
from tests.chassis.messaging import (
    consumer,
    count_is,
    effects,
    nothing_waits,
    stored,
    tell,
    until,
    working,
)
from tests.chassis.nats_servers import Disk, NatsServer, disk, running

assert LOOK_SECONDS > 15, "the tests below would not see that a batch itself looks"


@pytest.fixture
def own_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk whose power can be cut."""
    with disk(tmp_path, 64) as made:
        yield made


async def publish(database: Database, url: str, *visits: str) -> None:
    """Publish an event for each visit."""
    client = await connect(url, "test")
    await tell(database, *visits)
    async with working(Relay(database, client.jetstream(timeout=5)).run()):
        await until(lambda: nothing_waits(database))
    await client.close()


async def apply_all(database: Database, url: str, wanted: list[str]) -> None:
    """Run relay and consumer until all events have their effect, and see that none has two."""
    client = await connect(url, "test")
    jetstream = client.jetstream(timeout=5)
    async with working(Relay(database, jetstream).run(), consumer(database, jetstream).run()):
        await until(lambda: count_is(database, len(wanted)))
        await asyncio.sleep(0.3)
        assert await stored(jetstream, DEAD_LETTERS) == 0
    await client.close()
    assert sorted(await effects(database)) == sorted(wanted)


def names(count: int, start: int = 0) -> list[str]:
    """Return names of visits."""
    return [f"visits/{number:04}" for number in range(start, start + count)]


async def test_a_power_cut_takes_nothing_from_the_embedded_nats(database: Database, own_disk: Disk) -> None:
    with embedded.nats(own_disk.path / "nats") as server:
        await publish(database, server.url, *names(1))
        await publish(database, server.url, *names(40, start=1))
        own_disk.remember()
    own_disk.cut_power()
    with embedded.nats(own_disk.path / "nats", port=server.port) as server:
        client = await connect(server.url, "test")
        assert await stored(client.jetstream(timeout=5)) == 41
        await client.close()


async def test_what_a_power_cut_took_from_a_nats_that_does_not_sync_is_sent_again(
    database: Database, own_disk: Disk
) -> None:
    server = NatsServer(own_disk.path / "nats")
    before = resent._value.get()
    with running(server):
        await publish(database, server.url, *names(30))
        own_disk.remember()
    own_disk.cut_power()
    with running(server):
        await apply_all(database, server.url, names(30))
    assert resent._value.get() - before == 30


@pytest.mark.parametrize("others", [0, 5, 100])
async def test_what_a_restored_nats_lacks_is_sent_again_whatever_others_have_published_since(
    database: Database, tmp_path: Path, others: int
) -> None:
    server = NatsServer(tmp_path / "nats")
    before = resent._value.get()
    with running(server):
        await publish(database, server.url, *names(20))
    shutil.copytree(server.data, tmp_path / "copy")
    with running(server):
        await publish(database, server.url, *names(30, start=20))
    shutil.rmtree(server.data)
    (tmp_path / "copy").replace(server.data)
    with running(server):
        await publish_others(server.url, others)
        await tell(database, "visits/new")
        await apply_all(database, server.url, [*names(50), "visits/new"])
    assert resent._value.get() - before == 30


async def publish_others(url: str, count: int) -> None:
    """Publish events of another service."""
    client = await connect(url, "other")
    jetstream = client.jetstream(timeout=5)
    for number in range(count):
        await jetstream.publish("austausch.forum.v1.Other", b"", headers={"ce-id": f"other-{number}"})
    await client.close()


async def test_a_nats_that_lost_everything_gets_the_events_of_the_last_days_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_events, "PIECE", 100)
    server = NatsServer(tmp_path / "nats")
    with running(server):
        await publish(database, server.url, *names(300))
    shutil.rmtree(server.data)
    with running(server):
        await apply_all(database, server.url, names(300))


async def test_a_loss_under_a_running_relay_is_seen_with_its_next_event(database: Database, tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats")
    client = None
    try:
        with running(server):
            client = await connect(server.url, "test")
            jetstream = client.jetstream(timeout=5)
            relay = asyncio.create_task(Relay(database, jetstream).run())
            await tell(database, *names(10))
            await until(lambda: nothing_waits(database))
        shutil.rmtree(server.data)
        with running(server):
            # Another service creates the stream, and is far ahead when the first connects again.
            await prepare(server.url, 50)
            await until(lambda: asyncio.sleep(0, client.is_connected))
            await tell(database, "visits/new")
            await apply_all(database, server.url, [*names(10), "visits/new"])
    finally:
        relay.cancel()
        if client:
            await client.close()


async def prepare(url: str, count: int) -> None:
    """Create the streams and publish events of another service."""
    client = await connect(url, "other")
    await ensure_streams(client.jetstream(timeout=5))
    await client.close()
    await publish_others(url, count)


async def test_events_that_left_the_stream_by_age_or_were_purged_are_not_sent_again(
    database: Database, jetstream: JetStreamContext
) -> None:
    before = resent._value.get()
    async with working(Relay(database, jetstream).run()):
        await tell(database, *names(10))
        await until(lambda: nothing_waits(database))
    await jetstream.purge_stream(STREAM)
    async with working(Relay(database, jetstream).run()):
        await tell(database, "visits/new")
        await until(lambda: nothing_waits(database))
    assert await stored(jetstream) == 1
    assert resent._value.get() == before


async def test_an_event_at_a_place_that_a_consumer_had_passed_before_nats_lost_its_messages_is_applied(
    database: Database, tmp_path: Path
) -> None:
    server = NatsServer(tmp_path / "nats")
    with running(server):
        await apply_some(database, server.url, names(5))
    (messages,) = server.data.glob("jetstream/*/streams/austausch/msgs")
    shutil.copytree(messages, tmp_path / "copy")
    with running(server):
        await apply_some(database, server.url, names(20, start=5))
    # The consumer's state remains.
    assert await get_delivered(server) == 25
    shutil.rmtree(messages)
    (tmp_path / "copy").replace(messages)
    with running(server):
        client = await connect(server.url, "other")
        jetstream = client.jetstream(timeout=5)
        assert await stored(jetstream) == 5
        # Another service has published since.
        event = sample.visit_created("visits/other")
        headers = {"ce-id": "other", "ce-time": now().isoformat()}
        await jetstream.publish(event.DESCRIPTOR.full_name, event.SerializeToString(), headers=headers)
        await client.close()
        await apply_all(database, server.url, [*names(25), "visits/other"])


async def get_delivered(server: NatsServer) -> int:
    """Return up to where in the stream the consumer was given events, as the server's disk says."""
    with running(server):
        client = await connect(server.url, "test")
        info = await client.jetstream(timeout=5).consumer_info(STREAM, "sample")
        await client.close()
    assert info.delivered
    return info.delivered.stream_seq


async def apply_some(database: Database, url: str, visits: list[str]) -> None:
    """Run relay and consumer until events of these visits, and all before them, have their effect."""
    await tell(database, *visits)
    await apply_all(database, url, [*await effects(database), *visits])
