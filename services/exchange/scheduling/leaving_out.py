"""What to leave out of an earlier plan where not everything fits any more."""

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model import LinearExpr

from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.model import Model
from services.exchange.scheduling.plan import Changes
from services.exchange.scheduling.solving import FOUND, Budget, Placement, add_hints, read_placement
from services.exchange.scheduling.staying import compare, find_standing, let_stay, read_kept


def leave_out(instance: Instance, budget: Budget, seconds: float) -> tuple[Placement, Changes] | None:
    """
    Return the placement that leaves out the fewest items of a contradiction and, of these, changes the fewest, and how
    it does; None where none was found.

    First what can stay is held or left out, which is found soon; then anything may move.
    """
    until = budget.spent + seconds
    standing = find_standing(instance, budget, seconds / 4)
    found: tuple[Placement, Changes] | None = None
    for held in (standing.compatible, frozenset[int]()):
        model = Model(
            instance.narrow({place: standing.spots[place] for place in held}), is_exact=True, is_droppable=True
        )
        stays = [let_stay(model, place, spot) for place, spot in standing.spots.items() if place not in held]
        add_hints(model, found[0] if found else read_kept(instance))
        weights = [*(len(stays) + 1 for _ in model.present), *(1 for _ in stays)]
        model.cp.maximize(LinearExpr.weighted_sum([*model.present, *stays], weights))
        left = until - budget.spent
        status, solver = budget.solve(model, left / 2 if held else left)
        if status in FOUND:
            placement = read_placement(model, solver.value)
            changes = compare(instance, placement, is_fewest=status == cp_model.OPTIMAL and not held)
            if len(changes.dropped) == 1 and not changes.moved:
                # One has to be left out of a contradiction.
                return placement, compare(instance, placement, is_fewest=True)
            found = placement, changes
    return found
