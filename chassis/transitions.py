"""The custom verbs that take a resource from one state to another: the steps that all of them have in common."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from chassis.database import Database, Session
from chassis.idempotency import answer_once

Row = TypeVar("Row")
Answer = TypeVar("Answer", bound=Message)


class SeenVersion(Protocol):
    """Says which resource the caller saw, and in which version."""

    name: str
    etag: str


class TransitionRequest(SeenVersion, Protocol):
    """A request to change the state of what the caller saw."""

    request_id: str


Request = TypeVar("Request", bound=TransitionRequest)


async def transition(
    database: Database,
    request: Request,
    lock: Callable[[Session, Request], Awaitable[Row]],
    change: Callable[[Row], object],
    write: Callable[[Session, Row], Awaitable[Answer]],
) -> Answer:
    """
    Take a resource through a transition in one transaction; a repeat of the request gets the first answer.

    Args:
        lock: Finds the resource for a caller who may do this and saw its present version, and locks it.
        change: Does it to the row: the method of the model, which refuses what the state does not allow.
        write: Stores the row, tells of it by an event, and returns the answer.

    Raises:
        InvalidArgument: The id of the request was used for another one; reason REQUEST_ID_REUSED.
        IllegalTransition: Of `change`.
    """

    async def make(session: Session, request: Request) -> Answer:
        row = await lock(session, request)
        change(row)
        return await write(session, row)

    return await answer_once(database, request, make)
