"""Replicas of the knowledge service that ask one another for their index, and what stands on the way between them."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sqlalchemy import text

from chassis.database import Database
from deploy.embedded import Nats
from tests.calls import Caller, Keys, RunningService
from tests.conftest import knowledge_settings, run_service
from tests.knowledge.rows import write_learnings
from tests.knowledge.searching import search


class Replicas:
    """Runs replicas of the service, each with an index folder of its own."""

    def __init__(self, nats: Nats, keys: Keys, folder: Path) -> None:
        self._nats = nats
        self._keys = keys
        self.folder = folder

    def list_settings(self, folder: Path, peers: str = "") -> dict[str, str]:
        """Return the settings of one that asks peers."""
        key = self._keys.private["knowledge"]
        return knowledge_settings(folder) | {"KNOWLEDGE_PEERS_ADDRESS": peers, "KNOWLEDGE_SIGNING_KEY": key}

    @contextlib.asynccontextmanager
    async def run(self, url: str, name: str, peers: str = "", **more: str) -> AsyncIterator[RunningService]:
        """Run one on a database, with the index folder of a name."""
        settings = self.list_settings(self.folder / name, peers) | more
        async with run_service("knowledge", url, self._nats, self._keys, **settings) as service:
            yield service


async def write_many(database: Database, count: int, *, tokens: int = 2_000) -> None:
    """Write few learnings that make a large index: of numbers that nobody has seen before."""
    draw = random.Random(count)
    async with database.begin() as session:
        for number in range(count):
            observation = " ".join(f"{draw.randrange(10**9):09d}" for _ in range(tokens))
            await write_learnings(session, [f"many{number}"], observation=observation)


async def change_unseen(database: Database) -> None:
    """Change a learning so that no index is told of it: one that is built from the rows finds ``unerhört``."""
    async with database.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE learnings SET title = title || ' unerhört' WHERE id = (SELECT min(id) FROM learnings)")
        )


async def is_built_from_rows(caller: Caller) -> bool:
    """Tell whether an index was built after `change_unseen`, and from the rows."""
    return (await search(caller, "+unerhört")).total_size == 1


@contextlib.asynccontextmanager
async def relay(
    address: str, *, change: Callable[[bytes], bytes] = bytes, limit: int = 0, cut: Callable[[], object] = bool
) -> AsyncIterator[str]:
    """
    Stand between callers and a service until the block ends; yields the address to call.

    Args:
        change: What becomes of bytes that the service sends.
        limit: After so many of them, every connection is cut; 0 for never.
        cut: Called before.
    """
    host, _, port = address.rpartition(":")

    async def pass_on(connection: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader, opposite = await asyncio.open_connection(host, int(port))

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_answer: bool) -> None:
            total = 0
            while data := await source.read(65536):
                total += len(data)
                if is_answer and limit and total > limit:
                    cut()
                    break
                target.write(change(data) if is_answer else data)
                await target.drain()

        with contextlib.suppress(OSError):
            copies = [copy(connection, opposite, is_answer=False), copy(reader, writer, is_answer=True)]
            tasks = [asyncio.create_task(each) for each in copies]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        for each in (writer, opposite):
            each.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
