"""Serves the recommendations of forums."""

from collections.abc import Callable
from typing import Any

from austausch.forum.v1 import events_pb2, forum_pb2, forum_pb2_grpc
from google.protobuf import empty_pb2

from chassis.convert import member
from chassis.database import Database, Session
from chassis.errors import FailedPrecondition, PermissionDenied
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import Role, identity, same_department
from chassis.model import new_id, now
from chassis.outbox import emit
from services.forum.constraints import erase, store
from services.forum.convert import (
    column_values,
    conclusion_message,
    forum_message,
    name_of,
    optional_date,
    recommendation_message,
)
from services.forum.model import Conclusion, Forum, Recommendation, RecommendationState, Verdict
from services.forum.panel import Panel
from services.forum.references import ids_in_forum, sdg_targets_of
from services.forum.rights import (
    answers_for,
    check_etag,
    hide_name,
    of_forum,
    recommendation_verbs,
    require_owner,
    see,
)
from services.forum.service.listing import page_of_forum
from services.forum.writers import may_edit_recommendation, require_writer

FOLLOW_UP = {"due_date", "evidence"}
AFTER_ADOPTION = FOLLOW_UP | {"owner_department"}
FIELDS = AFTER_ADOPTION | {"title", "text", "language"}
ORDERINGS = {
    "create_time": Recommendation.create_time,
    "update_time": Recommendation.update_time,
    "title": Recommendation.title,
    "owner_department": Recommendation.owner_department,
}

FollowUp = (
    events_pb2.RecommendationPlanned
    | events_pb2.RecommendationStarted
    | events_pb2.RecommendationImplemented
    | events_pb2.RecommendationVerified
    | events_pb2.RecommendationReturned
)
FollowUpRequest = (
    forum_pb2.PlanRecommendationRequest
    | forum_pb2.StartRecommendationRequest
    | forum_pb2.ImplementRecommendationRequest
    | forum_pb2.VerifyRecommendationRequest
    | forum_pb2.ReturnRecommendationRequest
)


def _state_of(number: int) -> RecommendationState:
    """Return `draft` for `STATE_DRAFT`; the number is not that of `STATE_UNSPECIFIED`."""
    return member(forum_pb2.Recommendation.State.DESCRIPTOR, number, RecommendationState)


def _as_message(recommendation: Recommendation) -> forum_pb2.Recommendation:
    """Return a recommendation as its caller may see it."""
    message = recommendation_message(recommendation, recommendation_verbs(recommendation))
    message.editable = may_edit_recommendation(recommendation)
    return hide_name(message)


