"""Working groups."""

from collections.abc import Set
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from austausch.forum.v1 import forum_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import select

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import identity
from chassis.model import new_id
from services.forum import convert, queries
from services.forum.deletion import delete_unused, select_linked
from services.forum.model import Conclusion, Forum, Membership, Panelist, SubjectNode, WorkingGroup

ORDERINGS = {"title": WorkingGroup.title, "create_time": WorkingGroup.create_time}


class WorkingGroupServicer(forum_pb2_grpc.WorkingGroupServiceServicer):
    """Serves ``WorkingGroupService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetWorkingGroup(self, request: pb.GetWorkingGroupRequest, context: Any) -> pb.WorkingGroup:
        async with self._database.read_once() as session:
            group = await queries.get_visible(session, WorkingGroup, request.name)
            return convert.working_group_message(group, identity())

    async def ListWorkingGroups(
        self, request: pb.ListWorkingGroupsRequest, context: Any
    ) -> pb.ListWorkingGroupsResponse:
        statement = queries.select_of_forum(WorkingGroup, request.parent)
        if request.member:
            member = Panelist.parse(request.member)
            of_member = select(Membership.working_group_id).where(
                Membership.forum_id == member["forum_id"], Membership.panelist_id == member["id"]
            )
            statement = statement.where(WorkingGroup.forum_id == member["forum_id"], WorkingGroup.id.in_(of_member))
        async with self._database.read_once() as session:
            rows, token, total = await queries.read_page_of_forum(
                session, statement, WorkingGroup, request, ORDERINGS, "title"
            )
        groups = [convert.working_group_message(group, identity()) for group in rows]
        return pb.ListWorkingGroupsResponse(working_groups=groups, next_page_token=token, total_size=total)

    async def CreateWorkingGroup(self, request: pb.CreateWorkingGroupRequest, context: Any) -> pb.WorkingGroup:
        return await answer_once(self._database, request, _create)

    async def UpdateWorkingGroup(self, request: pb.UpdateWorkingGroupRequest, context: Any) -> pb.WorkingGroup:
        message = request.working_group
        paths = updated_paths(request.update_mask, message, convert.WORKING_GROUP_FIELDS)
        async with self._database.begin() as session:
            group = await queries.get_visible(session, WorkingGroup, message.name, lock=True)
            group.check_etag(message.etag)
            await _assign(session, group, message, paths)
            return convert.working_group_message(group, identity())

    async def DeleteWorkingGroup(self, request: pb.DeleteWorkingGroupRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            group = await queries.get_visible(session, WorkingGroup, request.name, lock=True)
            group.check_etag(request.etag)
            await delete_unused(session, group, select_linked(Conclusion, "working_group_ids", group))
        return Empty()


async def _create(session: Session, request: pb.CreateWorkingGroupRequest) -> pb.WorkingGroup:
    forum = await queries.get_visible(session, Forum, request.parent)
    group = WorkingGroup(forum_id=forum.id, id=request.working_group_id or new_id())
    await _assign(session, group, request.working_group, convert.WORKING_GROUP_FIELDS)
    return convert.working_group_message(group, identity())


async def _assign(session: Session, group: WorkingGroup, message: pb.WorkingGroup, paths: Set[str]) -> None:
    """
    Write the fields that a request sets.

    Raises:
        InvalidArgument: A node or a member is not of this forum; reason NOT_IN_FORUM.
        AlreadyExists: The id (reason NAME_TAKEN) or a node (NODE_OWNED) is taken.
    """
    links = {}
    if "nodes" in paths:
        links["node_ids"] = await queries.get_ids_in_forum(
            session, SubjectNode, message.nodes, group.forum_id, "working_group.nodes"
        )
    if "members" in paths:
        links["member_ids"] = await queries.get_ids_in_forum(
            session, Panelist, message.members, group.forum_id, "working_group.members"
        )
    group.assign(convert.working_group_columns(message, paths))
    await queries.write_linked(session, group, links)
