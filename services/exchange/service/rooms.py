"""Rooms that agenda items book."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id
from chassis.paging import read_page
from services.exchange import convert, queries
from services.exchange.deletion import delete_unused
from services.exchange.model import AgendaItem, Room

ORDERINGS = {"display_name": Room.display_name}


class RoomServicer(exchange_pb2_grpc.RoomServiceServicer):
    """Serves ``RoomService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetRoom(self, request: pb.GetRoomRequest, context: Any) -> pb.Room:
        async with self._database.read_once() as session:
            return convert.room_message(await session.get_by_name(Room, request.name))

    async def ListRooms(self, request: pb.ListRoomsRequest, context: Any) -> pb.ListRoomsResponse:
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, select(Room), Room, request, ORDERINGS, "display_name")
        rooms = [convert.room_message(room) for room in rows]
        return pb.ListRoomsResponse(rooms=rooms, next_page_token=token, total_size=total)

    async def CreateRoom(self, request: pb.CreateRoomRequest, context: Any) -> pb.Room:
        return await answer_once(self._database, request, _create)

    async def UpdateRoom(self, request: pb.UpdateRoomRequest, context: Any) -> pb.Room:
        paths = updated_paths(request.update_mask, request.room, convert.ROOM_FIELDS)
        async with self._database.begin() as session:
            room = await session.get_for_update(Room, request.room.name)
            room.check_etag(request.room.etag)
            room.assign(convert.room_columns(request.room, paths))
            await session.flush()
            return convert.room_message(room)

    async def DeleteRoom(self, request: pb.DeleteRoomRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            room = await session.get_for_update(Room, request.name)
            room.check_etag(request.etag)
            items = select(AgendaItem).where(AgendaItem.room_id == room.id)
            items = items.order_by(AgendaItem.start_time.desc(), AgendaItem.id).options(joinedload(AgendaItem.visit))
            await delete_unused(session, room, items)
        return Empty()


async def _create(session: Session, request: pb.CreateRoomRequest) -> pb.Room:
    fields = convert.room_columns(request.room)
    room = Room(id=request.room_id or new_id(), **fields)
    await queries.insert_named(session, room)
    return convert.room_message(room)
