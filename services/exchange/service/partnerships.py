"""Partnerships: what binds the home city to others."""

from operator import methodcaller
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from austausch.exchange.v1.events_pb2 import PartnershipChanged
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.convert import read_enum
from chassis.database import Database, Session
from chassis.errors import InvalidArgument
from chassis.field_mask import require_unchanged, updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.outbox import emit
from chassis.paging import read_page
from chassis.transitions import SeenVersion, TransitionRequest, transition
from services.exchange import convert, queries
from services.exchange.deletion import delete_unused
from services.exchange.model import City, Exchange, Partnership, PartnershipKind, PartnershipState

ORDERINGS = {
    "create_time": Partnership.create_time,
    "update_time": Partnership.update_time,
    "city": Partnership.city_id,
}


class PartnershipServicer(exchange_pb2_grpc.PartnershipServiceServicer):
    """
    Serves ``PartnershipService``.

    Args:
        home_city: ``cities/{city}`` that this installation serves.
    """

    def __init__(self, database: Database, home_city: str) -> None:
        self._database = database
        self._home_city = home_city

    async def GetPartnership(self, request: pb.GetPartnershipRequest, context: Any) -> pb.Partnership:
        async with self._database.read_once() as session:
            partnership = await queries.get_visible(session, Partnership, request.name)
            return convert.partnership_message(partnership, identity())

    async def ListPartnerships(self, request: pb.ListPartnershipsRequest, context: Any) -> pb.ListPartnershipsResponse:
        statement = queries.filter_visible(select(Partnership), Partnership)
        if request.city:
            statement = statement.where(Partnership.city_id == queries.read_id(City, request.city, "city"))
        if request.kind:
            statement = statement.where(Partnership.kind == read_enum(request, "kind", PartnershipKind))
        if request.state:
            statement = statement.where(Partnership.state == read_enum(request, "state", PartnershipState))
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, statement, Partnership, request, ORDERINGS)
        partnerships = [convert.partnership_message(partnership, identity()) for partnership in rows]
        return pb.ListPartnershipsResponse(partnerships=partnerships, next_page_token=token, total_size=total)

    async def CreatePartnership(self, request: pb.CreatePartnershipRequest, context: Any) -> pb.Partnership:
        return await answer_once(self._database, request, self._create)

    async def _create(self, session: Session, request: pb.CreatePartnershipRequest) -> pb.Partnership:
        message = request.partnership
        if message.city == self._home_city:
            raise InvalidArgument("partnership.city", "is the home city", reason="CITY_IS_HOME")
        city = await queries.get_referenced(session, City, message.city, "partnership.city")
        partnership = Partnership(
            city_id=city.id,
            city_display_name=city.display_name,
            **convert.partnership_columns(message),
        )
        partnership.check_dates()
        session.add(partnership)
        return await _write(session, partnership)

    async def UpdatePartnership(self, request: pb.UpdatePartnershipRequest, context: Any) -> pb.Partnership:
        message = request.partnership
        paths = updated_paths(request.update_mask, message, convert.PARTNERSHIP_FIELDS)
        async with self._database.begin() as session:
            partnership = await _lock(session, message)
            stored = f"cities/{partnership.city_id}"
            require_unchanged(request.update_mask, message, convert.PARTNERSHIP_FIELDS, city=stored)
            values = convert.partnership_columns(message, paths)
            partnership.change_kind(values.pop("kind", partnership.kind))
            partnership.assign(values)
            partnership.check_dates()
            version = partnership.version
            await session.flush()
            if partnership.version == version:
                # Nothing changed that others would have to know.
                return convert.partnership_message(partnership, identity())
            return await _write(session, partnership)

    async def ApprovePartnership(self, request: pb.ApprovePartnershipRequest, context: Any) -> pb.Partnership:
        return await self._transition(request, "approve")

    async def SignPartnership(self, request: pb.SignPartnershipRequest, context: Any) -> pb.Partnership:
        return await self._transition(request, "sign")

    async def ActivatePartnership(self, request: pb.ActivatePartnershipRequest, context: Any) -> pb.Partnership:
        return await self._transition(request, "activate")

    async def SuspendPartnership(self, request: pb.SuspendPartnershipRequest, context: Any) -> pb.Partnership:
        return await self._transition(request, "suspend")

    async def EndPartnership(self, request: pb.EndPartnershipRequest, context: Any) -> pb.Partnership:
        return await self._transition(request, "end")

    async def _transition(self, request: TransitionRequest, verb: str) -> pb.Partnership:
        return await transition(self._database, request, _lock, methodcaller("transition", verb), _write)

    async def DeletePartnership(self, request: pb.DeletePartnershipRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            partnership = await _lock(session, request)
            partnership.require_in_preparation()
            exchanges = select(Exchange).where(Exchange.partnership_id == partnership.id)
            await delete_unused(session, partnership, exchanges.order_by(Exchange.create_time.desc(), Exchange.id))
        return Empty()


async def _lock(session: Session, request: SeenVersion) -> Partnership:
    """Return the partnership, locked, for a caller who saw the current version; raises NotFound, EtagMismatch."""
    partnership = await session.get_for_update(Partnership, request.name)
    partnership.check_etag(request.etag)
    return partnership


async def _write(session: Session, partnership: Partnership) -> pb.Partnership:
    """Write the partnership and the event, and return the answer."""
    await session.flush()
    emit(session, PartnershipChanged(partnership=convert.partnership_message(partnership)), partnership.name)
    return convert.partnership_message(partnership, identity())
