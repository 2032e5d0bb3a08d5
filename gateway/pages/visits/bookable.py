"""Where items of a programme can take place, and what they can book: rooms and people of the host."""

from collections.abc import Sequence

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import venues_pb2

from gateway import rpc
from gateway.auth.permissions import may

MOST = 1000


def list_rooms(visit: pb.Visit | None = None) -> Sequence[pb.Room]:
    """Return the rooms of the city that hosts a visit, or all; none for a reader who may not see them."""
    if not may("RoomService.ListRooms"):
        return []
    return rpc.rooms.ListRooms(pb.ListRoomsRequest(city=visit.host_city if visit else "", page_size=MOST)).rooms


def list_venues(visit: pb.Visit | None = None) -> Sequence[venues_pb2.Venue]:
    """Return the venues of the city that hosts a visit, or all; none for a reader who may not see them."""
    if not may("VenueService.ListVenues"):
        return []
    wanted = venues_pb2.ListVenuesRequest(city=visit.host_city if visit else "", page_size=MOST)
    return rpc.venues.ListVenues(wanted).venues


def list_people() -> Sequence[pb.Person]:
    """Return the host's people; none for a reader who may not see them."""
    if not may("PersonService.ListPeople"):
        return []
    return rpc.people.ListPeople(pb.ListPeopleRequest(page_size=MOST)).people
