"""What is done to a platform: each fault in turn, in an order and for times that a seed gives."""

import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests import stack
from tests.chaos.platform import SERVICES, Platform

PROCESSES = ("gateway", *SERVICES)
SERVERS = ("PostgreSQL", "NATS")
# A pause of 12 seconds is as long as that of a virtual machine that moves to another host.
SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 12.0


@dataclass(frozen=True)
class Fault:
    """
    One thing that goes wrong.

    Attributes:
        name: What it is, in words for the report.
        begin: Makes it so; returns what ends it.
        lasts: Whether it goes on until it is ended; else it is over at once.
    """

    name: str
    begin: Callable[[], Callable[[], object]]
    lasts: bool = True


def draw(platform: Platform, seed: int) -> Iterator[tuple[Fault, float]]:
    """Yield faults and how many seconds each goes on, without end: all of them in one order, then in another."""
    drawn = random.Random(seed)
    links = platform.links.items()
    faults = [
        *(_killed(platform, name) for name in (*PROCESSES, *SERVERS)),
        *(_paused(platform, name) for name in (*PROCESSES, *SERVERS)),
        *(_until(f"connections to {name} break", link.cut, link.mend) for name, link in links),
        *(_until(f"the network to {name} loses everything", link.silence, link.mend) for name, link in links),
        *(
            _until(f"the network to {name} is slow", link.slow_down, link.mend)
            for name, link in links
            if name in SERVERS
        ),
        *(_until(f"the disk of {name} is full", disk.fill, disk.free) for name, disk in platform.disks.items()),
    ]
    while True:
        drawn.shuffle(faults)
        for fault in faults:
            yield fault, drawn.uniform(SHORTEST_SECONDS, LONGEST_SECONDS) if fault.lasts else 0.0


def _killed(platform: Platform, name: str) -> Fault:
    def begin() -> Callable[[], object]:
        os.kill(platform.find_process(name), signal.SIGKILL)
        return lambda: None

    return Fault(f"{name} is killed", begin, lasts=False)


def _paused(platform: Platform, name: str) -> Fault:
    def begin() -> Callable[[], object]:
        pause = contextlib.ExitStack()
        pause.enter_context(stack.hanging(platform.find_process(name)))
        return pause.close

    return Fault(f"{name} stands still", begin)


def _until(name: str, begin: Callable[[], object], end: Callable[[], object]) -> Fault:
    def start() -> Callable[[], object]:
        begin()
        return end

    return Fault(name, start)
