"""What tests of the knowledge service share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.embedded import Nats
from tests.calls import Keys, RunningService
from tests.conftest import FreshDatabase, knowledge_settings, run_service
from tests.knowledge.installations import HUB, Publishing
from tests.knowledge.producer import Producer
from tests.knowledge.site import Site


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    """URL of a database of the service for what runs apart from `knowledge`."""
    return fresh_database("services.knowledge")


@pytest.fixture
def other_url(fresh_database: FreshDatabase) -> str:
    """URL of another one."""
    return fresh_database("services.knowledge")


@pytest.fixture
def index_folder(tmp_path: Path) -> Path:
    """Where a search index is kept, or will be."""
    return tmp_path / "index"


@pytest.fixture
async def site(database_url: str, nats_server: Nats, keys: Keys, index_folder: Path) -> AsyncIterator[Site]:
    """Processes of the service on one database."""
    made = Site(database_url, nats_server, keys, index_folder)
    yield made
    await made.stop()


@pytest.fixture
def producer(exchange: RunningService, knowledge: RunningService) -> Producer:
    """The exchange service's outbox, for events to the knowledge service."""
    return Producer(exchange, knowledge)


@pytest.fixture
async def hub(_knowledge_url: str, nats_server: Nats, keys: Keys, tmp_path: Path) -> AsyncIterator[RunningService]:
    """A knowledge service that takes publications."""
    more = knowledge_settings(tmp_path / "index") | {"KNOWLEDGE_PUBLIC_URL": HUB + "/"}
    async with run_service("knowledge", _knowledge_url, nats_server, keys, **more) as running:
        yield running


@pytest.fixture
async def swansea(hub: RunningService) -> Publishing:
    """Swansea, registered."""
    made = Publishing(hub)
    await made.register()
    return made
