"""Programmes: a visit, its delegation and its agenda, read together."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from sqlalchemy import Select, bindparam, select

from chassis.database import Database
from chassis.identity import identity
from services.exchange import convert, rights
from services.exchange.model import AgendaItem, Delegate, Visit
from services.exchange.service import rows

# As many as the largest page of a list has.
MOST = 1000


class ProgrammeServicer(exchange_pb2_grpc.ProgrammeServiceServicer):
    """Serves ``ProgrammeService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetProgramme(self, request: pb.GetProgrammeRequest, context: Any) -> pb.Programme:
        caller = identity()
        async with self._database.read_once() as session:
            visit = await rows.visible(session, Visit, request.name.removesuffix("/programme"))
            values = {"visit_id": visit.id}
            delegates: Iterable[Delegate] = []
            if rights.may_see(caller, visit, rights.ALL_DELEGATES):
                delegates = await session.scalars(_delegates(), values)
            items = await session.scalars(_agenda_items(), values)
        return pb.Programme(
            name=request.name,
            visit=convert.visit_message(visit, caller),
            delegates=map(convert.delegate_message, delegates),
            agenda_items=map(convert.agenda_item_message, items),
        )


@cache
def _delegates() -> Select[Any]:
    order = Delegate.protocol_order, Delegate.id
    return select(Delegate).where(Delegate.visit_id == bindparam("visit_id")).order_by(*order).limit(MOST)


@cache
def _agenda_items() -> Select[Any]:
    order = AgendaItem.start_time, AgendaItem.id
    return select(AgendaItem).where(AgendaItem.visit_id == bindparam("visit_id")).order_by(*order).limit(MOST)
