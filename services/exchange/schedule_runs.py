"""Runs of the planner under way in this process: what they find is written down, and whoever ends them is heard."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import update

from chassis.database import Database
from chassis.model import now
from services.exchange.convert_schedule_run import plan_columns
from services.exchange.model import RunState, ScheduleRun
from services.exchange.model.schedule_run import LONGEST_SILENCE
from services.exchange.planner_pool import PlannerPool, make_planner
from services.exchange.scheduling.plan import Kept, Plan, State
from services.exchange.scheduling.problem import Problem
from services.exchange.unmet_requirements import Unmet

REPORT_SECONDS = 0.5
"""How often a better plan is written down, and how soon a run that somebody ended stops."""
OUTCOMES = {
    State.SCHEDULED: RunState.SCHEDULED,
    State.INFEASIBLE: RunState.INFEASIBLE,
    State.UNKNOWN: RunState.UNDECIDED,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """
    A run to be worked on.

    Attributes:
        kept: Where items should stay if that can be.
        standing: Where they are now.
        estimated: Pairs of venues between which the time was estimated.
        unmet: What items lack that stay as they are.
    """

    run_id: str
    problem: Problem
    kept: Mapping[str, Kept]
    standing: Mapping[str, Kept]
    estimated: Collection[frozenset[str]]
    unmet: Sequence[Unmet]
    seconds: float


class RunsUnderWay:
    """
    The runs that this process works on.

    `work` has to run beside the server; where it is cancelled, its runs end as INTERRUPTED and keep their best plan.
    """

    def __init__(self, database: Database, planners: PlannerPool) -> None:
        self._database = database
        self._planners = planners
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()

    def start(self, job: Job) -> None:
        """Let a run begin, whose row is written."""
        self._jobs.put_nowait(job)

    async def work(self) -> None:
        """Work on runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                job = await self._jobs.get()
                group.create_task(self._work_on(job))

    async def _work_on(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        best: list[Plan] = []

        def watch(plan: Plan) -> None:
            # Called by the threads of the solver.
            loop.call_soon_threadsafe(best.append, plan)

        planning = asyncio.create_task(
            self._planners.run(lambda: make_planner(job.problem, job.kept, job.seconds, watch))
        )
        try:
            if await self._report(job, planning, best):
                plan = await planning
                await self._finish(job, OUTCOMES[plan.state], [plan])
            else:
                planning.cancel()
                await asyncio.wait([planning])
                await self._update(job, RunState.CANCELLED, best)
        except asyncio.CancelledError:
            await self._write(job, RunState.INTERRUPTED, best)
            raise
        except Exception as error:  # noqa: BLE001 - one run that fails must not end the others
            log.warning("schedule_run.failed", run=job.run_id, error=repr(error))
            with suppress(Exception):
                await self._finish(job, RunState.INTERRUPTED, best)
        finally:
            planning.cancel()

    async def _report(self, job: Job, planning: asyncio.Task[Plan], best: list[Plan]) -> bool:
        """
        Write down each better plan and signs of life until the planning is done; return False once somebody ended it.

        A database that is away for a moment is no reason to stop.
        """
        written: Plan | None = None
        while not (await asyncio.wait([planning], timeout=REPORT_SECONDS))[0]:
            del best[:-1]
            news = [plan for plan in best if plan is not written]
            try:
                if not await self._write(job, RunState.RUNNING, news):
                    return False
                written = news[-1] if news else written
            except Exception as error:  # noqa: BLE001 - whatever it is, the next report may get through
                log.warning("schedule_run.not_reported", run=job.run_id, error=repr(error))
        return True

    async def _finish(self, job: Job, state: RunState, plans: Sequence[Plan]) -> None:
        """Write down how a run ended, as often as it takes, until it counts as lost."""
        until = asyncio.get_running_loop().time() + LONGEST_SILENCE.total_seconds()
        while True:
            try:
                await self._write(job, state, plans)
            except Exception:
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(1)
            else:
                return

    async def _write(self, job: Job, state: RunState, plans: Sequence[Plan]) -> bool:
        """Write down the state of a run and the last of its plans; return False where somebody has ended it."""
        return await self._update(
            job, RunState.RUNNING, plans, state=state, heard_time=now(), version=ScheduleRun.version + 1
        )

    async def _update(self, job: Job, present: RunState, plans: Sequence[Plan], **values: Any) -> bool:
        """Change a run that is in a state; return whether it is."""
        if plans:
            values["plan"] = plan_columns(plans[-1], job.problem, job.standing, job.estimated, job.unmet)
        statement = update(ScheduleRun).where(ScheduleRun.id == job.run_id, ScheduleRun.state == present)
        async with self._database.begin() as session:
            written = await session.execute(
                statement.values(update_time=now(), **values)
                .returning(ScheduleRun.id)
                .execution_options(synchronize_session=False)
            )
            return written.first() is not None
