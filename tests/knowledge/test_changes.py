"""Following a table: nothing missed, nothing read without end, whatever transactions, restores and kills do."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, select, text

from chassis.database import Database
from deploy.embedded import Postgres
from services.knowledge.changes import BATCH, Changes, get_table, read_horizon, stamp_foreign_rows
from services.knowledge.model import Learning
from tests.knowledge.eventually import eventually
from tests.knowledge.indexing import find, read, run_indexer, write
from tests.knowledge.rows import write_learnings
from tests.knowledge.site import Site

LEARNINGS = get_table(Learning)
FOREIGN = 2**40


@pytest.fixture
def changes(database: Database) -> Changes:
    return Changes(database, LEARNINGS, select(LEARNINGS.c.id, LEARNINGS.c.revision))


async def execute(database: Database, statement: str, **values: Any) -> None:
    async with database.begin() as session:
        await session.execute(text(statement), values)


@contextlib.contextmanager
def count_statements(database: Database, part: str) -> Iterator[list[str]]:
    """Collect the statements with a part in them that are executed meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if part in statement:
            found.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def make_foreign(database: Database) -> None:
    """Let rows look as after a restore from another cluster, whose transactions had gone farther."""
    await execute(database, "ALTER TABLE learnings DISABLE TRIGGER USER")
    await execute(database, "UPDATE learnings SET revision = :revision", revision=FOREIGN)
    await execute(database, "ALTER TABLE learnings ENABLE TRIGGER USER")


async def test_a_row_is_read_once_and_again_when_it_changed(database: Database, changes: Changes) -> None:
    await write(database, "a", "b")
    assert await read(changes, database) == ["a", "b"]
    assert await read(changes, database) == []
    await execute(database, "UPDATE learnings SET title = 'new' WHERE id = 'a'")
    assert await read(changes, database) == ["a"]
    assert await read(changes, database) == []


async def test_what_commits_late_is_not_missed(database: Database, changes: Changes) -> None:
    async with database.begin() as slow:
        await write_learnings(slow, ["slow"])
        for number in range(3):
            await write(database, f"fast{number}")
            assert await read(changes, database) == [f"fast{number}"]
        assert await read(changes, database) == []
    assert await read(changes, database) == ["slow"]
    assert await read(changes, database) == []


async def test_rows_of_another_cluster_are_stamped_once_and_not_read_in_every_round(
    database: Database, changes: Changes
) -> None:
    ids = [f"l{number:05}" for number in range(12_000)]
    await write(database, *ids)
    await make_foreign(database)
    await write(database, "own")

    assert await stamp_foreign_rows(database, LEARNINGS) == len(ids)
    assert await stamp_foreign_rows(database, LEARNINGS) == 0
    assert sorted(await read(changes, database)) == [*ids, "own"]
    with count_statements(database, "FROM learnings") as statements:
        for _ in range(5):
            assert await read(changes, database) == []
    assert len(statements) == 5


async def test_a_round_ends_while_others_write_without_a_pause(database: Database, changes: Changes) -> None:
    await write(database, *(f"l{number:04}" for number in range(3 * BATCH)))
    stopped, written = asyncio.Event(), 0

    async def keep_writing() -> None:
        nonlocal written
        while not stopped.is_set():
            await write(database, *(f"new{written:05}-{number:03}" for number in range(BATCH)))
            written += 1

    writer = asyncio.create_task(keep_writing())
    try:
        await eventually(lambda: asyncio.sleep(0, written > 0))
        horizon = await read_horizon(database)
        begun, read_ids = written, 0
        async for rows in changes.read_round(horizon):
            read_ids += len(rows)
            # Each batch that is read, another is written.
            before = written
            await eventually(lambda before=before: asyncio.sleep(0, written > before))
    finally:
        stopped.set()
        await writer
    assert read_ids <= (3 + begun + 1) * BATCH
    rest = await read(changes, database)
    assert read_ids + len(set(rest)) >= (3 + written) * BATCH


