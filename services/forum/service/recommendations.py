"""Recommendations, and their way to the verified implementation."""

from collections.abc import Callable
from functools import partial
from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from austausch.forum.v1 import forum_pb2_grpc
from austausch.forum.v1.events_pb2 import (
    RecommendationAnswered,
    RecommendationImplemented,
    RecommendationPlanned,
    RecommendationReturned,
    RecommendationStarted,
    RecommendationVerified,
)
from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Select

from chassis.convert import read_date, read_enum, read_enums
from chassis.database import Database, Session
from chassis.departments import list_spellings
from chassis.field_mask import require_unchanged, updated_paths
from chassis.idempotency import answer_once, find_answer
from chassis.identity import Role, identity
from chassis.model import new_id
from chassis.outbox import emit
from chassis.transitions import SeenVersion, TransitionRequest, transition
from services.forum import convert, inherited_topics, queries, rights
from services.forum.eligibility_checks import EligibilityChecks
from services.forum.model import Conclusion, Forum, Recommendation, RecommendationState, Verdict

ORDERINGS = {
    "create_time": Recommendation.create_time,
    "update_time": Recommendation.update_time,
    "title": Recommendation.title,
    "owner_department": Recommendation.owner_department,
}

FollowUp = (
    RecommendationPlanned
    | RecommendationStarted
    | RecommendationImplemented
    | RecommendationVerified
    | RecommendationReturned
)


