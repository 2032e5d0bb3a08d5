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
from services.exchange.scheduling.leaving_out import leave_out
from services.exchange.scheduling.model import Model
from services.exchange.scheduling.objective import Objective
from services.exchange.scheduling.overload import is_overloaded
from services.exchange.scheduling.plan import Assignment, Changes, Kept, Plan, State
from services.exchange.scheduling.problem import Problem
from services.exchange.scheduling.replanning import Replanning
from services.exchange.scheduling.solving import (
    FOUND,
    Budget,
    Placement,
    Watching,
    add_hints,
    find_placement,
    read_placement,
)
from services.exchange.scheduling.staying import compare, hold_all

Attending: TypeAlias = Sequence[tuple[str, ...]]
"""Of each task who attends beyond the required."""
EXPLAIN_SECONDS_PER_ITEM, MAX_EXPLAIN_SECONDS, DROP_SECONDS = 0.02, 4.0, 4.0
"""How long an explanation may take, and to find what to leave out: more of it helps little."""
IMPROVE_SHARE = 0.2
"""Of the time that is left, how much a plan is improved that may yet be replaced by one with fewer changes."""
LITTLE_SECONDS = 0.05
"""So little time is not worth another attempt."""


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
        self._latest = Plan(state=State.UNKNOWN)

    def stop(self) -> None:
        """End the run: `run` returns the best plan that was found by then."""
        self._budget.stop()

    def run(self) -> Plan:
        """Return the best plan that was found, or why there is none."""
        if is_overloaded(self._instance):
            return self._explain()
        plan = self._replan() if self._instance.kept else self._plan()
        return replace(plan, seconds=self._budget.spent)

    def _plan(self) -> Plan:
        """Return a plan that begins with nothing."""
        status, placement = find_placement(self._instance, self._budget, self._budget.left)
        if placement is None:
            return self._explain() if status == cp_model.INFEASIBLE else Plan(state=State.UNKNOWN)
        self._report(placement)
        self._improve(placement, self._budget.left)
        return self._latest

    def _replan(self) -> Plan:
        """Return a plan that changes an earlier one as little as possible."""
        budget = self._budget
        replanning = Replanning(self._instance, budget, self._report)
        replanning.find(budget.left / 2)
        if replanning.best is None:
            status, placement = find_placement(self._instance, budget, budget.left / 2)
            if status == cp_model.INFEASIBLE:
                return self._explain()
            if placement:
                replanning.take(placement)
        improved = None
        while budget.left > LITTLE_SECONDS:
            if replanning.best and improved != replanning.changes:
                improved = replanning.changes
                share = 1 if replanning.is_settled else IMPROVE_SHARE
                replanning.best = self._improve(replanning.best, budget.left * share, improved)
            elif replanning.is_settled:
                break
            else:
                replanning.minimize(budget.left * (1 - IMPROVE_SHARE))
                if not replanning.is_possible:
                    return self._explain()
        return replace(self._latest, changes=replanning.changes)

    def _improve(self, placement: Placement, seconds: float, changes: Changes | None = None) -> Placement:
        """Look for better plans than a placement, in which what stays is held; return the placement of the best."""
        instance = hold_all(self._instance, placement, changes) if changes else self._instance
        model = Model(instance, is_exact=True)
        objective = Objective(model)
        add_hints(model, placement, objective.list_literals(fill_attendance(instance, placement)))
        # Where fewer may have to move, plans may cost less than any in which these do.
        is_bounded = changes is None or changes.is_fewest

        def note(found: cp_model.CpSolver | cp_model.CpSolverSolutionCallback, *, is_optimal: bool) -> None:
            nonlocal placement
            placement = read_placement(model, found.value)
            plan = self._make_plan(placement, objective.list_attending(found.value), changes)
            self._note(
                replace(
                    plan,
                    is_optimal=is_optimal,
                    objective=found.objective_value,
                    bound=found.best_objective_bound if is_bounded else 0,
                )
            )

        watch = Watching(lambda found: note(found, is_optimal=False))
        status, solver = self._budget.solve(model, seconds, watch=watch)
        if status in FOUND:
            note(solver, is_optimal=is_bounded and status == cp_model.OPTIMAL)
        return placement

    def _report(self, placement: Placement, changes: Changes | None = None) -> None:
        """Tell of a placement that was found."""
        self._note(self._make_plan(placement, fill_attendance(self._instance, placement), changes))

    def _note(self, plan: Plan) -> None:
        """Let a plan be the best so far, and tell of it."""
        spent = self._budget.spent
        is_first = self._latest.state is not State.SCHEDULED
        first = spent if is_first else self._latest.first_solution_seconds
        self._latest = replace(plan, seconds=spent, first_solution_seconds=first)
        self._watch(self._latest)

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
            if found := leave_out(instance, budget, budget.left):
                placement, changes = found
                plan = self._make_plan(placement, fill_attendance(instance, placement), changes)
        return replace(plan, state=State.INFEASIBLE, conflict=conflict, seconds=budget.spent)
