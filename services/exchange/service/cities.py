"""Cities."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import or_, select

from chassis.database import Database, Session
from chassis.errors import FailedPrecondition
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.paging import read_page
from services.exchange import convert
from services.exchange.deletion import delete_unused
from services.exchange.model import City, Partnership, Venue, Visit
from services.exchange.occupancy import set_days

ORDERINGS = {
    "display_name": City.display_name,
    "country_code": City.country_code,
    "create_time": City.create_time,
    "update_time": City.update_time,
}


class CityServicer(exchange_pb2_grpc.CityServiceServicer):
    """
    Serves ``CityService``; everyone who is signed in may read cities.

    Args:
        home_city: ``cities/{city}`` that this installation serves.
    """

    def __init__(self, database: Database, home_city: str) -> None:
        self._database = database
        self._home_city = home_city

    async def GetCity(self, request: pb.GetCityRequest, context: Any) -> pb.City:
        async with self._database.read_once() as session:
            return convert.city_message(await session.get_by_name(City, request.name))

    async def ListCities(self, request: pb.ListCitiesRequest, context: Any) -> pb.ListCitiesResponse:
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, select(City), City, request, ORDERINGS, "display_name")
        cities = [convert.city_message(city) for city in rows]
        return pb.ListCitiesResponse(cities=cities, next_page_token=token, total_size=total)

    async def CreateCity(self, request: pb.CreateCityRequest, context: Any) -> pb.City:
        return await answer_once(self._database, request, _create)

    async def UpdateCity(self, request: pb.UpdateCityRequest, context: Any) -> pb.City:
        paths = updated_paths(request.update_mask, request.city, convert.CITY_FIELDS)
        async with self._database.begin() as session:
            city = await session.get_for_update(City, request.city.name)
            city.check_etag(request.city.etag)
            city.assign(convert.city_columns(request.city, paths))
            city.check()
            await session.flush()
            if "time_zone" in paths:
                await set_days(session, city)
            return convert.city_message(city)

    async def DeleteCity(self, request: pb.DeleteCityRequest, context: Any) -> Empty:
        if request.name == self._home_city:
            metadata = {"city": self._home_city}
            raise FailedPrecondition("The home city can't be deleted.", reason="HOME_CITY", metadata=metadata)
        async with self._database.begin() as session:
            city = await session.get_for_update(City, request.name)
            city.check_etag(request.etag)
            partnerships = select(Partnership).where(Partnership.city_id == city.id).order_by(Partnership.id)
            # It comes as another guest, or was the home city before.
            of_city = or_(Visit.home_city_id == city.id, Visit.other_guest_ids.contains([city.id]))
            visits = select(Visit).where(of_city).order_by(Visit.id)
            venues = select(Venue).where(Venue.city_id == city.id).order_by(Venue.id)
            await delete_unused(session, city, partnerships, visits, venues)
        return Empty()


async def _create(session: Session, request: pb.CreateCityRequest) -> pb.City:
    city = City(id=request.city_id, **convert.city_columns(request.city))
    city.check()
    await session.insert_named(city)
    return convert.city_message(city)
