"""The requirements of a problem one by one, and the problem without some of them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias, TypeVar

from services.exchange.scheduling.plan import Kind, Requirement
from services.exchange.scheduling.problem import Item, Person, Problem, Room, Stay

Thing = TypeVar("Thing")
Someone = TypeVar("Someone", bound=Person)
Key: TypeAlias = tuple[Kind, str, str]


def list_requirements(problem: Problem) -> list[Requirement]:
    """Return everything that is asked of the items of a problem, like beside like."""
    # An explanation gives up in this order: what is too long for the hours is not told of two breaks.
    hours = Requirement(Kind.OPENING_HOURS)
    return [*_list_of_problem(problem), *_list_of_people(problem), *_list_of_items(problem), hours]


def _list_of_problem(problem: Problem) -> Iterator[Requirement]:
    for place, pause in enumerate(problem.breaks):
        yield Requirement(Kind.BREAK, people=tuple(sorted(pause.people)), subject=str(place))
    used = {room.id for item in problem.items for room in problem.list_fit_rooms(item)}
    used |= {room for item in problem.items for room in item.also_rooms}
    venues = {room.venue for room in problem.rooms if room.id in used}
    absences = (each for who in (*problem.people, *problem.interpreters) for each in who.absences)
    reached = venues | {each.venue for each in absences if isinstance(each, Stay)}
    for pair in problem.travels:
        if pair <= reached:
            yield Requirement(Kind.TRAVEL, subject=_name_pair(pair))
    for venue in sorted(venues):
        if any(room.shut for room in problem.rooms if room.venue == venue):
            yield Requirement(Kind.VENUE_HOURS, subject=venue)
    for place, each in enumerate(problem.precedences):
        yield Requirement(Kind.PRECEDENCE, items=(each.before, each.after), subject=str(place))
    for place, group in enumerate(problem.not_parallel):
        yield Requirement(Kind.NOT_PARALLEL, items=group, subject=str(place))
    for place, gap in enumerate(problem.day_gaps):
        yield Requirement(Kind.DAY_GAP, items=(gap.first, gap.second), subject=str(place))
    for room in problem.rooms:
        if room.id in used:
            for place in range(len(room.closed)):
                yield Requirement(Kind.ROOM_CLOSED, rooms=(room.id,), subject=str(place))


def _list_of_people(problem: Problem) -> Iterator[Requirement]:
    for person in (*problem.people, *problem.interpreters):
        items = [item.id for item in problem.items if person.id in item.required]
        pairs = getattr(person, "language_pairs", ())
        if items or any(item.interpretation in pairs for item in problem.items):
            for place in range(len(person.absences)):
                yield Requirement(Kind.ABSENCE, people=(person.id,), subject=str(place))
        for item in items:
            yield Requirement(Kind.REQUIRED_PERSON, items=(item,), people=(person.id,))


def _list_of_items(problem: Problem) -> Iterator[Requirement]:
    for kind, is_asked in _ASKED.items():
        for item in problem.items:
            if is_asked(item):
                yield Requirement(kind, items=(item.id,))


_ASKED: Mapping[Kind, Callable[[Item], bool]] = {
    Kind.ROOM_NEEDED: lambda item: item.is_in_room,
    Kind.ROOMS: lambda item: bool(item.rooms) and item.is_in_room,
    Kind.SEATS: lambda item: item.seats > 0 and item.is_in_room,
    Kind.EQUIPMENT: lambda item: bool(item.equipment) and item.is_in_room,
    Kind.FIXED_ROOM: lambda item: bool(item.fixed_room),
    Kind.ADDITIONAL_ROOMS: lambda item: bool(item.also_rooms),
    Kind.INTERPRETATION: lambda item: bool(item.interpretation),
    Kind.FIXED_START: lambda item: item.fixed_start is not None,
    Kind.ALLOWED_STARTS: lambda item: bool(item.allowed_starts),
    Kind.EARLIEST_START: lambda item: item.earliest_start is not None,
    Kind.LATEST_END: lambda item: item.latest_end is not None,
}


def relax(problem: Problem, given_up: Collection[Requirement]) -> Problem:
    """Return a problem without some of its requirements."""
    gone = {_get_key(each) for each in given_up}

    def list_kept(kind: Kind, holder: str, things: Iterable[Thing]) -> tuple[Thing, ...]:
        return tuple(thing for place, thing in enumerate(things) if (kind, holder, str(place)) not in gone)

    def relax_person(person: Someone) -> Someone:
        return replace(person, absences=list_kept(Kind.ABSENCE, person.id, person.absences))

    def relax_room(room: Room) -> Room:
        shut = () if (Kind.VENUE_HOURS, "", room.venue) in gone else room.shut
        return replace(room, closed=list_kept(Kind.ROOM_CLOSED, room.id, room.closed), shut=shut)

    travels = problem.travels.items()
    return replace(
        problem,
        outside_hours=problem.outside_hours or (Kind.OPENING_HOURS, "", "") in gone,
        breaks=list_kept(Kind.BREAK, "", problem.breaks),
        travels={pair: time for pair, time in travels if (Kind.TRAVEL, "", _name_pair(pair)) not in gone},
        precedences=list_kept(Kind.PRECEDENCE, "", problem.precedences),
        not_parallel=list_kept(Kind.NOT_PARALLEL, "", problem.not_parallel),
        day_gaps=list_kept(Kind.DAY_GAP, "", problem.day_gaps),
        rooms=tuple(map(relax_room, problem.rooms)),
        people=tuple(map(relax_person, problem.people)),
        interpreters=tuple(map(relax_person, problem.interpreters)),
        items=tuple(_relax_item(item, gone) for item in problem.items),
    )


def merge(requirements: Iterable[Requirement], problem: Problem) -> list[Requirement]:
    """
    Return requirements with what is asked alike of several items in one, and all items and rooms that they concern.

    Args:
        problem: That of the contradiction: it has no other items.
    """
    everything = tuple(item.id for item in problem.items)
    items_of: dict[Key, list[str]] = {}
    first: dict[Key, Requirement] = {}
    for each in requirements:
        key: Key
        match each.kind:
            case Kind.REQUIRED_PERSON:
                key = (each.kind, each.people[0], "")
            case Kind.ROOM_NEEDED:
                if problem.find_own_place(problem.item_of[each.items[0]]):
                    # That it takes place there says so.
                    continue
                key = (each.kind, "", "")
            case Kind.INTERPRETATION:
                key = (each.kind, problem.item_of[each.items[0]].interpretation, "")
            case _:
                key = _get_key(each)
        first.setdefault(key, each)
        items_of.setdefault(key, []).extend(each.items or everything)
    return [_complete(replace(each, items=tuple(items_of[key])), problem) for key, each in first.items()]


def _complete(requirement: Requirement, problem: Problem) -> Requirement:
    """Return a requirement with the rooms or interpreters that it is about."""
    # One that is standing is no item of the problem.
    items = [problem.item_of[item] for item in requirement.items if item in problem.item_of]
    match requirement.kind:
        case Kind.ROOM_NEEDED:
            fit = {room.id for item in items for room in problem.list_fit_rooms(item)}
            return replace(requirement, rooms=tuple(sorted(fit)))
        case Kind.ROOMS:
            return replace(requirement, rooms=tuple(sorted(items[0].rooms)))
        case Kind.FIXED_ROOM:
            return replace(requirement, rooms=(items[0].fixed_room,))
        case Kind.ADDITIONAL_ROOMS:
            return replace(requirement, rooms=tuple(sorted(items[0].also_rooms)))
        case Kind.INTERPRETATION:
            fit = {each.id for each in problem.list_fit_interpreters(items[0])}
            return replace(requirement, people=tuple(sorted(fit)))
        case Kind.ABSENCE:
            (person,) = requirement.people
            of_person = [item.id for item in items if person in item.required or _interprets(person, item, problem)]
            return replace(requirement, items=tuple(of_person))
        case Kind.ROOM_CLOSED:
            return replace(requirement, items=_list_in_rooms(items, {*requirement.rooms}, problem))
        case Kind.VENUE_HOURS:
            of_venue = {room.id for room in problem.rooms if room.venue == requirement.subject}
            return replace(requirement, items=_list_in_rooms(items, of_venue, problem))
    return requirement


def _list_in_rooms(items: Iterable[Item], rooms: Collection[str], problem: Problem) -> tuple[str, ...]:
    """Return the items that may be in some rooms, or take them besides."""
    return tuple(
        item.id
        for item in items
        if not item.also_rooms.isdisjoint(rooms) or any(fit.id in rooms for fit in problem.list_fit_rooms(item))
    )


def _interprets(person: str, item: Item, problem: Problem) -> bool:
    return bool(item.interpretation) and person in {each.id for each in problem.list_fit_interpreters(item)}


def _get_key(requirement: Requirement) -> Key:
    """Return what tells a requirement from all others: its kind, whose it is, and which of theirs."""
    match requirement.kind:
        case Kind.ABSENCE:
            return (requirement.kind, requirement.people[0], requirement.subject)
        case Kind.ROOM_CLOSED:
            return (requirement.kind, requirement.rooms[0], requirement.subject)
        case Kind.REQUIRED_PERSON:
            return (requirement.kind, requirement.items[0], requirement.people[0])
        case kind if kind in _ASKED:
            return (kind, requirement.items[0], "")
    return (requirement.kind, "", requirement.subject)


def _name_pair(venues: Iterable[str]) -> str:
    return "\n".join(sorted(venues))


def _relax_item(item: Item, gone: Collection[Key]) -> Item:
    def is_gone(kind: Kind) -> bool:
        return (kind, item.id, "") in gone

    has_no_room = is_gone(Kind.ROOM_NEEDED)
    return replace(
        item,
        required=tuple(each for each in item.required if (Kind.REQUIRED_PERSON, item.id, each) not in gone),
        needs_room=item.needs_room and not has_no_room,
        rooms=frozenset() if is_gone(Kind.ROOMS) else item.rooms,
        seats=0 if is_gone(Kind.SEATS) else item.seats,
        equipment=frozenset() if is_gone(Kind.EQUIPMENT) else item.equipment,
        fixed_room="" if is_gone(Kind.FIXED_ROOM) or has_no_room else item.fixed_room,
        also_rooms=frozenset() if is_gone(Kind.ADDITIONAL_ROOMS) else item.also_rooms,
        interpretation="" if is_gone(Kind.INTERPRETATION) else item.interpretation,
        fixed_start=None if is_gone(Kind.FIXED_START) else item.fixed_start,
        allowed_starts=() if is_gone(Kind.ALLOWED_STARTS) else item.allowed_starts,
        any_start=item.any_start or is_gone(Kind.FIXED_START) or is_gone(Kind.ALLOWED_STARTS),
        earliest_start=None if is_gone(Kind.EARLIEST_START) else item.earliest_start,
        latest_end=None if is_gone(Kind.LATEST_END) else item.latest_end,
    )
