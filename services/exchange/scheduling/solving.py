"""How the solver is asked, and what it answered in terms of tasks."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model, cp_model_helper
from ortools.sat.python.cp_model import IntVar

from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.model import Literal, Model
from services.exchange.scheduling.rooms import assign_rooms

WORKERS = 2
FEW_TASKS = 20
"""So few tasks are solved in less time than it takes to start a second worker."""
MIN_SECONDS = 0.01

FOUND = (cp_model.OPTIMAL, cp_model.FEASIBLE)


class Budget:
    """
    The time that a run may take, its end at any moment, and the solver that works for it.

    Args:
        seconds: From now on.
    """

    def __init__(self, seconds: float) -> None:
        self.began = time.monotonic()
        self._deadline = self.began + seconds
        self._is_stopped = threading.Event()
        self._solver: cp_model.CpSolver | None = None

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return 0.0 if self._is_stopped.is_set() else self._deadline - time.monotonic()

    def allow(self, seconds: float) -> None:
        """Let so many seconds be left from now on, unless it was stopped."""
        self._deadline = time.monotonic() + seconds

    def stop(self) -> None:
        """End the run, from another thread: what was found by then stays."""
        self._is_stopped.set()
        if self._solver is not None:
            self._solver.stop_search()

    def solve(
        self,
        model: Model,
        seconds: float,
        *,
        is_first: bool = False,
        is_alone: bool = False,
        watch: cp_model.CpSolverSolutionCallback | None = None,
    ) -> tuple[cp_model.CpSolverStatus, cp_model.CpSolver]:
        """
        Solve a model.

        Args:
            seconds: How long it may take, if so many are left.
            is_first: Whether any solution will do.
            is_alone: Whether with one worker only.
            watch: Is called with each better solution.
        """
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1 if is_alone or len(model.instance.tasks) <= FEW_TASKS else WORKERS
        solver.parameters.max_time_in_seconds = max(min(seconds, self.left), MIN_SECONDS)
        solver.parameters.stop_after_first_solution = is_first
        self._solver = solver
        status = solver.solve(model.cp, watch)
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(model.cp.validate())
        return status, solver


@dataclass(frozen=True, slots=True)
class Placement:
    """Of each task its first tick, its room and its interpreter, "" for none; a tick of None for one left out."""

    starts: Sequence[int | None]
    rooms: Sequence[str]
    interpreters: Sequence[str]


def find_placement(
    instance: Instance, budget: Budget, seconds: float
) -> tuple[cp_model.CpSolverStatus, Placement | None]:
    """
    Find any plan.

    Times come first, with rooms counted only; then rooms for these times. Where that fails the whole is solved at once,
    from these times. Of a large programme with travel, whoever is somewhere is first given the time for the longest way
    from there: that often can be done, and needs no choice of who goes where first.
    """
    until = budget.spent + seconds
    status = cp_model.UNKNOWN
    if instance.has_travel and len(instance.tasks) > FEW_TASKS:
        model = Model(instance, is_padded=True)
        status, solver = budget.solve(model, seconds / 2, is_first=True)
    if status not in FOUND:
        model = Model(instance)
        status, solver = budget.solve(model, until - budget.spent, is_first=True)
    if status not in FOUND:
        return status, None
    counted = read_placement(model, solver.value)
    rooms = assign_rooms(instance, list(map(solver.value, model.starts)), counted.rooms)
    if rooms is not None:
        return status, Placement(counted.starts, rooms, counted.interpreters)
    exact = Model(instance, is_exact=True)
    add_hints(exact, Placement(counted.starts, [""] * len(counted.starts), counted.interpreters))
    status, solver = budget.solve(exact, until - budget.spent, is_first=True)
    return status, read_placement(exact, solver.value) if status in FOUND else None


def read_placement(model: Model, get_value: Callable[[cp_model_helper.LinearExpr], int]) -> Placement:
    """
    Return what the solver found, with sites instead of rooms where the model is not exact.

    Args:
        get_value: Of a variable, as the solver or who watches it has it.
    """

    def is_true(literal: Literal) -> bool:
        return literal if isinstance(literal, bool) else bool(get_value(literal))

    def read_choice(choices: Mapping[str, Literal]) -> str:
        return next((name for name, literal in choices.items() if is_true(literal)), "")

    return Placement(
        [
            get_value(start) if is_true(present) else None
            for start, present in zip(model.starts, model.present, strict=True)
        ],
        list(map(read_choice, model.places)),
        list(map(read_choice, model.interpreters)),
    )


def add_hints(model: Model, placement: Placement, more: Iterable[tuple[Literal, bool]] = ()) -> None:
    """
    Let the solver begin with what was found before.

    Args:
        more: Other literals, and whether they were true.
    """
    hints: dict[int, tuple[IntVar, int]] = {}

    def hint(variable: IntVar | Literal, value: int) -> None:
        # A variable is hinted at once: what is the only room and the only interpreter is one literal.
        if isinstance(variable, IntVar):
            hints.setdefault(variable.index, (variable, value))

    for start, tick in zip(model.starts, placement.starts, strict=True):
        if tick is not None:
            hint(start, tick)
    for choices, chosen in ((model.places, placement.rooms), (model.interpreters, placement.interpreters)):
        for literals, name in zip(choices, chosen, strict=True):
            if name in literals:
                for each, literal in literals.items():
                    hint(literal, each == name)
    for (one, other), literal in model.order.items():
        first, second = placement.starts[one], placement.starts[other]
        if first is not None and second is not None:
            hint(literal, first <= second)
    for attends, is_true in more:
        hint(attends, is_true)
    for variable, value in hints.values():
        model.cp.add_hint(variable, value)


class Watching(cp_model.CpSolverSolutionCallback):
    """Tells of each better solution of the solver."""

    def __init__(self, tell: Callable[[cp_model.CpSolverSolutionCallback], None]) -> None:
        super().__init__()
        self._tell = tell

    def on_solution_callback(self) -> None:
        """Tell of a solution; called by the solver."""
        self._tell(self)
