"""Partnerships: what binds the home city to others."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from austausch.exchange.v1.events_pb2 import PartnershipChanged
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.errors import InvalidArgument
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.outbox import emit
from chassis.paging import page
from services.exchange import convert
from services.exchange.model import City, Exchange, Partnership
from services.exchange.service import rows
from services.exchange.service.deletion import delete_unused

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
            partnership = await rows.visible(session, Partnership, request.name)
            return convert.partnership_message(partnership, identity())

    async def ListPartnerships(self, request: pb.ListPartnershipsRequest, context: Any) -> pb.ListPartnershipsResponse:
        statement = rows.only_visible(select(Partnership), Partnership)
        if request.city:
            statement = statement.where(Partnership.city_id == rows.key(City, request.city, "city"))
        if request.kind:
            statement = statement.where(Partnership.kind == convert.partnership_kind(request.kind, "kind"))
        if request.state:
            statement = statement.where(Partnership.state == convert.partnership_state(request.state, "state"))
        async with self._database.read_once() as session:
            found, token, total = await page(session, statement, Partnership, request, ORDERINGS)
        partnerships = [convert.partnership_message(partnership, identity()) for partnership in found]
        return pb.ListPartnershipsResponse(partnerships=partnerships, next_page_token=token, total_size=total)

    async def CreatePartnership(self, request: pb.CreatePartnershipRequest, context: Any) -> pb.Partnership:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request.partnership))

    async def _create(self, session: Session, message: pb.Partnership) -> pb.Partnership:
        if message.city == self._home_city:
            raise InvalidArgument("partnership.city", "is the home city", reason="CITY_IS_HOME")
        city = await rows.referred(session, City, message.city, "partnership.city")
        partnership = Partnership(
            city_id=city.id,
            city_display_name=city.display_name,
            **convert.columns(message, "partnership", convert.PARTNERSHIP, convert.PARTNERSHIP),
        )
        partnership.check_dates()
        session.add(partnership)
        return await _changed(session, partnership)

    async def UpdatePartnership(self, request: pb.UpdatePartnershipRequest, context: Any) -> pb.Partnership:
        message = request.partnership
        paths = updated_paths(request.update_mask, message, set(convert.PARTNERSHIP))
        async with self._database.begin() as session:
            partnership = await session.for_update(Partnership, message.name)
            partnership.check_etag(message.etag)
            values = convert.columns(message, "partnership", convert.PARTNERSHIP, paths)
            partnership.change_kind(values.pop("kind", partnership.kind))
            convert.assign(partnership, values)
            partnership.check_dates()
            return await _changed(session, partnership)

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

    async def _transition(self, request: rows.TransitionRequest, verb: str) -> pb.Partnership:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: _take(session, request, verb))

    async def DeletePartnership(self, request: pb.DeletePartnershipRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            partnership = await session.for_update(Partnership, request.name)
            partnership.check_etag(request.etag)
            partnership.require_in_preparation()
            exchanges = select(Exchange).where(Exchange.partnership_id == partnership.id)
            await delete_unused(session, partnership, exchanges.order_by(Exchange.create_time.desc(), Exchange.id))
        return Empty()


async def _take(session: Session, request: rows.TransitionRequest, verb: str) -> pb.Partnership:
    """Take a partnership through a transition."""
    partnership = await session.for_update(Partnership, request.name)
    partnership.check_etag(request.etag)
    partnership.transition(verb)
    return await _changed(session, partnership)


async def _changed(session: Session, partnership: Partnership) -> pb.Partnership:
    """Write the partnership and the event, and return the answer."""
    await session.flush()
    emit(session, PartnershipChanged(partnership=convert.partnership_message(partnership)), partnership.name)
    return convert.partnership_message(partnership, identity())
