"""
The planner: a plan for a problem, as good as time allows, or what stands in its way.

Source: the solver is CP-SAT, https://developers.google.com/optimization/cp/cp_solver.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ortools.sat.python import cp_model

from services.exchange.scheduling.attendance import fill_attendance
from services.exchange.scheduling.explanation import explain
from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.model import Model
from services.exchange.scheduling.objective import Objective
from services.exchange.scheduling.overload import is_overloaded
from services.exchange.scheduling.plan import Assignment, Changes, Kept, Plan, State
from services.exchange.scheduling.problem import Problem
from services.exchange.scheduling.replanning import compare, fix, replan
from services.exchange.scheduling.solving import FOUND, Budget, Placement, add_hints, find_placement, read_placement

Attending: TypeAlias = Sequence[tuple[str, ...]]
"""Of each task who attends beyond the required."""
EXPLAIN_SECONDS_PER_ITEM, MAX_EXPLAIN_SECONDS, DROP_SECONDS = 0.02, 4.0, 4.0
"""How long an explanation may take, and to find what to leave out: more of it helps little."""


class Planner:
    """
    One run of the planner; `stop` ends it from another thread.

    Args:
        kept: Where items stood in an earlier plan, which is changed as little as possible; empty for a new plan.
        seconds: How long the plan may be improved.
        watch: Is called, in the planner's own threads, with each plan that is better than the one before.
    """

    def __init__(
        self,
        problem: Problem,
        kept: Mapping[str, Kept],
        seconds: float,
        watch: Callable[[Plan], None] = lambda _plan: None,
    ) -> None:
        self._problem = problem
        self._instance = Instance(problem, kept)
        self._budget = Budget(seconds)
        self._watch = watch

    def stop(self) -> None:
        """End the run: `run` returns the best plan that was found by then."""
        self._budget.stop()

    def run(self) -> Plan:
        """Return the best plan that was found, or why there is none."""
        instance, budget = self._instance, self._budget
        if is_overloaded(instance):
            return self._explain()
        placement, changes = self._replan()
        if placement is None:
            status, placement = find_placement(instance, budget, budget.left)
            if status == cp_model.INFEASIBLE:
                return self._explain()
        if placement is None:
            return Plan(state=State.UNKNOWN, seconds=budget.spent)
        attending = fill_attendance(instance, placement)
        first = self._make_plan(placement, attending, changes)
        first = replace(first, first_solution_seconds=budget.spent, seconds=budget.spent)
        self._watch(first)
        return replace(self._improve(placement, attending, first, changes), seconds=budget.spent)

    def _replan(self) -> tuple[Placement, Changes] | tuple[None, None]:
        if not self._instance.kept:
            return None, None
        # Half of the time, for what has to move should not move far.
        replaced = replan(self._instance, self._budget, self._budget.left / 2)
        return (replaced.placement, replaced.changes) if replaced else (None, None)

    def _improve(self, placement: Placement, attending: Attending, first: Plan, changes: Changes | None) -> Plan:
        """Return the best plan that is found in the time that is left; the first at worst."""
        model = Model(self._instance, is_exact=True)
        if changes:
            fix(model, placement, changes.kept)
        objective = Objective(model)
        add_hints(model, placement, objective.list_literals(attending))

        def make_plan(found: cp_model.CpSolver | cp_model.CpSolverSolutionCallback) -> Plan:
            attending = objective.list_attending(found.value)
            plan = self._make_plan(read_placement(model, found.value), attending, changes)
            return replace(
                plan,
                objective=found.objective_value,
                bound=found.best_objective_bound,
                first_solution_seconds=first.first_solution_seconds,
                seconds=self._budget.spent,
            )

        status, solver = self._budget.solve(
            model, self._budget.left, watch=_Watching(lambda found: self._watch(make_plan(found)))
        )
        if status not in FOUND:
            return first
        is_optimal = status == cp_model.OPTIMAL and (changes is None or changes.is_fewest)
        return replace(make_plan(solver), is_optimal=is_optimal)

    def _make_plan(self, placement: Placement, attending: Attending, changes: Changes | None) -> Plan:
        """Return a placement as a plan; how it differs from what was kept is found out where it is not given."""
        tasks = self._instance.tasks
        assignments = {
            task.item.id: Assignment(
                self._instance.timeline.get_moment(tick), room, interpreter, (*task.item.required, *others)
            )
            for task, tick, room, interpreter, others in zip(
                tasks, placement.starts, placement.rooms, placement.interpreters, attending, strict=True
            )
            if tick is not None
        }
        changes = changes or compare(self._instance, placement, is_fewest=False)
        return Plan(state=State.SCHEDULED, assignments=assignments, changes=changes)

    def _explain(self) -> Plan:
        """Return why there is no plan, and of a programme that was planned before what to leave out."""
        instance, budget = self._instance, self._budget
        budget.allow(min(EXPLAIN_SECONDS_PER_ITEM * max(len(instance.tasks), 50), MAX_EXPLAIN_SECONDS))
        conflict = explain(self._problem, budget)
        plan = Plan(state=State.INFEASIBLE)
        if instance.kept:
            budget.allow(DROP_SECONDS)
            replaced = replan(instance, budget, budget.left, is_droppable=True)
            if replaced:
                attending = fill_attendance(instance, replaced.placement)
                plan = self._make_plan(replaced.placement, attending, replaced.changes)
        return replace(plan, state=State.INFEASIBLE, conflict=conflict, seconds=budget.spent)


class _Watching(cp_model.CpSolverSolutionCallback):
    """Tells of each better solution of the solver."""

    def __init__(self, tell: Callable[[cp_model.CpSolverSolutionCallback], None]) -> None:
        super().__init__()
        self._tell = tell

    def on_solution_callback(self) -> None:
        """Tell of a solution; called by the solver."""
        self._tell(self)
