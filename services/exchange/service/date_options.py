"""Candidate dates of visits."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from austausch.exchange.v1 import date_options_pb2 as pb
from austausch.exchange.v1 import date_options_pb2_grpc
from austausch.exchange.v1.exchange_pb2 import Visit as VisitMessage
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.convert import (
    date_message,
    enum_numbers,
    read_columns,
    read_enum,
    resource_fields,
    timestamp_message,
)
from chassis.database import Database, Session
from chassis.errors import AlreadyExists, FailedPrecondition, FieldRequired, InvalidArgument, PermissionDenied
from chassis.idempotency import answer_once
from chassis.identity import Role, identity
from chassis.model import now
from chassis.paging import read_page
from services.exchange import queries, rights, visit_dates
from services.exchange.model import Answer, DateOption, Visit
from services.exchange.spans import check_dates

ORDERINGS = {"start_date": DateOption.start_date}
ANSWERS = enum_numbers(pb.DateOption.Answer.DESCRIPTOR, Answer)
FIELDS = ("start_date", "end_date")
MAX_OPTIONS = 20


class DateOptionServicer(date_options_pb2_grpc.DateOptionServiceServicer):
    """Serves ``DateOptionService``. Every write locks the visit, so that its state and its cities hold meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListDateOptions(self, request: pb.ListDateOptionsRequest, context: Any) -> pb.ListDateOptionsResponse:
        async with self._database.read() as session:
            visit = await queries.get_visible(session, Visit, request.parent)
            statement = select(DateOption).where(DateOption.visit_id == visit.id)
            rows, token, total = await read_page(session, statement, DateOption, request, ORDERINGS, "start_date")
        options = list(map(_option_message, rows))
        return pb.ListDateOptionsResponse(date_options=options, next_page_token=token, total_size=total)

    async def CreateDateOption(self, request: pb.CreateDateOptionRequest, context: Any) -> pb.DateOption:
        return await answer_once(self._database, request, _create)

    async def DeleteDateOption(self, request: pb.DeleteDateOptionRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            visit = await _lock_editable(session, _get_visit_name(request.name))
            visit.require_open()
            option = await session.get_for_update(DateOption, request.name)
            option.check_etag(request.etag)
            await session.delete(option)
            await queries.note_part_change(session, visit)
        return Empty()

    async def AnswerDateOption(self, request: pb.AnswerDateOptionRequest, context: Any) -> pb.DateOption:
        return await answer_once(self._database, request, _answer)

    async def ChooseDateOption(self, request: pb.ChooseDateOptionRequest, context: Any) -> VisitMessage:
        return await answer_once(self._database, request, _choose)


async def _create(session: Session, request: pb.CreateDateOptionRequest) -> pb.DateOption:
    visit = await _lock_editable(session, request.parent)
    visit.require_dates_sought()
    values = read_columns(request.date_option, DateOption, FIELDS)
    dates = values["start_date"], values["end_date"]
    check_dates(*dates, "date_option.end_date")
    _require_other_dates(visit, dates, "date_option.start_date")
    of_visit = select(DateOption).where(DateOption.visit_id == visit.id)
    known = (await session.scalars(of_visit)).all()
    if any((each.start_date, each.end_date) == dates for each in known):
        raise AlreadyExists("These dates are put to the cities already.", reason="DATE_OPTION_EXISTS")
    if len(known) >= MAX_OPTIONS:
        raise FailedPrecondition(
            f"A visit has {MAX_OPTIONS} candidate dates at most.",
            reason="TOO_MANY_DATE_OPTIONS",
            metadata={"max_options": str(MAX_OPTIONS)},
        )
    option = DateOption(visit_id=visit.id, **values)
    session.add(option)
    await queries.note_part_change(session, visit)
    return _option_message(option)


async def _answer(session: Session, request: pb.AnswerDateOptionRequest) -> pb.DateOption:
    visit = await queries.get_visible(session, Visit, _get_visit_name(request.name), lock=True)
    city_id, taken_down = _get_replying_city_id(visit, request.city)
    visit.require_dates_sought()
    option = await session.get_for_update(DateOption, request.name)
    option.record(city_id, read_enum(request, "answer", Answer), identity().name, now(), taken_down=taken_down)
    await queries.note_part_change(session, visit)
    return _option_message(option)


async def _choose(session: Session, request: pb.ChooseDateOptionRequest) -> VisitMessage:
    visit = await _lock_editable(session, _get_visit_name(request.name))
    visit.require_dates_sought()
    option = await session.get_for_update(DateOption, request.name)
    option.check_etag(request.etag)
    _require_other_dates(visit, (option.start_date, option.end_date), "name")
    await visit_dates.set_dates(session, visit, option.start_date, option.end_date)
    return await visit_dates.write_changed(session, visit)


def _require_other_dates(visit: Visit, dates: tuple[date, date], field: str) -> None:
    """
    Raise where a postponed visit would get the dates that it was taken off.

    Raises:
        InvalidArgument: It would; reason DATES_UNCHANGED.
    """
    if visit.new_dates_due and dates == visit.dates:
        raise InvalidArgument(field, "begins on the day on which it was to start", reason="DATES_UNCHANGED")


def _get_replying_city_id(visit: Visit, city: str) -> tuple[str, bool]:
    """
    Return the id of the city for which the caller says whether dates suit, and whether it is taken down for it.

    Raises:
        PermissionDenied: A partner speaks for another city (reason REPLY_OF_OTHER_CITY), or the caller may not change
            the visit (NOT_DEPARTMENT_IN_CHARGE).
        FieldRequired: The home city's people do not say which city.
        InvalidArgument: The city takes no part; reason CITY_TAKES_NO_PART, metadata `city`.
    """
    caller, city_id = identity(), city.removeprefix("cities/")
    if not caller.has(Role.COORDINATOR, Role.MEMBER):
        if city_id not in ("", rights.get_own_city_id(caller)):
            raise PermissionDenied("A partner speaks for its own city.", reason="REPLY_OF_OTHER_CITY")
        return rights.get_own_city_id(caller), False
    rights.require_visit_editor(caller, visit)
    if not city:
        raise FieldRequired("city")
    if not visit.concerns(city_id):
        raise InvalidArgument("city", f"{city} takes no part", reason="CITY_TAKES_NO_PART", metadata={"city": city})
    return city_id, True


async def _lock_editable(session: Session, name: str) -> Visit:
    visit = await queries.get_visible(session, Visit, name, lock=True)
    rights.require_visit_editor(identity(), visit)
    return visit


def _get_visit_name(name: str) -> str:
    return f"visits/{DateOption.parse(name)['visit_id']}"


def _option_message(option: DateOption) -> pb.DateOption:
    return pb.DateOption(
        start_date=date_message(option.start_date),
        end_date=date_message(option.end_date),
        replies=map(_reply_message, option.replies),
        **resource_fields(option),
    )


def _reply_message(reply: Mapping[str, Any]) -> pb.DateOption.Reply:
    return pb.DateOption.Reply(
        city=f"cities/{reply['city_id']}",
        answer=ANSWERS[Answer(reply["answer"])],
        record_time=timestamp_message(datetime.fromisoformat(reply["record_time"])),
        recorder=reply["recorder"],
        taken_down=reply["taken_down"],
    )
