"""Writes that can be repeated safely: a request id gets the first answer again (aip.dev/155)."""

import hashlib
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, cast

from google.protobuf import any_pb2, symbol_database
from google.protobuf.message import Message
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Database, Session
from chassis.errors import InvalidArgument
from chassis.identity import identity
from chassis.model import now
from chassis.tables import RequestId

Answer = TypeVar("Answer", bound=Message)
Request = TypeVar("Request", bound="RepeatableRequest")

# Built once, on the table: to build them anew as ORM statements took longer than the database does.
_IDS: Any = RequestId.__table__
_RECORD = insert(_IDS).on_conflict_do_nothing().returning(_IDS.c.request_id)
_SAME_ID = (_IDS.c.subject == bindparam("by"), _IDS.c.request_id == bindparam("id"))
_FIND = select(_IDS.c.request_digest, _IDS.c.answer).where(*_SAME_ID)
_KEEP_ANSWER = update(_IDS).where(*_SAME_ID).values(answer=bindparam("first_answer"))

_held_to_id: ContextVar[bool] = ContextVar("held_to_id", default=False)


class RepeatableRequest(Protocol):
    """A request that may carry an id of its own."""

    request_id: str


async def answer_once(
    database: Database, request: Request, make: Callable[[Session, Request], Awaitable[Answer]]
) -> Answer:
    """
    Return what `make` makes in a transaction, or the answer that the same request got before.

    The id is recorded in the transaction of the effect; a concurrent repeat waits for the first one to commit. Ids are
    the caller's own: two callers may use the same.

    Args:
        request: A message with a ``request_id``; an empty one calls `make` every time.
        make: Does the work and returns the answer.

    Raises:
        InvalidArgument: The id was used for another request; reason REQUEST_ID_REUSED.
    """
    _held_to_id.set(True)
    async with database.begin() as session:
        if not request.request_id:
            return await make(session, request)
        key = {"by": identity().subject, "id": request.request_id.lower()}
        digest = _digest(cast(Message, request))
        connection = await session.connection()
        row = {"subject": key["by"], "request_id": key["id"], "request_digest": digest, "create_time": now()}
        if (await connection.execute(_RECORD, row)).first() is None:
            return cast(Answer, _unpack(_read_answer((await connection.execute(_FIND, key)).one(), digest)))
        answer = await make(session, request)
        packed = any_pb2.Any()
        packed.Pack(answer)
        await connection.execute(_KEEP_ANSWER, {**key, "first_answer": packed.SerializeToString()})
        return answer


async def find_answer(database: Database, request: RepeatableRequest, kind: type[Answer]) -> Answer | None:
    """
    Return the answer that a request got before; None for one that is new.

    To be called before anything that may refuse it ahead of `answer_once`, such as another service that is asked: what
    is done already is refused no more.

    Args:
        kind: The type of the answer.

    Raises:
        InvalidArgument: As `answer_once`.
    """
    if not request.request_id:
        return None
    key = {"by": identity().subject, "id": request.request_id.lower()}
    async with database.read_once() as session:
        known = (await session.execute(_FIND, key)).first()
    if known is None:
        return None
    _held_to_id.set(True)
    answer = kind()
    any_pb2.Any.FromString(_read_answer(known, _digest(cast(Message, request)))).Unpack(answer)
    return answer


async def require_held_to_id(request: Message, answer: Awaitable[Answer]) -> Answer:
    """
    Return the answer of a servicer whose RPC takes a request id.

    Raises:
        RuntimeError: It was made without `answer_once`: a repeat would be done again.
    """
    _held_to_id.set(False)
    made = await answer
    if not _held_to_id.get():
        raise RuntimeError(f"{request.DESCRIPTOR.full_name} has a request_id, and a repeat of it is done again")
    return made


def _read_answer(known: Any, digest: bytes) -> bytes:
    """Return the stored answer of a request, unless its id is that of another one; raises as `answer_once`."""
    if known.request_digest != digest or known.answer is None:
        raise InvalidArgument("request_id", "was used for another request", reason="REQUEST_ID_REUSED")
    stored: bytes = known.answer
    return stored


def _digest(request: Message) -> bytes:
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("request_id")
    content = request.DESCRIPTOR.full_name.encode() + copy.SerializeToString(deterministic=True)
    return hashlib.sha256(content).digest()


def _unpack(stored: bytes) -> Message:
    packed = any_pb2.Any.FromString(stored)
    message = symbol_database.Default().GetSymbol(packed.TypeName())()
    packed.Unpack(message)
    return message
