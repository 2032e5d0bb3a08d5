"""What PostgreSQL tells those who listen: a transaction that changed something has committed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg

from chassis.database_urls import connect
from chassis.outages import Outage

# Who listens sends nothing, and would not notice a server that hangs, or is gone behind something that relays to it.
LOOK_SECONDS = 20.0
ANSWER_SECONDS = 5.0


async def listen(url: str, channel: str, notify: Callable[[str], object]) -> None:
    """
    Call `notify` with the payload of every PostgreSQL notification on a channel, until cancelled.

    A lost connection is opened again, also to a server that is asked every `LOOK_SECONDS` and does not answer; what was
    notified meanwhile is missed, so the caller has to look by itself too: `notify` is called with an empty payload
    after each (re)connection.
    """
    outage = Outage("listen.retry", "listen.again", channel=channel)
    while True:
        connection: asyncpg.Connection | None = None
        lost = asyncio.Event()
        try:
            connection = await connect(url)
            connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
            await connection.add_listener(channel, lambda _c, _pid, _channel, payload: notify(payload))
            outage.end()
            notify("")
            while not lost.is_set():
                await wait_until_set(lost, LOOK_SECONDS)
                if not lost.is_set():
                    # What it says already: who looks at a server sees by it who listens (`austausch rebuild-index`).
                    await connection.execute(f'LISTEN "{channel}"', timeout=ANSWER_SECONDS)
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            outage.tell(str(error) or type(error).__name__)
        finally:
            if connection is not None and not connection.is_closed():
                connection.terminate()
        await asyncio.sleep(0.5)


async def wait_until_set(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set, or the time is over."""
    with suppress(TimeoutError):
        # Not wait_for: before Python 3.12 it can swallow a cancellation that meets the wake-up.
        async with asyncio.timeout(seconds):
            await event.wait()
