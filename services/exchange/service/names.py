"""Search by name over all that the exchange service keeps."""

from datetime import date
from typing import Any

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest, SearchNamesResponse
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc, venues_pb2
from google.type.date_pb2 import Date
from sqlalchemy import BindParameter, Text, bindparam

from chassis.contract import get_roles
from chassis.convert import date_message
from chassis.database import Database
from chassis.identity import identity
from chassis.name_search import search_names
from chassis.name_statements import Kind
from services.exchange import rights
from services.exchange.model import City, Exchange, Partnership, Person, Room, Venue, Visit

# Of the partner city that the caller works for.
OWN_CITY: BindParameter[str] = bindparam("own_city_id", type_=Text)


class ExchangeNameServicer(exchange_pb2_grpc.ExchangeNameServiceServicer):
    """Serves ``ExchangeNameService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def SearchExchangeNames(self, request: SearchNamesRequest, context: Any) -> SearchNamesResponse:
        caller = identity()
        kinds = [kind for rpc, kind in KINDS.items() if caller.roles & _roles_of(rpc)]
        own = None if caller.has(*rights.ALL_CITIES) else {OWN_CITY.key: rights.get_own_city_id(caller)}
        return await search_names(self._database, request, kinds, own)


def _roles_of(rpc: str) -> frozenset[str]:
    """Return the roles that may call an RPC such as ``RoomService.ListRooms``."""
    service, method = rpc.split(".")
    services = {**pb.DESCRIPTOR.services_by_name, **venues_pb2.DESCRIPTOR.services_by_name}
    return get_roles(services[service].methods_by_name[method])


def _by_name(*columns: Any) -> dict[str, Any]:
    return {column.key: column for column in columns}


def _city_hit(row: dict[str, Any]) -> NameHit:
    local = "" if row["local_name"] == row["display_name"] else row["local_name"]
    return NameHit(
        name=f"cities/{row['id']}",
        kind=NameHit.KIND_CITY,
        title=row["display_name"],
        detail=local,
    )


def _partnership_hit(row: dict[str, Any]) -> NameHit:
    return NameHit(
        name=f"partnerships/{row['id']}",
        kind=NameHit.KIND_PARTNERSHIP,
        title=row["city_display_name"],
        detail=row["theme"],
    )


def _exchange_hit(row: dict[str, Any]) -> NameHit:
    return NameHit(
        name=f"exchanges/{row['id']}",
        kind=NameHit.KIND_EXCHANGE,
        title=row["title"],
        detail=row["department"],
        city_display_name=row["city_display_name"],
    )


def _visit_hit(row: dict[str, Any]) -> NameHit:
    return NameHit(
        name=f"visits/{row['id']}",
        kind=NameHit.KIND_VISIT,
        title=row["title"],
        city_display_name=row["city_display_name"],
        start_date=_read_day(row["start_date"]),
        end_date=_read_day(row["end_date"]),
    )


def _read_day(text: str | None) -> Date | None:
    return date_message(date.fromisoformat(text)) if text else None


def _person_hit(row: dict[str, Any]) -> NameHit:
    title, detail = row["display_name"], row["function"]
    if not title:
        title, detail = row["function"], row["department"]
    return NameHit(
        name=f"people/{row['id']}",
        kind=NameHit.KIND_PERSON,
        title=title,
        detail=detail,
    )


def _room_hit(row: dict[str, Any]) -> NameHit:
    return NameHit(
        name=f"rooms/{row['id']}",
        kind=NameHit.KIND_ROOM,
        title=row["display_name"],
        detail=row["address"],
    )


def _venue_hit(row: dict[str, Any]) -> NameHit:
    return NameHit(
        name=f"venues/{row['id']}",
        kind=NameHit.KIND_VENUE,
        title=row["display_name"],
        detail=row["address"],
    )


# RPC that lists a kind, and so tells who may see it → what can be found of the kind.
KINDS = {
    "CityService.ListCities": Kind(
        model=City,
        columns=_by_name(City.id, City.display_name, City.local_name),
        hit=_city_hit,
        newest=City.create_time,
    ),
    "VisitService.ListVisits": Kind(
        model=Visit,
        columns=_by_name(Visit.id, Visit.title, Visit.city_display_name, Visit.start_date, Visit.end_date),
        hit=_visit_hit,
        newest=Visit.start_order,
        own=Visit.concerning(OWN_CITY),
        owner=(City, Visit.city_id),
        years=(Visit.start_date, Visit.end_date),
    ),
    "ExchangeService.ListExchanges": Kind(
        model=Exchange,
        columns=_by_name(Exchange.id, Exchange.title, Exchange.department, Exchange.city_display_name),
        hit=_exchange_hit,
        newest=Exchange.create_time,
        own=Exchange.concerning(OWN_CITY),
        owner=(City, Exchange.city_id),
    ),
    "PartnershipService.ListPartnerships": Kind(
        model=Partnership,
        columns=_by_name(Partnership.id, Partnership.theme, Partnership.city_display_name),
        hit=_partnership_hit,
        newest=Partnership.create_time,
        own=Partnership.concerning(OWN_CITY),
        owner=(City, Partnership.city_id),
    ),
    "PersonService.ListPeople": Kind(
        model=Person,
        columns=_by_name(Person.id, Person.display_name, Person.function, Person.department),
        hit=_person_hit,
        newest=Person.create_time,
    ),
    "RoomService.ListRooms": Kind(
        model=Room,
        columns=_by_name(Room.id, Room.display_name, Room.address),
        hit=_room_hit,
        newest=Room.create_time,
    ),
    "VenueService.ListVenues": Kind(
        model=Venue,
        columns=_by_name(Venue.id, Venue.display_name, Venue.address),
        hit=_venue_hit,
        newest=Venue.create_time,
    ),
}
