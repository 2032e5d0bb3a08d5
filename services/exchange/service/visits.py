"""Visits, and their way through their states."""

from collections.abc import Awaitable, Callable
from datetime import date
from functools import lru_cache, partial
from operator import methodcaller
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from austausch.exchange.v1.events_pb2 import VisitCreated, VisitDeleted, VisitReported
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Row, delete
from sqlalchemy.exc import IntegrityError

from chassis.convert import date_message, read_date, read_enum
from chassis.database import Database, Session
from chassis.database_errors import constraint_name
from chassis.errors import FailedPrecondition, FieldRequired
from chassis.field_mask import require_unchanged, updated_paths
from chassis.idempotency import answer_once
from chassis.identity import Identity, Role, identity
from chassis.model import now
from chassis.outbox import emit
from chassis.paging import read_page
from chassis.transitions import SeenVersion, TransitionRequest, transition
from services.exchange import (
    bookings,
    convert,
    guest_cities,
    postponement,
    queries,
    rights,
    travelling,
    visit_dates,
    visit_lists,
)
from services.exchange.model import AgendaItem, ConsentStep, Delegate, Direction, Exchange, Visit, VisitState
from services.exchange.model.consent import list_late, list_missing, record
from services.exchange.spans import MAX_SPAN, check_span

# Lists with other filters show the same visits: 50 rows take 1.8 ms of processor time, and 4.1 if all are made anew.
REMEMBERED_ROWS = 2_000


