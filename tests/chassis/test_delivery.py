"""
No event is lost or applied twice, whoever is killed at whatever point between commit and effect.

Real processes, a real PostgreSQL and a real NATS, all ended by SIGKILL while events flow.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import nats
import psycopg
import pytest
from psycopg import sql

from chassis.jetstream import STREAM
from deploy import embedded
from deploy.embedded import Nats, Postgres
from tests.calls import Keys
from tests.chassis import delivery
from tests.chassis.conftest import TEMPLATE

CITIES = 300
KILLS = 3
PATIENCE_SECONDS = 120

# Forked from one that has imported everything: the seconds go into events, not into imports.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([delivery.__name__])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail when it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {PATIENCE_SECONDS} s"
        time.sleep(0.05)


@dataclass
class Site:
    """A producer and a consumer, each with a database of its own, and a NATS server between them."""

    producer_url: str
    consumer_url: str
    data: Path
    keys: Keys
    nats: Nats | None = None
    processes: dict[str, BaseProcess] = field(default_factory=dict)
    _server: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start_nats(self) -> None:
        """Start NATS, again on the same port with the same data."""
        port = self.nats.port if self.nats else None
        self.nats = self._server.enter_context(embedded.nats(self.data / "nats", port=port))

    def kill_nats(self) -> None:
        """Kill NATS."""
        assert self.nats
        os.kill(self.nats.pid, signal.SIGKILL)
        self._server.close()

    def start(self, role: str, cities: int = CITIES, dies_at: str = "") -> None:
        """Start the producer or the consumer."""
        assert self.nats
        environment = {
            "DELIVERY_DATABASE_URL": self.producer_url if role == "producer" else self.consumer_url,
            "NATS_URL": self.nats.url,
            "IDENTITY_TRUSTED_KEYS": str(self.keys.trusted),
        }
        arguments = (role, environment, cities, dies_at, str(self.data / f"{role}.log"))
        self.processes[role] = PROCESSES.Process(target=delivery.main, args=arguments, daemon=True)
        self.processes[role].start()

    def kill(self, role: str) -> None:
        """Kill the producer or the consumer."""
        process = self.processes.pop(role)
        assert process.is_alive(), (self.data / f"{role}.log").read_text()
        process.kill()
        process.join()

    def dies_by_itself(self, role: str) -> None:
        """Wait until a process has killed itself at its point."""
        process = self.processes.pop(role)
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == -signal.SIGKILL

    def committed(self) -> list[str]:
        """Return the names that the producer told of, in the order of its commits."""
        with psycopg.connect(self.producer_url) as connection:
            return [f"cities/{key}" for (key,) in connection.execute("SELECT id FROM cities ORDER BY create_time")]

    def effects(self) -> list[str]:
        """Return the names that the consumer applied an event of, once per time."""
        with psycopg.connect(self.consumer_url) as connection:
            return [name for (name,) in connection.execute("SELECT visit FROM effects")]

    def nothing_is_left(self) -> bool:
        """Tell whether NATS has an acknowledgement of everything: nothing will be delivered once more."""
        assert self.nats
        return asyncio.run(has_acknowledged_all(self.nats.url))

    def stop(self) -> None:
        """Kill everything."""
        for process in self.processes.values():
            process.kill()
            process.join()
        self._server.close()


async def has_acknowledged_all(url: str) -> bool:
    """Tell whether the consumer has acknowledged every message of the stream."""
    client = await nats.connect(url)
    info = await client.jetstream().consumer_info(STREAM, "consumer")
    await client.close()
    return not info.num_pending and not info.num_ack_pending


@pytest.fixture
def site(postgres_server: Postgres, _sample_template: None, keys: Keys, tmp_path: Path) -> Iterator[Site]:
    """NATS runs; producer and consumer are to be started."""
    with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin:
        for name in ("delivery_producer", "delivery_consumer"):
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
            )
        made = Site(
            postgres_server.url_for("delivery_producer"), postgres_server.url_for("delivery_consumer"), tmp_path, keys
        )
        made.start_nats()
        try:
            yield made
        finally:
            made.stop()
            for name in ("delivery_producer", "delivery_consumer"):
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_every_committed_event_has_its_effect_once_whoever_is_killed_meanwhile(site: Site) -> None:
    chance = random.Random(20261122)
    site.start("producer")
    site.start("consumer")
    victims = ["producer", "nats", "consumer"] * KILLS
    chance.shuffle(victims)
    for number, victim in enumerate(victims, start=1):
        # Spread over the whole stream of events, at a moment within the handling of one.
        wait_until(lambda n=number: len(site.committed()) >= CITIES * n // (len(victims) + 1), "the producer goes on")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.1))
        if victim == "nats":
            site.kill_nats()
            time.sleep(chance.uniform(0, 0.3))
            site.start_nats()
        else:
            if victim == "consumer":
                applied = len(site.effects())
                # Or has done all there is, where it was faster than the look at it.
                wait_until(lambda n=applied: len(site.effects()) > n or n == CITIES, "the consumer is at work")  # type: ignore[misc]
            site.kill(victim)
            site.start(victim)
    wait_until(lambda: len(site.committed()) == CITIES, "the producer has committed everything")
    wait_until(lambda: len(set(site.effects())) == CITIES, "every event has an effect")
    wait_until(site.nothing_is_left, "every event is acknowledged")
    assert sorted(site.effects()) == sorted(site.committed())


def test_an_event_survives_a_death_at_each_point_of_its_way(site: Site) -> None:
    for point in ("before-publish", "after-publish"):
        site.start("producer", cities=1, dies_at=point)
        site.dies_by_itself("producer")
        assert site.committed() == ["cities/1"]
    site.start("producer", cities=1)
    site.start("consumer", dies_at="before-effect")
    site.dies_by_itself("consumer")
    assert site.effects() == []
    site.start("consumer", dies_at="after-effect")
    site.dies_by_itself("consumer")
    assert site.effects() == ["cities/1"]
    # NATS delivers it once more, which has no second effect.
    site.start("consumer")
    wait_until(site.nothing_is_left, "the event is acknowledged")
    assert site.effects() == ["cities/1"]
