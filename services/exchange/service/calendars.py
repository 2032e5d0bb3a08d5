"""Calendars that are read, holidays and bookings that are listed, and dates that are proposed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1 import calendars_pb2_grpc
from austausch.exchange.v1.exchange_pb2 import Visit as VisitMessage
from sqlalchemy import case, or_, select

from chassis.convert import date_message, enum_numbers, read_date, read_instant, timestamp_message
from chassis.database import Database, Session
from chassis.departments import list_spellings
from chassis.errors import InvalidArgument
from chassis.identity import Role, identity
from chassis.paging import read_page
from services.exchange import queries, rights
from services.exchange.busy_times import add_up_days, list_busy_spans
from services.exchange.calendar_process import CalendarReader
from services.exchange.calendars import merge
from services.exchange.convert_calendar import busy_message
from services.exchange.date_proposals import (
    CityCalendar,
    Kind,
    Period,
    Reason,
    Wish,
    list_city_reasons,
    propose,
)
from services.exchange.model import AgendaItem, Booking, City, Direction, Person, Room, Visit, VisitState
from services.exchange.occupancy import Booked, list_booked_days, select_bookings
from services.exchange.public_holidays import list_public_holidays
from services.exchange.scheduling.problem import Span
from services.exchange.school_holidays import SchoolHolidays
from services.exchange.spans import MAX_SPAN, MAX_TIMES_SPAN, check_span
from services.exchange.time_zones import read_time_zone

MAX_DATES_SPAN = timedelta(days=550)
DEFAULT_WINDOWS = 20
WORKING_WEEK = frozenset({1, 2, 3, 4, 5})
KINDS = enum_numbers(pb.DateReason.Kind.DESCRIPTOR, Kind)
FREE = Booked(0, 0)
# As few as a year has, for each of its rooms.
_date_message = lru_cache(MAX_SPAN.days)(date_message)
OccupancyKind = pb.ListOccupanciesRequest.Kind
# Whose time is listed: the rows, and what people call them.
OCCUPIED: dict[int, tuple[Any, Any]] = {
    OccupancyKind.KIND_ROOM: (select(Room), Room.display_name),
    OccupancyKind.KIND_PERSON: (select(Person), Person.function),
    OccupancyKind.KIND_INTERPRETER: (select(Person).where(Person.language_pairs != []), Person.function),
}


class CalendarServicer(calendars_pb2_grpc.CalendarServiceServicer):
    """
    Serves ``CalendarService``.

    Args:
        home_city: ``cities/{city}`` that this installation serves.
        school_holidays: What the operator provides of them.
    """

    def __init__(
        self, database: Database, home_city: str, school_holidays: SchoolHolidays, reader: CalendarReader
    ) -> None:
        self._database = database
        self._home_city = home_city
        self._school_holidays = school_holidays
        self._reader = reader

    async def ParseCalendar(self, request: pb.ParseCalendarRequest, context: Any) -> pb.ParseCalendarResponse:
        span = Span(read_instant(request.start_time, "start_time"), read_instant(request.end_time, "end_time"))
        check_span(span.start, span.end, MAX_SPAN, "end_time")
        zone = read_time_zone(request.time_zone or "UTC", "time_zone")
        reading = await self._reader.read("ics", request.ics, span, zone.key)
        return pb.ParseCalendarResponse(busy=map(busy_message, reading.busy))

    async def ProposeDates(self, request: pb.ProposeDatesRequest, context: Any) -> pb.ProposeDatesResponse:
        first, last = read_date(request.earliest_date, "earliest_date"), read_date(request.latest_date, "latest_date")
        check_span(first, last, MAX_DATES_SPAN, "latest_date")
        async with self._database.read_once() as session:
            partner = await queries.get_referenced(session, City, request.city, "city")
            if partner.name == self._home_city:
                raise InvalidArgument("city", "is the home city", reason="CITY_IS_HOME")
            home = await session.get_by_name(City, self._home_city)
            for place, person in enumerate(request.people):
                await queries.get_referenced(session, Person, person, f"people[{place}]")
            visits = await _list_visits(session, request, first, last)
            is_outgoing = request.direction == VisitMessage.DIRECTION_OUTGOING
            host, guest = (partner, home) if is_outgoing else (home, partner)
            busy = await list_busy_spans(session, request.people, _get_span(first, last, ZoneInfo(host.time_zone)))
        wish = Wish(
            first,
            last,
            request.working_days,
            self._get_calendar(host, first, last, request.language),
            self._get_calendar(guest, first, last, request.language),
            _read_blocked(request.blocked),
            visits,
            await self._list_busy_days(request.calendars, busy, first, last, ZoneInfo(host.time_zone)),
        )
        windows = await asyncio.to_thread(propose, wish)
        return pb.ProposeDatesResponse(
            windows=[
                pb.DateWindow(
                    start_date=date_message(window.first),
                    end_date=date_message(window.last),
                    cost=window.cost,
                    reasons=[_reason_message(reason, wish.working_days) for reason in window.reasons],
                )
                for window in windows[: request.page_size or DEFAULT_WINDOWS]
            ],
            total_size=len(windows),
        )

    async def ListHolidays(self, request: pb.ListHolidaysRequest, context: Any) -> pb.ListHolidaysResponse:
        first, last = _read_days(request)
        ids = [queries.read_id(City, name, f"cities[{place}]") for place, name in enumerate(request.cities)]
        async with self._database.read_once() as session:
            found = {city.id: city for city in await session.scalars(select(City).where(City.id.in_(ids)))}
        for place, city_id in enumerate(ids):
            if city_id not in found:
                raise queries.make_reference_error(f"cities[{place}]", f"cities/{city_id}")

        def list_all() -> list[Reason]:
            calendars = [self._get_calendar(found[city_id], first, last, request.language) for city_id in ids]
            return [reason for calendar in calendars for reason in _list_in_order(calendar, first, last)]

        reasons = await asyncio.to_thread(list_all)
        if request.without_days_off:
            reasons = [reason for reason in reasons if reason.kind is not Kind.DAY_OFF]
        return pb.ListHolidaysResponse(holidays=map(_reason_message, reasons))

    async def ListOccupancies(self, request: pb.ListOccupanciesRequest, context: Any) -> pb.ListOccupanciesResponse:
        if request.kind != OccupancyKind.KIND_ROOM:
            identity().require(Role.COORDINATOR, Role.MEMBER)
        first, last = _read_days(request)
        statement, title = OCCUPIED[request.kind]
        async with self._database.read_once() as session:
            # As long as there is no home city, there is no visit that books something.
            found = await session.scalar(select(City.time_zone).where(City.id == City.parse(self._home_city)["id"]))
            zone = ZoneInfo(found or "UTC")
            rows, token, total = await read_page(session, statement, title.class_, request, {"title": title}, "title")
            names = [row.name for row in rows]
            days = await list_booked_days(session, names, first, last, zone)
            busy = await list_busy_spans(session, names, _get_span(first, last, zone))
        occupancies = [
            _add_days(
                pb.Occupancy(resource=row.name, title=getattr(row, title.key)),
                days.get(row.name, {}),
                add_up_days(busy.get(row.name, ()), zone),
            )
            for row in rows
        ]
        return pb.ListOccupanciesResponse(occupancies=occupancies, next_page_token=token, total_size=total)

    async def ListBookings(self, request: pb.ListBookingsRequest, context: Any) -> pb.ListBookingsResponse:
        start, end = read_instant(request.start_time, "start_time"), read_instant(request.end_time, "end_time")
        check_span(start, end, MAX_TIMES_SPAN, "end_time")
        caller = identity()
        own_city = None if caller.has(*rights.ALL_CITIES) else rights.get_own_city_id(caller)
        statement = select_bookings(start, end, own_city, with_people=rights.may_see_host_people(caller))
        async with self._database.read_once() as session:
            rows, token, total = await read_page(
                session, statement, Booking, request, {"resource": Booking.resource}, "resource"
            )
        bookings = [
            pb.Booking(
                resource=row.resource,
                agenda_item=f"visits/{row.visit_id}/agendaItems/{row.agenda_item_id}",
                agenda_item_title=row.item_title,
                visit_title=row.visit_title,
                start_time=timestamp_message(row.period.lower),
                end_time=timestamp_message(row.period.upper),
            )
            for row in rows
        ]
        return pb.ListBookingsResponse(bookings=bookings, next_page_token=token, total_size=total)

    async def _list_busy_days(
        self,
        calendars: Sequence[pb.PersonCalendar],
        kept: Mapping[str, Sequence[Span]],
        first: date,
        last: date,
        zone: ZoneInfo,
    ) -> dict[str, dict[date, timedelta]]:
        """Return person → how busy they are on which days of a zone, by the calendars that are sent, and kept."""
        span = _get_span(first, last, zone)
        texts = {f"calendars[{place}].ics": each.ics for place, each in enumerate(calendars)}
        spans = {person: list(of_person) for person, of_person in kept.items()}
        for each, reading in zip(calendars, await self._reader.read_all(texts, span, zone.key), strict=True):
            spans.setdefault(each.person, []).extend(reading.busy)
        return {person: add_up_days(merge(of_person, span), zone) for person, of_person in spans.items()}

    def _get_calendar(self, city: City, first: date, last: date, language: str) -> CityCalendar:
        code = city.holiday_calendar or city.subdivision_code or city.country_code
        return CityCalendar(
            city.name,
            frozenset(city.working_week) or WORKING_WEEK,
            list_public_holidays(code, range(first.year, last.year + 1), language or "en"),
            self._school_holidays.list_of(code, language or "en"),
        )


async def _list_visits(
    session: Session, request: pb.ProposeDatesRequest, first: date, last: date
) -> Mapping[str, Period]:
    """Return the visits of the department or people within some days."""
    if not request.department and not request.people:
        return {}
    of_people = select(AgendaItem.visit_id).where(AgendaItem.people.overlap(list(request.people)))
    is_incoming = Visit.direction == Direction.INCOMING
    in_charge = case((is_incoming, Visit.host_department), else_=Visit.exchange_department)
    within = select(Visit).where(
        Visit.start_date <= last,
        Visit.end_date >= first,
        Visit.state != VisitState.CANCELLED,
        ~Visit.new_dates_due,
    )
    spellings = await list_spellings(session, within, in_charge, request.department)
    visits = await session.scalars(within.where(or_(in_charge.in_(spellings), Visit.id.in_(of_people))))
    return {visit.name: Period(*visit.get_dates(), visit.title) for visit in visits}


def _read_days(request: pb.ListHolidaysRequest | pb.ListOccupanciesRequest) -> tuple[date, date]:
    first, last = read_date(request.from_date, "from_date"), read_date(request.to_date, "to_date")
    check_span(first, last, MAX_SPAN, "to_date")
    return first, last


def _list_in_order(calendar: CityCalendar, first: date, last: date) -> list[Reason]:
    return sorted(list_city_reasons(calendar, first, last), key=lambda reason: reason.first)


def _read_blocked(periods: Iterable[pb.BlockedPeriod]) -> list[Period]:
    blocked = []
    for place, each in enumerate(periods):
        first = read_date(each.start_date, f"blocked[{place}].start_date")
        last = read_date(each.end_date, f"blocked[{place}].end_date")
        if last < first:
            raise InvalidArgument(f"blocked[{place}].end_date", "is before the first day", reason="SPAN_REVERSED")
        blocked.append(Period(first, last))
    return blocked


def _add_days(occupancy: pb.Occupancy, booked: Mapping[date, Booked], busy: Mapping[date, timedelta]) -> pb.Occupancy:
    """Add the days on which something is booked, or a person is busy, in order."""
    # In place: thirty rooms have ten thousand days in a year.
    add = occupancy.days.add
    for day in sorted(booked.keys() | busy.keys()):
        minutes, items = booked.get(day, FREE)
        busy_minutes = int(busy[day].total_seconds() // 60) if day in busy else 0
        add(date=_date_message(day), minutes=minutes, items=items, busy_minutes=busy_minutes)
    return occupancy


def _get_span(first: date, last: date, zone: ZoneInfo) -> Span:
    """Return the time from one day of a zone to another."""
    return Span(*(datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1))))


def _reason_message(reason: Reason, working_days: int = 0) -> pb.DateReason:
    return pb.DateReason(
        kind=KINDS[reason.kind],
        against=reason.is_against,
        start_date=date_message(reason.first),
        end_date=date_message(reason.last),
        subject=reason.subject,
        title=reason.title,
        estimated=reason.is_estimated,
        busy_days=reason.days,
        working_days=working_days if reason.kind is Kind.BUSY else 0,
    )
