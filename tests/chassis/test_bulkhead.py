"""The bulkhead around what takes the processors."""

import asyncio
import os
from pathlib import Path

import pytest

from chassis import bulkhead
from chassis.bulkhead import Bulkhead, count_processors
from chassis.errors import Unavailable


async def test_so_many_are_inside_at_once_and_the_others_follow_in_their_order() -> None:
    bulkhead = Bulkhead(2, max_wait_seconds=60)
    inside: list[int] = []
    seen: list[tuple[int, ...]] = []

    async def work(number: int) -> None:
        async with bulkhead.enter():
            inside.append(number)
            seen.append(tuple(inside))
            await asyncio.sleep(0.01)
            inside.remove(number)

    await asyncio.gather(*(work(number) for number in range(6)))

    assert max(map(len, seen)) == 2
    assert [each[-1] for each in seen] == [*range(6)]


async def test_who_would_wait_too_long_is_refused_and_takes_no_place() -> None:
    bulkhead = Bulkhead(1, max_wait_seconds=0.05)
    async with bulkhead.enter():
        for _ in range(3):
            with pytest.raises(Unavailable) as refused:
                async with bulkhead.enter():
                    raise AssertionError
            assert refused.value.reason == "SERVICE_BUSY"
    async with bulkhead.enter():
        pass


async def test_who_is_called_off_or_fails_gives_up_the_place() -> None:
    bulkhead = Bulkhead(1, max_wait_seconds=60)

    async def hold() -> None:
        async with bulkhead.enter():
            await asyncio.Event().wait()

    holder, waiter = asyncio.create_task(hold()), asyncio.create_task(hold())
    await asyncio.sleep(0)
    for task in (waiter, holder):
        task.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)
    with pytest.raises(ValueError, match="failed"):
        async with bulkhead.enter():
            raise ValueError("failed")
    async with bulkhead.enter():
        pass


@pytest.mark.parametrize(
    ("quota", "processors"),
    [("100000 100000", 1), ("50000 100000", 1), ("250000 100000", 3), ("max 100000", 64), ("", 64)],
)
def test_processors_are_those_that_the_container_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, processors: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(64))
    monkeypatch.setattr(bulkhead, "_CPU_QUOTA", tmp_path / "cpu.max")
    if quota:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert count_processors() == processors
