"""Programmes: a visit, its delegation and its agenda, read together."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from sqlalchemy import Select, bindparam, select

from chassis.database import Database
from chassis.identity import identity
from chassis.paging import MAX_PAGE_SIZE
from services.exchange import convert, queries, rights
from services.exchange.model import AgendaItem, Delegate, Visit

ORDERS: dict[Any, Any] = {Delegate: Delegate.protocol_order, AgendaItem: AgendaItem.programme_order}


class ProgrammeServicer(exchange_pb2_grpc.ProgrammeServiceServicer):
    """Serves ``ProgrammeService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetProgramme(self, request: pb.GetProgrammeRequest, context: Any) -> pb.Programme:
        caller = identity()
        async with self._database.read_once() as session:
            visit = await queries.get_visible(session, Visit, request.name.removesuffix("/programme"))
            values = {"visit_id": visit.id}
            delegates: Iterable[Delegate] = []
            if rights.may_see(caller, visit, rights.ALL_DELEGATES):
                travelling = await session.scalars(_select_of_visit(Delegate), values)
                delegates = [each for each in travelling if rights.may_see_delegate(caller, each)]
            items = await session.scalars(_select_of_visit(AgendaItem), values)
        return pb.Programme(
            name=request.name,
            visit=convert.visit_message(visit, caller),
            delegates=map(convert.delegate_message, delegates),
            agenda_items=map(convert.agenda_item_message, items),
        )


@cache
def _select_of_visit(model: type[Delegate | AgendaItem]) -> Select[Any]:
    statement = select(model).where(model.visit_id == bindparam("visit_id"))
    return statement.order_by(ORDERS[model], model.id).limit(MAX_PAGE_SIZE)