class VisitServicer(exchange_pb2_grpc.VisitServiceServicer):
    """
    Serves ``VisitService``.

    Args:
        home_city: ``cities/{city}`` that this installation serves: it hosts incoming visits.
    """

    def __init__(self, database: Database, home_city: str) -> None:
        self._database = database
        self._home_city = home_city

    async def GetVisit(self, request: pb.GetVisitRequest, context: Any) -> pb.Visit:
        async with self._database.read_once() as session:
            return convert.visit_message(await queries.get_visible(session, Visit, request.name), identity())

    async def ListVisits(self, request: pb.ListVisitsRequest, context: Any) -> pb.ListVisitsResponse:
        values = visit_lists.read_filters(request)
        statement = visit_lists.select_listed(frozenset(values))
        async with self._database.read_once() as session:
            rows, token, total = await read_page(
                session, statement, Visit, request, visit_lists.ORDERINGS, "start_date desc", values
            )
        caller = identity()
        visits = [_listed_message(row, caller) for row in rows]
        return pb.ListVisitsResponse(visits=visits, next_page_token=token, total_size=total)

    async def CountVisits(self, request: pb.CountVisitsRequest, context: Any) -> pb.CountVisitsResponse:
        values = visit_lists.read_filters(request)
        check_span(values["from_date"], values["to_date"], MAX_SPAN, "to_date")
        statement = visit_lists.select_counts(visit_lists.UNITS[request.period], frozenset(values))
        async with self._database.read_once() as session:
            rows = await session.execute(statement, values)
        counts = [
            pb.VisitCount(city=f"cities/{city_id}", start_date=date_message(first), visits=visits)
            for city_id, first, visits in rows
        ]
        return pb.CountVisitsResponse(counts=counts)

    async def CreateVisit(self, request: pb.CreateVisitRequest, context: Any) -> pb.Visit:
        return await answer_once(self._database, request, self._create)

    async def _create(self, session: Session, request: pb.CreateVisitRequest) -> pb.Visit:
        message = request.visit
        exchange = await queries.get_referenced(session, Exchange, message.exchange, "visit.exchange")
        values = convert.visit_columns(message)
        other_guests = values.pop("other_guest_cities")
        visit = Visit(
            exchange_id=exchange.id,
            city_id=exchange.city_id,
            home_city_id=self._home_city.removeprefix("cities/"),
            proposer=identity().subject,
            direction=read_enum(message, "direction", Direction),
            state=VisitState.IDEA,
            **values,
        )
        visit.schedule(visit.start_date, visit.end_date)
        await guest_cities.invite(session, visit, other_guests)
        await self._add(session, visit)
        emit(session, VisitCreated(visit=convert.visit_message(visit)), visit.name)
        return convert.visit_message(visit, identity())

    async def _add(self, session: Session, visit: Visit) -> None:
        """
        Insert a visit, and load what it shows of exchange and cities.

        Raises:
            FailedPrecondition: There is no home city yet; reason NO_HOME_CITY.
        """
        session.add(visit)
        try:
            await session.flush()
        except IntegrityError as error:
            if constraint_name(error) != "fk_visits_home_city_id":
                raise
            raise FailedPrecondition(
                f"The home city, {self._home_city}, has to be created first.",
                reason="NO_HOME_CITY",
                metadata={"city": self._home_city},
            ) from None
        await session.get_by_name(Visit, visit.name)

    async def UpdateVisit(self, request: pb.UpdateVisitRequest, context: Any) -> pb.Visit:
        message = request.visit
        paths = updated_paths(request.update_mask, message, convert.VISIT_FIELDS)
        async with self._database.begin() as session:
            visit = await queries.get_visible(session, Visit, message.name, lock=True)
            rights.require_visit_editor(identity(), visit)
            visit.check_etag(message.etag)
            visit.require_open()
            version = visit.version
            stored = {
                "exchange": f"exchanges/{visit.exchange_id}",
                "direction": convert.VISIT_DIRECTIONS[visit.direction],
            }
            require_unchanged(request.update_mask, message, convert.VISIT_FIELDS, **stored)
            values = convert.visit_columns(message, paths)
            if "other_guest_cities" in values:
                await guest_cities.invite(session, visit, values.pop("other_guest_cities"))
            dates = values.pop("start_date", visit.start_date), values.pop("end_date", visit.end_date)
            visit.assign(values)
            visit.require_host()
            if paths & {"start_date", "end_date"}:
                await visit_dates.set_dates(session, visit, *dates)
            await session.flush()
            if visit.version == version:
                # Nothing changed that others would have to know.
                return convert.visit_message(visit, identity())
            return await visit_dates.write_changed(session, visit)

    async def AgreeVisit(self, request: pb.AgreeVisitRequest, context: Any) -> pb.Visit:
        return await self._transition(request, "agree", _consent_to(ConsentStep.AGREE, request, Visit.agree))

    async def PlanVisit(self, request: pb.PlanVisitRequest, context: Any) -> pb.Visit:
        return await self._transition(request, "plan")

    async def ConfirmVisit(self, request: pb.ConfirmVisitRequest, context: Any) -> pb.Visit:
        confirm = methodcaller("transition", "confirm")
        return await self._transition(request, "confirm", _consent_to(ConsentStep.CONFIRM, request, confirm))

    async def StartVisit(self, request: pb.StartVisitRequest, context: Any) -> pb.Visit:
        return await self._transition(request, "start")

    async def ReportVisit(self, request: pb.ReportVisitRequest, context: Any) -> pb.Visit:
        def report(visit: Visit) -> None:
            if any(entry.visibility == pb.DebriefEntry.VISIBILITY_PUBLIC for entry in request.debrief.entries):
                rights.require_publisher(identity())
            visit.report(convert.debrief_columns(request.debrief))

        return await self._transition(request, "report", report, _write_report)

    async def CloseVisit(self, request: pb.CloseVisitRequest, context: Any) -> pb.Visit:
        return await self._transition(request, "close")

    async def CancelVisit(self, request: pb.CancelVisitRequest, context: Any) -> pb.Visit:
        return await self._transition(request, "cancel", lambda visit: visit.cancel(request.reason), _write_cancelled)

    async def PostponeVisit(self, request: pb.PostponeVisitRequest, context: Any) -> pb.Visit:
        dates = _read_new_dates(request)
        before: list[date] = []

        def postpone(visit: Visit) -> None:
            before.extend(visit.dates or ())
            visit.postpone(request.reason, dates)

        async def write(session: Session, visit: Visit) -> pb.Visit:
            await travelling.reschedule(session, visit)
            await postponement.move_agenda(session, visit, dates[0] - before[0] if dates else None)
            return await visit_dates.write_changed(session, visit)

        return await self._transition(request, "postpone", postpone, write)

    async def _transition(
        self,
        request: TransitionRequest,
        verb: str,
        change: Callable[[Visit], object] | None = None,
        write: Callable[[Session, Visit], Awaitable[pb.Visit]] | None = None,
    ) -> pb.Visit:
        """Take a visit through a transition; without `change`, through one that changes nothing but the state."""
        change = change or methodcaller("transition", verb)
        return await transition(
            self._database, request, partial(_lock, verb), change, write or visit_dates.write_changed
        )

    async def DeleteVisit(self, request: pb.DeleteVisitRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            # Who may call it off.
            visit = await _lock("cancel", session, request)
            visit.require_idea()
            for part in (AgendaItem, Delegate):
                await session.execute(delete(part).where(part.visit_id == visit.id))
            await session.delete(visit)
            await session.flush()
            emit(session, VisitDeleted(visit=visit.name), visit.name)
        return Empty()


def _consent_to(
    step: ConsentStep, request: pb.AgreeVisitRequest | pb.ConfirmVisitRequest, take: Callable[[Visit], object]
) -> Callable[[Visit], None]:
    """
    Return what records the caller's consent to a step, and takes the step once all cities have consented; in the state
    that follows, consent that is still missing is recorded and nothing else.
    """
    caller = identity()

    def consent(visit: Visit) -> None:
        own = rights.get_own_city_id(caller) if not caller.has(Role.COORDINATOR) else visit.home_city_id
        speaks_for_all = own == visit.home_city_id and not request.own_side_only
        city_ids = list_missing(visit, step) if speaks_for_all else [own]
        is_late = step in list_late(visit)
        record(visit, step, city_ids, caller.name, own, now())
        # What cannot be done is refused whoever has not consented yet.
        if is_late:
            return
        if not list_missing(visit, step) or step not in visit.allowed_transitions():
            take(visit)

    return consent


def _read_new_dates(request: pb.PostponeVisitRequest) -> tuple[date, date] | None:
    """
    Return the new first and last day of a visit that is postponed; None where they are not known yet.

    Raises:
        FieldRequired: One is given without the other.
        InvalidArgument: One is no day (reasons as `read_date`).
    """
    given = [field for field in ("start_date", "end_date") if request.HasField(field)]
    if not given:
        return None
    if len(given) == 1:
        raise FieldRequired("end_date" if given == ["start_date"] else "start_date")
    return read_date(request.start_date, "start_date"), read_date(request.end_date, "end_date")


@lru_cache(maxsize=REMEMBERED_ROWS)
def _listed_message(row: Row[Any], caller: Identity) -> pb.Visit:
    """Return a row of a list as the caller sees it: the same row, value by value, gives the same message."""
    visit = Visit()
    # Past SQLAlchemy's account of what changed, which takes as long as the message.
    visit.__dict__.update(row._mapping)
    return convert.visit_message(visit, caller)


async def _lock(verb: str, session: Session, request: SeenVersion) -> Visit:
    """
    Return the visit, locked, for a caller who may use the verb and saw the current version.

    Raises:
        NotFound: There is none; only who sees every city's is told.
        PermissionDenied: It belongs to another city (reason RESOURCE_NOT_VISIBLE) or department
            (NOT_DEPARTMENT_IN_CHARGE).
        EtagMismatch: Someone changed it since.
    """
    visit = await queries.get_visible(session, Visit, request.name, lock=True)
    rights.require_verb(identity(), verb, visit)
    visit.check_etag(request.etag)
    return visit


async def _write_report(session: Session, visit: Visit) -> pb.Visit:
    """Write the visit with its debrief, and the event that carries it."""
    await session.flush()
    caller = identity()
    event = VisitReported(
        visit=convert.visit_message(visit),
        exchange=convert.exchange_message(await session.get_one(Exchange, visit.exchange_id)),
        author=caller.subject,
        author_display_name=caller.name,
    )
    emit(session, event, visit.name)
    return convert.visit_message(visit, caller)


async def _write_cancelled(session: Session, visit: Visit) -> pb.Visit:
    """Write the visit, and free what it booked and whoever would have travelled."""
    await bookings.release(session, visit)
    await travelling.reschedule(session, visit)
    return await visit_dates.write_changed(session, visit)
