"""
No task is lost, whoever is killed at whatever point between its enqueueing and its end.

Real processes (``python -m services.<name>``, and ``work`` of it), a real PostgreSQL and a real NATS, killed in
mid-batch.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from chassis.database import Database
from chassis.jetstream import DEAD_LETTERS, WORK, connect
from chassis.probe import find_failure
from chassis.work_queue import MAX_DELIVERIES, Progress, read_progress
from deploy import embedded
from deploy.embedded import Nats, free_port
from tests.calls import Keys
from tests.chassis import sample
from tests.chassis.messaging import effects, put_in, stored, until

# Several processes start one after the other, which takes each of them ten seconds on a busy machine.
PATIENCE_SECONDS = 240
Answer = TypeVar("Answer")


class Site:
    """NATS, which can be killed, and processes of the sample beside it."""

    def __init__(self, database_url: str, keys: Keys, data: Path) -> None:
        self._data = data
        self._server = contextlib.ExitStack()
        self.nats: Nats = self._server.enter_context(embedded.nats(data / "nats"))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **os.environ,
            "SAMPLE_DATABASE_URL": database_url,
            "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
            "NATS_URL": self.nats.url,
            "WORK": "0.3",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start the sample; without arguments it serves."""
        with (self._data / "log").open("ab") as log:
            command = [sys.executable, "-m", "tests.chassis.process", *arguments]
            self.processes.append(subprocess.Popen(command, env=self.environment | environment, stderr=log))
        return self.processes[-1]

    def log(self) -> str:
        """Return what the processes have printed."""
        return (self._data / "log").read_text()

    def restart_nats(self) -> None:
        """Kill NATS, and start it on the same port with the same data."""
        os.kill(self.nats.pid, signal.SIGKILL)
        self._server.close()
        self.nats = self._server.enter_context(embedded.nats(self._data / "nats", port=self.nats.port))

    async def ask(self, question: Callable[[JetStreamContext], Awaitable[Answer]]) -> Answer:
        """Return what JetStream answers."""
        client = await connect(self.nats.url, "test")
        try:
            return await question(client.jetstream())
        finally:
            await client.close()

    def stop(self) -> None:
        """Kill everything."""
        for process in self.processes:
            process.kill()
            process.wait()
        self._server.close()


@pytest.fixture
async def site(database_url: str, keys: Keys, tmp_path: Path) -> AsyncIterator[Site]:
    """NATS runs; processes are to be started."""
    made = Site(database_url, keys, tmp_path)
    yield made
    made.stop()


async def test_every_task_is_done_whoever_is_killed_meanwhile(site: Site, database: Database) -> None:
    chance = random.Random(20261128)
    keys = [f"learnings/{number:03}" for number in range(600)]
    # One process serves and publishes, and works, too; the others only work.
    processes = [site.start(), site.start("work"), site.start("work")]
    await put_in(database, *keys[:300])
    await until(lambda: effects(database), seconds=PATIENCE_SECONDS)
    for number, victim in enumerate([1, 2, "nats", 0, 1, "nats", 2]):
        # Before there is more to do: nobody knows when that is done.
        known = len(await effects(database))
        await put_in(database, *keys[300 + number * 40 : 340 + number * 40])
        # All are at work, each somewhere in its batch.
        await until(lambda n=known: is_more(database, n), seconds=PATIENCE_SECONDS)  # type: ignore[misc]
        await asyncio.sleep(chance.uniform(0, 0.3))
        if isinstance(victim, int):
            assert processes[victim].poll() is None, site.log()
            processes[victim].kill()
            processes[victim].wait()
            processes[victim] = site.start(*(["work"] if victim else []))
        else:
            site.restart_nats()
    await put_in(database, *keys[580:])
    await until(lambda: everything_is_done(site, database), seconds=PATIENCE_SECONDS)
    found = await effects(database)
    assert sorted(set(found)) == keys
    # What was in hand when its worker or NATS was killed may be done twice, and no more than that.
    assert len(found) <= len(keys) + 7 * 3 * sample.RECORD.batch
    assert await site.ask(lambda jetstream: stored(jetstream, DEAD_LETTERS)) == 0


async def is_more(database: Database, known: int) -> bool:
    """Tell whether more was done than was known."""
    return len(await effects(database)) > known


async def everything_is_done(site: Site, database: Database) -> bool:
    """Tell whether no task is left anywhere."""
    progress = await site.ask(lambda jetstream: read_progress(database, jetstream, sample.RECORD))
    return progress == Progress(waiting=0, in_hand=0, dead=0)


async def test_a_task_that_kills_its_workers_keeps_no_other_from_being_done(site: Site, database: Database) -> None:
    keys = [f"{number:02}" for number in range(sample.RECORD.batch - 1)]
    await put_in(database, *keys[:9], "deadly", *keys[9:])
    worker = site.start("work", WORK="0")
    deaths = 0

    async def all_others_are_done() -> bool:
        nonlocal worker, deaths
        if worker.poll() is not None:
            deaths += 1
            worker = site.start("work", WORK="0")
        return set(await effects(database)) == set(keys)

    await until(all_others_are_done, seconds=PATIENCE_SECONDS)
    assert 0 < deaths < MAX_DELIVERIES


async def test_a_worker_that_is_told_to_end_gives_back_what_it_has_in_hand(site: Site, database: Database) -> None:
    slow = site.start("work", WORK="600", ACK_WAIT="600")
    await put_in(database, *map(str, range(10)))
    await until(lambda: count_in_hand(site, database), seconds=PATIENCE_SECONDS)
    slow.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(slow.wait, PATIENCE_SECONDS) == 0

    async def take(jetstream: JetStreamContext) -> set[bytes]:
        subscription = await jetstream.pull_subscribe_bind(durable=sample.RECORD.consumer, stream=WORK)
        # Not after NATS has missed a sign of life.
        return {message.data for message in await subscription.fetch(10, timeout=60)}

    assert len(await site.ask(take)) == 10


async def count_in_hand(site: Site, database: Database) -> int:
    """Return how many tasks workers have in hand."""

    async def count(jetstream: JetStreamContext) -> int:
        return (await read_progress(database, jetstream, sample.RECORD)).in_hand

    # The streams are made by the first process that needs them.
    with contextlib.suppress(NotFoundError):
        return await site.ask(count)
    return 0


async def test_a_worker_serves_metrics_and_no_calls(site: Site, database: Database) -> None:
    listen, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
    site.start("work", SAMPLE_LISTEN=listen, SAMPLE_METRICS_LISTEN=metrics)
    await put_in(database, "1")
    await until(lambda: effects(database), seconds=PATIENCE_SECONDS)
    await until(lambda: serves(metrics, 'work_done_total{queue="sample.record"} 1.0'))
    assert await asyncio.to_thread(find_failure, f"http://{metrics}/") == ""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*listen.split(":"))


async def serves(address: str, line: str) -> bool:
    """Tell whether a process's metrics have a line."""
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return line in text


async def test_a_service_without_a_queue_has_no_work(site: Site) -> None:
    del site.environment["WORK"]
    assert await asyncio.to_thread(site.start("work").wait, PATIENCE_SECONDS) == 1
    assert "sample: it has no work queue" in site.log()
