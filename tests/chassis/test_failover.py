"""A primary that dies or is demoted, and a standby that takes its place: what callers see, and what is kept."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import psycopg
import pytest
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1.exchange_pb2 import City, CreateCityRequest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis import notifications, server
from chassis.client import aio_channel
from chassis.database import Database
from chassis.database_errors import as_domain_error
from chassis.errors import Unavailable
from chassis.identity import Role
from chassis.migrate import migrate
from chassis.notifications import listen
from chassis.settings import ServiceSettings
from deploy import embedded
from deploy.embedded import HOST, Nats, Postgres, free_port
from gateway.accounts.database import AccountsDatabase
from tests.calls import Caller, Keys, RunningService
from tests.chaos.links import Link
from tests.chassis import sample
from tests.chassis.messaging import until
from tests.standby import promote, standby_of

SECONDS = 60
WRITERS = 4
AWAY = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


@dataclass(frozen=True)
class Pair:
    """A primary, its standby, and the URL that names both."""

    primary: Postgres
    standby: Postgres

    @property
    def url(self) -> str:
        return self.primary.url_for("cities").replace("/cities", f",{HOST}:{self.standby.port}/cities")

    def demote(self) -> None:
        """Let the standby take over while the old primary runs on, and refuses changes."""
        promote(self.standby)
        with psycopg.connect(self.primary.url_for("postgres"), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            admin.execute("SELECT pg_reload_conf()")
        # Who is connected has been told by the time that new connections know it.
        until = time.monotonic() + SECONDS
        while not self._refuses_changes():
            assert time.monotonic() < until

    def _refuses_changes(self) -> bool:
        with psycopg.connect(self.primary.url_for("postgres")) as connection:
            return connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)

    def kill(self) -> None:
        """Let the primary die, and the standby take over."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.primary.pid, signal.SIGKILL)
        self.primary.process.wait()
        promote(self.standby)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with (
        embedded.postgres(tmp_path / "primary", ["cities"], durable=False) as primary,
        standby_of(primary, tmp_path / "standby") as standby,
    ):
        pair = Pair(primary, standby)
        migrate(pair.url, sample.__name__)
        yield pair


@contextlib.asynccontextmanager
async def serve(url: str, nats: Nats, keys: Keys) -> AsyncIterator[Caller]:
    """Run the sample service on a database; gives a coordinator who calls it."""
    settings = ServiceSettings(
        database_url=url, nats_url=nats.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )
    service = sample.service(settings)
    async with server.running(service) as address, aio_channel(address, exchange_pb2.DESCRIPTOR) as channel:
        yield RunningService("exchange", address, settings, service.database, channel, keys).as_(Role.COORDINATOR)


def city(key: str) -> CreateCityRequest:
    """Return the request for a city of that id; the channel tries it again when it may have been applied already."""
    message = City(display_name=key, country_code="DE", time_zone="UTC")
    return CreateCityRequest(city=message, city_id=key, request_id=str(uuid4()))


class Writers:
    """Clients that create cities without a pause, each of another id."""

    def __init__(self, coordinator: Caller) -> None:
        self._coordinator = coordinator
        self.created: list[str] = []
        self.codes: Counter[str] = Counter()

    async def write(self, name: str) -> None:
        number = 0
        while True:
            number += 1
            key = f"{name}-{number}"
            try:
                await self._coordinator.CreateCity(city(key))
            except grpc.aio.AioRpcError as error:
                self.codes[error.code().name] += 1
            else:
                self.created.append(key)

    async def wait_for_more(self) -> None:
        """Wait until the writers have been served again, every one of them."""
        before = len(self.created)

        async def are_served() -> bool:
            assert set(self.codes) <= AWAY, self.codes
            names = {key.partition("-")[0] for key in self.created[before:]}
            return len(names) == WRITERS

        await until(are_served, SECONDS)


@contextlib.asynccontextmanager
async def writing(coordinator: Caller) -> AsyncIterator[Writers]:
    writers = Writers(coordinator)
    tasks = [asyncio.create_task(writers.write(f"w{number}")) for number in range(WRITERS)]
    try:
        yield writers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_no_acknowledged_write_is_lost_when_the_primary_dies_and_the_standby_takes_over(
    pair: Pair, nats_server: Nats, keys: Keys
) -> None:
    async with serve(pair.url, nats_server, keys) as coordinator, writing(coordinator) as writers:
        await writers.wait_for_more()
        await asyncio.to_thread(pair.kill)
        await writers.wait_for_more()

    with psycopg.connect(pair.standby.url_for("cities")) as connection:
        kept = {key for (key,) in connection.execute("SELECT id FROM cities")}
    assert set(writers.created) <= kept
    assert set(writers.codes) <= AWAY, writers.codes


