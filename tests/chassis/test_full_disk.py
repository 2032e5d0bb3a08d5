"""PostgreSQL whose disk is full: who is told, and that it heals by itself."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1.exchange_pb2 import City, CreateCityRequest, GetCityRequest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import server
from chassis.client import aio_channel
from chassis.errors import Unavailable
from chassis.health import READY, REASON
from chassis.identity import Role
from chassis.migrate import migrate
from chassis.settings import ServiceSettings
from deploy import embedded
from deploy.embedded import Nats, Postgres
from gateway import create_app
from gateway.accounts.database import AccountsDatabase
from tests.calls import Keys, RunningService
from tests.chassis import sample
from tests.chassis.messaging import until
from tests.gateway.conftest import settings_for
from tests.refusals import refused
from tests.small_disk import SmallDisk, small_disk

ACCOUNTS, CITIES = "accounts", "cities"
SECONDS = 60


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=160) as disk:
        yield disk


@pytest.fixture
def postgres(disk: SmallDisk, tmp_path: Path) -> Iterator[Postgres]:
    """PostgreSQL on a small disk; its log of changes is on another one, as where databases are large."""
    folder = disk.path / "postgres"
    with embedded.postgres(folder, [ACCOUNTS, CITIES], durable=False):
        pass
    log = tmp_path / "log-of-changes"
    shutil.move(folder / "cluster/pg_wal", log)
    (folder / "cluster/pg_wal").symlink_to(log)
    with embedded.postgres(folder) as running:
        migrate(running.url_for(ACCOUNTS), "gateway.accounts", messaging=False)
        migrate(running.url_for(CITIES), sample.__name__)
        yield running


@pytest.fixture
async def cities(postgres: Postgres, nats_server: Nats, keys: Keys) -> AsyncIterator[RunningService]:
    """The sample service on the small disk."""
    url = postgres.url_for(CITIES)
    settings = ServiceSettings(
        database_url=url, nats_url=nats_server.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    service = sample.service(settings)
    async with server.running(service) as address, aio_channel(address, exchange_pb2.DESCRIPTOR) as channel:
        yield RunningService("exchange", address, settings, service.database, channel, keys)


def city(key: str) -> CreateCityRequest:
    """Return the request for a city that takes much room."""
    message = City(display_name=(key * 20)[:120], country_code="DE", time_zone="UTC")
    return CreateCityRequest(city=message, city_id=key)


async def until_said(cities: RunningService, part: str, wanted: tuple[int, str]) -> None:
    """Wait until the service says something of a part; one that is slow to answer passes for one that fails."""

    async def is_said() -> bool:
        return await ask(cities, part) == wanted

    await until(is_said)


async def ask(cities: RunningService, part: str) -> tuple[int, str]:
    """Return what the service says of a part, and the reason."""
    call = health_pb2_grpc.HealthStub(cities.channel).Check(
        health_pb2.HealthCheckRequest(service=part), timeout=SECONDS
    )
    state = (await call).status
    return state, str(dict(await call.trailing_metadata() or ()).get(REASON, ""))


async def test_a_full_disk_is_named_to_callers_and_operators_while_reading_goes_on_and_heals_by_itself(
    cities: RunningService, disk: SmallDisk, postgres: Postgres, keys: Keys
) -> None:
    addresses = dict.fromkeys(("exchange", "forum", "knowledge"), cities.address)
    gateway = create_app(settings_for(postgres.url_for(ACCOUNTS), keys, addresses))
    serving, failing = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    coordinator = cities.as_(Role.COORDINATOR)
    await coordinator.CreateCity(city("before"))
    await until_said(cities, "database", (serving, ""))
    disk.fill()

    with refused("UNAVAILABLE", "DATABASE_DISK_FULL"):
        # Pages that are there already have room for the first of them.
        for number in range(1000):
            await coordinator.CreateCity(city(f"more-{number:04}"))
    await until_said(cities, "database", (failing, "DATABASE_DISK_FULL"))
    await until_said(cities, READY, (serving, ""))
    assert (await coordinator.GetCity(GetCityRequest(name="cities/before"))).country_code == "DE"

    async def is_said_to_operators() -> bool:
        answer = await asyncio.to_thread(lambda: gateway.test_client().get("/readyz"))
        assert answer.status_code == 503
        said = [answer.json["parts"][part] for part in ("exchange", "accounts")]
        return said == ["not ready: DATABASE_DISK_FULL (database)", "not ready: DATABASE_DISK_FULL"]

    await until(is_said_to_operators)

    disk.free()

    async def is_taken() -> bool:
        with contextlib.suppress(grpc.RpcError):
            await coordinator.CreateCity(city("after"))
            return True
        return False

    await until(is_taken)
    await until_said(cities, "database", (serving, ""))
    gateway.extensions["rpc"].close()


async def test_what_waits_in_the_outbox_is_published_once_there_is_room_again(
    cities: RunningService, disk: SmallDisk, postgres: Postgres
) -> None:
    coordinator = cities.as_(Role.COORDINATOR)
    await coordinator.CreateCity(city("before"))
    disk.fill()
    with contextlib.suppress(grpc.RpcError):
        for number in range(1000):
            await coordinator.CreateCity(city(f"more-{number:04}"))
    disk.free()

    async def is_empty() -> bool:
        async with cities.database.engine.connect() as connection:
            waiting = await connection.exec_driver_sql("SELECT count(*) FROM outbox WHERE publish_time IS NULL")
            return waiting.scalar() == 0

    await until(is_empty)


def test_the_full_disk_of_the_accounts_is_named(postgres: Postgres, disk: SmallDisk) -> None:
    accounts = AccountsDatabase(postgres.url_for(ACCOUNTS))
    accounts.check()
    disk.fill()
    with pytest.raises(Unavailable) as raised:
        accounts.check()
    disk.free()
    assert raised.value.reason == "DATABASE_DISK_FULL"
    accounts.check()
    accounts.dispose()
