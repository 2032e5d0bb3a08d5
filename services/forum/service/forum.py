"""Serves forums."""

from typing import Any

from austausch.forum.v1 import forum_pb2, forum_pb2_grpc
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id, now
from chassis.paging import page
from services.forum.constraints import store
from services.forum.convert import column_values, forum_message
from services.forum.model import Forum
from services.forum.rights import only_visible, see

FIELDS = {"title", "subject", "city", "purpose", "panel_city_cap", "language", "start_date", "end_date"}
ORDERINGS = {"title": Forum.title, "create_time": Forum.create_time, "update_time": Forum.update_time}


class ForumServicer(forum_pb2_grpc.ForumServiceServicer):
    """Serves `ForumService`; rules and errors are in the contract."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetForum(self, request: forum_pb2.GetForumRequest, context: Any) -> forum_pb2.Forum:
        async with self._database.read() as session:
            return forum_message(await see(session, Forum, request.name))

    async def ListForums(self, request: forum_pb2.ListForumsRequest, context: Any) -> forum_pb2.ListForumsResponse:
        statement = only_visible(select(Forum), Forum.id)
        if request.city:
            statement = statement.where(Forum.city == request.city)
        async with self._database.read() as session:
            rows, token, total = await page(session, statement, Forum, request, ORDERINGS, "title")
        return forum_pb2.ListForumsResponse(
            forums=[forum_message(row) for row in rows], next_page_token=token, total_size=total
        )

    async def CreateForum(self, request: forum_pb2.CreateForumRequest, context: Any) -> forum_pb2.Forum:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(self, session: Session, request: forum_pb2.CreateForumRequest) -> forum_pb2.Forum:
        forum = Forum(id=request.forum_id or new_id(), **column_values(request.forum, FIELDS, Forum))
        forum.check_dates()
        session.add(forum)
        await store(session)
        return forum_message(forum)

    async def UpdateForum(self, request: forum_pb2.UpdateForumRequest, context: Any) -> forum_pb2.Forum:
        paths = updated_paths(request.update_mask, request.forum, FIELDS)
        async with self._database.begin() as session:
            forum = await see(session, Forum, request.forum.name, lock=True)
            forum.check_etag(request.forum.etag)
            for column, value in column_values(request.forum, paths, Forum).items():
                setattr(forum, column, value)
            forum.check_dates()
            forum.update_time = now()
            await store(session)
            return forum_message(forum)
