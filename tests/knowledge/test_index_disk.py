"""A search index whose disk is full: it answers from what it has, says so, and goes on by itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.database import Database
from chassis.errors import Unavailable
from tests.knowledge.eventually import eventually
from tests.knowledge.indexing import find, run_indexer, write
from tests.small_disk import SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=32) as disk:
        yield disk


async def test_a_full_disk_is_named_while_search_goes_on_and_heals_by_itself(
    database: Database, disk: SmallDisk
) -> None:
    await write(database, "old")
    async with run_indexer(database, disk.path / "index") as indexer:
        await eventually(indexer.is_level)
        disk.fill()
        await write(database, "new")

        async def is_full() -> bool:
            try:
                await indexer.check()
            except Unavailable as error:
                return error.reason == "INDEX_DISK_FULL"
            return False

        await eventually(is_full)
        lag = indexer.get_lag_seconds()
        await asyncio.sleep(1.2)
        assert await find(indexer) == ["old"]
        assert indexer.get_lag_seconds() > lag + 1
        assert await indexer.is_level()

        disk.free()

        async def has_both() -> bool:
            return await find(indexer) == ["new", "old"]

        await eventually(has_both)
        await eventually(indexer.is_caught_up)
        await indexer.check()


async def test_an_index_that_cannot_be_opened_for_want_of_room_is_named_and_opened_later(
    database: Database, disk: SmallDisk
) -> None:
    await write(database, "old")
    disk.fill()
    async with run_indexer(database, disk.path / "index", again=True) as indexer:

        async def is_full() -> bool:
            try:
                await indexer.check()
            except Unavailable as error:
                return error.reason == "INDEX_DISK_FULL"
            return False

        await eventually(is_full)
        disk.free()
        await eventually(indexer.is_level)
        assert await find(indexer) == ["old"]