class RecommendationServicer(forum_pb2_grpc.RecommendationServiceServicer):
    """Serves `RecommendationService`; rules and errors are in the contract."""

    def __init__(self, database: Database, panel: Panel) -> None:
        self._database = database
        self._panel = panel

    async def GetRecommendation(
        self, request: forum_pb2.GetRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        async with self._database.read() as session:
            return _as_message(await see(session, Recommendation, request.name))

    async def ListRecommendations(
        self, request: forum_pb2.ListRecommendationsRequest, context: Any
    ) -> forum_pb2.ListRecommendationsResponse:
        async with self._database.read() as session:
            statement = of_forum(Recommendation, request.parent)
            if request.conclusion:
                conclusion = Conclusion.parse(request.conclusion)
                statement = statement.where(
                    Recommendation.forum_id == conclusion["forum_id"], Recommendation.conclusion_id == conclusion["id"]
                )
            if request.state:
                statement = statement.where(Recommendation.state == _state_of(request.state))
            if request.states:
                statement = statement.where(Recommendation.state.in_(map(_state_of, request.states)))
            if request.owner_department:
                # What names the same is decided here: PostgreSQL takes ß and SS for different letters.
                owners = await session.scalars(statement.with_only_columns(Recommendation.owner_department).distinct())
                alike = [owner for owner in owners if same_department(owner, request.owner_department)]
                statement = statement.where(Recommendation.owner_department.in_(alike))
            rows, token, total = await page_of_forum(
                session, statement, Recommendation, request, ORDERINGS, "create_time"
            )
        return forum_pb2.ListRecommendationsResponse(
            recommendations=[_as_message(row) for row in rows], next_page_token=token, total_size=total
        )

    async def CreateRecommendation(
        self, request: forum_pb2.CreateRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        await self._panel.admit_writer(Forum.parse(request.parent)["id"])
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, request))

    async def _create(
        self, session: Session, request: forum_pb2.CreateRecommendationRequest
    ) -> forum_pb2.Recommendation:
        forum = await see(session, Forum, request.parent)
        field, name = "recommendation.conclusion", request.recommendation.conclusion
        await ids_in_forum(session, Conclusion, [name], forum.id, field)
        # Locked: the conclusion shall not be adopted without this draft.
        conclusion = await see(session, Conclusion, name, lock=True)
        conclusion.require_draft()
        require_writer(conclusion)
        recommendation = Recommendation(
            forum=forum,
            forum_id=forum.id,
            id=request.recommendation_id or new_id(),
            conclusion_id=conclusion.id,
            state=RecommendationState.DRAFT,
            **column_values(request.recommendation, FIELDS, Recommendation),
        )
        session.add(recommendation)
        await store(session)
        await session.refresh(recommendation, ["writers"])
        return _as_message(recommendation)

    async def UpdateRecommendation(
        self, request: forum_pb2.UpdateRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        message, insider = request.recommendation, identity().has(Role.COORDINATOR, Role.MEMBER)
        paths = updated_paths(request.update_mask, message, FIELDS)
        if not insider:
            await self._panel.admit_writer(Recommendation.parse(message.name)["forum_id"])
        async with self._database.begin() as session:
            recommendation = await see(session, Recommendation, message.name, lock=True)
            check_etag(recommendation, message.etag)
            if not insider:
                require_writer(recommendation)
            values = column_values(message, paths, Recommendation)
            changes = {name for name, value in values.items() if value != getattr(recommendation, name)}
            self._require_changeable(recommendation, changes)
            for column, value in values.items():
                setattr(recommendation, column, value)
            recommendation.update_time = now()
            await store(session)
            return _as_message(recommendation)

    def _require_changeable(self, recommendation: Recommendation, changes: set[str]) -> None:
        """Raise unless the state allows the changes of these fields, and the caller may make them."""
        caller = identity()
        if recommendation.state is RecommendationState.VERIFIED:
            raise FailedPrecondition("The recommendation is verified and cannot be changed.", reason="VERIFIED")
        if not changes <= AFTER_ADOPTION or not caller.has(Role.COORDINATOR, Role.MEMBER):
            recommendation.require_draft()
        if caller.has(Role.MEMBER) and not caller.has(Role.COORDINATOR):
            require_owner(recommendation)
            if not changes <= FOLLOW_UP:
                message = "A department changes the due date and the evidence only."
                raise PermissionDenied(message, reason="BEYOND_FOLLOW_UP")

    async def DeleteRecommendation(
        self, request: forum_pb2.DeleteRecommendationRequest, context: Any
    ) -> empty_pb2.Empty:
        async with self._database.begin() as session:
            recommendation = await see(session, Recommendation, request.name, lock=True)
            check_etag(recommendation, request.etag)
            recommendation.require_draft()
            await erase(session, recommendation)
        return empty_pb2.Empty()

    async def AnswerRecommendation(
        self, request: forum_pb2.AnswerRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._answer(session, request))

    async def _answer(
        self, session: Session, request: forum_pb2.AnswerRecommendationRequest
    ) -> forum_pb2.Recommendation:
        verdict = member(forum_pb2.Recommendation.Answer.Verdict.DESCRIPTOR, request.verdict, Verdict)
        recommendation = await see(session, Recommendation, request.name, lock=True)
        require_owner(recommendation)
        check_etag(recommendation, request.etag)
        recommendation.answer(verdict, request.reason, identity().name)
        owner = request.owner_department or recommendation.owner_department
        if owner != recommendation.owner_department and not identity().has(Role.COORDINATOR):
            message = "Only a coordinator names the department that owns a recommendation."
            raise PermissionDenied(message, reason="OWNER_BY_COORDINATORS_ONLY")
        recommendation.owner_department = owner
        await store(session)
        event = events_pb2.RecommendationAnswered(**await _facts(session, recommendation))
        emit(session, event, recommendation.name)
        return _as_message(recommendation)

    async def CorrectRecommendation(
        self, request: forum_pb2.CorrectRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._correct(session, request))

    async def _correct(
        self, session: Session, request: forum_pb2.CorrectRecommendationRequest
    ) -> forum_pb2.Recommendation:
        verdict = member(forum_pb2.Recommendation.Answer.Verdict.DESCRIPTOR, request.verdict, Verdict)
        recommendation = await see(session, Recommendation, request.name, lock=True)
        require_owner(recommendation)
        check_etag(recommendation, request.etag)
        recommendation.correct(verdict, request.reason, identity().name)
        await store(session)
        event = events_pb2.RecommendationAnswered(**await _facts(session, recommendation))
        emit(session, event, recommendation.name)
        return _as_message(recommendation)

    async def PlanRecommendation(
        self, request: forum_pb2.PlanRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        due_date = optional_date(request, "due_date", "due_date")
        return await self._follow_up(request, events_pb2.RecommendationPlanned, lambda row: row.plan(due_date))

    async def StartRecommendation(
        self, request: forum_pb2.StartRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        return await self._follow_up(request, events_pb2.RecommendationStarted, Recommendation.start)

    async def ImplementRecommendation(
        self, request: forum_pb2.ImplementRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        caller = identity()
        return await self._follow_up(
            request,
            events_pb2.RecommendationImplemented,
            lambda row: row.implement(request.evidence, caller.name, caller.subject),
        )

    async def VerifyRecommendation(
        self, request: forum_pb2.VerifyRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        caller = identity()
        return await self._follow_up(
            request,
            events_pb2.RecommendationVerified,
            lambda row: row.verify(caller.name, caller.subject, answers_for(caller)),
        )

    async def ReturnRecommendation(
        self, request: forum_pb2.ReturnRecommendationRequest, context: Any
    ) -> forum_pb2.Recommendation:
        caller = identity()
        return await self._follow_up(
            request, events_pb2.RecommendationReturned, lambda row: row.send_back(request.reason, caller.name)
        )

    async def _follow_up(
        self, request: FollowUpRequest, event: type[FollowUp], step: Callable[[Recommendation], None]
    ) -> forum_pb2.Recommendation:
        """Take one step of the implementation, and tell of it."""
        async with self._database.begin() as session:

            async def take() -> forum_pb2.Recommendation:
                recommendation = await see(session, Recommendation, request.name, lock=True)
                require_owner(recommendation)
                check_etag(recommendation, request.etag)
                step(recommendation)
                await store(session)
                facts = await _facts(session, recommendation)
                emit(session, event(actor=identity().subject, **facts), recommendation.name)
                return _as_message(recommendation)

            return await answer_once(session, request, take)


async def _facts(session: Session, recommendation: Recommendation) -> dict[str, Any]:
    """Return what every event tells of a recommendation, by field."""
    conclusion_name = name_of(Conclusion, recommendation.forum_id, recommendation.conclusion_id)
    conclusion = await see(session, Conclusion, conclusion_name)
    return {
        "forum": forum_message(recommendation.forum),
        "conclusion": conclusion_message(conclusion),
        "recommendation": recommendation_message(recommendation),
        "sdg_targets": await sdg_targets_of(session, conclusion),
    }
