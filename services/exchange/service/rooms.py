"""Rooms that agenda items book."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id
from chassis.paging import page
from services.exchange import convert
from services.exchange.model import AgendaItem, Room
from services.exchange.service import rows
from services.exchange.service.deletion import delete_unused

ORDERINGS = {"display_name": Room.display_name}


class RoomServicer(exchange_pb2_grpc.RoomServiceServicer):
    """Serves ``RoomService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetRoom(self, request: pb.GetRoomRequest, context: Any) -> pb.Room:
        async with self._database.read_once() as session:
            return convert.room_message(await session.by_name(Room, request.name))

    async def ListRooms(self, request: pb.ListRoomsRequest, context: Any) -> pb.ListRoomsResponse:
        async with self._database.read_once() as session:
            found, token, total = await page(session, select(Room), Room, request, ORDERINGS, default="display_name")
        rooms = [convert.room_message(room) for room in found]
        return pb.ListRoomsResponse(rooms=rooms, next_page_token=token, total_size=total)

    async def CreateRoom(self, request: pb.CreateRoomRequest, context: Any) -> pb.Room:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(self, session: Session, request: pb.CreateRoomRequest) -> pb.Room:
        fields = convert.columns(request.room, "room", convert.ROOM, convert.ROOM)
        room = Room(id=request.room_id or new_id(), **fields)
        await rows.add(session, room)
        return convert.room_message(room)

    async def UpdateRoom(self, request: pb.UpdateRoomRequest, context: Any) -> pb.Room:
        paths = updated_paths(request.update_mask, request.room, set(convert.ROOM))
        async with self._database.begin() as session:
            room = await session.for_update(Room, request.room.name)
            room.check_etag(request.room.etag)
            convert.assign(room, convert.columns(request.room, "room", convert.ROOM, paths))
            await session.flush()
            return convert.room_message(room)

    async def DeleteRoom(self, request: pb.DeleteRoomRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            room = await session.for_update(Room, request.name)
            room.check_etag(request.etag)
            items = select(AgendaItem).where(AgendaItem.room_id == room.id)
            await delete_unused(session, room, items.order_by(AgendaItem.start_time.desc(), AgendaItem.id))
        return Empty()
