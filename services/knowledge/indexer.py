"""
Lets the search index follow the database.

A row carries the id of the transaction that changed it last (`revision`). The indexer reads the rows whose revision is
not below its checkpoint, and moves the checkpoint to the oldest transaction that was still running when it read
(`pg_snapshot_xmin`): whatever order transactions commit in, none is missed; a few rows are read twice, which changes
nothing. It wakes when PostgreSQL notifies it of a commit, and looks by itself every few seconds.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select, text, tuple_
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database
from chassis.errors import Unavailable
from chassis.notifications import listen
from services.knowledge import convert
from services.knowledge.model import Learning
from services.knowledge.search import Filters, IndexDamaged, Page, Query, SearchIndex

CHANNEL = "learnings"
POLL_SECONDS = 5.0
BATCH = 500

# Which database this is, its oldest running transaction, and the id that the next one will get.
SELECT_HORIZON = text(
    "SELECT (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),"
    " pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint"
    " FROM pg_current_snapshot() AS snapshot"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to where the database has been read: all that transactions before `oldest` changed."""

    database: int
    oldest: int
    next: int

    def find_start(self, checkpoint: Any) -> int | None:
        """Return the revision to read from, given the last checkpoint; None when that is not of this database."""
        match checkpoint:
            case {"database": self.database, "oldest": int(oldest)} if oldest <= self.next:
                return oldest
        return None


class Indexer:
    """
    The search index of a running service: open while `run` runs.

    Args:
        database: The knowledge service's.
        folder: Where the index is kept; nobody else's.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._index: SearchIndex | None = None
        self._wake = asyncio.Event()
        self._caught_up = self._damaged = False
        # Whether the last try to catch up failed.
        self._failing = False
        # From which revision on to read, and what of that is in the index already: learning id → revision.
        self._since: int | None = None
        self._applied: dict[str, int] = {}

    async def search(self, query: Query, filters: Filters, offset: int, limit: int) -> Page:
        """
        Search the index.

        Raises:
            Unavailable: It is being built; soon it is there; reason INDEX_NOT_READY.
        """
        if self._index is None or not self._caught_up:
            raise Unavailable("The search index is being built; try again in a moment.", reason="INDEX_NOT_READY")
        try:
            return await asyncio.to_thread(self._index.search, query, filters, offset=offset, limit=limit)
        except IndexDamaged as error:
            log.warning("index.damaged", error=str(error))
            self._caught_up, self._damaged = False, True
            self._wake.set()
            raise Unavailable(
                "The search index is being rebuilt; try again in a moment.", reason="INDEX_NOT_READY"
            ) from error

    async def is_caught_up(self) -> bool:
        """Return whether the index can be searched, and follows the database."""
        return self._caught_up and not self._failing

    async def run(self) -> None:
        """
        Keep the index up to date until cancelled; an error of PostgreSQL is logged, and tried again.

        Raises:
            IndexInUse: Another process has the index open.
            OSError: The folder cannot be written.
        """
        self._index = await asyncio.to_thread(SearchIndex, self._folder)
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, lambda _payload: self._wake.set()))
        try:
            while True:
                self._wake.clear()
                try:
                    if self._damaged:
                        await self._clear(self._index)
                    await self._catch_up(self._index)
                    self._failing = False
                except IndexDamaged as error:
                    log.warning("index.rebuilding", error=str(error))
                    await self._clear(self._index)
                    continue
                except (SQLAlchemyError, OSError) as error:
                    log.warning("index.retry", error=str(error) or type(error).__name__)
                    self._failing = True
                    await asyncio.sleep(0.5)
                    continue
                with suppress(TimeoutError):
                    # Not wait_for: before Python 3.12 it can swallow a cancellation that meets the wake-up.
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
        finally:
            listener.cancel()
            self._start_over()
            await asyncio.shield(asyncio.to_thread(self._index.close))

    async def _catch_up(self, index: SearchIndex) -> None:
        """Bring into the index what changed since the last time."""
        horizon = await self._read_horizon()
        since = await self._find_start(index, horizon) if self._since is None else self._since
        position, grew = (since, ""), False
        while rows := await self._read_changed(position):
            position = (rows[-1].revision, rows[-1].id)
            changed = [row for row in rows if self._applied.get(row.id) != row.revision]
            if changed:
                await asyncio.to_thread(index.put, [convert.learning_document(row) for row in changed])
                self._applied |= {row.id: row.revision for row in changed}
                grew = True
        if grew or self._since is None:
            await asyncio.to_thread(index.write_checkpoint, {"database": horizon.database, "oldest": horizon.oldest})
        # What is older is not read again, so there is nothing to keep about it.
        self._applied = {id_: revision for id_, revision in self._applied.items() if revision >= horizon.oldest}
        self._since = horizon.oldest
        if not self._caught_up:
            log.info("index.caught_up", documents=len(index))
        self._caught_up = True

    async def _find_start(self, index: SearchIndex, horizon: Horizon) -> int:
        """Return the revision to start from: the checkpoint's, or 0 after clearing an index of another database."""
        checkpoint = await asyncio.to_thread(index.read_checkpoint)
        if checkpoint is None:
            return 0
        since = horizon.find_start(checkpoint)
        if since is None:
            log.warning("index.rebuilding", reason="it belongs to another database")
            await self._clear(index)
        return since or 0

    async def _read_horizon(self) -> Horizon:
        async with self._database.read() as session:
            return Horizon(*(await session.execute(SELECT_HORIZON)).one())

    async def _read_changed(self, position: tuple[int, str]) -> list[Learning]:
        """Return the next rows after a revision and id, in their order."""
        async with self._database.read() as session:
            statement = (
                select(Learning)
                .where(tuple_(Learning.revision, Learning.id) > position)
                .order_by(Learning.revision, Learning.id)
                .limit(BATCH)
            )
            return list(await session.scalars(statement))

    async def _clear(self, index: SearchIndex) -> None:
        self._start_over()
        await asyncio.to_thread(index.clear)

    def _start_over(self) -> None:
        self._caught_up = self._damaged = False
        self._since = None
        self._applied.clear()
