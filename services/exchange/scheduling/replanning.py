"""
A plan that changes an earlier one as little as possible.

What stood is held where it was, and only what cannot stay is let go: that is a small problem, solved at once. Where it
has no solution, or one that may not be the best, what lies nearest is let go as well, and then anything.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from math import ceil

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model import LinearExpr

from services.exchange.scheduling.instance import Instance, Task
from services.exchange.scheduling.model import Model
from services.exchange.scheduling.plan import Changes
from services.exchange.scheduling.solving import (
    FOUND,
    Budget,
    Placement,
    Watching,
    add_hints,
    find_placement,
    read_placement,
)
from services.exchange.scheduling.staying import Standing, compare, find_standing, let_stay, read_kept

WINDOWS = (6, 20)
"""How many items that could stay are let go, the nearest first, where those that cannot do not find a place."""
ROUNDING = 1e-6
"""How far a bound that the solver tells may lie above the whole number that it means."""


class Replanning:
    """
    Looks for the placement that changes the fewest items of an earlier plan.

    Args:
        tell: Is called with each placement that changes fewer than the one before, and how it does.

    Attributes:
        best: The placement that changes the fewest so far; None while none is found.
        changes: How it differs from the earlier plan.
        is_possible: Whether there can be a placement, as far as is known.
    """

    def __init__(self, instance: Instance, budget: Budget, tell: Callable[[Placement, Changes], None]) -> None:
        self.best: Placement | None = None
        self.changes = Changes()
        self.is_possible = True
        self._instance = instance
        self._budget = budget
        self._tell = tell
        self._standing = find_standing(instance, budget, budget.left / 4)
        self._least = self._standing.least
        self._whole: _Choice | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is known that nothing better can be found, or nothing at all."""
        return self.changes.is_fewest or not self.is_possible

    def take(self, placement: Placement) -> None:
        """Let a placement be the best if it changes fewer items than the best so far."""
        changes = compare(self._instance, placement, is_fewest=False)
        if self.best is None or len(changes.moved) < len(self.changes.moved):
            self.best = placement
            self.changes = replace(changes, is_fewest=len(changes.moved) <= self._least)
            self._tell(placement, self.changes)

    def find(self, seconds: float) -> None:
        """Look for a placement in which most of what can stay does: one is found soon, if not always the best."""
        instance, standing = self._instance, self._standing
        until = self._budget.spent + seconds
        held = instance.narrow({place: standing.spots[place] for place in standing.compatible})
        _status, placement = find_placement(held, self._budget, seconds / 2)
        if placement:
            self.take(placement)
        nearest = _list_nearest(instance, standing)
        for size in WINDOWS:
            left = until - self._budget.spent
            if left > 0 and not self.is_settled and size < len(nearest):
                self._search(_Choice(instance, standing, nearest[size:]), left / 2)

    def minimize(self, seconds: float) -> None:
        """Let anything move, and look for fewer changes until it is proven that there are none."""
        until = self._budget.spent + seconds
        if self.is_settled:
            return
        if self._whole is None:
            self._whole = _Choice(self._instance, self._standing)
            self._release(self._whole, seconds / 2)
        if not self.is_settled:
            status, bound = self._search(self._whole, until - self._budget.spent)
            self.is_possible = status != cp_model.INFEASIBLE
            self._require(self._standing.lost + bound)

    def _require(self, least: int) -> None:
        """Note that so many items have to move at least."""
        self._least = max(self._least, least)
        if self.best is not None:
            self.changes = replace(self.changes, is_fewest=len(self.changes.moved) <= self._least)

    def _search(self, choice: "_Choice", seconds: float) -> tuple[cp_model.CpSolverStatus, int]:
        """Look for fewer changes; return what the solver says, and how many of its choices cannot be to stay."""
        choice.begin_at(self.best or read_kept(self._instance))
        choice.model.cp.minimize(LinearExpr.sum([~stays for stays in choice.stays.values()]))
        watch = Watching(lambda found: self.take(read_placement(choice.model, found.value)))
        status, solver = self._budget.solve(choice.model, seconds, watch=watch)
        return status, ceil(solver.best_objective_bound - ROUNDING) if status in FOUND else 0

    def _release(self, choice: "_Choice", seconds: float) -> None:
        """
        Let everything stay but what the solver finds to be in the way, some more each time, until there is a placement.

        Of each lot that is found to be in each other's way one has to move.
        """
        until = self._budget.spent + seconds
        stays, lots = choice.stays, 0
        choice.begin_at(self.best or read_kept(self._instance))
        while not self.is_settled and until > self._budget.spent:
            choice.model.cp.clear_assumptions()
            choice.model.cp.add_assumptions(list(stays.values()))
            status, solver = self._budget.solve(choice.model, until - self._budget.spent, is_first=True, is_alone=True)
            if status in FOUND:
                self.take(read_placement(choice.model, solver.value))
            if status != cp_model.INFEASIBLE:
                break
            lot = set(solver.sufficient_assumptions_for_infeasibility())
            self.is_possible = bool(lot)
            lots += 1
            self._require(self._standing.lost + lots)
            stays = {place: literal for place, literal in stays.items() if literal.index not in lot}
        choice.model.cp.clear_assumptions()


class _Choice:
    """
    A model in which what can stay may stay.

    Args:
        held: The tasks for which it is no choice.

    Attributes:
        stays: Place of a task → whether it stays.
    """

    def __init__(self, instance: Instance, standing: Standing, held: Collection[int] = ()) -> None:
        spots = standing.spots
        self.model = Model(instance.narrow({place: spots[place] for place in held}), is_exact=True)
        self.stays = {place: let_stay(self.model, place, spots[place]) for place in spots if place not in set(held)}

    def begin_at(self, placement: Placement) -> None:
        """Let the solver begin with a placement."""
        self.model.cp.clear_hints()  # type: ignore[no-untyped-call]
        add_hints(self.model, placement)


def _list_nearest(instance: Instance, standing: Standing) -> list[int]:
    """Return what can stay: first what shares somebody or a room with what cannot, and is near to where that stood."""
    free = [task for place, task in enumerate(instance.tasks) if place not in standing.compatible]
    stood = [instance.timeline.get_floor(kept.start) for task in free if (kept := instance.kept.get(task.item.id))]
    shared = {each for task in free for each in _list_taken(task)}

    def get_distance(place: int) -> tuple[bool, int]:
        task = standing.spots[place]
        return shared.isdisjoint(_list_taken(task)), min((abs(task.starts.min() - tick) for tick in stood), default=0)

    return sorted(standing.compatible, key=get_distance)


def _list_taken(task: Task) -> Iterable[str]:
    """Return the people, the interpreters and the rooms whose time a task may take."""
    return (*task.item.required, *task.interpreters, *task.rooms, *task.item.also_rooms)
