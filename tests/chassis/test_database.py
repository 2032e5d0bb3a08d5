"""Transactions, versions, and what the database's errors mean."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from chassis import database as database_module
from chassis.database import Database
from chassis.database_errors import as_domain_error
from chassis.database_urls import driver_url
from chassis.errors import Aborted, AlreadyExists, DeadlineExceeded, NotFound, Unavailable
from chassis.identity import Role, act_as
from tests.calls import person
from tests.chassis.messaging import until
from tests.chassis.sample import City


async def add(database: Database, key: str = "swansea") -> None:
    """Add a city."""
    async with database.begin() as session:
        session.add(City(id=key, display_name="Swansea"))


async def test_who_changed_a_row_last_is_recorded(database: Database) -> None:
    act_as(person(Role.COORDINATOR, name="Internationales Büro"))
    await add(database)
    act_as(person(Role.MEMBER, name="Amt 15"))
    async with database.begin() as session:
        city = await session.get_by_name(City, "cities/swansea")
        assert (city.updater, city.etag) == ("Internationales Büro", "1")
        before = city.update_time
        city.display_name = "Abertawe"
    async with database.begin() as session:
        city = await session.get_by_name(City, "cities/swansea")
        assert (city.updater, city.etag) == ("Amt 15", "2")
        assert city.create_time < before < city.update_time or city.create_time <= before < city.update_time
        city.display_name = "Abertawe"  # No change: no new version.
    async with database.read() as session:
        assert (await session.get_by_name(City, "cities/swansea")).etag == "2"


async def test_a_name_of_nothing_is_not_found(database: Database) -> None:
    async with database.begin() as session:
        for name in ("cities/none", "visits/1", "", "cities/a/b"):
            with pytest.raises(NotFound):
                await session.get_by_name(City, name)
            with pytest.raises(NotFound):
                await session.get_for_update(City, name)


async def test_of_two_writers_without_a_lock_the_later_one_is_refused(database: Database) -> None:
    await add(database)
    with pytest.raises(StaleDataError) as raised:  # noqa: PT012 - the commit at the end of the block raises
        async with database.begin() as late:
            city = await late.get_by_name(City, "cities/swansea")
            async with database.begin() as fast:
                (await fast.get_by_name(City, "cities/swansea")).rank = 1
            city.rank = 2
    error = as_domain_error(raised.value)
    assert isinstance(error, Aborted)
    assert error.reason == "ETAG_MISMATCH"


async def test_of_two_writers_with_a_lock_the_later_one_sees_what_the_first_has_written(database: Database) -> None:
    await add(database)

    async def raise_rank() -> None:
        async with database.begin() as session:
            city = await session.get_for_update(City, "cities/swansea")
            city.rank += 1
            await asyncio.sleep(0.02)

    await asyncio.gather(*(raise_rank() for _ in range(6)))
    async with database.read() as session:
        city = await session.get_by_name(City, "cities/swansea")
        assert (city.rank, city.etag) == (6, "7")


async def test_an_error_rolls_everything_back(database: Database) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block's own error
        async with database.begin() as session:
            session.add(City(id="hebron", display_name="Hebron"))
            await session.flush()
            raise RuntimeError
    async with database.read() as session:
        with pytest.raises(NotFound):
            await session.get_by_name(City, "cities/hebron")


async def test_reading_writes_nothing_and_sees_one_moment(database: Database) -> None:
    await add(database)
    async with database.read() as session:
        assert (await session.get_by_name(City, "cities/swansea")).rank == 0
        async with database.begin() as other:
            (await other.get_by_name(City, "cities/swansea")).rank = 5
        assert (await session.get_by_name(City, "cities/swansea")).rank == 0
        with pytest.raises(DBAPIError, match="read-only"):
            await session.execute(text("DELETE FROM cities"))
    # The connection goes back to the pool as it was.
    await add(database, "hebron")


async def test_reading_once_sees_each_moment_and_leaves_the_connection_as_it_was(database: Database) -> None:
    await add(database)
    async with database.read_once() as session:
        assert (await session.get_by_name(City, "cities/swansea")).rank == 0
        async with database.begin() as other:
            (await other.get_by_name(City, "cities/swansea")).rank = 5
        assert (await session.get_by_name(City, "cities/swansea")).rank == 5
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block's own error
        async with database.begin() as session:
            session.add(City(id="hebron", display_name="Hebron"))
            await session.flush()
            raise RuntimeError
    async with database.read_once() as session:
        with pytest.raises(NotFound):
            await session.get_by_name(City, "cities/hebron")


async def test_a_statement_that_takes_too_long_is_ended(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "STATEMENT_TIMEOUT_SECONDS", 0.5)
    impatient = Database(database_url, pool_size=1)
    with pytest.raises(TimeoutError) as raised:
        async with impatient.begin() as session:
            await session.execute(text("SELECT pg_sleep(20)"))
    assert isinstance(as_domain_error(raised.value), DeadlineExceeded)
    await until(impatient.answers)
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()"

    async def is_ended() -> bool:
        async with database.begin() as session:
            return await session.scalar(text(asleep)) == 0

    # Before it would end by itself.
    await until(is_ended, seconds=15)
    await impatient.dispose()


async def test_an_exhausted_pool_is_unavailable_for_the_moment(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "POOL_TIMEOUT_SECONDS", 0.2)
    database = Database(database_url, pool_size=2)
    async with database.begin() as first, database.begin() as second:
        await first.execute(text("SELECT 1"))
        await second.execute(text("SELECT 1"))
        with pytest.raises(SQLAlchemyError) as raised:
            async with database.begin() as third:
                await third.execute(text("SELECT 1"))
    assert isinstance(as_domain_error(raised.value), Unavailable)
    assert await database.answers()
    await database.dispose()


async def test_a_cancelled_transaction_gives_its_connection_back(database_url: str) -> None:
    database = Database(database_url, pool_size=1)

    async def sleep() -> None:
        async with database.begin() as session:
            await session.execute(text("SELECT pg_sleep(20)"))

    for _ in range(5):
        task = asyncio.create_task(sleep())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        assert await database.answers()
    await database.dispose()


async def test_a_deadlock_is_aborted_for_one_of_the_two(database: Database) -> None:
    await add(database, "a")
    await add(database, "b")
    both_have_one = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with database.begin() as session:
            await session.get_for_update(City, first)
            await both_have_one.wait()
            await session.get_for_update(City, second)

    results = await asyncio.gather(lock("cities/a", "cities/b"), lock("cities/b", "cities/a"), return_exceptions=True)
    (error,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(as_domain_error(error), Aborted)


async def test_a_unique_key_that_no_rule_foresaw_is_no_defect(database: Database) -> None:
    await add(database)
    with pytest.raises(IntegrityError) as raised:
        await add(database)
    assert isinstance(as_domain_error(raised.value), AlreadyExists)


async def test_the_values_of_a_statement_do_not_appear_in_its_error(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with database.begin() as session:
            await session.execute(text("SELECT CAST(:name AS text), 1 / 0"), {"name": "Dr. Sommer"})
    assert "Sommer" not in str(raised.value)


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    assert not await database.answers()
    with pytest.raises(OSError) as raised:  # noqa: PT011 - which one depends on the system
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))
    assert isinstance(as_domain_error(raised.value), Unavailable)


def test_parameters_of_the_url_mean_what_they_mean_to_libpq(database_url: str) -> None:
    async def select() -> object:
        database = Database(f"{database_url}?sslmode=disable")
        async with database.read() as session:
            found = await session.scalar(text("SELECT 1"))
        await database.dispose()
        return found

    assert asyncio.run(select()) == 1


@pytest.mark.parametrize(
    "url", ["", "hush", "mysql://a:hush@b/c", "postgresql://a:hush@b", "postgresql://a:hush@b:x/c"]
)
def test_a_url_of_no_database_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://user:password@host/database") as raised:
        driver_url(url, "asyncpg")
    assert "hush" not in str(raised.value)
