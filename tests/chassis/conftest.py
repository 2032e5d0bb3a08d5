"""Fixtures of the chassis: databases with the sample's tables, its service, and JetStream."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from austausch.exchange.v1 import exchange_pb2
from nats.js import JetStreamContext
from psycopg import sql

from chassis import server
from chassis.client import aio_channel
from chassis.jetstream import connect, ensure_streams
from chassis.migrate import migrate
from chassis.settings import ServiceSettings
from deploy.embedded import Nats, Postgres
from tests.calls import Keys, RunningService
from tests.chassis import sample

TEMPLATE = "template_sample"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def _sample_template(postgres_server: Postgres) -> None:
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(postgres_server.url_for(TEMPLATE), sample.__name__)


@pytest.fixture
def database_url(postgres_server: Postgres, _sample_template: None) -> Iterator[str]:
    """URL of an empty database with the chassis's tables and the sample's."""
    name = sql.Identifier(f"sample_{next(_numbers)}")
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(name, sql.Identifier(TEMPLATE))
        )
        yield postgres_server.url_for(name.as_string().strip('"'))
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
async def jetstream(nats_server: Nats) -> AsyncIterator[JetStreamContext]:
    """JetStream of the test's NATS, with the streams of events and of dead letters."""
    client = await connect(nats_server.url, "test")
    made = client.jetstream(timeout=5)
    await ensure_streams(made)
    yield made
    await client.close()


@dataclass(frozen=True)
class RunningSample(RunningService):
    """The sample service in the test's event loop, and its servicer."""

    servicer: sample.CityServicer


@pytest.fixture
def settings(database_url: str, nats_server: Nats, keys: Keys) -> ServiceSettings:
    """Settings of the sample."""
    return ServiceSettings(
        database_url=database_url, nats_url=nats_server.url, identity_trusted_keys=keys.trusted, shutdown_seconds=5
    )


@pytest.fixture
async def cities(settings: ServiceSettings, keys: Keys) -> AsyncIterator[RunningSample]:
    """The sample service: ``await cities.as_(Role.COORDINATOR).GetCity(…)``."""
    service = sample.service(settings)
    servicer = service.servicers[0][1]
    async with server.running(service) as address, aio_channel(address, exchange_pb2.DESCRIPTOR) as channel:
        # The contract of the sample is a part of the exchange's.
        yield RunningSample("exchange", address, settings, service.database, channel, keys, servicer)
