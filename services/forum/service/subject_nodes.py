"""Subject nodes: the trees of what forums review."""

from collections.abc import Set
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from austausch.forum.v1 import forum_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import exists, func, select

from chassis.convert import read_enum
from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, InvalidArgument
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id
from services.forum import convert, queries
from services.forum.deletion import delete_unused, select_linked
from services.forum.model import Conclusion, Forum, Fulfilment, NodeKind, SubjectNode, WorkingGroup
from services.forum.tree import would_cycle

ORDERINGS = {"code": SubjectNode.code, "title": SubjectNode.title, "create_time": SubjectNode.create_time}


class SubjectNodeServicer(forum_pb2_grpc.SubjectNodeServiceServicer):
    """Serves ``SubjectNodeService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetSubjectNode(self, request: pb.GetSubjectNodeRequest, context: Any) -> pb.SubjectNode:
        async with self._database.read_once() as session:
            return convert.subject_node_message(await queries.get_visible(session, SubjectNode, request.name))

    async def ListSubjectNodes(self, request: pb.ListSubjectNodesRequest, context: Any) -> pb.ListSubjectNodesResponse:
        statement = queries.select_of_forum(SubjectNode, request.parent)
        if request.kind:
            statement = statement.where(SubjectNode.kind == read_enum(request, "kind", NodeKind))
        async with self._database.read_once() as session:
            rows, token, total = await queries.read_page_of_forum(
                session, statement, SubjectNode, request, ORDERINGS, "code"
            )
        nodes = [convert.subject_node_message(node) for node in rows]
        return pb.ListSubjectNodesResponse(subject_nodes=nodes, next_page_token=token, total_size=total)

    async def CreateSubjectNode(self, request: pb.CreateSubjectNodeRequest, context: Any) -> pb.SubjectNode:
        return await answer_once(self._database, request, _create)

    async def UpdateSubjectNode(self, request: pb.UpdateSubjectNodeRequest, context: Any) -> pb.SubjectNode:
        message = request.subject_node
        paths = updated_paths(request.update_mask, message, convert.SUBJECT_NODE_FIELDS)
        async with self._database.begin() as session:
            if "parent" in paths:
                # Two moves at once could close a cycle that neither of them sees.
                await queries.get_visible(session, Forum, queries.get_forum_name(SubjectNode, message.name), lock=True)
            node = await queries.get_visible(session, SubjectNode, message.name, lock=True)
            node.check_etag(message.etag)
            await _assign(session, node, message, paths)
            return convert.subject_node_message(node)

    async def DeleteSubjectNode(self, request: pb.DeleteSubjectNodeRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            node = await queries.get_visible(session, SubjectNode, request.name, lock=True)
            node.check_etag(request.etag)
            below = select(SubjectNode).where(SubjectNode.forum_id == node.forum_id, SubjectNode.parent_id == node.id)
            fulfilling = select_linked(SubjectNode, "commitment_ids", node)
            await delete_unused(
                session,
                node,
                below.order_by(SubjectNode.create_time, SubjectNode.id),
                fulfilling.where(SubjectNode.parent_id.is_distinct_from(node.id)),
                select_linked(WorkingGroup, "node_ids", node),
                select_linked(Conclusion, "node_ids", node),
            )
        return Empty()


async def _create(session: Session, request: pb.CreateSubjectNodeRequest) -> pb.SubjectNode:
    forum = await queries.get_visible(session, Forum, request.parent)
    node = SubjectNode(forum_id=forum.id, id=request.subject_node_id or new_id())
    await _assign(session, node, request.subject_node, convert.SUBJECT_NODE_FIELDS)
    return convert.subject_node_message(node)


async def _assign(session: Session, node: SubjectNode, message: pb.SubjectNode, paths: Set[str]) -> None:
    """
    Write the fields that a request sets.

    Raises:
        InvalidArgument: The parent is not of this forum (reason NOT_IN_FORUM) or stands below the node (OWN_ANCESTOR),
            or what the node fulfils is no commitment (NOT_A_COMMITMENT) of this forum.
        FailedPrecondition: Others fulfil the commitment, which would be none; reason COMMITMENT_FULFILLED.
        AlreadyExists: Id or code are taken; reasons as `queries.flush_or_refuse`.
    """
    values = convert.subject_node_columns(message, paths)
    links = {}
    with session.no_autoflush:
        if node.kind is NodeKind.COMMITMENT and values.get("kind", node.kind) is not NodeKind.COMMITMENT:
            await _require_unfulfilled(session, node)
        if "parent" in paths:
            names = [message.parent] if message.parent else []
            field = "subject_node.parent"
            ids = await queries.get_ids_in_forum(session, SubjectNode, names, node.forum_id, field)
            await _move(session, node, ids[0] if ids else None)
        if "fulfils" in paths:
            links["commitment_ids"] = await queries.get_ids_in_forum(
                session, SubjectNode, message.fulfils, node.forum_id, "subject_node.fulfils"
            )
    node.assign(values)
    await queries.write_linked(session, node, links)
    if links:
        await _require_commitments(session, node)


async def _require_commitments(session: Session, node: SubjectNode) -> None:
    """
    Raise unless a node fulfils commitments only.

    Raises:
        InvalidArgument: Something else is among them; reason NOT_A_COMMITMENT.
    """
    statement = select(func.count()).where(
        SubjectNode.forum_id == node.forum_id,
        SubjectNode.id.in_(node.commitment_ids),
        SubjectNode.kind == NodeKind.COMMITMENT,
    )
    if await session.scalar(statement) != len(node.commitment_ids):
        refusal = "A node fulfils commitments (nodes of kind KIND_COMMITMENT) only."
        raise InvalidArgument("subject_node.fulfils", refusal, reason="NOT_A_COMMITMENT")


async def _require_unfulfilled(session: Session, node: SubjectNode) -> None:
    """
    Raise if other nodes fulfil a commitment.

    Raises:
        FailedPrecondition: They do; reason COMMITMENT_FULFILLED.
    """
    fulfilled = exists().where(Fulfilment.forum_id == node.forum_id, Fulfilment.commitment_id == node.id)
    if await session.scalar(select(fulfilled)):
        raise FailedPrecondition("Other nodes fulfil this commitment.", reason="COMMITMENT_FULFILLED")


async def _move(session: Session, node: SubjectNode, parent_id: str | None) -> None:
    """
    Put a node below another.

    Raises:
        InvalidArgument: It would become its own ancestor; reason OWN_ANCESTOR.
    """
    nodes = select(SubjectNode.id, SubjectNode.parent_id).where(SubjectNode.forum_id == node.forum_id)
    parents: dict[str, str | None] = {row.id: row.parent_id for row in await session.execute(nodes)}
    if would_cycle(parents, node.id, parent_id):
        message = "The node would become its own ancestor."
        raise InvalidArgument("subject_node.parent", message, reason="OWN_ANCESTOR")
    node.parent_id = parent_id
