"""Serves the working groups of forums."""

from typing import Any

from austausch.forum.v1 import forum_pb2, forum_pb2_grpc
from google.protobuf import empty_pb2
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id, now
from services.forum.constraints import erase, store
from services.forum.convert import working_group_message
from services.forum.links import link
from services.forum.model import Forum, Membership, Panelist, SubjectNode, WorkingGroup
from services.forum.references import ids_in_forum
from services.forum.rights import of_forum, see
from services.forum.service.listing import page_of_forum
from services.forum.writers import writes_for

FIELDS = {"title", "nodes", "members"}
ORDERINGS = {"title": WorkingGroup.title, "create_time": WorkingGroup.create_time}


def _as_message(group: WorkingGroup) -> forum_pb2.WorkingGroup:
    """Return a working group as its caller may see it."""
    message = working_group_message(group)
    message.writable = writes_for(group)
    return message


class WorkingGroupServicer(forum_pb2_grpc.WorkingGroupServiceServicer):
    """Serves `WorkingGroupService`; rules and errors are in the contract."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetWorkingGroup(self, request: forum_pb2.GetWorkingGroupRequest, context: Any) -> forum_pb2.WorkingGroup:
        async with self._database.read() as session:
            return _as_message(await see(session, WorkingGroup, request.name))

    async def ListWorkingGroups(
        self, request: forum_pb2.ListWorkingGroupsRequest, context: Any
    ) -> forum_pb2.ListWorkingGroupsResponse:
        async with self._database.read() as session:
            statement = of_forum(WorkingGroup, request.parent)
            if request.member:
                member = Panelist.parse(request.member)
                seated = select(Membership.working_group_id).where(
                    Membership.forum_id == member["forum_id"], Membership.panelist_id == member["id"]
                )
                statement = statement.where(WorkingGroup.forum_id == member["forum_id"], WorkingGroup.id.in_(seated))
            rows, token, total = await page_of_forum(session, statement, WorkingGroup, request, ORDERINGS, "title")
        return forum_pb2.ListWorkingGroupsResponse(
            working_groups=[_as_message(row) for row in rows], next_page_token=token, total_size=total
        )

    async def CreateWorkingGroup(
        self, request: forum_pb2.CreateWorkingGroupRequest, context: Any
    ) -> forum_pb2.WorkingGroup:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(self, session: Session, request: forum_pb2.CreateWorkingGroupRequest) -> forum_pb2.WorkingGroup:
        forum = await see(session, Forum, request.parent)
        group = WorkingGroup(forum_id=forum.id, id=request.working_group_id or new_id())
        await self._change(session, group, request.working_group, FIELDS)
        return _as_message(group)

    async def UpdateWorkingGroup(
        self, request: forum_pb2.UpdateWorkingGroupRequest, context: Any
    ) -> forum_pb2.WorkingGroup:
        message = request.working_group
        paths = updated_paths(request.update_mask, message, FIELDS)
        async with self._database.begin() as session:
            group = await see(session, WorkingGroup, message.name, lock=True)
            group.check_etag(message.etag)
            group.update_time = now()
            await self._change(session, group, message, paths)
            return _as_message(group)

    async def _change(
        self, session: Session, group: WorkingGroup, message: forum_pb2.WorkingGroup, paths: set[str]
    ) -> None:
        """Store a working group, with the fields changed that the paths name."""
        forum_id = group.forum_id
        if "title" in paths:
            group.title = message.title
        session.add(group)
        await store(session)
        if "nodes" in paths:
            nodes = await ids_in_forum(session, SubjectNode, message.nodes, forum_id, "working_group.nodes")
            await link(session, group, "node_ids", nodes)
        if "members" in paths:
            members = await ids_in_forum(session, Panelist, message.members, forum_id, "working_group.members")
            await link(session, group, "member_ids", members)

    async def DeleteWorkingGroup(self, request: forum_pb2.DeleteWorkingGroupRequest, context: Any) -> empty_pb2.Empty:
        async with self._database.begin() as session:
            group = await see(session, WorkingGroup, request.name, lock=True)
            group.check_etag(request.etag)
            await erase(session, group)
        return empty_pb2.Empty()
