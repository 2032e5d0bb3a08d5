"""A plan that changes an earlier one as little as possible."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model import LinearExpr

from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.model import Literal, Model
from services.exchange.scheduling.plan import Changes
from services.exchange.scheduling.solving import FOUND, Budget, Placement, add_hints, read_placement


@dataclass(frozen=True, slots=True)
class Replacement:
    """A placement, and how it differs from what was to be kept."""

    placement: Placement
    changes: Changes


def replan(instance: Instance, budget: Budget, seconds: float, *, is_droppable: bool = False) -> Replacement | None:
    """
    Return the placement that leaves out the fewest items and, of these, changes the fewest; None where none was found.

    Args:
        is_droppable: Whether items may be left out.
    """
    until = budget.spent + seconds
    model = Model(instance, is_exact=True, is_droppable=is_droppable)
    same = {
        place: literal
        for place, task in enumerate(instance.tasks)
        if task.item.id in instance.kept and (literal := _let_stay(model, place)) is not None
    }
    add_hints(model, _read_kept(instance))
    near, least, is_possible = (None, 0, True) if is_droppable else _release(model, same, budget, seconds / 2)
    if not is_possible:
        return None
    if near is not None:
        changes = compare(instance, near, is_fewest=False)
        if len(changes.moved) <= least + _count_unkeepable(instance, same):
            return Replacement(near, replace(changes, is_fewest=True))
        model.cp.clear_hints()  # type: ignore[no-untyped-call]
        add_hints(model, near)
    weight = len(same) + 1
    dropped = [(-weight, present) for present in model.present if not isinstance(present, bool)]
    terms = [*dropped, *((-1, literal) for literal in same.values())]
    if terms:
        model.cp.minimize(LinearExpr.weighted_sum([term for _, term in terms], [cost for cost, _ in terms]))
    status, solver = budget.solve(model, until - budget.spent)
    if status not in FOUND:
        return Replacement(near, compare(instance, near, is_fewest=False)) if near else None
    placement = read_placement(model, solver.value)
    return Replacement(placement, compare(instance, placement, is_fewest=status == cp_model.OPTIMAL))


def _release(
    model: Model, same: Mapping[int, cp_model.IntVar], budget: Budget, seconds: float
) -> tuple[Placement | None, int, bool]:
    """
    Let everything stay but what the solver finds to be in the way, some more each time, until there is a placement.

    Returns:
        The placement, None where none was found in time; how many items have to move at least: one of each lot that
        were found to be in each other's way; and whether there can be a placement at all, as far as is known.
    """
    until = budget.spent + seconds
    held = dict(same)
    least = 0
    placement, is_possible = None, True
    while placement is None and is_possible and until > budget.spent:
        model.cp.clear_assumptions()
        model.cp.add_assumptions(list(held.values()))
        status, solver = budget.solve(model, until - budget.spent, is_first=True, is_alone=True)
        if status in FOUND:
            placement = read_placement(model, solver.value)
        elif status == cp_model.INFEASIBLE:
            core = set(solver.sufficient_assumptions_for_infeasibility())
            is_possible = bool(core)
            least += 1
            held = {place: literal for place, literal in held.items() if literal.index not in core}
        else:
            break
    model.cp.clear_assumptions()
    return placement, least, is_possible


def _count_unkeepable(instance: Instance, same: Mapping[int, cp_model.IntVar]) -> int:
    """Return how many items cannot stay where they were, whatever the others do."""
    return sum(task.item.id in instance.kept and place not in same for place, task in enumerate(instance.tasks))


def _let_stay(model: Model, place: int) -> cp_model.IntVar | None:
    """Return whether a task stays where it was; None where it cannot."""
    task = model.instance.tasks[place]
    kept = model.instance.kept[task.item.id]
    tick = model.instance.timeline.get_floor(kept.start)
    if not task.starts.contains(tick):
        return None
    demands: list[Literal] = [model.present[place]]
    for name, choices in ((kept.room, model.places[place]), (kept.interpreter, model.interpreters[place])):
        if name and choices:
            if name not in choices:
                return None
            demands.append(choices[name])
    stays = model.cp.new_bool_var("")
    model.cp.add(model.starts[place] == tick).only_enforce_if(stays)
    for literal in demands:
        if not isinstance(literal, bool):
            model.cp.add_implication(stays, literal)
    return stays


def fix(model: Model, placement: Placement, items: Collection[str]) -> None:
    """Let some items stay where a placement has them."""
    for place, task in enumerate(model.instance.tasks):
        tick = placement.starts[place]
        if task.item.id in items and tick is not None:
            model.cp.add(model.starts[place] == tick)
            for choices, name in (
                (model.places[place], placement.rooms[place]),
                (model.interpreters[place], placement.interpreters[place]),
            ):
                if name:
                    model.cp.add_bool_and(choices[name])


def compare(instance: Instance, placement: Placement, *, is_fewest: bool) -> Changes:
    """
    Return how a placement differs from what was to be kept.

    Args:
        is_fewest: Whether it is proven that fewer changes won't do.
    """
    moved: list[str] = []
    stayed: list[str] = []
    dropped: list[str] = []
    for task, tick, room, interpreter in zip(
        instance.tasks, placement.starts, placement.rooms, placement.interpreters, strict=True
    ):
        kept = instance.kept.get(task.item.id)
        if tick is None:
            dropped.append(task.item.id)
        elif kept is not None:
            is_same = (
                instance.timeline.get_moment(tick) == kept.start
                and (not room or kept.room in ("", room))
                and (not interpreter or kept.interpreter in ("", interpreter))
            )
            (stayed if is_same else moved).append(task.item.id)
    return Changes(tuple(moved), tuple(stayed), tuple(dropped), is_fewest)


def _read_kept(instance: Instance) -> Placement:
    kept = [instance.kept.get(task.item.id) for task in instance.tasks]
    return Placement(
        [None if each is None else instance.timeline.get_floor(each.start) for each in kept],
        ["" if each is None else each.room for each in kept],
        ["" if each is None else each.interpreter for each in kept],
    )
