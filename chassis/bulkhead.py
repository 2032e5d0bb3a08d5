"""
A bulkhead around what takes much of a machine: more at once than it can do would make all of them late.

How many calls a service lets in altogether is decided in `chassis.interceptor`.

Source: Nygard, *Release It!* (2nd ed., 2018), the patterns Bulkheads and Shed Load.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from chassis.errors import Unavailable

# Of version 2: the microseconds of processor time that a container may take within so many; "max" for any.
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def count_processors() -> int:
    """Return how many processors this process may use at once, by its affinity and its container's limit."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = map(int, _CPU_QUOTA.read_text().split())
        processors = min(processors, -(-quota // period))
    return max(processors, 1)


class Bulkhead:
    """
    Lets in a few at a time, in the order in which they come.

    Args:
        at_once: How many.
        max_wait_seconds: Who would have to wait longer is refused. Less than a call's deadline, by the time that the
            work itself takes.
    """

    def __init__(self, at_once: int, max_wait_seconds: float) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._max_wait_seconds = max_wait_seconds

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """
        Hold a place during the block.

        Raises:
            Unavailable: None became free in time; reason SERVICE_BUSY.
        """
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await self._room.acquire()
        except TimeoutError:
            raise Unavailable("The service has more to do than it can; try again.", reason="SERVICE_BUSY") from None
        try:
            yield
        finally:
            self._room.release()
