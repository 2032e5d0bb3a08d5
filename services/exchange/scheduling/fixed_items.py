"""Whether an item whose start is fixed could take place, as far as that depends on nothing that is to be placed."""

from collections.abc import Iterable
from datetime import timedelta

from services.exchange.scheduling.problem import Item, Problem, Span, Stay


def can_take_place(item: Item, problem: Problem) -> bool:
    """Return whether everybody, a room and an interpreter could be there at the fixed start of an item."""
    if item.fixed_start is None:
        return True
    span = Span(item.fixed_start, item.fixed_start + item.duration)
    people = {person.id: person.absences for person in (*problem.people, *problem.interpreters)}
    required = [absence for person in item.required for absence in people.get(person, ())]
    rooms = {room.id: room for room in problem.rooms}
    breaks = (each.span for each in problem.breaks if not each.people)
    return (
        _is_in_order(item, span, problem)
        and _is_clear(span, (*breaks, *required))
        and all(_is_clear(span, rooms[room].blocked) for room in item.also_rooms)
        and (
            not item.interpretation
            or any(_is_clear(span, each.absences) for each in problem.list_fit_interpreters(item))
        )
        and (
            not item.is_in_room
            or any(
                _is_clear(span, (*room.blocked, *_add_ways(required, room.venue, problem)))
                for room in problem.list_fit_rooms(item)
            )
        )
    )


def _is_in_order(item: Item, span: Span, problem: Problem) -> bool:
    """Return whether an item is in order with those that are standing before and after it."""
    for each in problem.precedences:
        before, after = problem.standing_of.get(each.before), problem.standing_of.get(each.after)
        if before and each.after == item.id and span.start < before.span.end + each.gap:
            return False
        if after and each.before == item.id and after.span.start < span.end + each.gap:
            return False
    return True


def _add_ways(spans: Iterable[Span], venue: str, problem: Problem) -> list[Span]:
    """Return the times that people spend elsewhere, with the ways from a venue and back."""
    ways = {
        span: problem.travels.get(frozenset((span.venue, venue)), timedelta())
        for span in spans
        if isinstance(span, Stay)
    }
    return [Span(span.start - way, span.end + way) for span, way in ways.items()]


def _is_clear(wanted: Span, spans: Iterable[Span]) -> bool:
    return not any(span.start < wanted.end and wanted.start < span.end for span in spans)
