"""Programmes: a visit, its delegation and its agenda, read together; and programmes that are used again."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from sqlalchemy import Select, bindparam, select

from chassis.convert import timestamp_message
from chassis.database import Database, Session
from chassis.errors import InvalidArgument
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import MAX_PAGE_SIZE
from services.exchange import (
    convert,
    convert_programme_template,
    programme_copies,
    programme_visibility,
    queries,
    rights,
)
from services.exchange.closures import list_closures
from services.exchange.convert_venue import way_message
from services.exchange.model import AgendaItem, Delegate, ProgrammeTemplate, Visit
from services.exchange.transfers import list_transfers
from services.exchange.ways import Pace, Ways

ORDERS: dict[Any, Any] = {Delegate: Delegate.protocol_order, AgendaItem: AgendaItem.programme_order}


class ProgrammeServicer(exchange_pb2_grpc.ProgrammeServiceServicer):
    """
    Serves ``ProgrammeService``.

    Args:
        pace: How ways are estimated that nobody entered.
    """

    def __init__(self, database: Database, pace: Pace) -> None:
        self._database = database
        self._pace = pace

    async def GetProgramme(self, request: pb.GetProgrammeRequest, context: Any) -> pb.Programme:
        caller = identity()
        async with self._database.read_once() as session:
            visit = await queries.get_visible(session, Visit, request.name.removesuffix("/programme"))
            values = {"visit_id": visit.id}
            delegates: Sequence[Delegate] = []
            if rights.may_see(caller, visit, rights.ALL_DELEGATES):
                travelling = await session.scalars(_select_of_visit(Delegate), values)
                delegates = [each for each in travelling if rights.may_see_delegate(caller, each)]
            items = (await session.scalars(_select_of_visit(AgendaItem), values)).all()
        seen = {each.name for each in delegates}
        return pb.Programme(
            name=request.name,
            visit=convert.visit_message(visit, caller),
            delegates=map(convert.delegate_message, delegates),
            agenda_items=[programme_visibility.show_item(caller, item, seen) for item in items],
            transfers=[
                pb.Transfer(
                    from_agenda_item=each.before.name,
                    to_agenda_item=each.after.name,
                    way=way_message(each.venue, each.travel),
                    available_minutes=each.available_minutes,
                )
                for each in list_transfers(visit, items, delegates, Ways(self._pace))
            ],
            closures=[
                pb.Closure(
                    agenda_item=each.item.name,
                    venue=each.venue.name,
                    venue_display_name=each.venue.display_name,
                    start_time=timestamp_message(each.start),
                    end_time=timestamp_message(each.end),
                )
                for each in list_closures(visit, items)
            ],
        )

    async def CopyProgramme(self, request: pb.CopyProgrammeRequest, context: Any) -> pb.CopyProgrammeResponse:
        return await answer_once(self._database, request, _copy if not request.validate_only else _try_copy)


async def _try_copy(session: Session, request: pb.CopyProgrammeRequest) -> pb.CopyProgrammeResponse:
    """Return what `_copy` returns, and undo what it does."""
    savepoint = await session.begin_nested()
    answer = await _copy(session, request)
    await savepoint.rollback()
    return answer


async def _copy(session: Session, request: pb.CopyProgrammeRequest) -> pb.CopyProgrammeResponse:
    if request.source == request.name:
        raise InvalidArgument("source", "is the visit itself", reason="SOURCE_IS_TARGET")
    visit = await queries.lock_agenda(session, request.name)
    if request.source.startswith("visits/"):
        source = await queries.get_referenced(session, Visit, request.source, "source")
        items = await programme_copies.read_items(session, source)
    else:
        template = await queries.get_referenced(session, ProgrammeTemplate, request.source, "source")
        items = convert_programme_template.item_messages(template)
    added = await programme_copies.add_items(session, visit, items)
    await queries.note_part_change(session, visit)
    return pb.CopyProgrammeResponse(agenda_items=map(convert.agenda_item_message, added))


@cache
def _select_of_visit(model: type[Delegate | AgendaItem]) -> Select[Any]:
    statement = select(model).where(model.visit_id == bindparam("visit_id"))
    return statement.order_by(ORDERS[model], model.id).limit(MAX_PAGE_SIZE)
