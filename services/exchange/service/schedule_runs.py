"""Runs of the planner on the programmes of visits."""

from dataclasses import replace
from typing import Any, TypeVar

from austausch.exchange.v1 import schedule_runs_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2_grpc
from sqlalchemy import delete, select

from chassis.convert import read_enum, read_instant
from chassis.database import Database, Session
from chassis.error_metadata import MAX_LISTED, flatten_indexed
from chassis.errors import FailedPrecondition, IllegalTransition, InvalidArgument, NotFound
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.model import now
from chassis.paging import read_page
from services.exchange import bookings, convert_schedule_run, queries, rights
from services.exchange.model import AgendaItem, Person, Room, RunState, ScheduleRun, Visit
from services.exchange.planner_pool import PlannerPool
from services.exchange.programme_problem import Options, list_days, make_problem, read_programme
from services.exchange.schedule_runs import Job, RunsUnderWay
from services.exchange.ways import Pace

Row = TypeVar("Row", Room, Person)

ORDERINGS = {"create_time": ScheduleRun.create_time}
MAX_DAYS = 31
KEPT_RUNS = 20


class ScheduleRunServicer(schedule_runs_pb2_grpc.ScheduleRunServiceServicer):
    """Serves ``ScheduleRunService``."""

    def __init__(self, database: Database, planners: PlannerPool, runs: RunsUnderWay, pace: Pace) -> None:
        self._database = database
        self._planners = planners
        self._runs = runs
        self._pace = pace

    async def GetScheduleRun(self, request: pb.GetScheduleRunRequest, context: Any) -> pb.ScheduleRun:
        async with self._database.read() as session:
            visit = await queries.get_visible(session, Visit, _get_visit_name(request.name))
            run = await session.get_by_name(ScheduleRun, request.name)
            return convert_schedule_run.run_message(run, visit, identity())

    async def ListScheduleRuns(self, request: pb.ListScheduleRunsRequest, context: Any) -> pb.ListScheduleRunsResponse:
        async with self._database.read() as session:
            visit = await queries.get_visible(session, Visit, request.parent)
            statement = select(ScheduleRun).where(ScheduleRun.visit_id == visit.id)
            if request.state:
                statement = statement.where(ScheduleRun.stands_in(read_enum(request, "state", RunState)))
            rows, token, total = await read_page(
                session, statement, ScheduleRun, request, ORDERINGS, "create_time desc"
            )
            runs = [convert_schedule_run.run_message(run, visit, identity()) for run in rows]
        return pb.ListScheduleRunsResponse(schedule_runs=runs, next_page_token=token, total_size=total)

    async def CreateScheduleRun(self, request: pb.CreateScheduleRunRequest, context: Any) -> pb.ScheduleRun:
        jobs: list[Job] = []

        async def create(session: Session, request: pb.CreateScheduleRunRequest) -> pb.ScheduleRun:
            self._planners.require_room()
            options = convert_schedule_run.read_options(request.schedule_run)
            visit = await queries.lock_agenda(session, request.parent)
            _require_plannable(visit)
            programme = await read_programme(session, visit, options, self._pace)
            if not programme.days:
                raise _tell_no_days(visit, options)
            if not programme.movable:
                raise FailedPrecondition("The programme has no item to be placed.", reason="NOTHING_TO_PLACE")
            await _require_none_under_way(session, visit)
            run = ScheduleRun(
                visit_id=visit.id,
                options=convert_schedule_run.option_columns(request.schedule_run),
                items={item.id: {"version": item.version, "title": item.title} for item in programme.items},
            )
            session.add(run)
            await session.flush()
            await _forget_old_runs(session, visit)
            problem, standing = make_problem(programme)
            kept = {} if options.is_from_scratch else standing
            travels = programme.places.travels
            estimated = frozenset(pair for pair, travel in travels.items() if travel.is_estimated)
            seconds = run.options["time_limit_seconds"]
            jobs.append(Job(run.id, problem, kept, standing, estimated, programme.list_unmet(), seconds))
            return convert_schedule_run.run_message(run, visit, identity())

        run = await answer_once(self._database, request, create)
        for job in jobs:
            self._runs.start(job)
        return run

    async def CancelScheduleRun(self, request: pb.CancelScheduleRunRequest, context: Any) -> pb.ScheduleRun:
        return await answer_once(self._database, request, _cancel)

    async def ApplyScheduleRun(self, request: pb.ApplyScheduleRunRequest, context: Any) -> pb.ScheduleRun:
        return await answer_once(self._database, request, _apply)


