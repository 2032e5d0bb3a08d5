"""Serves the trees of what forums review."""

from typing import Any

from austausch.forum.v1 import forum_pb2, forum_pb2_grpc
from google.protobuf import empty_pb2
from sqlalchemy import exists, func, select

from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, InvalidArgument
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id, now
from services.forum.constraints import erase, store
from services.forum.convert import column_values, subject_node_message
from services.forum.links import link
from services.forum.model import Forum, Fulfilment, NodeKind, SubjectNode
from services.forum.references import ids_in_forum
from services.forum.rights import of_forum, see
from services.forum.service.listing import page_of_forum
from services.forum.tree import would_cycle

COLUMNS = {"kind", "code", "title", "description", "sdg_targets", "department"}
FIELDS = COLUMNS | {"parent", "fulfils"}
ORDERINGS = {"code": SubjectNode.code, "title": SubjectNode.title, "create_time": SubjectNode.create_time}


class SubjectNodeServicer(forum_pb2_grpc.SubjectNodeServiceServicer):
    """Serves `SubjectNodeService`; rules and errors are in the contract."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetSubjectNode(self, request: forum_pb2.GetSubjectNodeRequest, context: Any) -> forum_pb2.SubjectNode:
        async with self._database.read() as session:
            return subject_node_message(await see(session, SubjectNode, request.name))

    async def ListSubjectNodes(
        self, request: forum_pb2.ListSubjectNodesRequest, context: Any
    ) -> forum_pb2.ListSubjectNodesResponse:
        async with self._database.read() as session:
            statement = of_forum(SubjectNode, request.parent)
            if request.kind:
                kind = column_values(request, {"kind"}, SubjectNode)["kind"]
                statement = statement.where(SubjectNode.kind == kind)
            rows, token, total = await page_of_forum(session, statement, SubjectNode, request, ORDERINGS, "code")
        return forum_pb2.ListSubjectNodesResponse(
            subject_nodes=[subject_node_message(row) for row in rows], next_page_token=token, total_size=total
        )

    async def CreateSubjectNode(
        self, request: forum_pb2.CreateSubjectNodeRequest, context: Any
    ) -> forum_pb2.SubjectNode:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(self, session: Session, request: forum_pb2.CreateSubjectNodeRequest) -> forum_pb2.SubjectNode:
        forum = await see(session, Forum, request.parent)
        node = SubjectNode(forum_id=forum.id, id=request.subject_node_id or new_id())
        await self._change(session, node, request.subject_node, FIELDS)
        return subject_node_message(node)

    async def UpdateSubjectNode(
        self, request: forum_pb2.UpdateSubjectNodeRequest, context: Any
    ) -> forum_pb2.SubjectNode:
        message = request.subject_node
        paths = updated_paths(request.update_mask, message, FIELDS)
        async with self._database.begin() as session:
            if "parent" in paths:
                # Two moves at once could close a cycle that neither of them sees.
                forum_id = SubjectNode.parse(message.name)["forum_id"]
                await see(session, Forum, Forum.NAME.format(id=forum_id), lock=True)
            node = await see(session, SubjectNode, message.name, lock=True)
            node.check_etag(message.etag)
            node.update_time = now()
            await self._change(session, node, message, paths)
            return subject_node_message(node)

    async def _change(
        self, session: Session, node: SubjectNode, message: forum_pb2.SubjectNode, paths: set[str]
    ) -> None:
        """Store a node, with the fields changed that the paths name."""
        values = column_values(message, paths & COLUMNS, SubjectNode)
        with session.no_autoflush:
            if node.kind is NodeKind.COMMITMENT and values.get("kind", node.kind) is not NodeKind.COMMITMENT:
                await self._require_unfulfilled(session, node)
            if "parent" in paths:
                names = [message.parent] if message.parent else []
                ids = await ids_in_forum(session, SubjectNode, names, node.forum_id, "subject_node.parent")
                await self._move(session, node, ids[0] if ids else None)
        for column, value in values.items():
            setattr(node, column, value)
        session.add(node)
        await store(session)
        if "fulfils" in paths:
            await link(session, node, "commitment_ids", await self._commitments(session, node.forum_id, message))

    async def _commitments(self, session: Session, forum_id: str, message: forum_pb2.SubjectNode) -> list[str]:
        """Return the ids of the commitments that a message names."""
        field = "subject_node.fulfils"
        ids = await ids_in_forum(session, SubjectNode, message.fulfils, forum_id, field)
        statement = select(func.count()).where(
            SubjectNode.forum_id == forum_id, SubjectNode.id.in_(ids), SubjectNode.kind == NodeKind.COMMITMENT
        )
        if await session.scalar(statement) != len(ids):
            refusal = "A node fulfils commitments (nodes of kind KIND_COMMITMENT) only."
            raise InvalidArgument(field, refusal, reason="NOT_A_COMMITMENT")
        return ids

    async def _require_unfulfilled(self, session: Session, node: SubjectNode) -> None:
        """Raise when a commitment that others fulfil would become something else."""
        fulfilled = exists().where(Fulfilment.forum_id == node.forum_id, Fulfilment.commitment_id == node.id)
        if await session.scalar(select(fulfilled)):
            raise FailedPrecondition("Other nodes fulfil this commitment.", reason="COMMITMENT_FULFILLED")

    async def _move(self, session: Session, node: SubjectNode, parent_id: str | None) -> None:
        """Put a node below another, unless that would close a cycle."""
        nodes = select(SubjectNode.id, SubjectNode.parent_id).where(SubjectNode.forum_id == node.forum_id)
        parents: dict[str, str | None] = {row.id: row.parent_id for row in await session.execute(nodes)}
        if would_cycle(parents, node.id, parent_id):
            message = "The node would become its own ancestor."
            raise InvalidArgument("subject_node.parent", message, reason="OWN_ANCESTOR")
        node.parent_id = parent_id

    async def DeleteSubjectNode(self, request: forum_pb2.DeleteSubjectNodeRequest, context: Any) -> empty_pb2.Empty:
        async with self._database.begin() as session:
            node = await see(session, SubjectNode, request.name, lock=True)
            node.check_etag(request.etag)
            await erase(session, node)
        return empty_pb2.Empty()
