"""What a learning says it comes from: whether that exists, and what it is called."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import grpc
from austausch.exchange.v1 import exchange_pb2, exchange_pb2_grpc
from austausch.forum.v1 import forum_pb2, forum_pb2_grpc
from sqlalchemy import ColumnElement, func, select

from chassis.client import aio_calls, metadata_for
from chassis.database import Database, Session
from chassis.errors import DeadlineExceeded, InvalidArgument, NotFound, PermissionDenied, Unavailable
from services.knowledge.model import DELETED_VERSION, KnownVisit

DEADLINE_SECONDS = 2.0
# Tells these locks from others of the database.
_LOCKS = 0x56495349


@dataclass(frozen=True)
class Source:
    """
    A visit, a forum, or a conclusion or recommendation of one.

    Attributes:
        title: What it is called; "" where that is left to who writes.
        cities: Host and guest of a visit, whose staff may write about it.
    """

    title: str = ""
    cities: tuple[str, ...] = ()


NO_SOURCE = Source()


class Sources:
    """
    Finds sources: among the visits that events told of, else where they are kept.

    The other services are asked with the caller's own token, so that nobody learns here of what they may not see.

    Args:
        database: The knowledge service's database.
        exchange_address: Host and port of the exchange service.
        forum_address: Host and port of the forum service.
    """

    def __init__(self, database: Database, exchange_address: str, forum_address: str) -> None:
        self._database = database
        self._exchange_address = exchange_address
        self._forum_address = forum_address

    # Channels belong to the running event loop, so each is made at its first call. The token is each call's own.
    @cached_property
    def _exchange(self) -> grpc.aio.Channel:
        return aio_calls(self._exchange_address, exchange_pb2.DESCRIPTOR, str)

    @cached_property
    def _forum(self) -> grpc.aio.Channel:
        return aio_calls(self._forum_address, forum_pb2.DESCRIPTOR, str)

    async def find(self, name: str, token: str) -> Source:
        """
        Return the source of that name, as the contract's pattern has let it pass; `NO_SOURCE` for an empty one.

        Args:
            token: The identity token of whoever refers to it.

        Raises:
            InvalidArgument: It does not exist; reason SOURCE_NOT_FOUND.
            PermissionDenied: The caller may not see it, if it exists; reason RESOURCE_NOT_VISIBLE.
            Unavailable: The service that keeps it does not answer; reason SOURCE_UNCERTAIN.
        """
        if not name:
            return NO_SOURCE
        if name.startswith("visits/"):
            async with self._database.read_once() as session:
                known = await session.scalar(select(KnownVisit).where(KnownVisit.name == name))
            if known is None:
                return await self._ask_for_visit(name, token)
            if known.version == DELETED_VERSION:
                raise _not_found(name)
            return Source(known.title, tuple(known.cities))
        return await self._ask_for_forum(name, token)

    async def _ask_for_visit(self, name: str, token: str) -> Source:
        stub = exchange_pb2_grpc.VisitServiceStub(self._exchange)
        visit = await _ask(stub.GetVisit, exchange_pb2.GetVisitRequest(name=name), token)
        return Source(visit.title, (visit.host_city, visit.guest_city, *visit.other_guest_cities))

    async def _ask_for_forum(self, name: str, token: str) -> Source:
        if "/conclusions/" in name:
            conclusions = forum_pb2_grpc.ConclusionServiceStub(self._forum)
            await _ask(conclusions.GetConclusion, forum_pb2.GetConclusionRequest(name=name), token)
            return NO_SOURCE
        if "/recommendations/" in name:
            recommendations = forum_pb2_grpc.RecommendationServiceStub(self._forum)
            request = forum_pb2.GetRecommendationRequest(name=name)
            return Source((await _ask(recommendations.GetRecommendation, request, token)).forum_title)
        forums = forum_pb2_grpc.ForumServiceStub(self._forum)
        return Source((await _ask(forums.GetForum, forum_pb2.GetForumRequest(name=name), token)).title)


async def hold_visit(session: Session, name: str) -> None:
    """
    Have the deletion of a source wait until what is written about it is there to let go of it.

    Args:
        name: Of any source; nothing but visits is deleted.

    Raises:
        InvalidArgument: It was deleted since it was found; reason SOURCE_NOT_FOUND.
    """
    if not name.startswith("visits/"):
        return
    await session.execute(select(func.pg_advisory_xact_lock_shared(_get_lock(name))))
    if await session.scalar(select(KnownVisit.version).where(KnownVisit.name == name)) == DELETED_VERSION:
        raise _not_found(name)


async def wait_for_holders(session: Session, name: str) -> None:
    """Wait until nobody holds a visit, which others begin to hold only after the transaction."""
    await session.execute(select(func.pg_advisory_xact_lock(_get_lock(name))))


def _get_lock(visit: str) -> ColumnElement[int]:
    # Of its name: not every visit has a row here that could be locked.
    return func.hashtextextended(visit, _LOCKS)


async def _ask(call: Callable[..., Awaitable[Any]], request: Any, token: str) -> Any:
    try:
        return await call(request, timeout=DEADLINE_SECONDS, metadata=metadata_for(token))
    except (NotFound, InvalidArgument):
        # A name that the other service cannot have is none of its names.
        raise _not_found(request.name) from None
    except PermissionDenied:
        message = f"You may not see {request.name}, if it exists."
        raise PermissionDenied(message, reason="RESOURCE_NOT_VISIBLE") from None
    except (Unavailable, DeadlineExceeded) as error:
        message = f"Whether {request.name} exists is not known at the moment; try again."
        raise Unavailable(message, reason="SOURCE_UNCERTAIN", metadata={"source": request.name}) from error


def _not_found(name: str) -> InvalidArgument:
    return InvalidArgument(
        "learning.source", f"{name} does not exist", reason="SOURCE_NOT_FOUND", metadata={"source": name}
    )
