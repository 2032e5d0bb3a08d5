"""What items of a programme can book: rooms and people of the host."""

from collections.abc import Sequence

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1.programme_templates_pb2 import ProgrammeTemplate

from gateway import rpc
from gateway.auth.permissions import may

MOST = 1000


def list_rooms(programme: pb.Visit | ProgrammeTemplate) -> Sequence[pb.Room]:
    """Return the rooms of the home city, where it hosts a programme; none for a reader who may not see them."""
    if programme.direction != pb.Visit.DIRECTION_INCOMING or not may("RoomService.ListRooms"):
        return []
    return rpc.rooms.ListRooms(pb.ListRoomsRequest(page_size=MOST)).rooms


def list_people() -> Sequence[pb.Person]:
    """Return the host's people; none for a reader who may not see them."""
    if not may("PersonService.ListPeople"):
        return []
    return rpc.people.ListPeople(pb.ListPeopleRequest(page_size=MOST)).people