async def _cancel(session: Session, request: pb.CancelScheduleRunRequest) -> pb.ScheduleRun:
    visit = await _get_editable_visit(session, _get_visit_name(request.name))
    run = await session.get_for_update(ScheduleRun, request.name)
    _require_verb(run, "cancel")
    run.transition("cancel")
    await session.flush()
    return convert_schedule_run.run_message(run, visit, identity())


async def _apply(session: Session, request: pb.ApplyScheduleRunRequest) -> pb.ScheduleRun:
    visit = await queries.lock_agenda(session, _get_visit_name(request.name))
    run = await session.get_for_update(ScheduleRun, request.name)
    _require_verb(run, "apply")
    visit.get_dates()
    of_visit = select(AgendaItem).where(AgendaItem.visit_id == visit.id)
    items = {item.id: item for item in await session.scalars(of_visit.with_for_update(of=AgendaItem))}
    _require_unchanged(run, items)
    plan = convert_schedule_run.run_message(run, visit, identity()).plan
    changed = []
    for planned in plan.items:
        item = items[AgendaItem.parse(planned.agenda_item)["id"]]
        if await _place(session, item, planned):
            item.check_times(visit)
            changed.append(item)
    for name in plan.dropped:
        item = items[AgendaItem.parse(name)["id"]]
        item.start_time = item.end_time = None
        changed.append(item)
    await session.flush()
    await bookings.book_all(session, changed)
    run.state = RunState.APPLIED
    await queries.note_part_change(session, visit)
    return convert_schedule_run.run_message(run, visit, identity())


async def _place(session: Session, item: AgendaItem, planned: pb.PlannedItem) -> bool:
    """
    Give an item what a plan has for it; return False where it has all of that.

    Raises:
        FailedPrecondition: It would begin in the past (reason PLAN_OUT_OF_DATE), or its room or interpreter do not do
            any more (PROGRAMME_CHANGED).
    """
    start, end = read_instant(planned.start_time, "plan"), read_instant(planned.end_time, "plan")
    room = await _get_planned(session, Room, planned.room, planned) if planned.room else None
    interpreter = item.interpreter
    if planned.interpreter:
        interpreter = await _get_planned(session, Person, planned.interpreter, planned)
    if (item.start_time, item.end_time, item.room, item.interpreter) == (start, end, room, interpreter):
        return False
    if start < now():
        raise FailedPrecondition("The plan is of a time that has passed; plan again.", reason="PLAN_OUT_OF_DATE")
    if room and not item.fits_in(room):
        raise _tell_changes([{"title": room.display_name, "name": room.name, "change": "CHANGED"}])
    if planned.interpreter and interpreter and not interpreter.has_pair(item.interpretation_languages):
        raise _tell_changes([{"title": interpreter.function, "name": interpreter.name, "change": "CHANGED"}])
    item.start_time, item.end_time, item.room, item.interpreter = start, end, room, interpreter
    if room:
        item.other_venue = None
    return True


async def _get_planned(session: Session, model: type[Row], name: str, planned: pb.PlannedItem) -> Row:
    """
    Return the room or the interpreter that a plan has for an item.

    Raises:
        FailedPrecondition: It is gone; reason PROGRAMME_CHANGED.
    """
    try:
        return await session.get_by_name(model, name)
    except NotFound:
        raise _tell_changes([{"title": planned.title, "name": planned.agenda_item, "change": "CHANGED"}]) from None


def _get_visit_name(name: str) -> str:
    return f"visits/{ScheduleRun.parse(name)['visit_id']}"


async def _get_editable_visit(session: Session, name: str) -> Visit:
    visit = await queries.get_visible(session, Visit, name, lock=True)
    rights.require_visit_editor(identity(), visit)
    return visit


