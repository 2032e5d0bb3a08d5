"""
Planners at work: a few at a time, in threads of low priority, so that calls are answered meanwhile.

The solver releases Python's lock and takes every processor that it gets.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chassis.background_threads import make_background_threads
from chassis.errors import ResourceExhausted
from services.exchange.scheduling.plan import Kept, Plan
from services.exchange.scheduling.problem import Problem

if TYPE_CHECKING:
    from services.exchange.scheduling.planner import Planner

MAX_RUNNING = 2
MAX_WAITING = 4


def make_planner(
    problem: Problem, kept: Mapping[str, Kept], seconds: float, watch: Callable[[Plan], None] = lambda _plan: None
) -> "Planner":
    """
    Return a `Planner` of these arguments.

    The first one of a process imports the solver, which takes half a second and 70 MB: not before somebody plans.
    """
    from services.exchange.scheduling.planner import Planner

    return Planner(problem, kept, seconds, watch)


class PlannerPool:
    """Runs planners; more than a few wait, and more than a few more are refused."""

    def __init__(self) -> None:
        self._threads = make_background_threads(MAX_RUNNING, "planner")
        self._count = 0

    def require_room(self) -> None:
        """
        Raise while no more planners can wait.

        Raises:
            ResourceExhausted: Too many wait already; reason PLANNER_BUSY.
        """
        if self._count >= MAX_RUNNING + MAX_WAITING:
            raise ResourceExhausted("Too many programmes are being planned; try again.", reason="PLANNER_BUSY")

    async def run(self, make: Callable[[], "Planner"]) -> Plan:
        """
        Run a planner; where the caller goes away it stops.

        Args:
            make: Makes the planner, in the thread that runs it.

        Raises:
            ResourceExhausted: As `require_room`.
            DomainError: Whatever `make` raises.
        """
        self.require_room()
        job = _Job(make)
        self._count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, job.run)
        except asyncio.CancelledError:
            job.stop()
            raise
        finally:
            self._count -= 1


class _Job:
    """A planner that may be stopped before it is made."""

    def __init__(self, make: Callable[[], "Planner"]) -> None:
        self._make = make
        self._planner: Planner | None = None
        self._is_stopped = False

    def run(self) -> Plan:
        self._planner = self._make()
        if self._is_stopped:
            self._planner.stop()
        return self._planner.run()

    def stop(self) -> None:
        self._is_stopped = True
        if self._planner is not None:
            self._planner.stop()
