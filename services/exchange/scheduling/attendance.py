"""Who else attends, once times and places are known."""

from collections.abc import Iterable

from services.exchange.scheduling.instance import Instance
from services.exchange.scheduling.solving import Placement


def fill_attendance(instance: Instance, placement: Placement) -> list[tuple[str, ...]]:
    """
    Return of each task who attends beyond the required: of what somebody would attend, what ends first, and so on.

    Without travel nobody can attend more.
    """

    def get_span(place: int) -> tuple[int, int]:
        start = placement.starts[place] or 0
        return start, start + instance.tasks[place].length

    def are_compatible(one: int, other: int) -> bool:
        first, second = sorted((one, other), key=get_span)
        sites = [instance.site_of.get(placement.rooms[place], "") for place in (first, second)]
        has_rooms = all(placement.rooms[place] for place in (first, second))
        way = instance.count_travel(*sites) if has_rooms else 0
        return get_span(first)[1] + way <= get_span(second)[0]

    def list_placed(places: Iterable[int]) -> list[int]:
        return [place for place in places if placement.starts[place] is not None]

    attending: list[list[str]] = [[] for _ in instance.tasks]
    for person, places in instance.optional.items():
        taken = list_placed(instance.required.get(person, ()))
        for place in sorted(list_placed(places), key=lambda place: get_span(place)[1]):
            is_clear = instance.list_clear(person, instance.tasks[place].length).contains(get_span(place)[0])
            if is_clear and all(are_compatible(place, other) for other in taken):
                taken.append(place)
                attending[place].append(person)
    return [tuple(people) for people in attending]
