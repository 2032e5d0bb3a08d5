"""Serves the conclusions of forums."""

from typing import Any

from austausch.forum.v1 import events_pb2, forum_pb2, forum_pb2_grpc
from google.protobuf import empty_pb2
from sqlalchemy import delete, select
from sqlalchemy.orm.attributes import set_committed_value

from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.model import new_id, now
from chassis.outbox import emit
from services.forum.constraints import erase, store
from services.forum.convert import column_values, conclusion_message, forum_message, recommendation_message
from services.forum.links import link
from services.forum.model import (
    Conclusion,
    ConclusionState,
    Forum,
    Recommendation,
    RecommendationState,
    SharedBy,
    SubjectNode,
    WorkingGroup,
)
from services.forum.panel import Panel
from services.forum.references import ids_in_forum, sdg_targets_of
from services.forum.rights import check_etag, conclusion_verbs, hide_name, of_forum, see
from services.forum.service.listing import page_of_forum
from services.forum.writers import may_edit, require_groups, require_writer

COLUMNS = {"title", "text", "language", "dissent"}
FIELDS = COLUMNS | {"working_groups", "nodes"}
ORDERINGS = {"create_time": Conclusion.create_time, "update_time": Conclusion.update_time, "title": Conclusion.title}


def _as_message(conclusion: Conclusion) -> forum_pb2.Conclusion:
    """Return a conclusion as its caller may see it."""
    message = conclusion_message(conclusion, conclusion_verbs(conclusion))
    message.editable = may_edit(conclusion)
    return hide_name(message)


class ConclusionServicer(forum_pb2_grpc.ConclusionServiceServicer):
    """Serves `ConclusionService`; rules and errors are in the contract."""

    def __init__(self, database: Database, panel: Panel) -> None:
        self._database = database
        self._panel = panel

    async def GetConclusion(self, request: forum_pb2.GetConclusionRequest, context: Any) -> forum_pb2.Conclusion:
        async with self._database.read() as session:
            return _as_message(await see(session, Conclusion, request.name))

    async def ListConclusions(
        self, request: forum_pb2.ListConclusionsRequest, context: Any
    ) -> forum_pb2.ListConclusionsResponse:
        async with self._database.read() as session:
            statement = of_forum(Conclusion, request.parent)
            if request.state:
                state = column_values(request, {"state"}, Conclusion)["state"]
                statement = statement.where(Conclusion.state == state)
            if request.working_group:
                group = WorkingGroup.parse(request.working_group)
                shared = select(SharedBy.conclusion_id).where(
                    SharedBy.forum_id == group["forum_id"], SharedBy.working_group_id == group["id"]
                )
                statement = statement.where(Conclusion.forum_id == group["forum_id"], Conclusion.id.in_(shared))
            rows, token, total = await page_of_forum(session, statement, Conclusion, request, ORDERINGS, "create_time")
        return forum_pb2.ListConclusionsResponse(
            conclusions=[_as_message(row) for row in rows], next_page_token=token, total_size=total
        )

    async def CreateConclusion(self, request: forum_pb2.CreateConclusionRequest, context: Any) -> forum_pb2.Conclusion:
        await self._panel.admit_writer(Forum.parse(request.parent)["id"])
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(self, session: Session, request: forum_pb2.CreateConclusionRequest) -> forum_pb2.Conclusion:
        forum = await see(session, Forum, request.parent)
        conclusion = Conclusion(forum_id=forum.id, id=request.conclusion_id or new_id(), state=ConclusionState.DRAFT)
        set_committed_value(conclusion, "working_group_ids", [])
        await self._change(session, conclusion, request.conclusion, FIELDS)
        await session.refresh(conclusion, ["writers"])
        return _as_message(conclusion)

    async def UpdateConclusion(self, request: forum_pb2.UpdateConclusionRequest, context: Any) -> forum_pb2.Conclusion:
        message = request.conclusion
        paths = updated_paths(request.update_mask, message, FIELDS)
        await self._panel.admit_writer(Conclusion.parse(message.name)["forum_id"])
        async with self._database.begin() as session:
            conclusion = await see(session, Conclusion, message.name, lock=True)
            check_etag(conclusion, message.etag)
            conclusion.require_draft()
            require_writer(conclusion)
            conclusion.update_time = now()
            await self._change(session, conclusion, message, paths)
            return _as_message(conclusion)

    async def _change(
        self, session: Session, conclusion: Conclusion, message: forum_pb2.Conclusion, paths: set[str]
    ) -> None:
        """Store a conclusion, with the fields changed that the paths name."""
        forum_id = conclusion.forum_id
        for column, value in column_values(message, paths & COLUMNS, Conclusion).items():
            setattr(conclusion, column, value)
        session.add(conclusion)
        await store(session)
        if "working_groups" in paths:
            field = "conclusion.working_groups"
            groups = await ids_in_forum(session, WorkingGroup, message.working_groups, forum_id, field)
            await require_groups(session, forum_id, conclusion.working_group_ids, groups)
            await link(session, conclusion, "working_group_ids", groups)
        if "nodes" in paths:
            nodes = await ids_in_forum(session, SubjectNode, message.nodes, forum_id, "conclusion.nodes")
            await link(session, conclusion, "node_ids", nodes)

    async def DeleteConclusion(self, request: forum_pb2.DeleteConclusionRequest, context: Any) -> empty_pb2.Empty:
        async with self._database.begin() as session:
            conclusion = await see(session, Conclusion, request.name, lock=True)
            check_etag(conclusion, request.etag)
            conclusion.require_draft()
            await session.execute(
                delete(Recommendation).where(
                    Recommendation.forum_id == conclusion.forum_id, Recommendation.conclusion_id == conclusion.id
                )
            )
            await erase(session, conclusion)
        return empty_pb2.Empty()

    async def AdoptConclusion(self, request: forum_pb2.AdoptConclusionRequest, context: Any) -> forum_pb2.Conclusion:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._adopt(session, request))

    async def _adopt(self, session: Session, request: forum_pb2.AdoptConclusionRequest) -> forum_pb2.Conclusion:
        conclusion = await see(session, Conclusion, request.name, lock=True)
        check_etag(conclusion, request.etag)
        conclusion.adopt()
        drafts = await self._drafts(session, conclusion)
        for recommendation in drafts:
            recommendation.adopt()
        await store(session)
        forum = await see(session, Forum, Forum.NAME.format(id=conclusion.forum_id))
        event = events_pb2.ConclusionAdopted(
            forum=forum_message(forum),
            conclusion=conclusion_message(conclusion),
            recommendations=[recommendation_message(recommendation) for recommendation in drafts],
            sdg_targets=await sdg_targets_of(session, conclusion),
        )
        emit(session, event, conclusion.name)
        return _as_message(conclusion)

    async def _drafts(self, session: Session, conclusion: Conclusion) -> list[Recommendation]:
        """Return the draft recommendations of a conclusion, locked, oldest first."""
        statement = (
            select(Recommendation)
            .where(
                Recommendation.forum_id == conclusion.forum_id,
                Recommendation.conclusion_id == conclusion.id,
                Recommendation.state == RecommendationState.DRAFT,
            )
            .order_by(Recommendation.create_time, Recommendation.id)
            .with_for_update(of=Recommendation)
        )
        with session.no_autoflush:
            return list(await session.scalars(statement))
