"""A cluster of three NATS servers, of which one is killed under load."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from chassis.database import Database
from chassis.jetstream import DEAD_LETTERS, STREAM, StreamLimits, connect, ensure_streams
from chassis.outbox import Relay
from deploy.embedded import free_port
from tests.chassis.messaging import consumer, count_is, effects, stored, tell, until, working
from tests.chassis.nats_servers import NatsServer

REPLICATED = StreamLimits(replicas=3)
# An election, and a client that notices.
PATIENCE_SECONDS = 90


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, NatsServer]]:
    """Three servers with JetStream, by their names."""
    ports = [free_port() for _ in range(3)]
    routes = [f"nats://127.0.0.1:{port}" for port in ports]
    servers = {
        name: NatsServer(
            tmp_path / name,
            {"server_name": name, "cluster": {"name": "three", "listen": f"127.0.0.1:{port}", "routes": routes}},
        )
        for name, port in zip(("one", "two", "three"), ports, strict=True)
    }
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.kill()


def address(cluster: dict[str, NatsServer]) -> str:
    """Return what an operator sets as NATS_URL."""
    return ", ".join(server.url for server in cluster.values())


@contextlib.asynccontextmanager
async def connected(cluster: dict[str, NatsServer]) -> AsyncIterator[JetStreamContext]:
    """Connect to a cluster that is ready to keep streams."""
    client = await connect(address(cluster), "test")
    jetstream = client.jetstream(timeout=5)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await ensure_streams(jetstream, REPLICATED)
                break
            except Exception:  # noqa: BLE001 - it has no leader yet
                await asyncio.sleep(0.3)
    yield jetstream
    await client.close()


async def leader(jetstream: JetStreamContext) -> str:
    """Return the name of the server that leads the stream of events."""
    info = await jetstream.stream_info(STREAM)
    assert info.cluster and info.cluster.leader
    return info.cluster.leader


async def test_the_leader_of_a_cluster_is_killed_under_load_and_every_event_has_its_effect_once(
    database: Database, cluster: dict[str, NatsServer]
) -> None:
    visits = [f"visits/{number:04}" for number in range(600)]
    async with connected(cluster) as jetstream, connected(cluster) as other:
        runs = Relay(database, jetstream, REPLICATED).run(), consumer(database, other).run()
        async with working(*runs):
            for start in range(0, 600, 5):
                if start == 200:
                    cluster[await leader(jetstream)].kill()
                await tell(database, *visits[start : start + 5])
                await asyncio.sleep(0.02)
            await until(lambda: count_is(database, 600), PATIENCE_SECONDS)
        await until(lambda: is_empty(jetstream, DEAD_LETTERS), PATIENCE_SECONDS)
    assert sorted(await effects(database)) == visits


async def is_empty(jetstream: JetStreamContext, stream: str) -> bool:
    """Tell whether a stream holds nothing, as soon as it has a leader."""
    with contextlib.suppress(Exception):
        return await stored(jetstream, stream) == 0
    return False


async def test_the_first_of_several_addresses_may_be_away(cluster: dict[str, NatsServer]) -> None:
    cluster["one"].kill()
    client = await connect(address(cluster), "test")
    assert client.is_connected
    await client.close()


async def test_streams_are_kept_on_as_many_servers_as_the_setting_says(
    database: Database, cluster: dict[str, NatsServer]
) -> None:
    async with connected(cluster) as jetstream:
        await ensure_streams(jetstream, StreamLimits(replicas=1))
        assert (await jetstream.stream_info(STREAM)).config.num_replicas == 1
        async with working(Relay(database, jetstream, REPLICATED).run()):
            await until(lambda: is_replicated(jetstream), PATIENCE_SECONDS)
        # Who says nothing changes nothing.
        await ensure_streams(jetstream)
        assert await is_replicated(jetstream)


async def is_replicated(jetstream: JetStreamContext) -> bool:
    """Tell whether all streams are on three servers."""
    return {info.config.num_replicas for info in await jetstream.streams_info()} == {3}
