"""Rooms for items whose times are known."""

from collections.abc import Mapping, Sequence

from ortools.sat.python import cp_model

from services.exchange.scheduling.instance import Instance

MAX_SECONDS = 0.3
"""Where it takes longer, to solve the whole from these times is faster."""


def assign_rooms(instance: Instance, starts: Sequence[int], sites: Sequence[str]) -> list[str] | None:
    """
    Return the room of each task, "" where it needs none; None where the rooms do not suffice.

    Args:
        starts: Tick at which each task starts.
        sites: Site on which each task takes place.
    """
    model = cp_model.CpModel()
    choices: list[Mapping[str, cp_model.IntVar]] = []
    for task, start, site in zip(instance.tasks, starts, sites, strict=True):
        held = _list_held(instance, starts, start, start + task.length)
        fit = [
            name
            for name, at in task.rooms.items()
            if instance.site_of[name] == site and at.contains(start) and name not in held
        ]
        choices.append({room: model.new_bool_var("") for room in fit})
        if task.rooms:
            model.add_exactly_one(choices[-1].values())
    for place, start in enumerate(starts):
        # Items that overlap do so at the start of one of them.
        at_once = [
            other
            for other, task in enumerate(instance.tasks)
            if starts[other] <= start < starts[other] + task.length and choices[other]
        ]
        for room in choices[place]:
            model.add_at_most_one(choices[other][room] for other in at_once if room in choices[other])
    # The first that fits: smaller rooms are left for nobody, larger ones for those who need them.
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = MAX_SECONDS
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [next((room for room, chosen in rooms.items() if solver.value(chosen)), "") for rooms in choices]


def _list_held(instance: Instance, starts: Sequence[int], first: int, end: int) -> set[str]:
    """Return the rooms that items take besides their own between two ticks."""
    return {
        room
        for task, start in zip(instance.tasks, starts, strict=True)
        if task.item.also_rooms and start < end and first < start + task.length
        for room in task.item.also_rooms
    }
