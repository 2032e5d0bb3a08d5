"""Lists by pages: every row once, whatever the order and the size of the pages."""

import base64
import contextlib
import json
from datetime import UTC, datetime

import pytest
from austausch.exchange.v1.exchange_pb2 import ListCitiesRequest, ListExchangesRequest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from chassis.database import Database
from chassis.errors import InvalidArgument
from chassis.paging import MAX_PAGE_SIZE, read_page
from tests.chassis.sample import City

ORDERINGS = {"display_name": City.display_name, "create_time": City.create_time, "rank": City.rank}
ORDERS = [f"{name}{way}" for name in ORDERINGS for way in ("", " asc", " desc")]
# A few values many times over: rows that are equal in what they are ordered by.
titles = st.sampled_from(["", "Ä", "a", "B", "😀", "‮abc", "'", "a\nb", "é"]) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
)
rows_of_cities = st.lists(st.tuples(titles, st.integers(0, 3), st.integers(0, 3)), max_size=25)
sets_up_once = hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def fill(database: Database, rows: list[tuple[str, int, int]]) -> set[str]:
    """Make the table hold these rows alone; return their ids."""
    cities = [
        City(display_name=title, rank=rank, create_time=datetime(2026, 1, 1, 0, 0, 0, moment, tzinfo=UTC))
        for title, rank, moment in rows
    ]
    async with database.begin() as session:
        await session.execute(delete(City))
        session.add_all(cities)
    return {city.id for city in cities}


async def one_page(database: Database, request: ListCitiesRequest) -> tuple[list[City], str, int]:
    """Return a page of the cities."""
    async with database.read() as session:
        rows, token, total = await read_page(session, select(City), City, request, ORDERINGS, "display_name")
        return list(rows), token, total


async def walk(database: Database, order: str, size: int) -> list[City]:
    """Return the rows of all pages, one after the other."""
    request = ListCitiesRequest(page_size=size, order_by=order)
    walked: list[City] = []
    while True:
        rows, request.page_token, total = await one_page(database, request)
        assert len(rows) <= size
        walked += rows
        if not request.page_token:
            assert total == len(walked)
            return walked
        assert len(rows) == size


@given(rows=rows_of_cities, order=st.sampled_from(ORDERS), size=st.integers(1, 9))
@example(rows=[], order="rank", size=1)
@example(rows=[("a", 1, 1)] * 6, order="rank desc", size=3)
@sets_up_once
async def test_a_walk_shows_every_row_once_and_in_order(
    database: Database, rows: list[tuple[str, int, int]], order: str, size: int
) -> None:
    ids = await fill(database, rows)
    walked = await walk(database, order, size)
    assert len(walked) == len(ids)
    assert {city.id for city in walked} == ids
    # Text is ordered by code points.
    keys = [getattr(city, order.split(maxsplit=1)[0]) for city in walked]
    assert keys == sorted(keys, reverse=order.endswith("desc"))


@given(rows=rows_of_cities.filter(lambda rows: len(rows) > 3), order=st.sampled_from(ORDERS), data=st.data())
@sets_up_once
async def test_rows_that_come_and_go_meanwhile_neither_hide_nor_repeat_the_others(
    database: Database, rows: list[tuple[str, int, int]], order: str, data: st.DataObject
) -> None:
    ids = await fill(database, rows)
    request = ListCitiesRequest(page_size=2, order_by=order)
    first, request.page_token, _ = await one_page(database, request)
    gone = {city.id for city in first if data.draw(st.booleans())}
    async with database.begin() as session:
        await session.execute(delete(City).where(City.id.in_(gone)))
        new = City(display_name=data.draw(titles), rank=data.draw(st.integers(0, 3)))
        session.add(new)
    shown = [city.id for city in first]
    while request.page_token:
        found, request.page_token, _ = await one_page(database, request)
        shown += [city.id for city in found]
    assert sorted({*shown} - {new.id}) == sorted(ids)
    assert len(shown) == len(set(shown))


async def test_sizes_have_a_default_and_a_limit(database: Database) -> None:
    await fill(database, [("", 0, 0)] * 1100)
    assert len((await one_page(database, ListCitiesRequest()))[0]) == 50
    assert len((await one_page(database, ListCitiesRequest(page_size=5000)))[0]) == MAX_PAGE_SIZE
    with pytest.raises(InvalidArgument, match="page_size"):
        await one_page(database, ListCitiesRequest(page_size=-1))


async def test_a_token_is_good_for_the_list_that_gave_it_alone(database: Database) -> None:
    await fill(database, [("a", 1, 1)] * 5)
    _, token, _ = await one_page(database, ListCitiesRequest(page_size=2))
    await one_page(database, ListCitiesRequest(page_size=3, page_token=token))  # Another size is fine.
    with pytest.raises(InvalidArgument, match="another list"):
        await one_page(database, ListCitiesRequest(page_token=token, order_by="display_name desc"))
    async with database.read() as session:
        other = ListExchangesRequest(page_token=token, order_by="display_name")
        with pytest.raises(InvalidArgument, match="another list"):
            await read_page(session, select(City), City, other, ORDERINGS, "display_name")


async def test_an_unknown_order_is_refused_with_those_there_are(database: Database) -> None:
    for order in ("updater", "display_name; DROP TABLE cities", "rank down", "rank desc desc", " ", "rank,create_time"):
        with pytest.raises(InvalidArgument, match="order_by: can be display_name, create_time, rank"):
            await one_page(database, ListCitiesRequest(order_by=order))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@example(value=2**40, last=[""], order="rank", right=True, raw="")
@given(value=json_values | st.sampled_from(["0001-01-01T00:00:00+23:59", "2026-01-01", 2**40]), last=json_values,
       order=st.sampled_from(["display_name", "create_time", "rank"]), right=st.booleans(), raw=st.text())  # fmt: skip
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_a_forged_token_is_an_invalid_argument_and_nothing_else(
    database: Database, value: object, last: object, order: str, right: bool, raw: str
) -> None:
    async with database.begin() as session:
        await session.merge(City(id="1", display_name="a", rank=1))
        await session.merge(City(id="2", display_name="b", rank=2))
    _, token, _ = await one_page(database, ListCitiesRequest(page_size=1, order_by=order))
    fingerprint = json.loads(base64.urlsafe_b64decode(token + "=="))[2] if right else "x"
    content = json.dumps([value, last, fingerprint], ensure_ascii=False, separators=(",", ":"))
    forged = base64.urlsafe_b64encode(content.encode(errors="replace")).decode().rstrip("=")
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    for candidate in (forged, raw.replace("\ud800", ""), forged[1:], f"{token}x", "[" * 5000, nested):
        try:
            request = ListCitiesRequest(page_token=candidate, order_by=order)
        except UnicodeEncodeError:
            continue
        with contextlib.suppress(InvalidArgument):
            await one_page(database, request)
