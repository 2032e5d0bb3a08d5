"""Calendars of the host's people, and when they are busy by them."""

from collections.abc import Set
from typing import Any

from austausch.exchange.v1 import person_calendars_pb2 as pb
from austausch.exchange.v1 import person_calendars_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import func, select

from chassis.convert import read_instant
from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, FieldRequired, InvalidArgument, NotFound
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once, find_answer
from chassis.identity import identity
from chassis.paging import read_page
from services.exchange import queries, rights
from services.exchange.busy_times import list_busy_spans
from services.exchange.calendar_refresh import CalendarRefresh, choose_next_read, reading_columns, unread_columns
from services.exchange.convert_calendar import CALENDAR_FIELDS, busy_message, calendar_message, read_url
from services.exchange.model import Calendar, CalendarKind, CalendarState, Person
from services.exchange.scheduling.problem import Span
from services.exchange.spans import MAX_TIMES_SPAN, check_span

ORDERINGS = {"display_name": Calendar.display_name}
PEOPLE_ORDERINGS = {"function": Person.function}
MAX_CALENDARS = 10
SOURCES = frozenset({"url", "ics"})


class PersonCalendarServicer(person_calendars_pb2_grpc.PersonCalendarServiceServicer):
    """Serves ``PersonCalendarService``."""

    def __init__(self, database: Database, refresh: CalendarRefresh) -> None:
        self._database = database
        self._refresh = refresh

    async def GetCalendar(self, request: pb.GetCalendarRequest, context: Any) -> pb.Calendar:
        async with self._database.read() as session:
            return calendar_message(await _get_calendar(session, request.name))

    async def ListCalendars(self, request: pb.ListCalendarsRequest, context: Any) -> pb.ListCalendarsResponse:
        async with self._database.read() as session:
            person = await _get_person(session, request.parent)
            statement = select(Calendar).where(Calendar.person_id == person.id)
            rows, token, total = await read_page(session, statement, Calendar, request, ORDERINGS, "display_name")
        calendars = [calendar_message(calendar) for calendar in rows]
        return pb.ListCalendarsResponse(calendars=calendars, next_page_token=token, total_size=total)

    async def CreateCalendar(self, request: pb.CreateCalendarRequest, context: Any) -> pb.Calendar:
        if known := await find_answer(self._database, request, pb.Calendar):
            return await self._read_first(known)
        async with self._database.read_once() as session:
            await _get_person(session, request.parent)
        source = await self._read_source(request.calendar, SOURCES)

        async def create(session: Session, request: pb.CreateCalendarRequest) -> pb.Calendar:
            person = await _get_person(session, request.parent, lock=True)
            await _require_place(session, person)
            calendar = Calendar(person_id=person.id, display_name=request.calendar.display_name, **source)
            session.add(calendar)
            await session.flush()
            return calendar_message(calendar)

        made = await answer_once(self._database, request, create)
        return await self._read_first(made)

    async def UpdateCalendar(self, request: pb.UpdateCalendarRequest, context: Any) -> pb.Calendar:
        paths = updated_paths(request.update_mask, request.calendar, CALENDAR_FIELDS)
        async with self._database.read() as session:
            await _get_calendar(session, request.calendar.name)
        source = await self._read_source(request.calendar, paths)
        async with self._database.begin() as session:
            calendar = await _get_calendar(session, request.calendar.name, lock=True)
            calendar.check_etag(request.calendar.etag)
            if "display_name" in paths:
                calendar.display_name = request.calendar.display_name
            calendar.assign(source)
            await session.flush()
            changed = calendar_message(calendar)
        return await self._read_first(changed)

    async def DeleteCalendar(self, request: pb.DeleteCalendarRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            calendar = await _get_calendar(session, request.name, lock=True)
            calendar.check_etag(request.etag)
            await session.delete(calendar)
        return Empty()

    async def RefreshCalendar(self, request: pb.RefreshCalendarRequest, context: Any) -> pb.Calendar:
        async def get(session: Session, request: pb.RefreshCalendarRequest) -> pb.Calendar:
            return calendar_message(await _get_calendar(session, request.name))

        await answer_once(self._database, request, get)
        await self._refresh.read(Calendar.parse(request.name)["id"])
        async with self._database.read_once() as session:
            return calendar_message(await session.get_by_name(Calendar, request.name))

    async def ListBusySpans(self, request: pb.ListBusySpansRequest, context: Any) -> pb.ListBusySpansResponse:
        span = Span(read_instant(request.start_time, "start_time"), read_instant(request.end_time, "end_time"))
        check_span(span.start, span.end, MAX_TIMES_SPAN, "end_time")
        statement = select(Person).where(select(Calendar.id).where(Calendar.person_id == Person.id).exists())
        if request.people:
            ids = [queries.read_id(Person, name, f"people[{place}]") for place, name in enumerate(request.people)]
            statement = statement.where(Person.id.in_(ids))
        async with self._database.read() as session:
            rows, token, total = await read_page(session, statement, Person, request, PEOPLE_ORDERINGS, "function")
            busy = await list_busy_spans(session, [person.name for person in rows], span)
        people = [
            pb.BusyPerson(person=person.name, busy=map(busy_message, busy.get(person.name, ()))) for person in rows
        ]
        return pb.ListBusySpansResponse(people=people, next_page_token=token, total_size=total)

    async def _read_source(self, calendar: pb.Calendar, paths: Set[str]) -> dict[str, Any]:
        """
        Return the columns of the source that a calendar is to have, read if it is a text; none where it gets none.

        Raises:
            InvalidArgument: It is none that can be read.
        """
        url = calendar.url if "url" in paths else ""
        ics = calendar.ics if "ics" in paths else ""
        if paths.isdisjoint(SOURCES):
            return {}
        if url and ics:
            words = "is a second source beside the URL"
            raise InvalidArgument("calendar.ics", words, reason="CALENDAR_OF_TWO_SOURCES")
        if url:
            return {"url": read_url(url, self._refresh.permission), "ics": "", **unread_columns()}
        if not ics:
            raise FieldRequired("calendar.url")
        reading = await self._refresh.read_text("calendar.ics", ics)
        again = choose_next_read(CalendarKind.UPLOADED)
        return {"url": "", "ics": reading.text, "next_read_time": again, **reading_columns(reading)}

    async def _read_first(self, calendar: pb.Calendar) -> pb.Calendar:
        """Return a calendar after its first reading, if that is still to come."""
        if calendar.state != pb.Calendar.STATE_WAITING:
            return calendar
        async with self._database.read_once() as session:
            row = await _find_calendar(session, calendar.name)
        if row is not None and row.state is CalendarState.WAITING:
            await self._refresh.read(row.id)
            async with self._database.read_once() as session:
                row = await _find_calendar(session, calendar.name)
        # A repeated request may be about what somebody has deleted since.
        return calendar if row is None else calendar_message(row)


async def _get_person(session: Session, name: str, *, lock: bool = False) -> Person:
    """
    Return a person whose calendars the caller keeps, locked if asked to.

    Raises:
        NotFound: There is none.
        PermissionDenied: As `rights.require_calendar_keeper`.
    """
    person = await (session.get_for_update if lock else session.get_by_name)(Person, name)
    rights.require_calendar_keeper(identity(), person)
    return person


async def _get_calendar(session: Session, name: str, *, lock: bool = False) -> Calendar:
    """Return a calendar that the caller keeps, locked if asked to; errors as for `_get_person`."""
    await _get_person(session, f"people/{Calendar.parse(name)['person_id']}")
    return await (session.get_for_update if lock else session.get_by_name)(Calendar, name)


async def _find_calendar(session: Session, name: str) -> Calendar | None:
    try:
        return await session.get_by_name(Calendar, name)
    except NotFound:
        return None


async def _require_place(session: Session, person: Person) -> None:
    """
    Raise unless a person, who is locked, may have one calendar more.

    Raises:
        FailedPrecondition: They may not; reason TOO_MANY_CALENDARS.
    """
    count = await session.scalar(select(func.count()).where(Calendar.person_id == person.id))
    if (count or 0) >= MAX_CALENDARS:
        message = f"{person.name} has {MAX_CALENDARS} calendars already."
        raise FailedPrecondition(message, reason="TOO_MANY_CALENDARS", metadata={"max": str(MAX_CALENDARS)})
