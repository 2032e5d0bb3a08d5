"""How a database gets the schema that the code needs, and how a process knows that it has it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from chassis.migrate import migrate
from chassis.schema import CHASSIS_VERSIONS, is_current, read_revisions, version_folders
from deploy.embedded import Postgres
from tests.chassis import sample

PACKAGES = ("services.exchange", "services.forum", "services.knowledge", "gateway.accounts")
EVENT = "INSERT INTO outbox (id, type, headers, payload, create_time) VALUES (%s, 'a.B', '{}', '', now())"


@pytest.fixture
def url(postgres_server: Postgres) -> Iterator[str]:
    """An empty database."""
    name = sql.Identifier("to_migrate")
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield postgres_server.url_for("to_migrate")
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def is_sample_current(url: str) -> bool:
    return asyncio.run(is_current(url, sample.__name__))


def test_a_migration_makes_a_schema_current_and_can_be_repeated(url: str) -> None:
    assert not is_sample_current(url)
    migrate(url, sample.__name__)
    migrate(url, sample.__name__)
    assert is_sample_current(url)


def test_a_database_of_a_newer_version_is_current_and_left_alone(url: str) -> None:
    migrate(url, sample.__name__)
    with psycopg.connect(url, autocommit=True) as connection:
        # As a newer version of the code leaves it: an older one that starts again meanwhile goes on working.
        connection.execute("UPDATE alembic_version SET version_num = 'sample_0002' WHERE version_num = 'sample_0001'")
        assert is_sample_current(url)
        migrate(url, sample.__name__)
        connection.execute("DELETE FROM alembic_version WHERE version_num = 'sample_0002'")
    assert not is_sample_current(url)


@pytest.mark.parametrize("package", PACKAGES)
def test_revisions_are_those_that_alembic_finds(package: str) -> None:
    messaging = package.startswith("services.")
    config = Config()
    config.set_main_option("script_location", str(CHASSIS_VERSIONS.parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, version_folders(package, messaging=messaging))))
    scripts = ScriptDirectory.from_config(config)
    known, newest = read_revisions(package, messaging=messaging)
    assert (known, newest) == ({script.revision for script in scripts.walk_revisions()}, set(scripts.get_heads()))


@pytest.mark.parametrize("service", ["exchange", "forum", "knowledge"])
def test_a_service_that_starts_brings_nothing_that_few_need(service: str) -> None:
    code = f"import sys, services.{service}.__main__; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert f"services.{service}.events" in modules
    assert not {"alembic", "grpc_tools.protoc", "ortools", "pandas"} & set(modules)


def test_a_database_of_the_version_before_gets_work_queues_and_keeps_its_events(url: str) -> None:
    migrate(url, sample.__name__, revision="chassis_0001")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(EVENT, ["1"])
        migrate(url, sample.__name__)
        # As the version before goes on doing, while it still runs.
        connection.execute(EVENT, ["2"])
        found = connection.execute("SELECT id FROM outbox WHERE publish_time IS NULL ORDER BY id").fetchall()
        assert found == [("1",), ("2",)]
        connection.execute("INSERT INTO outbox_tasks VALUES ('1', 'sample.record', 'key', '{}')")
