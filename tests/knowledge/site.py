"""Processes of the knowledge service over one database, to be killed."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from austausch.knowledge.v1.knowledge_pb2 import SearchLearningsRequest
from nats.js.errors import NotFoundError

from chassis.client import aio_channel
from chassis.database import Database
from chassis.identity import Role
from chassis.jetstream import connect
from chassis.work_queue import Progress, enqueue, read_progress
from deploy.embedded import Nats, free_port
from services.knowledge.semantics import EMBED, EMBED_MISSING
from tests.calls import Caller, Keys, load_contracts, person
from tests.conftest import knowledge_settings
from tests.knowledge.eventually import eventually
from tests.knowledge.rows import write_learnings


async def read_queue(database: Database, nats_url: str) -> Progress:
    """Return how far the work of both queues is."""
    client = await connect(nats_url, "test")
    try:
        both = [await read_progress(database, client.jetstream(), queue) for queue in (EMBED, EMBED_MISSING)]
    except NotFoundError:
        return Progress(waiting=1, in_hand=0, dead=0)  # Nobody has begun yet.
    finally:
        await client.close()
    return Progress(*(sum(getattr(each, name) for each in both) for name in ("waiting", "in_hand", "dead")))


class Site:
    """Processes of the knowledge service over one database."""

    def __init__(self, database_url: str, nats: Nats, keys: Keys, index: Path) -> None:
        self.database = Database(database_url)
        self.nats = nats
        self._keys = keys
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "proto",
            "KNOWLEDGE_DATABASE_URL": database_url,
            **knowledge_settings(index),
            "NATS_URL": nats.url,
            "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        }
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self, *arguments: str, **more: str) -> asyncio.subprocess.Process:
        """Start a process; without arguments it serves."""
        command = [sys.executable, "-m", "services.knowledge", *arguments]
        self._processes.append(await asyncio.create_subprocess_exec(*command, env=self._environment | more))
        return self._processes[-1]

    @contextlib.asynccontextmanager
    async def serve(self, **more: str) -> AsyncIterator[Caller]:
        """Run a process that serves until the block ends, and is killed then."""
        address = f"127.0.0.1:{free_port()}"
        process = await self.start(KNOWLEDGE_LISTEN=address, **more)
        contract = [service for file in load_contracts("knowledge") for service in file.services_by_name.values()]
        async with aio_channel(address) as channel:
            caller = Caller(channel, contract, lambda: self._keys.token(person(Role.COORDINATOR)))
            await eventually(lambda: caller.SearchLearnings(SearchLearningsRequest()), seconds=60)
            yield caller
        process.kill()
        await process.wait()

    async def write(self, *ids: str) -> None:
        """Write learnings, each with its task, as the service does."""
        async with self.database.begin() as session:
            await write_learnings(session, ids)
            enqueue(session, EMBED, ids)

    async def is_idle(self) -> bool:
        """Tell whether no task is left anywhere."""
        return await read_queue(self.database, self.nats.url) == Progress(waiting=0, in_hand=0, dead=0)

    async def stop(self) -> None:
        """Kill everything."""
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
        await self.database.dispose()
