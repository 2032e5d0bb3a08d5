"""The index of a running service: after a stop, a loss, another database, and while transactions overlap."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from austausch.knowledge.v1 import knowledge_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    SearchLearningsRequest,
)
from sqlalchemy import text

from chassis.client import aio_channel
from chassis.database import Database
from chassis.identity import Role
from deploy.embedded import Nats, free_port
from tests.calls import Caller, Keys, RunningService, person
from tests.conftest import knowledge_settings, run_service
from tests.knowledge.factories import create_request
from tests.knowledge.searching import wait_for_total
from tests.operate.austausch import austausch, succeed
from tests.refusals import refused


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


Running = Callable[[], contextlib.AbstractAsyncContextManager[RunningService]]


@pytest.fixture
def running(database_url: str, nats_server: Nats, keys: Keys, index_folder: Path) -> Running:
    """Run the service on one database and index, as often as wanted."""

    @contextlib.asynccontextmanager
    async def run() -> AsyncIterator[RunningService]:
        settings = knowledge_settings(index_folder)
        async with run_service("knowledge", database_url, nats_server, keys, **settings) as service:
            yield service

    return run


async def test_the_index_is_built_anew_when_it_is_gone(running: Running, index_folder: Path) -> None:
    async with running() as knowledge:
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="kept"))
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "Controlling", 1)
    shutil.rmtree(index_folder)
    async with running() as knowledge:
        assert await wait_for_total(knowledge.as_(Role.COORDINATOR), "Controlling", 1) == ["kept"]


async def test_the_index_is_built_anew_when_it_is_damaged_or_vanishes_while_running(
    running: Running, index_folder: Path
) -> None:
    async with running() as knowledge:
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="one"))
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "Controlling", 1)
    _damage(index_folder)
    async with running() as knowledge:
        coordinator = knowledge.as_(Role.COORDINATOR)
        await wait_for_total(coordinator, "Controlling", 1)
        _empty(index_folder)
        await coordinator.CreateLearning(create_request(title="two"))
        assert set(await wait_for_total(coordinator, "Controlling", 2)) == {"one", "two"}


async def test_the_index_catches_up_with_what_changed_while_it_was_stopped(running: Running) -> None:
    async with running() as knowledge:
        made = await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(observation="vorher"))
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(observation="bleibt"))
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "", 2)
        database_url = knowledge.settings.database_url
    await _execute(
        database_url,
        "UPDATE learnings SET observation = 'nachher' WHERE id = :id",
        id=made.name.removeprefix("learnings/"),
    )
    async with running() as knowledge:
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "+nachher", 1)
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "+vorher", 0)
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "+bleibt", 1)


async def test_what_was_deleted_while_the_index_was_stopped_leaves_it(running: Running) -> None:
    async with running() as knowledge:
        made = await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="gone"))
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="kept"))
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "Controlling", 2)
        database_url = knowledge.settings.database_url
    id_ = made.name.removeprefix("learnings/")
    await _execute(database_url, "DELETE FROM learnings WHERE id = :id", id=id_)
    await _execute(database_url, "INSERT INTO deleted_learnings (id, delete_time) VALUES (:id, now())", id=id_)
    async with running() as knowledge:
        assert await wait_for_total(knowledge.as_(Role.COORDINATOR), "Controlling", 1) == ["kept"]


async def test_what_a_long_transaction_wrote_is_not_missed(knowledge: RunningService, coordinator: Caller) -> None:
    slow = await coordinator.CreateLearning(create_request(observation="langsam"))
    await wait_for_total(coordinator, "+langsam", 1)
    async with knowledge.database.begin() as session:
        id_ = slow.name.removeprefix("learnings/")
        await session.execute(text("UPDATE learnings SET observation = 'spät' WHERE id = :id"), {"id": id_})
        # These begin later and commit earlier; the index passes them by.
        for number in range(3):
            await coordinator.CreateLearning(create_request(observation=f"schnell{number}"))
            await wait_for_total(coordinator, f"+schnell{number}", 1)
        await wait_for_total(coordinator, "+langsam", 1)
    await wait_for_total(coordinator, "+spät", 1)
    await wait_for_total(coordinator, "+langsam", 0)


async def test_an_index_of_another_database_is_not_trusted(
    running: Running, nats_server: Nats, keys: Keys, index_folder: Path, other_url: str
) -> None:
    async with running() as knowledge:
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="of the first"))
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "", 1)
    more = knowledge_settings(index_folder)
    async with run_service("knowledge", other_url, nats_server, keys, **more) as knowledge:
        await wait_for_total(knowledge.as_(Role.COORDINATOR), "", 0)
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="of the second"))
        assert await wait_for_total(knowledge.as_(Role.COORDINATOR), "Controlling", 1) == ["of the second"]


async def test_the_index_is_filled_anew_when_an_operator_asks_for_it_and_answers_meanwhile(
    running: Running, database: Database
) -> None:
    settings = {"KNOWLEDGE_DATABASE_URL": database.url}
    async with running() as knowledge:
        coordinator = knowledge.as_(Role.COORDINATOR)
        await coordinator.CreateLearning(create_request(title="seen"))
        await wait_for_total(coordinator, "Controlling", 1)
        async with database.begin() as session:
            # A change that the index is not told of.
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text("UPDATE learnings SET title = 'unseen'"))

        said = await asyncio.to_thread(succeed, settings, "rebuild-index")

        assert said == "1 knowledge processes fill their index anew\n"
        async with asyncio.timeout(60):
            while (found := await wait_for_total(coordinator, "Controlling", 1)) != ["unseen"]:
                assert found == ["seen"]
                await asyncio.sleep(0.05)
    refused = await asyncio.to_thread(austausch, settings, "rebuild-index")
    assert refused.returncode == 1
    assert "No knowledge process runs." in refused.stderr


async def test_a_second_process_waits_until_the_index_is_free(running: Running) -> None:
    async with running() as first:
        await first.as_(Role.COORDINATOR).CreateLearning(create_request())
        await wait_for_total(first.as_(Role.COORDINATOR), "Controlling", 1)
        async with running() as second:
            with refused("UNAVAILABLE", "INDEX_NOT_READY"):
                await second.as_(Role.COORDINATOR).SearchLearnings(SearchLearningsRequest(), seconds=30)
            await wait_for_total(first.as_(Role.COORDINATOR), "Controlling", 1)


def _damage(folder: Path) -> None:
    for file in folder.rglob("*.idx"):
        file.write_bytes(b"garbage")


def _empty(folder: Path) -> None:
    for path in folder.glob("v*"):
        # At once: whoever still writes there would fill what is being emptied.
        path.rename(gone := folder.with_name(f"gone-{path.name}"))
        shutil.rmtree(gone, ignore_errors=True)


async def _execute(database_url: str, statement: str, **values: str) -> None:
    database = Database(database_url)
    async with database.begin() as session:
        await session.execute(text(statement), values)
    await database.dispose()


async def test_nothing_is_lost_when_the_process_is_killed_while_it_feeds_the_index(
    database_url: str, nats_server: Nats, keys: Keys, index_folder: Path
) -> None:
    expected = 0
    for _ in range(2):
        async with _process(database_url, nats_server, keys, index_folder) as coordinator:
            await wait_for_total(coordinator, "Controlling", expected, seconds=60)
            for _ in range(20):
                await coordinator.CreateLearning(create_request())
            expected += 20
    async with _process(database_url, nats_server, keys, index_folder) as coordinator:
        await wait_for_total(coordinator, "Controlling", expected, seconds=60)


@contextlib.asynccontextmanager
async def _process(database_url: str, nats: Nats, keys: Keys, index: Path) -> AsyncIterator[Caller]:
    """Run the service as a process of its own, and kill it in the end."""
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.knowledge",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "proto",
            "KNOWLEDGE_DATABASE_URL": database_url,
            "KNOWLEDGE_LISTEN": address,
            **knowledge_settings(index),
            "NATS_URL": nats.url,
            "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        },
    )
    try:
        async with aio_channel(address) as channel:
            yield Caller(
                channel,
                [*knowledge_pb2.DESCRIPTOR.services_by_name.values()],
                lambda: keys.token(person(Role.COORDINATOR)),
            )
    finally:
        process.kill()
        await process.wait()
