"""
Events that NATS acknowledged and has no longer are sent again.

A NATS that does not sync its disk before it acknowledges forgets the last events in a power cut; one that was restored
from a copy, or lost its disk, forgets more. What it forgets is the end of the stream, so the outbox's last event there
tells: where that is missing, or another event lies in its place, all that were stored after the last one which is
really there are lost. An event that left the stream at its beginning, by age or because it was purged, is not.

What is stored next takes their places in the stream. A durable consumer that was given events at these before is given
the new ones, too: a NATS that starts takes it back to the end of its stream (``tests/chassis/test_lost_events.py``).
"""

import asyncio
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import StreamState
from nats.js.errors import NotFoundError
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.jetstream import STREAM
from chassis.tables import OutboxEvent

BATCH = 256
# Rows that one statement changes, well within the time that a statement may take.
PIECE = 10_000

_EVENTS: Any = OutboxEvent.__table__
_STORED = (
    select(_EVENTS.c.id, _EVENTS.c.stream_sequence)
    .where(_EVENTS.c.stream_sequence.is_not(None))
    .order_by(_EVENTS.c.stream_sequence.desc())
)


async def reclaim_lost(connection: AsyncConnection, jetstream: JetStreamContext) -> int:
    """
    Let events that NATS has lost wait to be published again, the last `PIECE` of them; return how many these are.

    The others are found by the next call.

    Raises:
        nats.errors.Error: NATS does not answer, or has no stream.
    """
    last = (await connection.execute(_STORED.limit(1))).first()
    if last is None or await _is_stored(jetstream, last):
        return 0
    state = (await jetstream.stream_info(STREAM)).state
    stored = await _find_last_stored(connection, jetstream, state)
    # The last ones first: while any is left that lies beyond, the outbox's last event is one that is lost.
    lost = _STORED.with_only_columns(_EVENTS.c.id).where(_EVENTS.c.stream_sequence > stored).limit(PIECE)
    reclaim = update(_EVENTS).where(_EVENTS.c.id.in_(lost)).values(publish_time=None, stream_sequence=None)
    return (await connection.execute(reclaim)).rowcount


async def _find_last_stored(connection: AsyncConnection, jetstream: JetStreamContext, state: StreamState) -> int:
    """Return where the last event lies that is really there, or has left the stream at its beginning."""
    end = state.last_seq
    inside = _STORED.where(_EVENTS.c.stream_sequence >= state.first_seq).limit(BATCH)
    while rows := (await connection.execute(inside.where(_EVENTS.c.stream_sequence <= end))).all():
        found = await asyncio.gather(*(_is_stored(jetstream, row) for row in rows))
        for row, is_stored in zip(rows, found, strict=True):
            if is_stored:
                return int(row.stream_sequence)
        end = rows[-1].stream_sequence - 1
    return state.first_seq - 1


async def _is_stored(jetstream: JetStreamContext, row: Row[Any]) -> bool:
    try:
        message = await jetstream.get_msg(STREAM, row.stream_sequence)
    except NotFoundError:
        return False
    return (message.headers or {}).get("ce-id") == row.id
