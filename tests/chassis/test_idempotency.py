"""Creates that can be repeated safely."""

import asyncio
import uuid

import pytest
from austausch.exchange.v1.exchange_pb2 import City as CityMessage
from austausch.exchange.v1.exchange_pb2 import CreateCityRequest, CreateRoomRequest
from sqlalchemy import func, select

from chassis.database import Database, Session
from chassis.errors import InvalidArgument
from chassis.idempotency import answer_once, find_answer
from chassis.identity import Role, act_as
from chassis.tables import RequestId
from tests.calls import person
from tests.chassis.sample import City, to_message


@pytest.fixture
def request_() -> CreateCityRequest:
    """A request to create a city, with an id of its own."""
    return CreateCityRequest(city=CityMessage(display_name="Swansea"), request_id=str(uuid.uuid4()))


async def create(
    database: Database, request: CreateCityRequest, *, subject: str = "accounts/1", pause: float = 0
) -> CityMessage:
    """Create a city as a servicer does."""
    act_as(person(Role.COORDINATOR, subject=subject))

    async def make(session: Session, request: CreateCityRequest) -> CityMessage:
        city = City(display_name=request.city.display_name)
        session.add(city)
        await session.flush()
        await asyncio.sleep(pause)
        return to_message(city)

    return await answer_once(database, request, make)


async def count(database: Database, table: type = City) -> int:
    """Return how many rows a table has."""
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_repeat_gets_the_first_answer_even_after_the_resource_has_changed(
    database: Database, request_: CreateCityRequest
) -> None:
    first = await create(database, request_)
    async with database.begin() as session:
        (await session.get_by_name(City, first.name)).display_name = "Abertawe"
    assert await create(database, request_) == first
    assert await count(database) == 1


async def test_twenty_repeats_at_once_make_one_resource(database: Database, request_: CreateCityRequest) -> None:
    answers = await asyncio.gather(*(create(database, request_, pause=0.05) for _ in range(20)))
    assert len({answer.name for answer in answers}) == 1
    assert await count(database) == 1


async def test_without_an_id_every_request_makes_one(database: Database) -> None:
    request = CreateCityRequest(city=CityMessage(display_name="Swansea"))
    assert (await create(database, request)).name != (await create(database, request)).name
    assert await count(database, RequestId) == 0


async def test_an_id_is_good_for_one_request(database: Database, request_: CreateCityRequest) -> None:
    await create(database, request_)
    other = CreateCityRequest(city=CityMessage(display_name="Hebron"), request_id=request_.request_id)
    with pytest.raises(InvalidArgument) as raised:
        await create(database, other)
    assert raised.value.reason == "REQUEST_ID_REUSED"
    assert raised.value.violations[0].field == "request_id"

    async def make(session: Session, request: CreateRoomRequest) -> CityMessage:
        pytest.fail("was made")

    with pytest.raises(InvalidArgument):
        await answer_once(database, CreateRoomRequest(request_id=request_.request_id), make)


async def test_upper_and_lower_case_are_one_id(database: Database, request_: CreateCityRequest) -> None:
    first = await create(database, request_)
    shouted = CreateCityRequest(city=request_.city, request_id=request_.request_id.upper())
    assert await create(database, shouted) == first


async def test_an_answer_is_found_before_anything_may_refuse_its_repeat(
    database: Database, request_: CreateCityRequest
) -> None:
    act_as(person(Role.COORDINATOR, subject="accounts/1"))
    assert await find_answer(database, request_, CityMessage) is None
    first = await create(database, request_)
    assert await find_answer(database, request_, CityMessage) == first
    assert await find_answer(database, CreateCityRequest(city=request_.city), CityMessage) is None
    other = CreateCityRequest(city=CityMessage(display_name="Hebron"), request_id=request_.request_id)
    with pytest.raises(InvalidArgument) as raised:
        await find_answer(database, other, CityMessage)
    assert raised.value.reason == "REQUEST_ID_REUSED"
    act_as(person(Role.COORDINATOR, subject="accounts/2"))
    assert await find_answer(database, request_, CityMessage) is None


async def test_two_callers_may_use_the_same_id(database: Database, request_: CreateCityRequest) -> None:
    first = await create(database, request_, subject="accounts/1")
    assert (await create(database, request_, subject="accounts/2")).name != first.name


async def test_a_first_try_that_failed_leaves_no_trace(database: Database, request_: CreateCityRequest) -> None:
    act_as(person(Role.COORDINATOR))

    async def fail(session: Session, request: CreateCityRequest) -> CityMessage:
        session.add(City(display_name="Abertawe"))
        await session.flush()
        raise LookupError

    with pytest.raises(LookupError):
        await answer_once(database, request_, fail)
    assert await count(database, RequestId) == 0
    await create(database, request_)
    assert await count(database) == 1
