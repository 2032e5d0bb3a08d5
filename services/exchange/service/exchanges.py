"""Exchanges: series of visits on one subject."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.convert import composed
from chassis.database import Database, Session
from chassis.errors import PermissionDenied
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import page
from services.exchange import convert, rights
from services.exchange.model import City, Exchange, Partnership, Visit
from services.exchange.service import rows
from services.exchange.service.deletion import delete_unused

ORDERINGS = {
    "create_time": Exchange.create_time,
    "update_time": Exchange.update_time,
    "title": Exchange.title,
}


class ExchangeServicer(exchange_pb2_grpc.ExchangeServiceServicer):
    """Serves ``ExchangeService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetExchange(self, request: pb.GetExchangeRequest, context: Any) -> pb.Exchange:
        async with self._database.read_once() as session:
            return convert.exchange_message(await rows.visible(session, Exchange, request.name), identity())

    async def ListExchanges(self, request: pb.ListExchangesRequest, context: Any) -> pb.ListExchangesResponse:
        statement = rows.only_visible(select(Exchange), Exchange)
        if request.partnership:
            partnership = rows.key(Partnership, request.partnership, "partnership")
            statement = statement.where(Exchange.partnership_id == partnership)
        if request.city:
            statement = statement.where(Exchange.city_id == rows.key(City, request.city, "city"))
        if request.kind:
            statement = statement.where(Exchange.kind == convert.exchange_kind(request.kind, "kind"))
        if request.topic:
            statement = statement.where(Exchange.topics.contains(composed([request.topic])))
        async with self._database.read_once() as session:
            found, token, total = await page(session, statement, Exchange, request, ORDERINGS)
        exchanges = [convert.exchange_message(exchange, identity()) for exchange in found]
        return pb.ListExchangesResponse(exchanges=exchanges, next_page_token=token, total_size=total)

    async def CreateExchange(self, request: pb.CreateExchangeRequest, context: Any) -> pb.Exchange:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request.exchange))

    async def _create(self, session: Session, message: pb.Exchange) -> pb.Exchange:
        partnership = await rows.referred(session, Partnership, message.partnership, "exchange.partnership")
        exchange = Exchange(
            partnership_id=partnership.id,
            city_id=partnership.city_id,
            city_display_name=partnership.city_display_name,
            **convert.columns(message, "exchange", convert.EXCHANGE, convert.EXCHANGE),
        )
        session.add(exchange)
        await session.flush()
        return convert.exchange_message(exchange, identity())

    async def UpdateExchange(self, request: pb.UpdateExchangeRequest, context: Any) -> pb.Exchange:
        message = request.exchange
        paths = updated_paths(request.update_mask, message, set(convert.EXCHANGE))
        async with self._database.begin() as session:
            exchange = await rows.visible(session, Exchange, message.name, lock=True)
            if not rights.may_edit_exchange(identity(), exchange):
                raise PermissionDenied(
                    "Only the department that leads the exchange may change it.", reason="NOT_LEADING_DEPARTMENT"
                )
            exchange.check_etag(message.etag)
            convert.assign(exchange, convert.columns(message, "exchange", convert.EXCHANGE, paths))
            await session.flush()
            return convert.exchange_message(exchange, identity())

    async def DeleteExchange(self, request: pb.DeleteExchangeRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            exchange = await rows.visible(session, Exchange, request.name, lock=True)
            if not rights.may_edit_exchange(identity(), exchange):
                raise PermissionDenied(
                    "Only the department that leads the exchange may delete it.", reason="NOT_LEADING_DEPARTMENT"
                )
            exchange.check_etag(request.etag)
            visits = select(Visit).where(Visit.exchange_id == exchange.id).order_by(Visit.start_date.desc(), Visit.id)
            await delete_unused(session, exchange, visits)
        return Empty()
