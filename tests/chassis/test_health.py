"""What a service says of its parts by the standard health protocol, while they fail for real."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import grpc
import psycopg
import pytest
from austausch.exchange.v1.exchange_pb2 import CreateCityRequest, GetCityRequest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from psycopg import sql

from chassis import server
from chassis.client import aio_channel
from chassis.health import READY
from chassis.identity import Role
from chassis.settings import ServiceSettings
from deploy import embedded
from deploy.embedded import Nats, Postgres
from tests.chassis import sample
from tests.chassis.conftest import RunningSample
from tests.chassis.messaging import until
from tests.chassis.test_calls import MANNHEIM
from tests.stack import suspend

WORKS = health_pb2.HealthCheckResponse.SERVING
FAILS = health_pb2.HealthCheckResponse.NOT_SERVING
SECONDS = 60


async def state(service: RunningSample, part: str) -> int:
    """Return what a service says of a part."""
    request = health_pb2.HealthCheckRequest(service=part)
    return int((await health_pb2_grpc.HealthStub(service.channel).Check(request, timeout=SECONDS)).status)


async def until_state(service: RunningSample, part: str, wanted: int) -> None:
    """Wait until a service says something of a part; one that is slow to answer passes for one that fails."""

    async def is_said() -> bool:
        return await state(service, part) == wanted

    await until(is_said)


async def test_every_part_of_a_running_service_works(cities: RunningSample) -> None:
    for part in ("", READY, "database", "nats", "nats-storage"):
        await until_state(cities, part, WORKS)


async def test_a_part_that_is_unknown_is_not_found(cities: RunningSample) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await state(cities, "printer")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_dead_nats_is_noticed_within_seconds_while_calls_are_served(
    cities: RunningSample, nats_server: Nats
) -> None:
    await until_state(cities, "nats", WORKS)
    os.kill(nats_server.pid, signal.SIGKILL)
    nats_server.process.wait()

    await until_state(cities, "nats", FAILS)

    assert await state(cities, "") == WORKS
    caller = cities.as_(Role.COORDINATOR)
    await caller.CreateCity(CreateCityRequest(city=MANNHEIM, city_id="mannheim"))
    assert (await caller.GetCity(GetCityRequest(name="cities/mannheim"))).display_name == "Mannheim"


async def test_a_nats_that_hangs_does_not_work_until_it_goes_on(cities: RunningSample, nats_server: Nats) -> None:
    await until_state(cities, "nats", WORKS)
    await asyncio.to_thread(suspend, nats_server.pid)
    try:
        assert await state(cities, "nats") == FAILS
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)
    await until_state(cities, "nats", WORKS)


async def test_a_service_whose_database_refuses_connections_is_alive_and_not_ready(
    cities: RunningSample, postgres_server: Postgres
) -> None:
    name = cities.database.url.rpartition("/")[2]
    close = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        await until_state(cities, "database", WORKS)
        admin.execute(close.format(sql.Identifier(name), sql.Literal(False)))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        await until_state(cities, "database", FAILS)
        assert (await state(cities, ""), await state(cities, READY)) == (WORKS, FAILS)
        admin.execute(close.format(sql.Identifier(name), sql.Literal(True)))
        await until_state(cities, "database", WORKS)
        await until_state(cities, READY, WORKS)


@pytest.fixture
async def told(cities: RunningSample) -> AsyncIterator[grpc.aio.UnaryStreamCall]:
    """What a watcher of ``nats`` is told."""
    request = health_pb2.HealthCheckRequest(service="nats")
    watch = health_pb2_grpc.HealthStub(cities.channel).Watch(request, timeout=300)
    yield watch
    with suppress(grpc.aio.AioRpcError):
        watch.cancel()


async def test_a_watcher_is_told_when_a_part_fails_and_works_again(
    cities: RunningSample, nats_server: Nats, told: grpc.aio.UnaryStreamCall
) -> None:
    answers = aiter(told)
    while (await anext(answers)).status != WORKS:  # It may still connect.
        pass
    os.kill(nats_server.pid, signal.SIGKILL)
    nats_server.process.wait()
    assert (await anext(answers)).status == FAILS
    folder = nats_server.log.parent
    (folder / "new").mkdir(mode=0o700)
    (folder / "new" / "password").write_text((folder / "password").read_text())
    with embedded.nats(folder / "new", port=nats_server.port):
        assert (await anext(answers)).status == WORKS


async def test_a_service_is_ready_once_what_it_keeps_beside_its_database_is_level(settings: ServiceSettings) -> None:
    level = asyncio.Event()

    async def is_level() -> bool:
        return level.is_set()

    service = replace(sample.service(settings), is_level=is_level)
    async with server.running(service) as address, aio_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def ask(part: str) -> int:
            return int((await stub.Check(health_pb2.HealthCheckRequest(service=part), timeout=SECONDS)).status)

        assert (await ask(""), await ask(READY)) == (WORKS, FAILS)
        level.set()

        async def is_ready() -> bool:
            return await ask(READY) == WORKS

        await until(is_ready)
