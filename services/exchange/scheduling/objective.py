"""
What makes one plan better than another, in this order: more of those attend who would, and fewer items overlap that
should not; days are short and venues change seldom; all is over early.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from itertools import combinations

from ortools.sat.python.cp_model import IntVar, LinearExpr

from services.exchange.scheduling.model import Literal, Model
from services.exchange.scheduling.problem import Span

CHANGE_TICKS = 1
"""How many ticks of a longer day one more venue for somebody outweighs."""


class Objective:
    """
    The wishes of an instance, added to its model. Where an earlier plan is kept to, what has to move stays near.

    Attributes:
        attendance: Task → who would attend → whether they do.
    """

    def __init__(self, model: Model) -> None:
        self.attendance: list[dict[str, IntVar]] = [{} for _ in model.instance.tasks]
        self._model = model
        missed = self._add_attendance()
        parallel = self._list_parallel()
        days, longest = self._list_moves() if model.instance.kept else self._list_day_ends()
        sites = self._list_sites()
        # Whatever the days are like, one more who attends is worth more.
        weight = longest + CHANGE_TICKS * len(sites) + 1
        terms = [(weight * cost, literal) for cost, literal in (*missed, *parallel)]
        terms += [*((1, end) for end in days), *((CHANGE_TICKS, is_used) for is_used in sites)]
        if len(days) > 1 and not model.instance.kept:
            # Whatever is over earlier, a day that is shorter by one tick is worth more.
            finish, latest = self._add_finish()
            terms = [*(((latest + 1) * cost, term) for cost, term in terms), (1, finish)]
        if terms:
            model.cp.minimize(LinearExpr.weighted_sum([term for _, term in terms], [cost for cost, _ in terms]))

    def list_attending(self, get_value: Callable[[IntVar], int]) -> list[tuple[str, ...]]:
        """
        Return of each task who attends beyond the required.

        Args:
            get_value: Of a variable, as the solver or who watches it has it.
        """
        return [
            tuple(person for person, attends in of_task.items() if get_value(attends)) for of_task in self.attendance
        ]

    def list_literals(self, attending: Sequence[Collection[str]]) -> list[tuple[IntVar, bool]]:
        """Return whether each one who would attend does, where it is known of each task who attends."""
        return [
            (attends, person in attending[place])
            for place, of_task in enumerate(self.attendance)
            for person, attends in of_task.items()
        ]

    def _add_attendance(self) -> list[tuple[int, Literal]]:
        """Return how many do not attend, and whether; people who have all in common are one to the solver."""
        model, instance = self._model, self._model.instance
        alike: dict[tuple[frozenset[int], frozenset[int], tuple[Span, ...]], list[str]] = defaultdict(list)
        for person, places in instance.optional.items():
            has_to = frozenset(instance.required.get(person, ()))
            alike[frozenset(places), has_to, tuple(instance.away[person])].append(person)
        missed: list[tuple[int, Literal]] = []
        for (would, has_to, _), people in alike.items():
            activities: list[tuple[int, Literal]] = [(place, model.present[place]) for place in has_to]
            for place in would:
                attends = model.cp.new_bool_var("")
                task = instance.tasks[place]
                clear = instance.list_clear(people[0], task.length)
                if not task.starts.is_included_in(clear):
                    possible = task.starts.intersection_with(clear)
                    model.cp.add_linear_expression_in_domain(model.starts[place], possible).only_enforce_if(attends)
                self.attendance[place].update(dict.fromkeys(people, attends))
                activities.append((place, attends))
                missed.append((len(people), ~attends))
            model.add_person(activities)
        return missed

    def _list_parallel(self) -> list[tuple[int, IntVar]]:
        """Return for each two items that should not overlap what it costs, and whether they do."""
        model, place_of, tasks = self._model, self._model.instance.place_of, self._model.instance.tasks
        costs: dict[tuple[int, int], int] = defaultdict(int)
        for each in model.instance.problem.avoid_parallel:
            for pair in combinations(sorted({place_of[item] for item in each.items}), 2):
                costs[pair] += each.penalty
        parallel = []
        for (one, other), cost in costs.items():
            overlaps, order = model.cp.new_bool_var(""), model.get_order(one, other)
            for (first, second), comes_first in (((one, other), order), ((other, one), ~order)):
                follows = model.starts[second] >= model.starts[first] + tasks[first].length
                model.cp.add(follows).only_enforce_if(~overlaps, comes_first)
            parallel.append((cost, overlaps))
        return parallel

    def _list_day_ends(self) -> tuple[list[IntVar], int]:
        """Return the ticks after the opening at which each day ends, and what they come to at most."""
        model = self._model
        days = model.instance.timeline.list_days()
        ends = [model.cp.new_int_var(0, end - first, "") for first, end in days]
        for place, task in enumerate(model.instance.tasks):
            on_days = model.get_days(place) if len(days) > 1 else [True]
            for (first, _), end, on_day in zip(days, ends, on_days, strict=True):
                lasts = model.cp.add(end >= model.starts[place] + task.length - first)
                if on_day is not True:
                    lasts.only_enforce_if(on_day)
        return ends, sum(end - first for first, end in days)

    def _add_finish(self) -> tuple[IntVar, int]:
        """Return the tick at which the last item is over, and the latest that it can be."""
        model = self._model
        latest = max(end for _, end in model.instance.timeline.list_days())
        finish = model.cp.new_int_var(0, latest, "")
        for place, task in enumerate(model.instance.tasks):
            model.cp.add(finish >= model.starts[place] + task.length)
        return finish, latest

    def _list_moves(self) -> tuple[list[IntVar], int]:
        """Return how many ticks from where it stood each task is, and what they come to at most."""
        model, timeline = self._model, self._model.instance.timeline
        farthest = max(end for _, end in timeline.list_days())
        moves = []
        for place, task in enumerate(model.instance.tasks):
            if task.item.id in model.instance.kept:
                tick = timeline.get_floor(model.instance.kept[task.item.id].start)
                moves.append(move := model.cp.new_int_var(0, farthest + abs(tick), ""))
                model.cp.add_abs_equality(move, model.starts[place] - tick)
        return moves, farthest * len(moves)

    def _list_sites(self) -> list[IntVar]:
        """Return whether somebody is on a site on a day, where items have a choice of it."""
        model, instance = self._model, self._model.instance
        if len(instance.sites) < 2:
            return []
        groups: dict[frozenset[int], str] = {}
        for person, places in instance.required.items():
            groups.setdefault(frozenset(places), person)
        used: dict[tuple[str, int, str], IntVar] = {}
        for group, person in groups.items():
            for place in group:
                for day, on_day in enumerate(model.get_days(place)):
                    for site, is_there in model.sites[place].items():
                        key = (person, day, site)
                        if key not in used:
                            used[key] = model.cp.new_bool_var("")
                        literals = [literal for literal in (on_day, is_there) if literal is not True]
                        model.cp.add(used[key] == 1).only_enforce_if(*literals)
        return list(used.values())
