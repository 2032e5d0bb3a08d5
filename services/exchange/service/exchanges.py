"""Exchanges: series of visits on one subject."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.convert import read_enum, unique_nfc
from chassis.database import Database, Session
from chassis.field_mask import require_unchanged, updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.paging import read_page
from services.exchange import convert, queries, rights
from services.exchange.deletion import delete_unused
from services.exchange.model import City, Exchange, ExchangeKind, Partnership, Visit

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
            return convert.exchange_message(await queries.get_visible(session, Exchange, request.name), identity())

    async def ListExchanges(self, request: pb.ListExchangesRequest, context: Any) -> pb.ListExchangesResponse:
        statement = queries.filter_visible(select(Exchange), Exchange)
        if request.partnership:
            partnership = queries.read_id(Partnership, request.partnership, "partnership")
            statement = statement.where(Exchange.partnership_id == partnership)
        if request.city:
            statement = statement.where(Exchange.city_id == queries.read_id(City, request.city, "city"))
        if request.kind:
            statement = statement.where(Exchange.kind == read_enum(request, "kind", ExchangeKind))
        if request.topic:
            statement = statement.where(Exchange.topics.contains(unique_nfc([request.topic])))
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, statement, Exchange, request, ORDERINGS)
        exchanges = [convert.exchange_message(exchange, identity()) for exchange in rows]
        return pb.ListExchangesResponse(exchanges=exchanges, next_page_token=token, total_size=total)

    async def CreateExchange(self, request: pb.CreateExchangeRequest, context: Any) -> pb.Exchange:
        return await answer_once(self._database, request, _create)

    async def UpdateExchange(self, request: pb.UpdateExchangeRequest, context: Any) -> pb.Exchange:
        message = request.exchange
        paths = updated_paths(request.update_mask, message, convert.EXCHANGE_FIELDS)
        async with self._database.begin() as session:
            exchange = await queries.get_visible(session, Exchange, message.name, lock=True)
            rights.require_exchange_editor(identity(), exchange)
            exchange.check_etag(message.etag)
            stored = f"partnerships/{exchange.partnership_id}"
            require_unchanged(request.update_mask, message, convert.EXCHANGE_FIELDS, partnership=stored)
            exchange.assign(convert.exchange_columns(message, paths))
            await session.flush()
            return convert.exchange_message(exchange, identity())

    async def DeleteExchange(self, request: pb.DeleteExchangeRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            exchange = await queries.get_visible(session, Exchange, request.name, lock=True)
            rights.require_exchange_editor(identity(), exchange)
            exchange.check_etag(request.etag)
            visits = select(Visit).where(Visit.exchange_id == exchange.id).order_by(Visit.start_date.desc(), Visit.id)
            await delete_unused(session, exchange, visits)
        return Empty()


async def _create(session: Session, request: pb.CreateExchangeRequest) -> pb.Exchange:
    message = request.exchange
    partnership = await queries.get_referenced(session, Partnership, message.partnership, "exchange.partnership")
    exchange = Exchange(
        partnership_id=partnership.id,
        city_id=partnership.city_id,
        city_display_name=partnership.city_display_name,
        **convert.exchange_columns(message),
    )
    session.add(exchange)
    await session.flush()
    return convert.exchange_message(exchange, identity())
