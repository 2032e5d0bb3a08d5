"""Rooms that agenda items book."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id
from chassis.paging import read_page
from services.exchange import convert_venue, queries
from services.exchange.deletion import delete_unused, require_unused
from services.exchange.model import AgendaItem, City, Room, Venue

ORDERINGS = {"display_name": Room.display_name}


class RoomServicer(exchange_pb2_grpc.RoomServiceServicer):
    """
    Serves ``RoomService``.

    Args:
        home_city: ``cities/{city}`` in which rooms of no venue are.
    """

    def __init__(self, database: Database, home_city: str) -> None:
        self._database = database
        self._home_city = home_city

    async def GetRoom(self, request: pb.GetRoomRequest, context: Any) -> pb.Room:
        async with self._database.read_once() as session:
            return self._write(await session.get_by_name(Room, request.name))

    async def ListRooms(self, request: pb.ListRoomsRequest, context: Any) -> pb.ListRoomsResponse:
        statement = select(Room)
        if request.venue:
            statement = statement.where(Room.venue_id == queries.read_id(Venue, request.venue, "venue"))
        if request.city:
            city_id = queries.read_id(City, request.city, "city")
            statement = statement.where(Room.city_abroad == ("" if request.city == self._home_city else city_id))
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, statement, Room, request, ORDERINGS, "display_name")
        return pb.ListRoomsResponse(rooms=map(self._write, rows), next_page_token=token, total_size=total)

    async def CreateRoom(self, request: pb.CreateRoomRequest, context: Any) -> pb.Room:
        async def create(session: Session, request: pb.CreateRoomRequest) -> pb.Room:
            fields = convert_venue.room_columns(request.room)
            venue = await _get_venue(session, fields.pop("venue"))
            room = Room(id=request.room_id or new_id(), **fields)
            room.move_to(venue)
            await session.insert_named(room)
            return self._write(room)

        return await answer_once(self._database, request, create)

    async def UpdateRoom(self, request: pb.UpdateRoomRequest, context: Any) -> pb.Room:
        paths = updated_paths(request.update_mask, request.room, convert_venue.ROOM_FIELDS)
        async with self._database.begin() as session:
            # Who books it holds the row until the agenda item is written.
            room = await session.get_for_update(Room, request.room.name)
            room.check_etag(request.room.etag)
            fields = convert_venue.room_columns(request.room, paths)
            if "venue" in fields:
                venue = await _get_venue(session, fields.pop("venue"))
                if (venue.city_abroad if venue else "") != room.city_abroad:
                    await require_unused(session, room, _select_uses(room))
                room.move_to(venue)
            room.assign(fields)
            await session.flush()
            return self._write(room)

    async def DeleteRoom(self, request: pb.DeleteRoomRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            room = await session.get_for_update(Room, request.name)
            room.check_etag(request.etag)
            await delete_unused(session, room, _select_uses(room))
        return Empty()

    def _write(self, room: Room) -> pb.Room:
        return convert_venue.room_message(room, self._home_city)


async def _get_venue(session: Session, name: str) -> Venue | None:
    return await queries.get_referenced(session, Venue, name, "room.venue") if name else None


def _select_uses(room: Room) -> Select[Any]:
    """Return the statement for the agenda items that name a room, the last first."""
    items = select(AgendaItem).where(
        or_(AgendaItem.room_id == room.id, AgendaItem.additional_rooms.contains([room.name]))
    )
    return items.order_by(AgendaItem.start_time.desc(), AgendaItem.id).options(joinedload(AgendaItem.visit))
