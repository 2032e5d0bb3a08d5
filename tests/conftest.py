"""
Fixtures on real components: PostgreSQL and NATS from their wheels, services in the test's event loop, the whole stack.

A test gets databases of its own (copies of one that was migrated once) and a NATS server of its own.
"""

import asyncio
import contextlib
import importlib
import os
import shutil
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import NodeManager

from chassis import contract, server, telemetry
from chassis.client import aio_channel
from chassis.database import Database
from chassis.migrate import migrate
from chassis.settings import ProcessSettings, load
from deploy import embedded
from deploy.embedded import Nats, Postgres
from services.knowledge.vocabulary.importing import import_own_topics
from tests import stack as whole
from tests.calls import Keys, RunningService, load_contracts

FreshDatabase = Callable[[str], str]
OldDatabase = Callable[[str, str], str]

# How long an example or a call takes says more about the machine than about the code.
contract.DEADLINE_SECONDS = 15.0
settings.register_profile("austausch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("austausch")


# After an interrupt, a worker stops its servers before it ends: killed earlier, it would leave them behind.
NodeManager.EXIT_TIMEOUT = whole.STOP_SECONDS

# Their tests share a running platform, whose start takes as long as a hundred tests of a service.
ON_THE_PLATFORM = {
    "tests/browser/": "browser",
    "tests/journeys/": "operation",
    "tests/deploy/test_local.py": "operation",
    "tests/deploy/test_survival.py": "operation",
    "tests/deploy/test_together.py": "operation",
    "tests/operate/": "operation",
}


class _ByFile(LoadScopeScheduling):
    """Give a worker a file at a time, those with the most tests first; what shares a running platform, at once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((shared for path, shared in ON_THE_PLATFORM.items() if file.startswith(path)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share the tests among the workers of ``-n``; each has servers of its own, as one that runs alone has."""
    return _ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let a test that is skipped for want of a browser or of a tool fail in CI: there it has to have them."""
    report = yield
    needs = item.get_closest_marker("browser") or item.get_closest_marker("tools")
    if report.skipped and needs and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Log as a process does: a defect's traceback in plain lines, not drawn with every local variable."""
    telemetry.set_up("tests", ProcessSettings(log_level="warning"))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """PostgreSQL for all tests of this process."""
    with embedded.postgres(tmp_path_factory.mktemp("postgres"), durable=False) as running:
        yield running


@dataclass(frozen=True)
class Databases:
    """Databases of the newest schema on one server; each is a copy of one that was migrated once."""

    server: Postgres
    _templates: dict[str, str] = field(default_factory=dict)

    def create(self, package: str, name: str) -> str:
        """Create one for a package, e.g. ``services.exchange``, and return its URL."""
        with psycopg.connect(self.server.url_for("postgres"), autocommit=True) as admin:
            if package not in self._templates:
                self._templates[package] = self._create_template(admin, package)
            # In half the time that going through the write-ahead log takes.
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            admin.execute(copy.format(sql.Identifier(name), sql.Identifier(self._templates[package])))
        return self.server.url_for(name)

    def drop(self, name: str) -> None:
        """Drop one, whoever is connected to it."""
        with psycopg.connect(self.server.url_for("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create_template(self, admin: psycopg.Connection[Any], package: str) -> str:
        name = f"template_{package.replace('.', '_')}"
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = self.server.url_for(name)
        migrate(url, package, messaging=package.startswith("services."))
        if package == "services.knowledge":
            asyncio.run(import_own_topics(url))
        return name


@pytest.fixture(scope="session")
def databases(postgres_server: Postgres) -> Databases:
    """Makes databases of the newest schema: ``databases.create("services.exchange", "mine")``."""
    return Databases(postgres_server)


@pytest.fixture
def fresh_database(databases: Databases) -> Iterator[FreshDatabase]:
    """Make databases: ``fresh_database("services.exchange")`` gives the URL of an empty one with the newest schema."""
    made: list[str] = []

    def make(package: str) -> str:
        made.append(f"test_{len(made)}")
        return databases.create(package, made[-1])

    yield make
    for name in made:
        databases.drop(name)


@pytest.fixture
def old_database(postgres_server: Postgres) -> Iterator[OldDatabase]:
    """Make a database with the schema of an earlier release: ``old_database("services.exchange", "exchange_0001")``."""
    made: list[str] = []
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:

        def make(package: str, revision: str) -> str:
            made.append(f"old_{len(made)}")
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made[-1])))
            url = postgres_server.url_for(made[-1])
            migrate(url, package, revision=revision)
            return url

        yield make
        for name in made:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[Nats]:
    """NATS with JetStream for one test."""
    with embedded.nats(tmp_path / "nats", durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys that identities are signed with; ``keys.token(person(Role.MEMBER))`` is a token."""
    return Keys.make(tmp_path_factory.mktemp("keys"))


@contextlib.asynccontextmanager
async def run_service(
    name: str, database_url: str, nats: Nats, keys: Keys, **more: str
) -> AsyncIterator[RunningService]:
    """Run a service in this event loop; ``more`` are settings by the names of their variables."""
    build = importlib.import_module(f"services.{name}.__main__").build
    kind = typing.get_type_hints(build)["settings"]
    environment = {
        f"{name.upper()}_DATABASE_URL": database_url,
        "NATS_URL": nats.url,
        "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        **more,
    }
    service = build(load(kind, name, environment))
    async with server.running(service) as address, aio_channel(address, *load_contracts(name)) as channel:
        yield RunningService(name, address, service.settings, service.database, channel, keys)


def knowledge_settings(index: Path, exchange: str = "", forum: str = "") -> dict[str, str]:
    """Return settings of the knowledge service; without the addresses of the services that it asks, these are away."""
    return {
        "KNOWLEDGE_INDEX_PATH": str(index),
        "KNOWLEDGE_EXCHANGE_ADDRESS": exchange or f"127.0.0.1:{embedded.free_port()}",
        "KNOWLEDGE_FORUM_ADDRESS": forum or f"127.0.0.1:{embedded.free_port()}",
    }


@pytest.fixture
async def exchange(_exchange_url: str, nats_server: Nats, keys: Keys) -> AsyncIterator[RunningService]:
    """The exchange service: ``await exchange.as_(Role.COORDINATOR).CreateVisit(…)``."""
    async with run_service("exchange", _exchange_url, nats_server, keys) as running:
        yield running


@pytest.fixture
async def forum(
    _forum_url: str, exchange: RunningService, nats_server: Nats, keys: Keys
) -> AsyncIterator[RunningService]:
    """The forum service, beside the exchange service that it asks."""
    more = {"FORUM_EXCHANGE_ADDRESS": exchange.address, "FORUM_SIGNING_KEY": keys.private["forum"]}
    async with run_service("forum", _forum_url, nats_server, keys, **more) as running:
        yield running


@pytest.fixture
async def knowledge(
    _knowledge_url: str, nats_server: Nats, keys: Keys, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """The knowledge service, with an index of its own, while the services that it asks are away."""
    settings = knowledge_settings(tmp_path / "index")
    async with run_service("knowledge", _knowledge_url, nats_server, keys, **settings) as running:
        yield running


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database of the folder's own `database_url`."""
    made = Database(database_url)
    yield made
    await made.dispose()


# Apart from the services: a migration runs an event loop of its own, which it can't inside a test's.
@pytest.fixture
def _exchange_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.exchange")


@pytest.fixture
def _forum_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.forum")


@pytest.fixture
def _knowledge_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.knowledge")


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Data of a platform that has been started, with the demo data, and stopped, to copy (`whole.copy_data`).

    It is made once for all workers, since to load it takes several times as long as to start on it.
    """
    of_worker = tmp_path_factory.getbasetemp()
    return whole.keep_demo_data(of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker)


@pytest.fixture(scope="session")
def stack(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[whole.Stack]:
    """The whole platform with the demo data, as ``make run`` starts it."""
    with whole.running(whole.copy_data(demo_data, tmp_path_factory.mktemp("stack") / "data")) as running:
        yield running


@pytest.fixture(scope="session")
def used_data(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of a platform that has been started, with the demo data, and stopped; it logged to ``first-start.log``."""
    return whole.copy_data(demo_data, tmp_path_factory.mktemp("used") / "data")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser for browser tests; without one they are skipped."""
    # Without a window to draw, a page costs a third of the processor time.
    paths = map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))
    path = next(filter(None, paths), None)
    if path is None:
        pytest.skip("no browser: apt-get install chromium-headless-shell")
    return path
