"""The disk of NATS is full."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from chassis import server
from chassis.client import aio_channel
from chassis.settings import ServiceSettings
from tests.calls import Keys
from tests.chassis import sample
from tests.chassis.messaging import count_is, effects, nothing_waits, tell, unpublished, until
from tests.chassis.nats_servers import NatsServer, disk, running
from tests.stack import suspend

PAYLOAD = "x" * 20_000
BALLAST_BYTES = 18 * 1024**2


@pytest.fixture
def nats_on_a_small_disk(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server that runs, and whose disk has a file on it that can be removed."""
    with disk(tmp_path, 24) as made:
        (made.path / "ballast").write_bytes(b"\0" * BALLAST_BYTES)
        with running(NatsServer(made.path / "nats", {"jetstream": {"sync_interval": "always"}})) as nats:
            yield nats


async def test_a_full_disk_is_named_and_nothing_is_lost_once_there_is_room_and_nats_was_restarted(
    database_url: str, keys: Keys, nats_on_a_small_disk: NatsServer
) -> None:
    nats = nats_on_a_small_disk
    settings = ServiceSettings(
        database_url=database_url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    service = sample.service(settings)
    visits = [f"visits/{number:03}{PAYLOAD}" for number in range(300)]

    async def stores() -> bool:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="nats-storage"), timeout=60)
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    async def does_not_store() -> bool:
        return not await stores()

    async with server.running(service) as address, aio_channel(address) as channel:
        with capture_logs() as logs:
            await tell(service.database, *visits)
            await until(does_not_store, seconds=60)
            assert await unpublished(service.database)
            # It is said once, not with every try.
            await asyncio.sleep(12)
        told = [line["error"] for line in logs if line["event"] == "outbox.retry" and "full" in line["error"]]
        assert [("restart it" in line) for line in told] == [True]
        nats.kill()
        (nats.data.parent / "ballast").unlink()
        nats.start()
        await until(lambda: count_is(service.database, len(visits)), seconds=60)
        await until(lambda: nothing_waits(service.database))
        await until(stores)
    assert sorted(await effects(service.database)) == visits


async def test_a_nats_that_hung_is_not_taken_for_a_full_one(database_url: str, keys: Keys, tmp_path: Path) -> None:
    with running(NatsServer(tmp_path / "nats")) as nats:
        settings = ServiceSettings(
            database_url=database_url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
        )
        service = sample.service(settings)
        async with server.running(service) as address, aio_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            await tell(service.database)
            await until(lambda: count_is(service.database, 1))
            assert nats.process
            await asyncio.to_thread(suspend, nats.process.pid)
            await tell(service.database, "visits/2")
            await asyncio.sleep(14)
            stores = await health.Check(health_pb2.HealthCheckRequest(service="nats-storage"), timeout=60)
            nats.process.send_signal(signal.SIGCONT)
            await until(lambda: count_is(service.database, 2))
    assert stores.status == health_pb2.HealthCheckResponse.SERVING