class RecommendationServicer(forum_pb2_grpc.RecommendationServiceServicer):
    """Serves ``RecommendationService``."""

    def __init__(self, database: Database, eligibility: EligibilityChecks) -> None:
        self._database = database
        self._eligibility = eligibility

    async def GetRecommendation(self, request: pb.GetRecommendationRequest, context: Any) -> pb.Recommendation:
        async with self._database.read_once() as session:
            recommendation = await queries.get_visible(session, Recommendation, request.name)
            return convert.recommendation_message(recommendation, identity())

    async def ListRecommendations(
        self, request: pb.ListRecommendationsRequest, context: Any
    ) -> pb.ListRecommendationsResponse:
        statement = queries.select_of_forum(Recommendation, request.parent)
        if request.conclusion:
            conclusion = Conclusion.parse(request.conclusion)
            statement = statement.where(
                Recommendation.forum_id == conclusion["forum_id"], Recommendation.conclusion_id == conclusion["id"]
            )
        if request.state:
            statement = statement.where(Recommendation.state == read_enum(request, "state", RecommendationState))
        if request.states:
            statement = statement.where(Recommendation.state.in_(read_enums(request, "states", RecommendationState)))
        async with self._database.read_once() as session:
            if request.owner_department:
                statement = await _filter_owner(session, statement, request.owner_department)
            rows, token, total = await queries.read_page_of_forum(
                session, statement, Recommendation, request, ORDERINGS
            )
        recommendations = [convert.recommendation_message(recommendation, identity()) for recommendation in rows]
        return pb.ListRecommendationsResponse(recommendations=recommendations, next_page_token=token, total_size=total)

    async def CreateRecommendation(self, request: pb.CreateRecommendationRequest, context: Any) -> pb.Recommendation:
        if known := await find_answer(self._database, request, pb.Recommendation):
            return known
        await self._eligibility.admit_writer(request.parent)
        return await answer_once(self._database, request, _create)

    async def UpdateRecommendation(self, request: pb.UpdateRecommendationRequest, context: Any) -> pb.Recommendation:
        caller, message = identity(), request.recommendation
        paths = updated_paths(request.update_mask, message, convert.RECOMMENDATION_FIELDS)
        as_expert = not caller.has(Role.COORDINATOR, Role.MEMBER)
        if as_expert:
            await self._eligibility.admit_writer(queries.get_forum_name(Recommendation, message.name))
        async with self._database.begin() as session:
            recommendation = await _lock(session, message)
            if as_expert:
                rights.require_writer(caller, recommendation)
            stored = convert.recommendation_message(recommendation).conclusion
            require_unchanged(request.update_mask, message, convert.RECOMMENDATION_FIELDS, conclusion=stored)
            values = convert.recommendation_columns(message, paths)
            changes = recommendation.list_changes(values).keys()
            rights.require_changeable(caller, recommendation, changes)
            recommendation.assign(values)
            recommendation.require_kept(changes)
            await queries.flush_or_refuse(session)
            return convert.recommendation_message(recommendation, caller)

    async def DeleteRecommendation(self, request: pb.DeleteRecommendationRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            recommendation = await _lock(session, request)
            recommendation.require_draft()
            await session.delete(recommendation)
        return Empty()

    async def AnswerRecommendation(self, request: pb.AnswerRecommendationRequest, context: Any) -> pb.Recommendation:
        caller, verdict = identity(), read_enum(request, "verdict", Verdict)

        def answer(recommendation: Recommendation) -> None:
            recommendation.answer(verdict, request.reason, caller.name)
            if request.owner_department not in ("", recommendation.owner_department):
                rights.require_owner_assigner(caller)
                recommendation.owner_department = request.owner_department

        return await transition(self._database, request, _lock_owned, answer, _write_answer)

    async def CorrectRecommendation(self, request: pb.CorrectRecommendationRequest, context: Any) -> pb.Recommendation:
        caller, verdict = identity(), read_enum(request, "verdict", Verdict)
        return await transition(
            self._database,
            request,
            _lock_owned,
            lambda recommendation: recommendation.correct(verdict, request.reason, caller.name),
            _write_answer,
        )

    async def PlanRecommendation(self, request: pb.PlanRecommendationRequest, context: Any) -> pb.Recommendation:
        due_date = read_date(request.due_date, "due_date") if request.HasField("due_date") else None
        return await self._transition(request, RecommendationPlanned, lambda row: row.plan(due_date))

    async def StartRecommendation(self, request: pb.StartRecommendationRequest, context: Any) -> pb.Recommendation:
        return await self._transition(request, RecommendationStarted, Recommendation.start)

    async def ImplementRecommendation(
        self, request: pb.ImplementRecommendationRequest, context: Any
    ) -> pb.Recommendation:
        caller = identity()
        return await self._transition(
            request,
            RecommendationImplemented,
            lambda row: row.implement(request.evidence, caller.name, caller.subject),
        )

    async def VerifyRecommendation(self, request: pb.VerifyRecommendationRequest, context: Any) -> pb.Recommendation:
        caller = identity()
        department = rights.get_department(caller)
        return await self._transition(
            request, RecommendationVerified, lambda row: row.verify(caller.name, caller.subject, department)
        )

    async def ReturnRecommendation(self, request: pb.ReturnRecommendationRequest, context: Any) -> pb.Recommendation:
        caller = identity()
        return await self._transition(
            request, RecommendationReturned, lambda row: row.send_back(request.reason, caller.name)
        )

    async def _transition(
        self, request: TransitionRequest, event: type[FollowUp], change: Callable[[Recommendation], None]
    ) -> pb.Recommendation:
        """Take one step of the implementation, and tell of it by this event."""
        return await transition(self._database, request, _lock_owned, change, partial(_write, event))


async def _create(session: Session, request: pb.CreateRecommendationRequest) -> pb.Recommendation:
    forum = await queries.get_visible(session, Forum, request.parent)
    name = request.recommendation.conclusion
    await queries.get_ids_in_forum(session, Conclusion, [name], forum.id, "recommendation.conclusion")
    # Locked: the conclusion shall not be adopted without this draft.
    conclusion = await queries.get_visible(session, Conclusion, name, lock=True)
    conclusion.require_draft()
    rights.require_writer(identity(), conclusion)
    recommendation = Recommendation(
        forum=forum,
        forum_id=forum.id,
        id=request.recommendation_id or new_id(),
        conclusion_id=conclusion.id,
        state=RecommendationState.DRAFT,
        **convert.recommendation_columns(request.recommendation),
    )
    session.add(recommendation)
    await queries.flush_or_refuse(session)
    await session.refresh(recommendation, ["writers"])
    return convert.recommendation_message(recommendation, identity())


async def _filter_owner(session: Session, statement: Select[Recommendation], department: str) -> Select[Recommendation]:
    """Return the statement, limited to what a department owns, however people typed its name."""
    owners = await list_spellings(session, statement, Recommendation.owner_department, department)
    return statement.where(Recommendation.owner_department.in_(owners))


async def _lock(session: Session, request: SeenVersion) -> Recommendation:
    """
    Return the recommendation, locked, for a caller who saw the current version.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is none.
        EtagMismatch: Someone changed it since.
    """
    recommendation = await queries.get_visible(session, Recommendation, request.name, lock=True)
    rights.check_etag(identity(), recommendation, request.etag)
    return recommendation


async def _lock_owned(session: Session, request: SeenVersion) -> Recommendation:
    """
    Return the recommendation, locked, for a caller who may act for its owner and saw the current version.

    Raises:
        PermissionDenied: Another department owns it; reason NOT_OWNER_DEPARTMENT.
        NotFound: There is none.
        EtagMismatch: Someone changed it since.
    """
    recommendation = await queries.get_visible(session, Recommendation, request.name, lock=True)
    rights.require_owner(identity(), recommendation)
    rights.check_etag(identity(), recommendation, request.etag)
    return recommendation


async def _write(event: type[FollowUp], session: Session, recommendation: Recommendation) -> pb.Recommendation:
    """Write the recommendation and the event of a step of its implementation, and return the answer."""
    await queries.flush_or_refuse(session)
    fields = await _get_event_fields(session, recommendation)
    emit(session, event(actor=identity().subject, **fields), recommendation.name)
    return convert.recommendation_message(recommendation, identity())


async def _write_answer(session: Session, recommendation: Recommendation) -> pb.Recommendation:
    """Write the recommendation with the city's answer and the event, and return the answer of the call."""
    await queries.flush_or_refuse(session)
    fields = await _get_event_fields(session, recommendation)
    emit(session, RecommendationAnswered(**fields), recommendation.name)
    return convert.recommendation_message(recommendation, identity())


async def _get_event_fields(session: Session, recommendation: Recommendation) -> dict[str, Any]:
    """Return the fields that all events of a recommendation have in common."""
    key = {"forum_id": recommendation.forum_id, "id": recommendation.conclusion_id}
    conclusion = await session.get_one(Conclusion, key)
    return {
        "forum": convert.forum_message(recommendation.forum),
        "conclusion": convert.conclusion_message(conclusion),
        "recommendation": convert.recommendation_message(recommendation),
        "sdg_targets": await inherited_topics.get_sdg_targets(session, conclusion),
        "topics": await inherited_topics.get_topics(session, conclusion),
    }
