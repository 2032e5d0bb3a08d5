"""
A small service on the chassis: the contract's CityService over one table, and an effect for an event or a task.

What the real services do with the chassis, without what is theirs.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from austausch.exchange.v1 import exchange_pb2, exchange_pb2_grpc
from austausch.exchange.v1.events_pb2 import VisitCreated
from austausch.exchange.v1.exchange_pb2 import Visit
from sqlalchemy import Text, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.consumer import Handlers, Origin
from chassis.database import Database, Session
from chassis.errors import NameTaken
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import Resource
from chassis.outbox import emit
from chassis.paging import read_page
from chassis.server import Service
from chassis.settings import ServiceSettings
from chassis.work_queue import Queue

RECORD = Queue("sample.record", batch=20)


class Base(DeclarativeBase):
    """The sample's tables."""


class City(Base, Resource):
    """A city with the columns that lists are ordered by."""

    __tablename__ = "cities"
    NAME = "cities/{id}"

    display_name: Mapped[str] = mapped_column(Text)
    country_code: Mapped[str] = mapped_column(Text, default="DE")
    rank: Mapped[int] = mapped_column(default=0)


class Effect(Base):
    """What the handler of an event or of a task has done; nothing in the table keeps it from being done twice."""

    __tablename__ = "effects"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(Text)
    visit: Mapped[str] = mapped_column(Text)


def to_message(city: City) -> exchange_pb2.City:
    """Return the message of a row."""
    return exchange_pb2.City(
        name=city.name,
        display_name=city.display_name,
        country_code=city.country_code,
        updater=city.updater,
        etag=city.etag,
    )


def visit_created(name: str) -> VisitCreated:
    """Return the event that the sample emits."""
    return VisitCreated(visit=Visit(name=name))


class CityServicer(exchange_pb2_grpc.CityServiceServicer):
    """
    Serves cities and tells of each new one by an event.

    Attributes:
        before_get: Awaited at the start of GetCity: a test makes it slow, or fail.
        before_update: The same for UpdateCity.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.before_get: Callable[[Session], Awaitable[object]] | None = None
        self.before_update: Callable[[Session], Awaitable[object]] | None = None

    async def GetCity(self, request: Any, context: Any) -> Any:
        async with self.database.begin() as session:
            if self.before_get:
                await self.before_get(session)
            return to_message(await session.get_by_name(City, request.name))

    async def ListCities(self, request: Any, context: Any) -> Any:
        orderings = {"display_name": City.display_name, "create_time": City.create_time, "rank": City.rank}
        async with self.database.read() as session:
            rows, token, total = await read_page(session, select(City), City, request, orderings, "display_name")
            cities = [to_message(row) for row in rows]
        return exchange_pb2.ListCitiesResponse(cities=cities, next_page_token=token, total_size=total)

    async def CreateCity(self, request: Any, context: Any) -> Any:
        return await answer_once(self.database, request, self._create)

    async def _create(self, session: Session, request: Any) -> exchange_pb2.City:
        if await session.get(City, request.city_id):
            raise NameTaken(f"cities/{request.city_id}")
        city = City(id=request.city_id, display_name=request.city.display_name, country_code=request.city.country_code)
        session.add(city)
        await session.flush()
        emit(session, visit_created(city.name), city.name)
        return to_message(city)

    async def UpdateCity(self, request: Any, context: Any) -> Any:
        async with self.database.begin() as session:
            if self.before_update:
                await self.before_update(session)
            city = await session.get_for_update(City, request.city.name)
            city.check_etag(request.city.etag)
            for path in updated_paths(request.update_mask, request.city, {"display_name", "country_code"}):
                setattr(city, path, getattr(request.city, path))
            await session.flush()
            return to_message(city)


async def record(session: Session, event: VisitCreated, origin: Origin) -> None:
    """Handle the sample's event: one row for each time that it is applied."""
    session.add(Effect(event_id=origin.id, visit=event.visit.name))


async def record_keys(database: Database, keys: Sequence[str]) -> None:
    """Handle tasks: one row for each time that one is done."""
    async with database.begin() as session:
        session.add_all(Effect(event_id="", visit=key) for key in keys)


def service(settings: ServiceSettings, *, handlers: Handlers | None = None) -> Service:
    """Wire the sample up, as a service's ``__main__`` does."""
    database = Database(settings.database_url, settings.pool_size)
    add = exchange_pb2_grpc.add_CityServiceServicer_to_server
    return Service(
        name="sample",
        settings=settings,
        database=database,
        servicers=[(add, CityServicer(database))],
        handlers={VisitCreated: record} if handlers is None else handlers,
    )
