"""Scheduling problems and plans ↔ messages."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Protocol

from austausch.exchange.v1 import scheduling_pb2 as pb
from google.protobuf import struct_pb2

from chassis.errors import InvalidFields, Violation
from services.exchange.scheduling.plan import Conflict, Kept, Plan
from services.exchange.scheduling.problem import (
    AvoidedParallel,
    Break,
    Day,
    DayGap,
    Interpreter,
    Item,
    Person,
    Precedence,
    Problem,
    Room,
    Span,
    get_whole_day,
    normalize_pair,
)
from services.exchange.time_zones import read_time_zone

DEFAULT_GRANULARITY_MINUTES = 5
_FORMAT = "%Y-%m-%dT%H:%M"
_LONGEST_DAY = timedelta(hours=25)
"""On one day of the year clocks show an hour twice."""


class _Spanning(Protocol):
    start_time: str
    end_time: str


class ProblemReader:
    """
    Reads a request and notes everything that is wrong with it.

    Raises:
        InvalidArgument: The time zone is none; reason TIME_ZONE_UNKNOWN.
    """

    def __init__(self, request: pb.ScheduleProgrammeRequest) -> None:
        self._request = request
        self._message = request.problem
        self._violations: list[Violation] = []
        self.zone = read_time_zone(self._message.time_zone, "problem.time_zone")

    def read(self) -> tuple[Problem, dict[str, Kept]]:
        """
        Return the problem, and of each of its items that is to be kept where it stood.

        Raises:
            InvalidFields: Something is wrong; reasons UNKNOWN_ID, ID_REPEATED, TIME_MALFORMED, SPAN_REVERSED,
                DAYS_OVERLAP, NOT_IDS.
        """
        message = self._message
        items = self._list_ids("items", message.items)
        rooms = self._list_ids("rooms", message.rooms)
        people = self._list_ids("people", message.people)
        interpreters = self._list_ids("interpreters", message.interpreters, taken=people)
        self._check_references(items, rooms, people, people | interpreters)
        problem = Problem(
            zone=self.zone,
            granularity=timedelta(minutes=message.granularity_minutes or DEFAULT_GRANULARITY_MINUTES),
            days=self._read_days(),
            items=tuple(self._read_item(item, f"problem.items[{index}]") for index, item in enumerate(message.items)),
            rooms=tuple(
                Room(
                    room.id,
                    room.venue,
                    room.seats if room.HasField("seats") else None,
                    frozenset(room.equipment),
                    self._read_spans(room.closed, f"problem.rooms[{index}].closed"),
                )
                for index, room in enumerate(message.rooms)
            ),
            people=tuple(
                Person(person.id, self._read_spans(person.absences, f"problem.people[{index}].absences"))
                for index, person in enumerate(message.people)
            ),
            interpreters=tuple(
                Interpreter(
                    interpreter.id,
                    self._read_spans(interpreter.absences, f"problem.interpreters[{index}].absences"),
                    frozenset(map(normalize_pair, interpreter.language_pairs)),
                )
                for index, interpreter in enumerate(message.interpreters)
            ),
            breaks=tuple(
                Break(each.label, span, frozenset(each.people))
                for each, span in zip(message.breaks, self._read_spans(message.breaks, "problem.breaks"), strict=True)
            ),
            travels=_read_travels(message.travels),
            precedences=tuple(
                Precedence(each.before, each.after, timedelta(minutes=each.gap_minutes)) for each in message.precedences
            ),
            not_parallel=tuple(tuple(dict.fromkeys(map(str, group))) for group in message.not_parallel),
            avoid_parallel=tuple(
                AvoidedParallel(tuple(dict.fromkeys(each.items)), each.penalty) for each in message.avoid_parallel
            ),
            day_gaps=tuple(
                DayGap(each.first, each.second, each.min_days, each.max_days if each.HasField("max_days") else None)
                for each in message.day_gaps
            ),
        )
        kept = self._read_kept(items)
        if self._violations:
            raise InvalidFields(self._violations)
        return problem, kept

    def _list_ids(self, field: str, resources: Iterable[object], taken: frozenset[str] = frozenset()) -> frozenset[str]:
        ids: list[str] = [resource.id for resource in resources]  # type: ignore[attr-defined]
        counts = Counter(ids)
        for index, each in enumerate(ids):
            if counts[each] > 1 or each in taken:
                self._violations.append(
                    Violation(f"problem.{field}[{index}].id", "ID_REPEATED", f"{each} is given twice", {"id": each})
                )
        return frozenset(ids)

    def _check_references(
        self, items: frozenset[str], rooms: frozenset[str], people: frozenset[str], everybody: frozenset[str]
    ) -> None:
        message = self._message
        for index, item in enumerate(message.items):
            path = f"problem.items[{index}]"
            self._check_known(f"{path}.required", item.required, people)
            self._check_known(f"{path}.optional", item.optional, people)
            self._check_known(f"{path}.rooms", item.rooms, rooms)
            if item.fixed_room:
                self._check_one(f"{path}.fixed_room", item.fixed_room, rooms)
        for index, pause in enumerate(message.breaks):
            self._check_known(f"problem.breaks[{index}].people", pause.people, everybody)
        for index, precedence in enumerate(message.precedences):
            self._check_one(f"problem.precedences[{index}].before", precedence.before, items)
            self._check_one(f"problem.precedences[{index}].after", precedence.after, items)
        for index, group in enumerate(message.not_parallel):
            self._check_group(f"problem.not_parallel[{index}]", group, items)
        for index, avoided in enumerate(message.avoid_parallel):
            self._check_known(f"problem.avoid_parallel[{index}].items", avoided.items, items)
        for index, gap in enumerate(message.day_gaps):
            self._check_one(f"problem.day_gaps[{index}].first", gap.first, items)
            self._check_one(f"problem.day_gaps[{index}].second", gap.second, items)
            if gap.HasField("max_days") and gap.max_days < gap.min_days:
                self._violations.append(
                    Violation(f"problem.day_gaps[{index}].max_days", "SPAN_REVERSED", "is less than min_days")
                )

    def _check_known(self, path: str, ids: Iterable[str], known: frozenset[str]) -> None:
        for index, each in enumerate(ids):
            self._check_one(f"{path}[{index}]", each, known)

    def _check_one(self, path: str, each: str, known: frozenset[str]) -> None:
        if not each:
            self._violations.append(Violation(path, "required", "is required"))
        elif each not in known:
            self._violations.append(
                Violation(path, "UNKNOWN_ID", f"{each} is not among those of the problem", {"id": each})
            )

    def _check_group(self, path: str, group: struct_pb2.ListValue, items: frozenset[str]) -> None:
        ids = [value.string_value for value in group.values if value.HasField("string_value")]
        if len(ids) < len(group.values):
            self._violations.append(Violation(path, "NOT_IDS", "must be a list of ids of items"))
        else:
            self._check_known(path, ids, items)

    def _read_days(self) -> tuple[Day, ...]:
        days = []
        for index, day in enumerate(self._message.days):
            path = f"problem.days[{index}]"
            opens = self._read_time(day.open_time, f"{path}.open_time")
            closes = self._read_time(day.close_time, f"{path}.close_time")
            if opens >= closes or closes - opens > _LONGEST_DAY:
                self._violations.append(
                    Violation(f"{path}.close_time", "SPAN_REVERSED", "must be later than open_time, by a day at most")
                )
            date = opens.astimezone(self.zone).date()
            hours = Span(opens, closes)
            days.append((index, Day(day.id, date, hours, get_whole_day(date, hours, self.zone))))
        days.sort(key=lambda each: each[1].hours.start)
        for (_, former), (index, latter) in pairwise(days):
            if latter.hours.start < former.hours.end:
                self._violations.append(
                    Violation(f"problem.days[{index}].open_time", "DAYS_OVERLAP", "lies within another day")
                )
        return tuple(day for _, day in days)

    def _read_item(self, item: pb.SchedulingItem, path: str) -> Item:
        return Item(
            id=item.id,
            duration=timedelta(minutes=item.duration_minutes),
            title=item.title,
            required=tuple(dict.fromkeys(item.required)),
            optional=tuple(dict.fromkeys(item.optional)),
            needs_room=item.needs_room,
            rooms=frozenset(item.rooms),
            seats=item.seats,
            equipment=frozenset(item.equipment),
            interpretation=normalize_pair(item.interpretation),
            earliest_start=self._read_optional(item.earliest_start, f"{path}.earliest_start"),
            latest_end=self._read_optional(item.latest_end, f"{path}.latest_end"),
            allowed_starts=tuple(
                self._read_time(start, f"{path}.allowed_starts[{index}]")
                for index, start in enumerate(item.allowed_starts)
            ),
            fixed_start=self._read_optional(item.fixed_start, f"{path}.fixed_start"),
            fixed_room=item.fixed_room,
        )

    def _read_kept(self, items: frozenset[str]) -> dict[str, Kept]:
        kept = {}
        for index, each in enumerate(self._request.keep):
            start = self._read_time(each.start_time, f"keep[{index}].start_time")
            if each.item in items:
                kept[each.item] = Kept(start, each.room, each.interpreter)
        return kept

    def _read_spans(self, spans: Iterable[_Spanning], path: str) -> tuple[Span, ...]:
        return tuple(self._read_span(span, f"{path}[{index}]") for index, span in enumerate(spans))

    def _read_span(self, span: _Spanning, path: str) -> Span:
        start = self._read_time(span.start_time, f"{path}.start_time")
        end = self._read_time(span.end_time, f"{path}.end_time")
        if start > end:
            self._violations.append(
                Violation(f"{path}.end_time", "SPAN_REVERSED", "must not be earlier than start_time")
            )
        return Span(start, end)

    def _read_optional(self, text: str, path: str) -> datetime | None:
        return self._read_time(text, path) if text else None

    def _read_time(self, text: str, path: str) -> datetime:
        try:
            local = datetime.strptime(text, _FORMAT)  # noqa: DTZ007 - the zone is the problem's
            moment = local.replace(tzinfo=self.zone).astimezone(UTC)
            if moment.astimezone(self.zone).replace(tzinfo=None) != local:
                self._violations.append(
                    Violation(path, "LOCAL_TIME_SKIPPED", "is a time that the clocks leave out on that day")
                )
            return moment
        except (ValueError, OverflowError):
            example = "2030-05-01T09:00"
            self._violations.append(
                Violation(path, "TIME_MALFORMED", f"must be a local time such as {example}", {"example": example})
            )
            return datetime(2000, 1, 1, tzinfo=UTC)


def _read_travels(travels: Iterable[pb.Travel]) -> dict[frozenset[str], timedelta]:
    """Return pair of venues → how long it takes; the longest of what is said of a pair."""
    read: dict[frozenset[str], timedelta] = {}
    for travel in travels:
        pair = frozenset((getattr(travel, "from"), travel.to))
        read[pair] = max(read.get(pair, timedelta()), timedelta(minutes=travel.minutes))
    return read


def plan_message(plan: Plan, zone: tzinfo) -> pb.ScheduleProgrammeResponse:
    """Return a plan, its times as clocks in a zone show them."""
    message = pb.ScheduleProgrammeResponse(
        state=plan.state.value,
        optimal=plan.is_optimal,
        bound=plan.bound,
        seconds=round(plan.seconds, 3),
        first_solution_seconds=round(plan.first_solution_seconds, 3),
        assignments=[
            pb.ScheduledItem(
                item=item,
                start_time=assignment.start.astimezone(zone).strftime(_FORMAT),
                room=assignment.room,
                interpreter=assignment.interpreter,
                attending=assignment.attending,
            )
            for item, assignment in sorted(plan.assignments.items(), key=lambda each: (each[1].start, each[0]))
        ],
        changes=pb.PlanChanges(
            moved=plan.changes.moved,
            kept=plan.changes.kept,
            dropped=plan.changes.dropped,
            fewest_proven=plan.changes.is_fewest,
        ),
    )
    if plan.conflict:
        message.conflict.CopyFrom(_conflict_message(plan.conflict))
    return message


def _conflict_message(conflict: Conflict) -> pb.SchedulingConflict:
    return pb.SchedulingConflict(
        minimal=conflict.is_minimal,
        requirements=[
            pb.SchedulingRequirement(
                kind=each.kind.value,
                items=each.items,
                people=each.people,
                rooms=each.rooms,
                text=each.text,
            )
            for each in conflict.requirements
        ],
    )