@pytest.mark.parametrize("statistics", ["none", "old", "new"])
async def test_a_large_transaction_is_read_in_linear_time(
    database: Database, changes: Changes, database_url: str, statistics: str
) -> None:
    ids = [f"l{number:05}" for number in range(20_000)]
    if statistics == "old":
        await write(database, *(f"old{number}" for number in range(1_000)))
        await execute(database, "ANALYZE learnings")
        await read(changes, database)
    await write(database, *ids)
    if statistics == "new":
        await execute(database, "ANALYZE learnings")
    before = await count_rows_read(database, database_url)
    # It is all beyond what is sure: somebody is writing meanwhile.
    async with database.begin() as other:
        await write_learnings(other, ["other"])
        with count_statements(database, "FROM learnings") as statements:
            assert await read(changes, database) == ids
        assert await read(changes, database) == []
    assert await read(changes, database) == ["other"]
    assert len(statements) <= len(ids) / BATCH + 1
    # Twice, for it was not sure; and some to see that there is no more.
    assert await count_rows_read(database, database_url) - before < 3 * len(ids)


async def count_rows_read(database: Database, database_url: str) -> int:
    """Return how many learnings, or entries of their index, PostgreSQL has read so far."""
    # The connections tell when they end.
    await database.engine.dispose()
    with psycopg.connect(database_url, autocommit=True) as connection:
        count = (
            "SELECT pg_stat_clear_snapshot(), sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
        )
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        await eventually(lambda: asyncio.sleep(0, connection.execute(others).fetchone() == (0,)))
        row = connection.execute(f"{count} WHERE relname = 'learnings'").fetchone()
        assert row is not None
        entries = connection.execute(
            "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'learnings'"
        ).fetchone()
        assert entries is not None
        return int(row[1]) + int(entries[0])


async def test_a_role_that_owns_its_database_and_nothing_else_can_follow_it(
    postgres_server: Postgres, database_url: str
) -> None:
    name, role = database_url.rpartition("/")[2], "ordinary"
    url = database_url.replace(database_url.partition("//")[2].partition("@")[0], f"{role}:x")
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' NOSUPERUSER").format(sql.Identifier(role)))
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(role)))
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(role)))
    database = Database(url)
    try:
        await write(database, "a")
        assert await stamp_foreign_rows(database, LEARNINGS) == 0
        changes = Changes(database, LEARNINGS, select(LEARNINGS.c.id, LEARNINGS.c.revision))
        assert await read(changes, database) == ["a"]
        assert (await read_horizon(database)).database.count(":") == 2
    finally:
        await database.dispose()
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


async def test_an_index_of_another_database_answers_until_it_is_filled_anew(
    database: Database, other_url: str, tmp_path: Path
) -> None:
    await write(database, "both", "stale")
    async with run_indexer(database, tmp_path) as indexer:
        await eventually(indexer.is_caught_up)
        assert await find(indexer) == ["both", "stale"]
    other = Database(other_url)
    await write(other, "both", "new")
    async with other.begin() as session:
        # Nothing can be read of it yet.
        await session.execute(text("LOCK TABLE learnings"))
        async with run_indexer(other, tmp_path) as indexer:
            await eventually(indexer.is_caught_up)
            await asyncio.sleep(0.5)
            assert await find(indexer) == ["both", "stale"]
            assert not await indexer.is_level()
    async with run_indexer(other, tmp_path) as indexer:

        async def is_filled() -> bool:
            return await find(indexer) == ["both", "new"]

        await eventually(indexer.is_caught_up)
        await eventually(is_filled)
        await eventually(indexer.is_level)
    await other.dispose()


async def test_a_filling_that_was_killed_goes_on_from_its_checkpoint(
    site: Site, database: Database, index_folder: Path
) -> None:
    ids = [f"l{number:05}" for number in range(15 * BATCH)]
    await write(database, *ids)
    process = await site.start()
    await eventually(lambda: asyncio.sleep(0.01, read_checkpoint(index_folder)), seconds=60)
    process.kill()
    await process.wait()
    kept = read_checkpoint(index_folder)
    assert kept
    assert kept["is_filling"]
    done = ids.index(kept["learnings"][1]) + 1

    with count_statements(database, "FROM learnings") as statements:
        async with run_indexer(database, index_folder) as indexer:
            await eventually(indexer.is_caught_up, seconds=60)
            assert indexer.count_documents() == len(ids)

    batches = [statement for statement in statements if "ORDER BY" in statement and "LIMIT" in statement]
    assert done >= BATCH
    assert len(batches) <= (len(ids) - done) / BATCH + 3


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return what an index knows to hold, once that is something."""
    for file in folder.glob("*/checkpoint.json"):
        with contextlib.suppress(OSError):
            kept: dict[str, Any] = json.loads(file.read_text())
            return kept if kept["learnings"][0] else None
    return None
