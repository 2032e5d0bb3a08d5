"""Runs of the planner: rows, options and plans ↔ messages."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from austausch.exchange.v1 import schedule_runs_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict
from google.type.date_pb2 import Date

from chassis.convert import enum_numbers, read_date, resource_fields, timestamp_message
from chassis.errors import InvalidArgument
from chassis.identity import Identity
from services.exchange import rights
from services.exchange.model import RunState, ScheduleRun, Visit
from services.exchange.programme_places import get_room, get_venue
from services.exchange.programme_problem import DailyBreak, Options
from services.exchange.scheduling.plan import Kept, Kind, Plan, Requirement
from services.exchange.scheduling.problem import Problem, Span, Stay
from services.exchange.unmet_requirements import Unmet

RUN_STATES = enum_numbers(pb.ScheduleRun.State.DESCRIPTOR, RunState)
OPTIONS = ("time_limit_seconds", "from_scratch", "day_start_time", "day_end_time", "breaks", "except_dates")
DEFAULT_SECONDS = 10


def read_options(message: pb.ScheduleRun) -> Options:
    """
    Return how to plan; what is not set is as usual.

    Raises:
        InvalidArgument: A day or a break ends before it begins (reason END_NOT_AFTER_START), or a date is no day (as
            `read_date`).
    """
    usual = Options()
    day_start = _read_clock(message.day_start_time) or usual.day_start
    day_end = _read_clock(message.day_end_time) or usual.day_end
    _require_order(day_start, day_end, "schedule_run.day_end_time")
    breaks = []
    for index, each in enumerate(message.breaks):
        start, end = time.fromisoformat(each.start_time), time.fromisoformat(each.end_time)
        _require_order(start, end, f"schedule_run.breaks[{index}].end_time")
        except_dates = _read_days(each.except_dates, f"schedule_run.breaks[{index}].except_dates")
        breaks.append(DailyBreak(each.label, start, end, except_dates))
    except_dates = _read_days(message.except_dates, "schedule_run.except_dates")
    return Options(day_start, day_end, tuple(breaks), message.from_scratch, except_dates)


def _read_days(days: Iterable[Date], path: str) -> frozenset[date]:
    return frozenset(read_date(day, path) for day in days)


def _read_clock(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _require_order(start: time, end: time, path: str) -> None:
    if end <= start:
        raise InvalidArgument(path, "is not after the start", reason="END_NOT_AFTER_START")


def option_columns(message: pb.ScheduleRun) -> dict[str, Any]:
    """Return the options of a run as its row keeps them."""
    chosen = pb.ScheduleRun(**{name: getattr(message, name) for name in OPTIONS})
    chosen.time_limit_seconds = chosen.time_limit_seconds or DEFAULT_SECONDS
    return MessageToDict(chosen, preserving_proto_field_name=True)


def run_message(run: ScheduleRun, visit: Visit, caller: Identity) -> pb.ScheduleRun:
    """Return a run as the caller sees it."""
    message = ParseDict(run.options, pb.ScheduleRun(), ignore_unknown_fields=True)
    message.MergeFrom(
        pb.ScheduleRun(
            state=RUN_STATES[run.present_state],
            plan=ParseDict(run.plan, pb.ProgrammePlan(), ignore_unknown_fields=True) if run.plan else None,
            allowed_transitions=_list_verbs(run, visit) if rights.may_edit_visit(caller, visit) else [],
            **resource_fields(run),
        )
    )
    return message


def _list_verbs(run: ScheduleRun, visit: Visit) -> list[str]:
    """Return what can be done with a run: the programme of a visit that is over or without dates takes no plan."""
    takes_plan = not visit.is_over and not visit.new_dates_due and visit.dates is not None
    return [verb for verb in run.allowed_transitions() if takes_plan or verb != "apply"]


def plan_columns(
    plan: Plan,
    problem: Problem,
    standing: Mapping[str, Kept],
    estimated: Collection[frozenset[str]] = (),
    unmet: Iterable[Unmet] = (),
) -> dict[str, Any]:
    """
    Return a plan as the row of its run keeps it.

    Args:
        standing: Where items are now.
        estimated: Pairs of venues between which the time was estimated.
        unmet: What items lack that are not in the plan.
    """
    items = sorted(plan.assignments.items(), key=lambda each: (each[1].start, each[0]))
    message = pb.ProgrammePlan(
        dropped=plan.changes.dropped,
        optimal=plan.is_optimal,
        fewest_moves_proven=plan.changes.is_fewest,
        objective=plan.objective,
        bound=plan.bound,
        gap=_get_gap(plan),
        seconds=round(plan.seconds, 3),
        first_solution_seconds=round(plan.first_solution_seconds, 3),
        requirements=[
            _requirement_message(each, problem, estimated)
            for each in (plan.conflict.requirements if plan.conflict else ())
        ],
        minimal=bool(plan.conflict and plan.conflict.is_minimal),
        unmet=[
            pb.UnmetRequirement(agenda_item=each.item, kind=each.kind.value, subject=each.subject) for each in unmet
        ],
    )
    for name, assignment in items:
        item = problem.item_of[name]
        change, room = pb.PlannedItem.CHANGE_PLACED, get_room(assignment.room)
        if before := standing.get(name):
            now_at = (before.start, before.room, before.interpreter)
            is_kept = now_at == (assignment.start, room, assignment.interpreter)
            change = pb.PlannedItem.CHANGE_KEPT if is_kept else pb.PlannedItem.CHANGE_MOVED
        message.items.add(
            agenda_item=name,
            title=item.title,
            start_time=timestamp_message(assignment.start),
            end_time=timestamp_message(assignment.start + item.duration),
            room=room,
            interpreter=assignment.interpreter,
            attending=[who for who in assignment.attending if who not in item.required],
            change=change,
        )
    return MessageToDict(message, preserving_proto_field_name=True)


def _get_gap(plan: Plan) -> float:
    """Return how far a plan is from the best that there may be, of its own cost; 1 where that is not known."""
    if plan.is_optimal:
        return 0.0
    if not plan.objective:
        return 1.0
    return round(max(plan.objective - plan.bound, 0.0) / max(abs(plan.objective), 1.0), 4)


def _requirement_message(
    requirement: Requirement, problem: Problem, estimated: Collection[frozenset[str]]
) -> pb.PlanRequirement:
    start, end = _get_times(requirement, problem)
    return pb.PlanRequirement(
        kind=requirement.kind.value,
        agenda_items=requirement.items,
        people=requirement.people,
        rooms=list(filter(None, map(get_room, requirement.rooms))),
        venues=_list_venues(requirement),
        open_times=_list_open_times(requirement, problem),
        estimated=requirement.kind is Kind.TRAVEL and frozenset(requirement.subject.split("\n")) in estimated,
        start_time=timestamp_message(start) if start else None,
        end_time=timestamp_message(end) if end else None,
        minutes=_get_minutes(requirement, problem),
        words=_list_words(requirement, problem),
        standing_item=_get_standing_item(requirement, problem),
        text=requirement.text,
    )


def _get_standing_item(requirement: Requirement, problem: Problem) -> str:
    """Return the name of the item that is not to be placed and that a requirement is about; "" for none."""
    if requirement.kind is Kind.PRECEDENCE:
        standing = problem.find_standing(problem.precedences[int(requirement.subject)])
        return standing.id if standing else ""
    taken = _get_absence(requirement, problem)
    return taken.item if isinstance(taken, Stay) else ""


def _get_absence(requirement: Requirement, problem: Problem) -> Span | None:
    """Return the time at which a person or a room is taken that a requirement is about; None where it is about none."""
    match requirement.kind:
        case Kind.ABSENCE:
            everybody = (*problem.people, *problem.interpreters)
            person = next(each for each in everybody if each.id == requirement.people[0])
            return person.absences[int(requirement.subject)]
        case Kind.ROOM_CLOSED:
            room = next(room for room in problem.rooms if room.id == requirement.rooms[0])
            return room.closed[int(requirement.subject)]
    return None


def _list_venues(requirement: Requirement) -> list[str]:
    """Return the venues that a requirement is about."""
    if requirement.kind in (Kind.TRAVEL, Kind.VENUE_HOURS):
        return requirement.subject.split("\n")
    return list(dict.fromkeys(filter(None, map(get_venue, requirement.rooms))))


def _list_open_times(requirement: Requirement, problem: Problem) -> list[pb.PlanRequirement.OpenTime]:
    """Return the hours of the days, or when a venue is open within them, where that is required."""
    if requirement.kind is Kind.OPENING_HOURS:
        return [_make_open_time(day.hours.start, day.hours.end) for day in problem.days]
    if requirement.kind is not Kind.VENUE_HOURS:
        return []
    shut = next(room.shut for room in problem.rooms if room.venue == requirement.subject and room.shut)
    times = []
    for day in problem.days:
        at = day.hours.start
        # The last ends with the day, so that what lies before its end is told.
        for span in (*shut, Span(day.hours.end, day.hours.end)):
            if at < (until := min(span.start, day.hours.end)):
                times.append(_make_open_time(at, until))
            at = max(at, span.end)
    return times


def _make_open_time(start: datetime, end: datetime) -> pb.PlanRequirement.OpenTime:
    return pb.PlanRequirement.OpenTime(start_time=timestamp_message(start), end_time=timestamp_message(end))


def _get_times(requirement: Requirement, problem: Problem) -> tuple[datetime | None, datetime | None]:
    """Return the time that a requirement is about; of the opening hours, those of the first day."""
    subject = requirement.subject
    span: Span | None = None
    match requirement.kind:
        case Kind.OPENING_HOURS:
            span = problem.days[0].hours
        case Kind.BREAK:
            span = problem.breaks[int(subject)].span
        case Kind.ABSENCE | Kind.ROOM_CLOSED:
            span = _get_absence(requirement, problem)
        case Kind.PRECEDENCE:
            standing = problem.find_standing(problem.precedences[int(subject)])
            span = standing.span if standing else None
        case Kind.FIXED_START:
            item = problem.item_of[requirement.items[0]]
            return item.fixed_start, item.fixed_start and item.fixed_start + item.duration
        case Kind.EARLIEST_START:
            return problem.item_of[requirement.items[0]].earliest_start, None
        case Kind.LATEST_END:
            return None, problem.item_of[requirement.items[0]].latest_end
    return (span.start, span.end) if span else (None, None)


def _get_minutes(requirement: Requirement, problem: Problem) -> int:
    """Return the gap or the way that a requirement asks for, else how long its items take together."""
    if requirement.kind is Kind.TRAVEL:
        length = problem.travels[frozenset(requirement.subject.split("\n"))]
    elif requirement.kind is Kind.PRECEDENCE:
        length = problem.precedences[int(requirement.subject)].gap
    else:
        length = sum((problem.item_of[item].duration for item in requirement.items), timedelta())
    return length // timedelta(minutes=1)


def _list_words(requirement: Requirement, problem: Problem) -> list[str]:
    match requirement.kind:
        case Kind.BREAK:
            return [problem.breaks[int(requirement.subject)].label]
        case Kind.INTERPRETATION:
            return [problem.item_of[requirement.items[0]].interpretation]
        case Kind.EQUIPMENT:
            return sorted(problem.item_of[requirement.items[0]].equipment)
        case Kind.SEATS:
            return [str(problem.item_of[requirement.items[0]].seats)]
    return []
