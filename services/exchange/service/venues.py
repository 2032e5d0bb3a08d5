"""Venues, and the ways between them."""

from collections.abc import Mapping
from typing import Any

from austausch.exchange.v1 import venues_pb2 as pb
from austausch.exchange.v1 import venues_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import flag_modified

from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, FieldRequired, InvalidArgument
from chassis.field_mask import require_unchanged, updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id
from chassis.paging import read_page
from services.exchange import bookings, convert_venue, queries
from services.exchange.deletion import delete_unused
from services.exchange.model import AgendaItem, City, Room, Venue, Way
from services.exchange.ways import Pace, Ways

ORDERINGS = {"display_name": Venue.display_name}
FIELDS = convert_venue.VENUE_FIELDS | {"ways"}


class VenueServicer(venues_pb2_grpc.VenueServiceServicer):
    """
    Serves ``VenueService``.

    Args:
        home_city: ``cities/{city}`` that this installation serves.
        pace: How ways are estimated that nobody entered.
    """

    def __init__(self, database: Database, home_city: str, pace: Pace) -> None:
        self._database = database
        self._home_city = home_city
        self._pace = pace

    async def GetVenue(self, request: pb.GetVenueRequest, context: Any) -> pb.Venue:
        async with self._database.read() as session:
            venue = await session.get_by_name(Venue, request.name)
            return await _write(session, venue)

    async def ListVenues(self, request: pb.ListVenuesRequest, context: Any) -> pb.ListVenuesResponse:
        statement = select(Venue)
        if request.city:
            statement = statement.where(Venue.city_id == queries.read_id(City, request.city, "city"))
        async with self._database.read() as session:
            rows, token, total = await read_page(session, statement, Venue, request, ORDERINGS, "display_name")
            of_venues = select(City).where(City.id.in_({venue.city_id for venue in rows}))
            cities = {city.id: city for city in await session.scalars(of_venues)}
        venues = [convert_venue.venue_message(venue, cities[venue.city_id]) for venue in rows]
        return pb.ListVenuesResponse(venues=venues, next_page_token=token, total_size=total)

    async def CreateVenue(self, request: pb.CreateVenueRequest, context: Any) -> pb.Venue:
        async def create(session: Session, request: pb.CreateVenueRequest) -> pb.Venue:
            city = await self._get_city(session, request.venue.city)
            if request.venue.ways:
                await _lock_ways(session, city.id)
            venue = Venue(
                id=request.venue_id or new_id(),
                city_id=city.id,
                city_abroad="" if city.name == self._home_city else city.id,
                **convert_venue.venue_columns(request.venue),
            )
            venue.check_location("venue.location")
            await session.insert_named(venue)
            await _replace_ways(session, venue, request.venue)
            return await _write(session, venue)

        return await answer_once(self._database, request, create)

    async def _get_city(self, session: Session, name: str) -> City:
        """
        Return the city in which a new venue is.

        Raises:
            InvalidArgument: There is none of this name; reason REFERENCE_NOT_FOUND.
            FailedPrecondition: None is named, and there is no home city yet; reason NO_HOME_CITY.
        """
        if name:
            return await queries.get_referenced(session, City, name, "venue.city")
        home = await session.get(City, City.parse(self._home_city)["id"])
        if home is None:
            raise FailedPrecondition(
                f"The home city, {self._home_city}, has to be created first.",
                reason="NO_HOME_CITY",
                metadata={"city": self._home_city},
            )
        return home

    async def UpdateVenue(self, request: pb.UpdateVenueRequest, context: Any) -> pb.Venue:
        message = request.venue
        paths = updated_paths(request.update_mask, message, FIELDS)
        async with self._database.begin() as session:
            if "ways" in paths:
                await _lock_ways(session, (await session.get_by_name(Venue, message.name)).city_id)
            venue = await session.get_for_update(Venue, message.name)
            venue.check_etag(message.etag)
            require_unchanged(request.update_mask, message, FIELDS, city=f"cities/{venue.city_id}")
            venue.assign(convert_venue.venue_columns(message, paths - {"ways"}))
            venue.check_location("venue.location")
            if "ways" in paths:
                await _replace_ways(session, venue, message)
            await session.flush()
            return await _write(session, venue)

    async def DeleteVenue(self, request: pb.DeleteVenueRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            venue = await session.get_for_update(Venue, request.name)
            venue.check_etag(request.etag)
            rooms = select(Room).where(Room.venue_id == venue.id).order_by(Room.display_name, Room.id)
            items = select(AgendaItem).where(AgendaItem.venue_id == venue.id)
            items = items.order_by(AgendaItem.start_time.desc(), AgendaItem.id).options(joinedload(AgendaItem.visit))
            # The ways go with the venue (ON DELETE CASCADE).
            await delete_unused(session, venue, rooms, items)
        return Empty()

    async def ListWays(self, request: pb.ListWaysRequest, context: Any) -> pb.ListWaysResponse:
        async with self._database.read() as session:
            venue = await session.get_by_name(Venue, request.parent)
            others = select(Venue).where(Venue.city_id == venue.city_id, Venue.id != venue.id)
            rows, token, total = await read_page(session, others, Venue, request, ORDERINGS, "display_name")
        ways = Ways(self._pace)
        messages = [convert_venue.way_message(other, ways.find(venue, other)) for other in rows]
        return pb.ListWaysResponse(ways=messages, next_page_token=token, total_size=total)


async def _write(session: Session, venue: Venue) -> pb.Venue:
    city = await session.get_one(City, venue.city_id)
    return convert_venue.venue_message(venue, city)


async def _lock_ways(session: Session, city_id: str) -> None:
    """Lock the ways of a city before any of its venues: they are changed at both ends."""
    await bookings.lock(session, {f"cities/{city_id}/ways"})


async def _replace_ways(session: Session, venue: Venue, message: pb.Venue) -> None:
    """
    Let the ways from a venue be those of a message. The venues at the other ends change with them.

    Raises:
        FieldRequired: One takes no minute.
        InvalidArgument: One leads to a venue that does not exist (reason REFERENCE_NOT_FOUND), to this one or to one in
            another city (VENUE_NOT_IN_CITY), or where another one leads (WAY_REPEATED).
    """
    wanted: dict[str, int] = {}
    for index, each in enumerate(message.ways):
        path = f"venue.ways[{index}].venue"
        other = await queries.get_referenced(session, Venue, each.venue, path)
        if other.city_id != venue.city_id or other.id == venue.id:
            metadata = {"venue": other.name, "venue_title": other.display_name}
            raise InvalidArgument(path, "is no other venue of the city", reason="VENUE_NOT_IN_CITY", metadata=metadata)
        if other.id in wanted:
            raise InvalidArgument(path, "is given twice", reason="WAY_REPEATED")
        if not each.minutes:
            raise FieldRequired(f"venue.ways[{index}].minutes")
        wanted[other.id] = each.minutes
    of_venue = select(Way).where(or_(Way.one_id == venue.id, Way.other_id == venue.id))
    present = {(way.other_id if way.one_id == venue.id else way.one_id): way for way in await session.scalars(of_venue)}
    for end in sorted({*wanted, *present}):
        if _get_minutes(present, end) == wanted.get(end):
            continue
        # Whoever has seen the other end before has to look again.
        flag_modified(await session.get_for_update(Venue, f"venues/{end}"), "display_name")
        if end not in wanted:
            await session.delete(present[end])
        elif end in present:
            present[end].minutes = wanted[end]
        else:
            first, last = sorted((venue.id, end))
            session.add(Way(one_id=first, other_id=last, city_id=venue.city_id, minutes=wanted[end]))
    await session.flush()
    await session.refresh(venue, ["entered_ways"])


def _get_minutes(ways: Mapping[str, Way], end: str) -> int | None:
    return ways[end].minutes if end in ways else None
