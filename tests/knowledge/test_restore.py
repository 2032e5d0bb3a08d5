"""A restore into a new cluster: what was dumped of the old one is as fast to follow as before."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from chassis.database import Database
from deploy import embedded
from deploy.embedded import HOST, Postgres
from services.knowledge.changes import Changes, get_table
from services.knowledge.model import Learning
from tests.knowledge.eventually import eventually
from tests.knowledge.indexing import find, read, run_indexer, write

LEARNINGS = get_table(Learning)
COUNT = 5_000
# How much farther transactions had gone where the dump was made.
AHEAD = 50_000


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Postgres]:
    with embedded.postgres(tmp_path / "new", ["restored"], durable=False) as running:
        yield running


def run_far_ahead(url: str) -> None:
    """Give out many transaction ids."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"DO $$ BEGIN FOR i IN 1..{AHEAD} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$".encode()
        )


def restore(source: Postgres, database: str, target: Postgres, folder: Path) -> str:
    """Dump a database and read the dump into another cluster, as an operator does; return the URL there."""
    file = folder / "dump.sql"
    for program, server, arguments in (
        ("pg_dump", source, ("--no-owner", database)),
        ("psql", target, ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={file}", "restored")),
    ):
        connection = {"PGPASSWORD": server.password, "PGHOST": HOST, "PGPORT": str(server.port), "PGUSER": "postgres"}
        said = embedded.run_postgres(program, *arguments, env=connection)
        if program == "pg_dump":
            file.write_text(said)
            file.chmod(0o644)
    return target.url_for("restored")


async def count_foreign(database: Database) -> int:
    """Return how many learnings carry transaction ids that the cluster has not given out."""
    statement = "SELECT count(*) FROM learnings WHERE revision >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    async with database.read_once() as session:
        return int(await session.scalar(text(statement)))


async def test_after_a_restore_into_a_new_cluster_a_quiet_index_reads_nothing(
    database: Database, postgres_server: Postgres, new_cluster: Postgres, tmp_path: Path, index_folder: Path
) -> None:
    await asyncio.to_thread(run_far_ahead, database.url)
    await write(database, *(f"l{number:05}" for number in range(COUNT)))
    async with run_indexer(database, index_folder) as indexer:
        await eventually(indexer.is_level, seconds=60)

    name = database.url.rpartition("/")[2]
    url = await asyncio.to_thread(restore, postgres_server, name, new_cluster, tmp_path)
    restored = Database(url)
    assert await count_foreign(restored) == COUNT
    async with run_indexer(restored, index_folder) as indexer:
        await eventually(indexer.is_level, seconds=60)
        assert await count_foreign(restored) == 0
        assert indexer.count_documents() == COUNT

        changes = Changes(restored, LEARNINGS, select(LEARNINGS.c.id, LEARNINGS.c.revision))
        assert len(await read(changes, restored)) == COUNT
        assert await read(changes, restored) == []

        await write(restored, "a-new-one")

        async def is_found() -> bool:
            return "a-new-one" in await find(indexer)

        await eventually(is_found)
    await restored.dispose()
