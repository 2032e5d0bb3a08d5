"""Planning a visit by runs of the planner, as tests arrange and follow it."""

import asyncio
import time
from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller

State = runs_pb.ScheduleRun.State
LUNCH = runs_pb.ScheduleRun.Break(label="Lunch", start_time="12:00", end_time="13:00")


async def start(caller: Caller, visit: pb.Visit, **options: Any) -> runs_pb.ScheduleRun:
    """Start a run; what is proven to be the best plan ends it, on a busy machine after some seconds."""
    run = runs_pb.ScheduleRun(**{"time_limit_seconds": 20, **options})
    return await caller.CreateScheduleRun(runs_pb.CreateScheduleRunRequest(parent=visit.name, schedule_run=run))


async def get(caller: Caller, run: runs_pb.ScheduleRun) -> runs_pb.ScheduleRun:
    return await caller.GetScheduleRun(runs_pb.GetScheduleRunRequest(name=run.name))


async def finish(caller: Caller, run: runs_pb.ScheduleRun) -> runs_pb.ScheduleRun:
    """Return a run as it is once it has ended."""
    until = time.monotonic() + 60
    while run.state == State.STATE_RUNNING and time.monotonic() < until:
        await asyncio.sleep(0.1)
        run = await get(caller, run)
    assert run.state != State.STATE_RUNNING
    return run


async def plan(caller: Caller, visit: pb.Visit, **options: Any) -> runs_pb.ScheduleRun:
    return await finish(caller, await start(caller, visit, **options))


async def apply(caller: Caller, run: runs_pb.ScheduleRun) -> runs_pb.ScheduleRun:
    return await caller.ApplyScheduleRun(runs_pb.ApplyScheduleRunRequest(name=run.name))


async def list_items(caller: Caller, visit: pb.Visit) -> dict[str, pb.AgendaItem]:
    listed = await caller.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name, page_size=1000))
    return {item.name: item for item in listed.agenda_items}


async def change(caller: Caller, item: pb.AgendaItem, *paths: str, **fields: Any) -> pb.AgendaItem:
    request = pb.UpdateAgendaItemRequest(
        agenda_item=pb.AgendaItem(name=item.name, **fields), update_mask=FieldMask(paths=paths)
    )
    return await caller.UpdateAgendaItem(request)


async def add_many(caller: Caller, visit: pb.Visit, count: int) -> None:
    """Add items that cannot be proven to be planned as well as possible within seconds."""
    people = [(await factories.delegate(caller, visit.name)).name for _ in range(6)]
    rooms = [(await factories.room(caller, seats=20)).name for _ in range(3)]
    assert rooms
    for number in range(count):
        await factories.unplaced_item(
            caller,
            visit.name,
            needs_room=True,
            duration_minutes=45 + 15 * (number % 4),
            people=[people[number % 6], people[(number * 5 + 1) % 6]]
            if number % 6 != (number * 5 + 1) % 6
            else [people[0]],
            optional_people=[people[(number + 3) % 6]] if number % 2 else [],
        )
