"""Conclusions, and their adoption."""

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from austausch.forum.v1 import forum_pb2_grpc
from austausch.forum.v1.events_pb2 import ConclusionAdopted
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import delete, select
from sqlalchemy.orm.attributes import set_committed_value

from chassis.convert import read_enum
from chassis.database import Database, Session
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once, find_answer
from chassis.identity import identity
from chassis.model import new_id
from chassis.outbox import emit
from chassis.transitions import SeenVersion, transition
from services.forum import convert, inherited_topics, queries, rights
from services.forum.eligibility_checks import EligibilityChecks
from services.forum.model import (
    Conclusion,
    ConclusionGroup,
    ConclusionState,
    Forum,
    Recommendation,
    RecommendationState,
    SubjectNode,
    WorkingGroup,
)

ORDERINGS = {"create_time": Conclusion.create_time, "update_time": Conclusion.update_time, "title": Conclusion.title}


# NATS carries a megabyte at most, and each event repeats the conclusion.
LARGEST_PART_BYTES = 500_000


class ConclusionServicer(forum_pb2_grpc.ConclusionServiceServicer):
    """Serves ``ConclusionService``."""

    def __init__(self, database: Database, eligibility: EligibilityChecks) -> None:
        self._database = database
        self._eligibility = eligibility

    async def GetConclusion(self, request: pb.GetConclusionRequest, context: Any) -> pb.Conclusion:
        async with self._database.read_once() as session:
            conclusion = await queries.get_visible(session, Conclusion, request.name)
            return convert.conclusion_message(conclusion, identity())

    async def ListConclusions(self, request: pb.ListConclusionsRequest, context: Any) -> pb.ListConclusionsResponse:
        statement = queries.select_of_forum(Conclusion, request.parent)
        if request.state:
            statement = statement.where(Conclusion.state == read_enum(request, "state", ConclusionState))
        if request.working_group:
            group = WorkingGroup.parse(request.working_group)
            of_group = select(ConclusionGroup.conclusion_id).where(
                ConclusionGroup.forum_id == group["forum_id"], ConclusionGroup.working_group_id == group["id"]
            )
            statement = statement.where(Conclusion.forum_id == group["forum_id"], Conclusion.id.in_(of_group))
        async with self._database.read_once() as session:
            rows, token, total = await queries.read_page_of_forum(session, statement, Conclusion, request, ORDERINGS)
        conclusions = [convert.conclusion_message(conclusion, identity()) for conclusion in rows]
        return pb.ListConclusionsResponse(conclusions=conclusions, next_page_token=token, total_size=total)

    async def CreateConclusion(self, request: pb.CreateConclusionRequest, context: Any) -> pb.Conclusion:
        if known := await find_answer(self._database, request, pb.Conclusion):
            return known
        await self._eligibility.admit_writer(request.parent)
        return await answer_once(self._database, request, _create)

    async def UpdateConclusion(self, request: pb.UpdateConclusionRequest, context: Any) -> pb.Conclusion:
        message = request.conclusion
        paths = updated_paths(request.update_mask, message, convert.CONCLUSION_FIELDS)
        await self._eligibility.admit_writer(queries.get_forum_name(Conclusion, message.name))
        async with self._database.begin() as session:
            conclusion = await _lock(session, message)
            conclusion.require_draft()
            rights.require_writer(identity(), conclusion)
            await _assign(session, conclusion, message, paths)
            return convert.conclusion_message(conclusion, identity())

    async def AdoptConclusion(self, request: pb.AdoptConclusionRequest, context: Any) -> pb.Conclusion:
        return await transition(self._database, request, _lock, Conclusion.adopt, _write_adoption)

    async def DeleteConclusion(self, request: pb.DeleteConclusionRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            conclusion = await _lock(session, request)
            conclusion.require_draft()
            await session.execute(
                delete(Recommendation).where(
                    Recommendation.forum_id == conclusion.forum_id, Recommendation.conclusion_id == conclusion.id
                )
            )
            await session.delete(conclusion)
        return Empty()


async def _create(session: Session, request: pb.CreateConclusionRequest) -> pb.Conclusion:
    forum = await queries.get_visible(session, Forum, request.parent)
    conclusion = Conclusion(forum_id=forum.id, id=request.conclusion_id or new_id(), state=ConclusionState.DRAFT)
    set_committed_value(conclusion, "working_group_ids", [])
    await _assign(session, conclusion, request.conclusion, convert.CONCLUSION_FIELDS)
    await session.refresh(conclusion, ["writers"])
    return convert.conclusion_message(conclusion, identity())


async def _lock(session: Session, request: SeenVersion) -> Conclusion:
    """
    Return the conclusion, locked, for a caller who saw the current version.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is none.
        EtagMismatch: Someone changed it since.
    """
    conclusion = await queries.get_visible(session, Conclusion, request.name, lock=True)
    rights.check_etag(identity(), conclusion, request.etag)
    return conclusion


async def _assign(session: Session, conclusion: Conclusion, message: pb.Conclusion, paths: Set[str]) -> None:
    """
    Write the fields that a request sets.

    Raises:
        InvalidArgument: A group or a node is not of this forum (reason NOT_IN_FORUM), or an expert leaves no group
            (WORKING_GROUP_REQUIRED).
        PermissionDenied: An expert adds or removes a group that is not its own; reason NOT_IN_WORKING_GROUP.
        AlreadyExists: The id is taken; reason NAME_TAKEN.
    """
    links = {}
    if "working_groups" in paths:
        links["working_group_ids"] = groups = await queries.get_ids_in_forum(
            session, WorkingGroup, message.working_groups, conclusion.forum_id, "conclusion.working_groups"
        )
        await _require_regrouping(session, conclusion, groups)
    if "nodes" in paths:
        links["node_ids"] = await queries.get_ids_in_forum(
            session, SubjectNode, message.nodes, conclusion.forum_id, "conclusion.nodes"
        )
    conclusion.assign(convert.conclusion_columns(message, paths))
    await queries.write_linked(session, conclusion, links)


async def _require_regrouping(session: Session, conclusion: Conclusion, after: Collection[str]) -> None:
    """Raise unless the caller may let these groups share a conclusion; raises as `rights.require_regrouping`."""
    before = conclusion.working_group_ids
    groups = await session.scalars(
        select(WorkingGroup).where(WorkingGroup.forum_id == conclusion.forum_id, WorkingGroup.id.in_({*before, *after}))
    )
    rights.require_regrouping(identity(), groups, before, after)


async def _write_adoption(session: Session, conclusion: Conclusion) -> pb.Conclusion:
    """Adopt the drafts of a conclusion's recommendations with it, write them all and the event, return the answer."""
    drafts = await _lock_drafts(session, conclusion)
    for recommendation in drafts:
        recommendation.adopt()
    await queries.flush_or_refuse(session)
    fields: dict[str, Any] = {
        "forum": convert.forum_message(await session.get_one(Forum, conclusion.forum_id)),
        "conclusion": convert.conclusion_message(conclusion),
        "sdg_targets": await inherited_topics.get_sdg_targets(session, conclusion),
        "topics": await inherited_topics.get_topics(session, conclusion),
    }
    for part in _split(list(map(convert.recommendation_message, drafts))):
        emit(session, ConclusionAdopted(recommendations=part, **fields), conclusion.name)
    return convert.conclusion_message(conclusion, identity())


def _split(recommendations: Sequence[pb.Recommendation]) -> Iterator[Sequence[pb.Recommendation]]:
    """Yield recommendations in parts that an event carries, one at least."""
    first, size = 0, 0
    for index, recommendation in enumerate(recommendations):
        size += recommendation.ByteSize()
        if size > LARGEST_PART_BYTES and index > first:
            yield recommendations[first:index]
            first, size = index, recommendation.ByteSize()
    yield recommendations[first:]


async def _lock_drafts(session: Session, conclusion: Conclusion) -> list[Recommendation]:
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
