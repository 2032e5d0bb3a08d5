"""Requirements in sentences, in English: for programs, their logs and their developers."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from services.exchange.scheduling.plan import Kind, Requirement
from services.exchange.scheduling.problem import Problem, Span


def tell(requirements: Iterable[Requirement], problem: Problem) -> Iterator[Requirement]:
    """Yield requirements, each with its sentence."""
    for each in requirements:
        yield replace(each, text=_Sentence(each, problem).make())


CIRCUMSTANCES = (
    Kind.OPENING_HOURS, Kind.BREAK, Kind.ABSENCE, Kind.ROOM_CLOSED, Kind.TRAVEL, Kind.VENUE_HOURS,
)  # fmt: skip
"""What does not depend on the items."""


class _Sentence:
    def __init__(self, requirement: Requirement, problem: Problem) -> None:
        self._requirement = requirement
        self._problem = problem
        self._items = [problem.item_of[item] for item in requirement.items if item in problem.item_of]
        everything = [problem.item_of.get(item) or problem.standing_of[item] for item in requirement.items]
        self._titles = [f"“{each.title}”" if each.title else each.id for each in everything]
        self._names = _join(self._titles)
        self._people, self._rooms = _join(requirement.people), _join(requirement.rooms)

    def make(self) -> str:
        kind = self._requirement.kind
        if kind in (Kind.PRECEDENCE, Kind.NOT_PARALLEL, Kind.DAY_GAP):
            return self._tell_relation(kind)
        if kind in CIRCUMSTANCES:
            return self._tell_circumstance(kind)
        return self._tell_wish(kind)

    def _tell_wish(self, kind: Kind) -> str:
        """Tell what is asked of one item, or alike of several."""
        names, first = self._names, self._items[0]
        minutes = _get_minutes(sum((item.duration for item in self._items), timedelta()))
        together = f" ({minutes} minutes together)" if len(self._items) > 1 else ""
        match kind:
            case Kind.REQUIRED_PERSON:
                return f"{self._people} has to be at {names}{together}."
            case Kind.ROOM_NEEDED:
                rooms = f"{len(self._requirement.rooms)} would do: {self._rooms}" if self._rooms else "none would do"
                return f"{names} {'need a room each' if together else 'needs a room'}; {rooms}."
            case Kind.ROOMS:
                return f"{names} can only be in {self._rooms}."
            case Kind.SEATS:
                return f"{names} needs {first.seats} seats."
            case Kind.EQUIPMENT:
                return f"{names} needs {_join(sorted(first.equipment))}."
            case Kind.FIXED_ROOM if place := self._problem.find_own_place(first):
                return f"{names} has to be at {place.venue}."
            case Kind.FIXED_ROOM:
                return f"{names} has to be in {self._rooms}."
            case Kind.ADDITIONAL_ROOMS:
                return f"{names} takes {self._rooms} besides."
            case Kind.INTERPRETATION:
                who = f"{len(self._requirement.people)} can: {self._people}" if self._people else "nobody can"
                return f"{first.interpretation} has to be interpreted at {names}; {who}."
            case Kind.FIXED_START if first.fixed_start:
                return f"{names} starts at {self._clock(first.fixed_start)} and takes {minutes} minutes."
            case Kind.ALLOWED_STARTS:
                return f"{names} can only start at {_join(map(self._clock, first.allowed_starts))}."
            case Kind.EARLIEST_START if first.earliest_start:
                return f"{names} cannot start before {self._clock(first.earliest_start)}."
            case Kind.LATEST_END if first.latest_end:
                return f"{names} takes {minutes} minutes and has to be over by {self._clock(first.latest_end)}."
        raise ValueError(kind)

    def _tell_circumstance(self, kind: Kind) -> str:
        """Tell what does not depend on the items."""
        problem, subject = self._problem, self._requirement.subject
        match kind:
            case Kind.OPENING_HOURS:
                return f"Everything takes place {_join(self._span(day.hours) for day in problem.days)}."
            case Kind.BREAK:
                pause = problem.breaks[int(subject)]
                whose = f"{self._people} have" if self._people else "There is"
                return f"{whose} a break ({pause.label or 'break'}) {self._span(pause.span)}."
            case Kind.ABSENCE:
                everybody = (*problem.people, *problem.interpreters)
                person = next(each for each in everybody if each.id == self._requirement.people[0])
                return f"{self._people} is absent {self._span(person.absences[int(subject)])}."
            case Kind.ROOM_CLOSED:
                room = next(each for each in problem.rooms if each.id == self._requirement.rooms[0])
                return f"{self._rooms} is closed {self._span(room.closed[int(subject)])}."
            case Kind.VENUE_HOURS:
                shut = next(each.shut for each in problem.rooms if each.venue == subject and each.shut)
                return f"{subject} is closed {_join(map(self._span, shut))}."
            case Kind.TRAVEL:
                one, _, other = subject.partition("\n")
                minutes = _get_minutes(problem.travels[frozenset((one, other))])
                return f"The way between {one} and {other} takes {minutes} minutes."
        raise ValueError(kind)

    def _tell_relation(self, kind: Kind) -> str:
        """Tell what is asked of items together."""
        problem, place = self._problem, int(self._requirement.subject)
        first, second = self._titles[:2]
        match kind:
            case Kind.PRECEDENCE:
                precedence = problem.precedences[place]
                minutes = _get_minutes(precedence.gap)
                by = f", {minutes} minutes at least" if minutes else ""
                standing = problem.find_standing(precedence)
                stays = f" “{standing.title}” stays {self._span(standing.span)}." if standing else ""
                return f"{first} is over before {second} starts{by}.{stays}"
            case Kind.NOT_PARALLEL:
                return f"{self._names} cannot overlap."
            case Kind.DAY_GAP:
                gap = problem.day_gaps[place]
                most = "" if gap.max_days is None else f" and at most {gap.max_days}"
                return f"{second} is at least {gap.min_days}{most} days after {first}."
        raise ValueError(kind)

    def _clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._problem.zone):%Y-%m-%d %H:%M}"

    def _span(self, span: Span) -> str:
        return f"from {self._clock(span.start)} to {self._clock(span.end)}"


def _join(names: Iterable[str]) -> str:
    """Return names as a sentence has them: ``A, B and C``."""
    *most, last = [*names] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _get_minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)
