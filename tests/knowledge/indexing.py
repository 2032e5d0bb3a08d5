"""Learnings that are written, and an index that follows them, without a service around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from chassis.database import Database
from services.knowledge.changes import Changes, read_horizon
from services.knowledge.indexer import Indexer
from services.knowledge.peers import Peers
from services.knowledge.search.documents import Filters
from services.knowledge.search.index import IndexFailed
from services.knowledge.search.query import Query
from tests.knowledge.rows import write_learnings


async def write(database: Database, *ids: str) -> None:
    """Write learnings with these ids, in one transaction."""
    async with database.begin() as session:
        await write_learnings(session, ids)


async def read(changes: Changes, database: Database) -> list[str]:
    """Return the ids that a round reads."""
    horizon = await read_horizon(database)
    return [row.id async for rows in changes.read_round(horizon) for row in rows]


@contextlib.asynccontextmanager
async def run_indexer(
    database: Database, folder: Path, peers: Peers | None = None, *, again: bool = False
) -> AsyncIterator[Indexer]:
    """Let an index follow a database; ``again``: as a service does, where it cannot be opened."""
    indexer = Indexer(database, folder, peers)

    async def run() -> None:
        while True:
            try:
                await indexer.run()
            except (IndexFailed, OSError):
                if not again:
                    raise
                await asyncio.sleep(0.2)

    task = asyncio.create_task(run())
    try:
        yield indexer
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def find(indexer: Indexer) -> list[str]:
    """Return the ids of the first that are found."""
    found = await indexer.search(Query.parse(""), Filters(), limit=10)
    return sorted(hit.id for hit in found.page.hits)
