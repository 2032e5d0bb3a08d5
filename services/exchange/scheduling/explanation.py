"""
Why there is no plan: a smallest set of requirements that contradict each other.

First the items that cannot all take place are told by the solver, then what is asked of them is given up bit by bit as
long as the contradiction stays: what is left at the end was needed, each part of it.

Source: deletion-based minimisation, Marques-Silva, *Minimal Unsatisfiability* (2010).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from ortools.sat.python import cp_model

from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.model import Model
from services.exchange.scheduling.overload import Overload, find_overload, is_overloaded
from services.exchange.scheduling.plan import Conflict, Kind, Requirement
from services.exchange.scheduling.problem import Problem
from services.exchange.scheduling.requirements import list_requirements, merge, relax
from services.exchange.scheduling.sentences import tell
from services.exchange.scheduling.solving import Budget, find_placement

Part = TypeVar("Part")

NOT_OF_TIMES = {Kind.REQUIRED_PERSON, Kind.INTERPRETATION, Kind.ROOM_NEEDED, Kind.ADDITIONAL_ROOMS}
"""What is given up where only times are left, and how they follow each other."""
CHECK_SECONDS = 0.5
"""How long one step may take; what is not known by then counts as needed."""


def explain(problem: Problem, budget: Budget) -> Conflict:
    """
    Return the requirements of an infeasible problem that contradict each other.

    Args:
        budget: What was found when it is used up is returned.
    """
    minimizing = _Minimizing(budget)
    overload = _find_overload(problem)
    if overload:
        items: Sequence[str] = overload.items
    else:
        items = minimizing.run(_find_items(problem, budget), lambda kept: is_infeasible(problem.restrict(kept), budget))
    small = problem.restrict(items)
    needed = requirements = list_requirements(small)

    def keep(kept: Sequence[Requirement]) -> Problem:
        remaining = set(kept)
        return relax(small, [each for each in requirements if each not in remaining])

    if overload:
        # What adding up shows without the solver: to pack a day full takes that long.
        busy = [each for each in requirements if _takes_time(each, overload)]
        others = [each for each in requirements if not _takes_time(each, overload)]
        needed = busy + minimizing.run(others, lambda kept: is_overloaded(Instance(keep([*busy, *kept]))))
    needed = minimizing.run(needed, lambda kept: is_infeasible(keep(kept), budget))
    is_minimal = minimizing.is_certain and bool(needed)
    if not needed:
        # An item takes longer than any day: there is nothing that could be given up.
        needed = [Requirement(Kind.OPENING_HOURS)]
    return Conflict(tuple(tell(merge(needed, small), small)), is_minimal)


def _find_overload(problem: Problem) -> Overload | None:
    instance = Instance(problem)
    return None if any(task.starts.is_empty() for task in instance.tasks) else find_overload(instance)


def _takes_time(requirement: Requirement, overload: Overload) -> bool:
    """Return whether a requirement takes the time of which there is too little."""
    return requirement.kind == overload.kind and overload.person in ("", *requirement.people)


class _Minimizing:
    """
    Takes parts away as long as the rest still contradicts itself.

    Attributes:
        is_certain: Whether of all that is left it is known that it is needed.
    """

    def __init__(self, budget: Budget) -> None:
        self.is_certain = True
        self._budget = budget

    def run(self, parts: Sequence[Part], contradicts: Callable[[Sequence[Part]], bool | None]) -> list[Part]:
        """
        Return a smallest part that still contradicts itself.

        Args:
            contradicts: Whether some of the parts do; None where that was not found out.
        """
        self.is_certain = True
        kept, size = list(parts), max(len(parts) // 2, 1)
        while kept:
            start = 0
            while start < len(kept):
                rest = kept[:start] + kept[start + size :]
                answer = contradicts(rest) if self._budget.left > 0 else None
                if answer is None and size == 1:
                    self.is_certain = False
                if answer:
                    kept = rest
                else:
                    start += size
            if size == 1:
                break
            size = max(size // 4, 1)
        return kept


def is_infeasible(problem: Problem, budget: Budget) -> bool | None:
    """Return whether a problem has no plan; None where that was not found out in time."""
    instance = Instance(problem)
    if is_overloaded(instance):
        return True
    status, _ = find_placement(instance, budget, CHECK_SECONDS)
    return {cp_model.INFEASIBLE: True, cp_model.UNKNOWN: None}.get(status, False)


def _find_items(problem: Problem, budget: Budget) -> list[str]:
    """Return items that cannot all take place; all of them where no fewer were found in time."""
    instance = Instance(problem)
    for task in instance.tasks:
        if task.starts.is_empty():
            return [task.item.id]
    until = budget.spent + budget.left / 2
    for part in _list_parts(instance):
        if core := _find_core(part, budget, until - budget.spent):
            return [part.tasks[place].item.id for place in core]
    return [item.id for item in problem.items]


def _list_parts(instance: Instance) -> Iterator[Instance]:
    """
    Yield what is easier to contradict than the whole, where there is something in it, and then the whole.

    To know who travels where, and when, is the most of the work, and few contradictions are about that; those that are
    lie between items that cannot be moved much.
    """
    problem = instance.problem

    def give_up(kinds: Collection[Kind]) -> Instance:
        return Instance(relax(problem, [each for each in list_requirements(problem) if each.kind in kinds]))

    yield give_up(NOT_OF_TIMES)
    if instance.has_travel:
        yield give_up({Kind.TRAVEL})
        tightest = sorted(instance.tasks, key=lambda task: task.starts.size())
        for share in (4, 2):
            yield Instance(problem.restrict([task.item.id for task in tightest[: len(tightest) // share]]))
    yield instance


def _find_core(instance: Instance, budget: Budget, seconds: float) -> list[int]:
    """Return the tasks that the solver found to be in each other's way; none where it did not find out."""
    until = budget.spent + seconds
    for is_exact in (False, True):
        model = Model(instance, is_exact=is_exact, is_droppable=True)
        model.cp.add_assumptions(model.present)
        # It only tells of assumptions where it works alone.
        status, solver = budget.solve(model, until - budget.spent, is_alone=True)
        if status == cp_model.INFEASIBLE:
            core = set(solver.sufficient_assumptions_for_infeasibility())
            return [
                place
                for place, literal in enumerate(model.present)
                if not isinstance(literal, bool) and literal.index in core
            ]
    return []
