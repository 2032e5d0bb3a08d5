"""
Messages on their way into a stream, many at once.

A NATS that syncs its disk before it acknowledges does so for each message, a thousand times a second at most. As an
atomic batch (NATS 2.12, ADR-50) they are synced once for all.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import Header
from nats.js.errors import APIError
from opentelemetry import propagate, trace
from sqlalchemy import Row

TIMEOUT_SECONDS = 3
MESSAGE_ID = Header.MSG_ID.value
BATCH_ID = Header.BATCH_ID.value
BATCH_SEQUENCE = Header.BATCH_SEQUENCE.value
BATCH_COMMIT = Header.BATCH_COMMIT.value
# A batch is held in memory until its last message is there; what is larger travels alone.
LARGE_BYTES = 64 * 1024

tracer = trace.get_tracer(__name__)


class Publisher:
    """Publishes rows of an outbox: ``id``, ``subject``, ``headers`` and ``payload``."""

    def __init__(self, jetstream: JetStreamContext) -> None:
        self._jetstream = jetstream
        self._knows_batches = True

    async def publish(self, rows: Sequence[Row[Any]]) -> dict[str, int | Exception]:
        """
        Publish all of them to one stream.

        Returns:
            Id → where in the stream it is stored, or why NATS refused it.

        Raises:
            nats.errors.Error: NATS does not answer.
        """
        small = [row for row in rows if len(row.payload) <= LARGE_BYTES]
        results: dict[str, int | Exception] = {}
        if len(small) > 1 and self._knows_batches:
            results = await self._publish_together(small)
        # One that NATS refuses, for its size say, does not hold up the others.
        alone = [row for row in rows if row.id not in results]
        acknowledged = await asyncio.gather(*(self._publish(row) for row in alone), return_exceptions=True)
        for row, result in zip(alone, acknowledged, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
            results[row.id] = result
        return results

    async def _publish(self, row: Row[Any]) -> int:
        with _trace(row):
            headers = {**row.headers, MESSAGE_ID: row.id}
            ack = await self._jetstream.publish(row.subject, row.payload, timeout=TIMEOUT_SECONDS, headers=headers)
            return ack.seq

    async def _publish_together(self, rows: Sequence[Row[Any]]) -> dict[str, int | Exception]:
        """Return where they are stored; nothing where NATS refused them as a whole, for one is known to it, say."""
        batch = uuid.uuid4().hex
        *first, last = rows
        # The client of JetStream has no call for a message that is acknowledged with others.
        connection = self._jetstream._nc
        for number, row in enumerate(first, start=1):
            with _trace(row):
                await connection.publish(row.subject, row.payload, headers=_batch_headers(row, batch, number))
        headers = _batch_headers(last, batch, len(rows)) | {BATCH_COMMIT: "1"}
        try:
            with _trace(last):
                ack = await self._jetstream.publish(
                    last.subject, last.payload, timeout=TIMEOUT_SECONDS, headers=headers
                )
        except APIError:
            return {}
        # One that knows of no batches has stored its messages one by one, and knows them when they come again.
        self._knows_batches = ack.batch_size == len(rows)
        start = ack.seq - len(rows) + 1
        return {row.id: start + number for number, row in enumerate(rows)} if self._knows_batches else {}


def _batch_headers(row: Row[Any], batch: str, number: int) -> dict[str, str]:
    return {
        **row.headers,
        MESSAGE_ID: row.id,
        BATCH_ID: batch,
        BATCH_SEQUENCE: str(number),
    }


def _trace(row: Row[Any]) -> Any:
    return tracer.start_as_current_span(f"publish {row.subject}", context=propagate.extract(row.headers))
