"""What of an earlier plan can stay where it stood."""

from collections.abc import Mapping
from dataclasses import dataclass

from ortools.sat.python import cp_model

from services.exchange.scheduling.instance import Instance, Task
from services.exchange.scheduling.model import Literal, Model
from services.exchange.scheduling.plan import Changes, Kept
from services.exchange.scheduling.solving import FOUND, Budget, Placement
from services.exchange.scheduling.timeline import NEVER


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What stood, as far as it can stay.

    Attributes:
        spots: Place of a task that can stay, whatever the others do → the task, held where it was.
        lost: How many cannot.
        compatible: Of those that can, as many as can together.
        least: How many items have to move at least.
    """

    spots: Mapping[int, Task]
    lost: int
    compatible: frozenset[int]
    least: int


def find_standing(instance: Instance, budget: Budget, seconds: float) -> Standing:
    """Return what of the earlier plan of an instance can stay."""
    stood = [place for place, task in enumerate(instance.tasks) if task.item.id in instance.kept]
    held = {place: instance.hold(place, instance.kept[instance.tasks[place].item.id]) for place in stood}
    spots = {place: task for place, task in held.items() if task is not None}
    # Where all others are left out, times are known: what clashes is found at once.
    others = {place: Task(task.item, task.length, NEVER) for place, task in enumerate(instance.tasks)}
    model = Model(instance.narrow({**others, **spots}), is_exact=True, is_droppable=True)
    model.cp.maximize(cp_model.LinearExpr.sum(list(model.present)))
    status, solver = budget.solve(model, seconds)
    lost = len(stood) - len(spots)
    if status not in FOUND:
        return Standing(spots, lost, frozenset(), lost)
    compatible = frozenset(place for place in spots if solver.value(model.present[place]))
    least = len(stood) - len(compatible) if status == cp_model.OPTIMAL else lost
    return Standing(spots, lost, compatible, least)


def let_stay(model: Model, place: int, spot: Task) -> cp_model.IntVar:
    """Return whether a task stays where it is held."""
    stays = model.cp.new_bool_var("")
    model.cp.add_linear_expression_in_domain(model.starts[place], spot.starts).only_enforce_if(stays)
    demands: list[list[Literal]] = [[model.present[place]]]
    for choices, possible in (
        (model.places[place], spot.rooms),
        (model.interpreters[place], spot.interpreters),
    ):
        if len(possible) < len(choices):
            demands.append([choices[name] for name in possible])
    for literals in demands:
        if not any(literal is True for literal in literals):
            model.cp.add_bool_or(literals).only_enforce_if(stays)
    return stays


def hold_all(instance: Instance, placement: Placement, changes: Changes) -> Instance:
    """Return an instance in which what stays is held where a placement has it."""
    held = {}
    for place, (task, tick) in enumerate(zip(instance.tasks, placement.starts, strict=True)):
        if tick is not None and task.item.id in changes.kept:
            spot = Kept(instance.timeline.get_moment(tick), placement.rooms[place], placement.interpreters[place])
            if kept := instance.hold(place, spot):
                held[place] = kept
    return instance.narrow(held)


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


def read_kept(instance: Instance) -> Placement:
    """Return the earlier plan as a placement; what it does not tell is left open."""
    kept = [instance.kept.get(task.item.id) for task in instance.tasks]
    return Placement(
        [None if each is None else instance.timeline.get_floor(each.start) for each in kept],
        ["" if each is None else each.room for each in kept],
        ["" if each is None else each.interpreter for each in kept],
    )
