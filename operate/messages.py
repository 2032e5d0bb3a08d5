"""The message server as an operator's command meets it: one connection, no waiting for one that is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from chassis.jetstream import STREAM, WORK, list_servers

CONNECT_SECONDS = 3


class MessagesUnreachable(Exception):
    """NATS does not answer, or not to this user; the message says why, without the password."""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """
    Yield a connection to NATS.

    Args:
        url: ``nats://user:password@host:port``; several servers of a cluster divided by commas.

    Raises:
        MessagesUnreachable: There is none to be had.
    """

    async def keep_quiet(_error: Exception) -> None:
        """Called beside what is raised."""

    try:
        client = await nats.connect(
            list_servers(url), name="operator", allow_reconnect=False,
            max_reconnect_attempts=1, reconnect_time_wait=0.1, connect_timeout=CONNECT_SECONDS, error_cb=keep_quiet,
        )  # fmt: skip
    except (OSError, TimeoutError, ValueError, nats.errors.Error) as error:
        raise MessagesUnreachable(f"NATS does not answer: {describe(error)}") from None
    try:
        yield client
    finally:
        await client.close()


def describe(error: Exception) -> str:
    """Return what an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


async def forget_messages(client: Client) -> None:
    """
    Delete the streams of events and of work with all that is on its way there; services make them again.

    Raises:
        MessagesUnreachable: NATS does not do it.
    """
    jetstream = client.jetstream(timeout=10)
    for stream in (STREAM, WORK):
        try:
            await jetstream.delete_stream(stream)
        except NotFoundError:
            continue
        except nats.errors.Error as error:
            raise MessagesUnreachable(f"NATS does not delete the stream {stream}: {describe(error)}") from None