def _require_plannable(visit: Visit) -> None:
    """
    Raise unless a visit has dates and is short enough to be planned.

    Raises:
        FailedPrecondition: It has none (reason DATES_OPEN), or is too long (VISIT_TOO_LONG_TO_PLAN).
    """
    first, last = visit.get_dates()
    if (last - first).days >= MAX_DAYS:
        raise FailedPrecondition(
            f"A visit of more than {MAX_DAYS} days cannot be planned as a whole.",
            reason="VISIT_TOO_LONG_TO_PLAN",
            metadata={"max_days": str(MAX_DAYS)},
        )


def _tell_no_days(visit: Visit, options: Options) -> FailedPrecondition | InvalidArgument:
    """Return the error that says that no day is left on which something could be placed."""
    if list_days(visit, replace(options, except_dates=frozenset())):
        return InvalidArgument("schedule_run.except_dates", "leaves no day to be planned", reason="NO_DAY_TO_PLAN")
    return FailedPrecondition("The days of the visit are over.", reason="VISIT_DAYS_OVER")


async def _require_none_under_way(session: Session, visit: Visit) -> None:
    """
    Raise while another run of a visit, which is locked, is under way; one that is lost is closed.

    Raises:
        FailedPrecondition: One is; reason RUN_UNDER_WAY, metadata `run`.
    """
    running = (ScheduleRun.visit_id == visit.id, ScheduleRun.state == RunState.RUNNING)
    run = await session.scalar(select(ScheduleRun).where(*running))
    if run is None:
        return
    if not run.is_lost:
        raise FailedPrecondition(
            "This programme is being planned already.", reason="RUN_UNDER_WAY", metadata={"run": run.name}
        )
    run.state = RunState.INTERRUPTED
    await session.flush()


async def _forget_old_runs(session: Session, visit: Visit) -> None:
    last = (
        select(ScheduleRun.id)
        .where(ScheduleRun.visit_id == visit.id)
        .order_by(ScheduleRun.create_time.desc(), ScheduleRun.id.desc())
        .limit(KEPT_RUNS)
    )
    await session.execute(delete(ScheduleRun).where(ScheduleRun.visit_id == visit.id, ScheduleRun.id.not_in(last)))


def _require_verb(run: ScheduleRun, verb: str) -> None:
    """
    Raise unless a run can go through a transition now.

    Raises:
        FailedPrecondition: It has no plan to apply; reason NO_PLAN_TO_APPLY.
        IllegalTransition: The verb does not start from its state.
    """
    allowed = run.allowed_transitions()
    if verb in allowed:
        return
    if verb == "apply" and run.present_state is not RunState.APPLIED:
        raise FailedPrecondition("There is no plan to apply yet.", reason="NO_PLAN_TO_APPLY")
    raise IllegalTransition(verb, run.present_state.value.upper(), allowed)


def _require_unchanged(run: ScheduleRun, items: dict[str, AgendaItem]) -> None:
    """
    Raise unless the programme is as it was when a run began.

    Raises:
        FailedPrecondition: It is not; reason PROGRAMME_CHANGED, and the metadata names what changed.
    """
    before = run.items
    changed = [
        {"title": item.title, "name": item.name, "change": "CHANGED" if item.id in before else "ADDED"}
        for item in items.values()
        if item.id not in before or before[item.id]["version"] != item.version
    ]
    changed += [
        {"title": each["title"], "change": "REMOVED"} for item_id, each in before.items() if item_id not in items
    ]
    if changed:
        raise _tell_changes(changed)


def _tell_changes(changes: list[dict[str, str]]) -> FailedPrecondition:
    """Return the error that names what is not as it was when a programme was planned."""
    named = ", ".join(f"“{each['title']}”" for each in changes[:MAX_LISTED])
    return FailedPrecondition(
        f"The programme has changed since this was planned: {named}.",
        reason="PROGRAMME_CHANGED",
        metadata={**flatten_indexed("items", changes[:MAX_LISTED]), "items": str(len(changes))},
    )
