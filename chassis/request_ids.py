"""Creates that can be repeated safely: a request id gets the first answer again (aip.dev/155)."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from google.protobuf import any_pb2, symbol_database
from google.protobuf.message import Message
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Session
from chassis.errors import InvalidArgument
from chassis.identity import identity
from chassis.model import now
from chassis.tables import RequestId

Answer = TypeVar("Answer", bound=Message)


async def once(session: Session, request: Message, make: Callable[[], Awaitable[Answer]]) -> Answer:
    """
    Return what `make` makes, or the answer that the same request got before.

    The id is recorded in the transaction of the effect; a concurrent repeat waits for the first one to commit. Ids are
    the caller's own: two callers may use the same.

    Args:
        request: A message with a ``request_id``; an empty one calls `make` every time.
        make: Creates the resource in `session` and returns the answer.

    Raises:
        InvalidArgument: The id was used for another request; reason REQUEST_ID_REUSED.
    """
    request_id: str = request.request_id  # type: ignore[attr-defined]
    if not request_id:
        return await make()
    key = {"subject": identity().subject, "request_id": request_id.lower()}
    content = request.DESCRIPTOR.full_name.encode() + _without_id(request).SerializeToString(deterministic=True)
    digest = hashlib.sha256(content).digest()
    first = await session.scalar(
        insert(RequestId)
        .values(**key, request_digest=digest, create_time=now())
        .on_conflict_do_nothing()
        .returning(RequestId.request_id)
    )
    if first is None:
        known = (await session.scalars(select(RequestId).filter_by(**key))).one()
        if known.request_digest != digest or known.answer is None:
            raise InvalidArgument("request_id", "was used for another request", reason="REQUEST_ID_REUSED")
        return cast(Answer, _unpack(known.answer))
    answer = await make()
    packed = any_pb2.Any()
    packed.Pack(answer)
    await session.execute(update(RequestId).filter_by(**key).values(answer=packed.SerializeToString()))
    return answer


def _without_id(request: Message) -> Message:
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("request_id")
    return copy


def _unpack(stored: bytes) -> Message:
    packed = any_pb2.Any.FromString(stored)
    message = symbol_database.Default().GetSymbol(packed.TypeName())()
    packed.Unpack(message)
    return message