async def test_who_writes_to_a_demoted_primary_is_told_once_and_reaches_the_new_one(pair: Pair) -> None:
    database, size = Database(pair.url), 8

    async def add(key: str) -> None:
        async with database.begin() as session:
            session.add(sample.City(id=key, display_name=key))

    async with contextlib.AsyncExitStack() as all_of_the_pool:
        for _ in range(size):
            session = await all_of_the_pool.enter_async_context(database.begin())
            await session.execute(text("SELECT 1"))
    await asyncio.to_thread(pair.demote)

    with pytest.raises(DBAPIError) as raised:
        await add("refused")
    await asyncio.gather(*(add(f"after-{number}") for number in range(size)))

    told = as_domain_error(raised.value)
    assert (told.code, told.reason) == ("UNAVAILABLE", "DATABASE_READ_ONLY")
    with psycopg.connect(pair.standby.url_for("cities")) as connection:
        assert connection.execute("SELECT count(*) FROM cities").fetchone() == (size,)
    await database.dispose()


async def test_a_database_that_only_refuses_changes_is_told_from_one_that_is_away(pair: Pair) -> None:
    database = Database(pair.primary.url_for("cities"))
    assert await database.answers()
    await asyncio.to_thread(pair.demote)

    with pytest.raises(Unavailable) as raised:
        await database.check()

    assert raised.value.reason == "DATABASE_READ_ONLY"
    assert not await database.answers()
    assert await database.is_readable()
    await database.dispose()


async def test_a_transaction_begun_for_reading_only_is_no_sign_of_a_demotion(pair: Pair) -> None:
    database = Database(pair.url, pool_size=1)
    async with database.read() as session:
        before = await session.scalar(text("SELECT pg_backend_pid()"))
        with contextlib.suppress(Exception):
            await session.execute(text("DELETE FROM cities"))
    async with database.read() as session:
        assert await session.scalar(text("SELECT pg_backend_pid()")) == before
    await database.dispose()


async def test_who_listens_hears_the_new_primary(pair: Pair) -> None:
    heard: list[str] = []
    listener = asyncio.create_task(listen(pair.url, "cities", heard.append))
    await until(lambda: asyncio.sleep(0, heard == [""]))
    await asyncio.to_thread(pair.kill)

    async def is_heard() -> bool:
        with psycopg.connect(pair.standby.url_for("cities"), autocommit=True) as connection:
            connection.execute("SELECT pg_notify('cities', 'new')")
        return "new" in heard

    await until(is_heard)
    listener.cancel()


@pytest.fixture
def link(postgres_server: Postgres) -> Iterator[Link]:
    """A way to the server that can be silenced."""
    made = Link(postgres_server.port)
    with made.open():
        yield made


async def test_who_listens_notices_a_server_that_vanished_without_a_word(
    link: Link, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(notifications, "ANSWER_SECONDS", 0.5)
    url, server, heard = postgres_server.url_for("postgres"), f"{HOST}:{postgres_server.port}", list[str]()
    by_the_link = url.replace(server, f"{HOST}:{link.port},{server}")
    listener = asyncio.create_task(listen(by_the_link, "cities", heard.append))
    await until(lambda: asyncio.sleep(0, heard == [""]))
    link.silence()

    async def is_heard() -> bool:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_notify('cities', 'new')")
        return "new" in heard

    await until(is_heard)
    listener.cancel()


async def test_of_several_hosts_one_that_hangs_is_passed_by(pair: Pair) -> None:
    os.killpg(pair.standby.pid, signal.SIGSTOP)
    first_hangs = pair.url.replace(f":{pair.primary.port},", f":{pair.standby.port},", 1)
    first_hangs = first_hangs.replace(f",{HOST}:{pair.standby.port}/", f",{HOST}:{pair.primary.port}/")
    try:
        database = Database(first_hangs)
        async with asyncio.timeout(30), database.read() as session:
            assert await session.scalar(text("SELECT 1")) == 1
        await database.dispose()
    finally:
        os.killpg(pair.standby.pid, signal.SIGCONT)


def notices_a_server_that_vanished(descriptor: int) -> bool:
    """Return whether a connection is given up within seconds, whether something was sent or an answer is waited for."""
    with socket.socket(fileno=os.dup(descriptor)) as opened:
        return (
            opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
            and opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            and opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        )


async def test_a_service_notices_a_server_that_vanished_without_a_word(postgres_server: Postgres) -> None:
    database = Database(postgres_server.url_for("postgres"))
    async with database.engine.connect() as connection:
        opened: Any = (await connection.get_raw_connection()).driver_connection
        assert notices_a_server_that_vanished(opened._transport.get_extra_info("socket").fileno())
    await database.dispose()


def test_the_accounts_notice_a_server_that_vanished_without_a_word(postgres_server: Postgres) -> None:
    accounts = AccountsDatabase(postgres_server.url_for("postgres"))
    with accounts.engine.connect() as connection:
        opened: Any = connection.connection.driver_connection
        assert notices_a_server_that_vanished(opened.fileno())
    accounts.dispose()


def test_the_accounts_find_the_primary_among_the_hosts(pair: Pair) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    accounts = AccountsDatabase(pair.url.replace(f"{HOST}:{pair.standby.port}", f"{nobody},{HOST}:{pair.standby.port}"))

    def read_port() -> int:
        with accounts.engine.connect() as connection:
            return int(connection.scalar(text("SELECT inet_server_port()")))

    assert read_port() == pair.primary.port
    pair.kill()
    with contextlib.suppress(Exception):
        read_port()  # a connection of before
    assert read_port() == pair.standby.port
    accounts.dispose()
