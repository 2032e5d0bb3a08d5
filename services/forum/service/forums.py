"""Forums."""

from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from austausch.forum.v1 import forum_pb2_grpc
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once, find_answer
from chassis.model import new_id
from chassis.paging import read_page
from services.forum import convert, queries
from services.forum.exchange_client import ExchangeClient
from services.forum.model import Forum

ORDERINGS = {"title": Forum.title, "create_time": Forum.create_time, "update_time": Forum.update_time}


class ForumServicer(forum_pb2_grpc.ForumServiceServicer):
    """
    Serves ``ForumService``.

    Args:
        exchange: Tells whether there is a visit.
    """

    def __init__(self, database: Database, exchange: ExchangeClient) -> None:
        self._database = database
        self._exchange = exchange

    async def GetForum(self, request: pb.GetForumRequest, context: Any) -> pb.Forum:
        async with self._database.read_once() as session:
            return convert.forum_message(await queries.get_visible(session, Forum, request.name))

    async def ListForums(self, request: pb.ListForumsRequest, context: Any) -> pb.ListForumsResponse:
        statement = queries.filter_visible(select(Forum), Forum.id)
        if request.city:
            statement = statement.where(Forum.city == request.city)
        if request.visit:
            statement = statement.where(Forum.visit == request.visit)
        async with self._database.read_once() as session:
            rows, token, total = await read_page(session, statement, Forum, request, ORDERINGS, "title")
        forums = [convert.forum_message(forum) for forum in rows]
        return pb.ListForumsResponse(forums=forums, next_page_token=token, total_size=total)

    async def CreateForum(self, request: pb.CreateForumRequest, context: Any) -> pb.Forum:
        if known := await find_answer(self._database, request, pb.Forum):
            return known
        await self._exchange.require_visit(request.forum.visit)
        return await answer_once(self._database, request, _create)

    async def UpdateForum(self, request: pb.UpdateForumRequest, context: Any) -> pb.Forum:
        paths = updated_paths(request.update_mask, request.forum, convert.FORUM_FIELDS)
        if "visit" in paths:
            await self._require_visit_of_change(request.forum)
        async with self._database.begin() as session:
            forum = await queries.get_visible(session, Forum, request.forum.name, lock=True)
            forum.check_etag(request.forum.etag)
            forum.assign(convert.forum_columns(request.forum, paths))
            forum.check_dates()
            await queries.flush_or_refuse(session)
            return convert.forum_message(forum)

    async def _require_visit_of_change(self, message: pb.Forum) -> None:
        """Raise as `ExchangeClient.require_visit`, unless the forum has the visit already: it may be deleted since."""
        async with self._database.read_once() as session:
            forum = await queries.get_visible(session, Forum, message.name)
        if message.visit != forum.visit:
            await self._exchange.require_visit(message.visit)


async def _create(session: Session, request: pb.CreateForumRequest) -> pb.Forum:
    forum = Forum(id=request.forum_id or new_id(), **convert.forum_columns(request.forum))
    forum.check_dates()
    session.add(forum)
    await queries.flush_or_refuse(session)
    return convert.forum_message(forum)
