"""
Lets the search index follow the database.

It wakes when PostgreSQL notifies it of a commit, and looks by itself every few seconds. How what changed is found,
`changes` says. An index of another database, or of one that lost what it had, is filled anew beside what it holds, and
goes on answering meanwhile; so is one when an operator asks for it. A process that starts without one it can use asks
its peers for a snapshot of theirs, and builds it from the database where it gets none.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import structlog
from prometheus_client import Gauge
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database
from chassis.errors import FailedPrecondition, Unavailable
from chassis.notifications import listen, wait_until_set
from services.knowledge import convert
from services.knowledge.changes import (
    START,
    Changes,
    Horizon,
    Position,
    get_table,
    read_horizon,
    stamp_foreign_rows,
)
from services.knowledge.model import DeletedLearning, Learning
from services.knowledge.peers import Peers
from services.knowledge.search.documents import Filters
from services.knowledge.search.index import IndexDamaged, IndexDiskFull, IndexFailed, SearchIndex
from services.knowledge.search.ranking import Found
from services.knowledge.search.snapshot import Snapshot
from services.knowledge.search.vectors import Meaning

Answer = TypeVar("Answer")

CHANNEL = "learnings"
# What an operator lets PostgreSQL notify to have the index filled anew (``austausch rebuild-index``).
REBUILD = "rebuild"
POLL_SECONDS = 5.0
# How often, at most, the words of deleted learnings are looked for.
SWEEP_SECONDS = 600.0
_LEARNINGS, _DELETED = get_table(Learning), get_table(DeletedLearning)

log = structlog.get_logger(__name__)
lag = Gauge("index_lag_seconds", "How long ago the search index was as new as the database")


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """
    What the index on disk holds.

    Attributes:
        database: Which database it was read from.
        generation: Number of the filling; what is left of earlier ones goes when this one is complete.
        is_complete: Whether the index has ever been complete, and can be searched.
        is_filling: Whether this filling is still going on.
        learnings: How far the learnings have been read; deleted ones as far or farther.
    """

    database: str
    generation: int = 0
    is_complete: bool = False
    is_filling: bool = True
    learnings: Position = START

    @classmethod
    def parse(cls, value: Any) -> "_Checkpoint | None":
        """Return the checkpoint that was kept; None where it is none of this version."""
        match value:
            case {
                "database": str(database),
                "generation": int(generation),
                "is_complete": bool(is_complete),
                "is_filling": bool(is_filling),
                "learnings": [int(revision), str(id_)],
            }:
                return cls(database, generation, is_complete, is_filling, Position(revision, id_))
        return None

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "database": self.database,
            "generation": self.generation,
            "is_complete": self.is_complete,
            "is_filling": self.is_filling,
            "learnings": list(self.learnings),
        }


class Indexer:
    """
    The search index of a running service: open while `run` runs.

    Args:
        database: The knowledge service's.
        folder: Where the index is kept; nobody else's.
        peers: Are asked for their index once, at the start, where there is none here that can be used.
    """

    def __init__(self, database: Database, folder: Path, peers: Peers | None = None) -> None:
        self._database = database
        self._folder = folder
        self._peers = peers
        self._index: SearchIndex | None = None
        self._wake = asyncio.Event()
        # Whether it can be searched; whether it has been as new as the database since the start; whether it has to be
        # made anew; whether an operator wants to have it filled anew.
        self._ready = self._level = self._damaged = self._is_unwanted = False
        # Why the last try to open it or to follow failed.
        self._failure: type[Exception] | None = None
        # When it was level last, or began to follow.
        self._level_at = time.monotonic()
        # Whether documents were removed since the words were looked through.
        self._has_removed = False
        self._checkpoint: _Checkpoint | None = None
        self._learnings: Changes | None = None
        self._deleted: Changes | None = None

    async def search(self, *args: Any, **options: Any) -> Found:
        """
        Search the index; arguments and answer as `SearchIndex.search`.

        Raises:
            Unavailable: It is being built (reason INDEX_NOT_READY), or does not work at the moment (INDEX_FAILED).
        """
        return await self._ask(SearchIndex.search, *args, **options)

    async def list_nearest(self, meaning: Meaning, filters: Filters, limit: int) -> list[str]:
        """
        Return the ids of the learnings that are nearest in meaning.

        Raises:
            Unavailable: As `search`.
        """
        return await self._ask(SearchIndex.list_nearest, meaning, filters, limit)

    async def take_snapshot(self, database: str, format_: str) -> Snapshot:
        """
        Return the index as it is on disk, for another process; the caller closes it.

        Args:
            database: Which one the other follows.
            format_: In which format it can open an index.

        Raises:
            Unavailable: As `search`; also while it is not as new as the database (reason INDEX_NOT_READY).
            FailedPrecondition: It is of another database (reason INDEX_DATABASE_DIFFERS) or in another format
                (INDEX_FORMAT_DIFFERS).
        """
        index, checkpoint = self._index, self._checkpoint
        if (
            index is None
            or checkpoint is None
            or checkpoint.is_filling
            or self._is_unwanted
            or not self._level
            or self._failure
        ):
            raise Unavailable("The search index is not level with the database.", reason="INDEX_NOT_READY")
        if checkpoint.database != database:
            raise FailedPrecondition("The index is of another database.", reason="INDEX_DATABASE_DIFFERS")
        if index.format != format_:
            raise FailedPrecondition(f"The format of the index is {index.format}.", reason="INDEX_FORMAT_DIFFERS")
        return await self._ask(SearchIndex.take_snapshot)

    async def _ask(self, question: Callable[..., Answer], *args: Any, **options: Any) -> Answer:
        if self._index is None or not self._ready:
            raise Unavailable("The search index is being built; try again in a moment.", reason="INDEX_NOT_READY")
        try:
            return await asyncio.to_thread(question, self._index, *args, **options)
        except IndexDamaged as error:
            log.warning("index.damaged", error=str(error))
            self._ready, self._damaged = False, True
            self._wake.set()
            raise Unavailable(
                "The search index is being rebuilt; try again in a moment.", reason="INDEX_NOT_READY"
            ) from error
        except IndexFailed as error:
            log.warning("index.failed", error=str(error))
            raise Unavailable("The search index does not answer at the moment.", reason="INDEX_FAILED") from error

    async def check(self) -> None:
        """
        Look whether the index can be searched, and follows the database.

        Raises:
            Unavailable: Reason INDEX_NOT_READY, INDEX_FAILED or INDEX_DISK_FULL.
        """
        if self._failure is IndexDiskFull:
            raise Unavailable("The disk of the search index is full.", reason="INDEX_DISK_FULL")
        if self._failure is not None:
            raise Unavailable("The search index does not follow at the moment.", reason="INDEX_FAILED")
        if not self._ready:
            raise Unavailable("The search index is being built.", reason="INDEX_NOT_READY")

    async def is_caught_up(self) -> bool:
        """Return whether the index can be searched, and follows the database."""
        return self._ready and self._failure is None

    async def is_level(self) -> bool:
        """
        Return whether the index can be searched, and has been as new as the database since it was opened.

        One that cannot follow later on is still better than none.
        """
        return self._ready and self._level

    def get_lag_seconds(self) -> float:
        """Return how long ago the index was as new as the database; seconds at most while it follows."""
        return time.monotonic() - self._level_at

    def count_documents(self) -> int:
        """Return how many learnings can be found; 0 while it cannot be searched."""
        return len(self._index) if self._index is not None and self._ready else 0

    async def run(self) -> None:
        """
        Keep the index up to date until cancelled; what fails is logged, and tried again.

        Raises:
            IndexInUse: Another process has the index open.
            IndexFailed: It cannot be opened for the moment.
            OSError: The folder cannot be written.
        """
        lag.set_function(self.get_lag_seconds)
        try:
            self._index = index = await asyncio.to_thread(SearchIndex, self._folder)
        except IndexFailed as error:
            self._failure = type(error)
            raise
        listener = asyncio.create_task(listen(self._database.url, CHANNEL, self._notice))
        loop, swept = asyncio.get_running_loop(), float("-inf")
        try:
            while True:
                self._wake.clear()
                try:
                    if self._damaged:
                        await self._start_over(index)
                    await self._follow(index)
                    if self._has_removed and loop.time() - swept > SWEEP_SECONDS:
                        swept = loop.time()
                        log.info("index.swept", words=await asyncio.to_thread(index.forget_words))
                        self._has_removed = False
                    self._failure = None
                except IndexDamaged as error:
                    log.warning("index.rebuilding", error=str(error))
                    self._ready, self._damaged = False, True
                    continue
                except (SQLAlchemyError, OSError, IndexFailed) as error:
                    log.warning("index.retry", error=str(error) or type(error).__name__)
                    self._failure = type(error)
                    await asyncio.sleep(0.5)
                    continue
                await wait_until_set(self._wake, POLL_SECONDS)
        finally:
            listener.cancel()
            self._ready = self._level = False
            self._checkpoint = None
            await asyncio.shield(asyncio.to_thread(index.close))

    def _notice(self, payload: str) -> None:
        if payload == REBUILD:
            self._is_unwanted = True
        self._wake.set()

    async def _follow(self, index: SearchIndex) -> None:
        """Bring into the index what changed since the last time."""
        began = time.monotonic()
        horizon = await read_horizon(self._database)
        checkpoint = self._checkpoint
        if checkpoint is None or checkpoint.database != horizon.database or self._is_unwanted:
            checkpoint = await self._begin(index, horizon)
            # What it stamped was changed after the horizon: read up to there, the index would be complete and empty.
            horizon = await read_horizon(self._database)
        assert self._learnings is not None and self._deleted is not None  # noqa: S101 - `_begin` makes them
        changed = False
        async for rows in self._learnings.read_round(horizon):
            documents = [convert.learning_document(row) for row in rows]
            await asyncio.to_thread(index.put, documents, generation=checkpoint.generation)
            changed = True
            if checkpoint.is_filling:
                checkpoint = await self._keep(index, checkpoint)
        # After the learnings: what was deleted meanwhile may have been put in.
        async for rows in self._deleted.read_round(horizon):
            await asyncio.to_thread(index.remove, [row.id for row in rows])
            changed = self._has_removed = True
        if checkpoint.is_filling:
            if checkpoint.generation:
                await asyncio.to_thread(index.remove_before, checkpoint.generation)
            await asyncio.to_thread(index.remove_other_versions)
            log.info("index.filled", documents=len(index))
            checkpoint = replace(checkpoint, is_filling=False, is_complete=True)
            changed = True
        if changed:
            checkpoint = await self._keep(index, checkpoint)
        self._checkpoint = checkpoint
        self._ready = self._level = True
        self._level_at = began

    async def _begin(self, index: SearchIndex, horizon: Horizon) -> _Checkpoint:
        """Return from where to go on: as the index on disk says; from the start where it is of another database."""
        # One that is asked for from here on is another one.
        is_unwanted, self._is_unwanted = self._is_unwanted, False
        try:
            return await self._begin_from(index, horizon, is_unwanted=is_unwanted)
        except BaseException:
            self._is_unwanted |= is_unwanted
            raise

    async def _begin_from(self, index: SearchIndex, horizon: Horizon, *, is_unwanted: bool) -> _Checkpoint:
        kept = _Checkpoint.parse(await asyncio.to_thread(index.read_checkpoint))
        peers, self._peers = self._peers, None
        if peers and not is_unwanted and (kept is None or not kept.is_complete or kept.database != horizon.database):
            await self._receive(index, peers, horizon.database)
            kept = _Checkpoint.parse(await asyncio.to_thread(index.read_checkpoint))
        if kept is None and len(index):
            await asyncio.to_thread(index.clear)
        if kept is None:
            checkpoint = _Checkpoint(horizon.database)
        elif kept.database != horizon.database or is_unwanted:
            reason = "an operator asked for it" if is_unwanted else "it belongs to another database"
            log.warning("index.refilling", reason=reason)
            checkpoint = _Checkpoint(horizon.database, kept.generation + 1, kept.is_complete)
        else:
            checkpoint = kept
        self._ready = checkpoint.is_complete
        foreign = [await stamp_foreign_rows(self._database, table) for table in (_LEARNINGS, _DELETED)]
        if any(foreign):
            log.warning("index.restored", rows=sum(foreign))
        statement, deleted = select(*_LEARNINGS.c), select(_DELETED.c.id, _DELETED.c.revision)
        self._learnings = Changes(self._database, _LEARNINGS, statement, checkpoint.learnings)
        self._deleted = Changes(self._database, _DELETED, deleted)
        self._checkpoint = checkpoint
        return checkpoint

    async def _receive(self, index: SearchIndex, peers: Peers, database: str) -> None:
        """Take the index of a peer in place of this one; where there is none, this one stays as it is."""
        if not await peers.receive_snapshot(database, index.format, index.incoming):
            return
        try:
            await asyncio.to_thread(index.replace, index.incoming)
        except (IndexDamaged, IndexFailed, OSError) as error:
            log.warning("index.not_replaced", error=str(error))
        else:
            await asyncio.to_thread(index.remove_other_versions)

    async def _keep(self, index: SearchIndex, checkpoint: _Checkpoint) -> _Checkpoint:
        """Write down how far the index is."""
        assert self._learnings is not None  # noqa: S101 - `_begin` makes it
        checkpoint = replace(checkpoint, learnings=self._learnings.position)
        await asyncio.to_thread(index.write_checkpoint, checkpoint.to_json())
        return checkpoint

    async def _start_over(self, index: SearchIndex) -> None:
        await asyncio.to_thread(index.clear)
        self._damaged = False
        self._checkpoint = None
