"""
Learnings from other services' events.

Each becomes a learning whose id follows from its source, so that neither a repeated nor a belated event makes a second
one; and what people have done to it since is never undone.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from austausch.exchange.v1 import events_pb2 as exchange_events
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import events_pb2 as forum_events
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import events_pb2
from google.protobuf.message import Message
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from chassis.consumer import Handlers, Origin
from chassis.convert import composed
from chassis.database import Session
from chassis.identity import act_as, identity
from chassis.outbox import emit
from services.knowledge.convert import to_message, visibility_of
from services.knowledge.model import DELETED, FORUM, KnownVisit, Learning, LearningState

# Who wrote a debrief whose event names no person.
EXCHANGE = "services/exchange"

Verdict = forum_pb2.Recommendation.Answer
State = forum_pb2.Recommendation.State
IMPLEMENTED = (State.STATE_IMPLEMENTED, State.STATE_VERIFIED)
# How a learning's new state is told.
TOLD: dict[LearningState, Callable[..., Message]] = {
    LearningState.LESSON_IDENTIFIED: events_pb2.LearningIdentified,
    LearningState.IMPLEMENTED: events_pb2.LearningImplemented,
    LearningState.VALIDATED: events_pb2.LearningValidated,
    LearningState.REJECTED: events_pb2.LearningRejected,
}
Followed = (
    forum_events.RecommendationAnswered
    | forum_events.RecommendationPlanned
    | forum_events.RecommendationStarted
    | forum_events.RecommendationImplemented
    | forum_events.RecommendationVerified
    | forum_events.RecommendationReturned
)


async def know_visit(session: Session, event: Any, _origin: Origin) -> None:
    """Keep what a visit is called and whose it is, for the learnings that come from it."""
    await _know(session, event.visit)


async def forget_visit(session: Session, event: exchange_events.VisitDeleted, _origin: Origin) -> None:
    """Let learnings from a visit that was deleted stand alone; they keep its title."""
    statement = insert(KnownVisit).values(name=event.visit, title="", cities=[], version=DELETED)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[KnownVisit.name], set_={"title": "", "cities": [], "version": DELETED}
        )
    )
    await session.execute(
        update(Learning)
        .where(Learning.source == event.visit)
        .values(source="", update_time=Learning.update_time)
        .execution_options(synchronize_session=False)
    )


async def record_debrief(session: Session, event: exchange_events.VisitReported, origin: Origin) -> None:
    """Make an observation of each entry of a visit's debrief."""
    visit, exchange = event.visit, event.exchange
    _credit(event.author_display_name)
    away = visit.direction == exchange_pb2.Visit.DIRECTION_OUTGOING
    await _know(session, visit)
    for number, entry in enumerate(visit.debrief.entries):
        await _record(
            session,
            origin,
            key=f"{visit.name}/debrief/{number}",
            title=entry.title,
            language=entry.language,
            observation=entry.observation,
            discussion=entry.discussion,
            conclusion=entry.conclusion,
            recommendation=entry.recommendation,
            topics=composed(entry.topics or exchange.topics),
            sdg_targets=list(exchange.sdg_targets),
            cities=[exchange.city] if exchange.city else [visit.guest_city, visit.host_city],
            source=visit.name,
            source_title=visit.title,
            department=exchange.department if away else visit.host_department,
            visibility=visibility_of(entry.visibility),
            author=event.author or EXCHANGE,
            author_name=event.author_display_name,
            state=LearningState.OBSERVATION,
        )


async def record_conclusion(session: Session, event: forum_events.ConclusionAdopted, origin: Origin) -> None:
    """Make an insight of a conclusion, and one of each recommendation that was adopted with it."""
    forum, conclusion = event.forum, event.conclusion
    _credit(conclusion.updater or forum.title)
    await _record(
        session,
        origin,
        key=conclusion.name,
        title=conclusion.title,
        language=conclusion.language,
        observation=conclusion.text,
        discussion=conclusion.dissent,
        source=conclusion.name,
        **_of_forum(forum, event.sdg_targets),
    )
    for recommendation in event.recommendations:
        await _record_recommendation(session, origin, forum, conclusion, recommendation, event.sdg_targets)


async def follow_recommendation(session: Session, event: Followed, origin: Origin) -> None:
    """
    Take the learning of a recommendation as far as the recommendation has come.

    Accepted, at least in part, it is a lesson identified; then implemented, and with the verification validated. A
    correction of the answer and what came back as not done lead back. Each event says all that came before it, and one
    that is older than what was followed changes nothing, so that it does not matter in which order they arrive.
    """
    recommendation = event.recommendation
    _credit(recommendation.updater or event.forum.title)
    learning = await session.get(Learning, _id(recommendation.name), with_for_update=True)
    if learning:
        _follow(learning, event)
        if session.is_modified(learning):
            await session.flush()
            kind = TOLD.get(learning.state, events_pb2.LearningUpdated)
            emit(session, kind(learning=to_message(learning)), learning.name)
    elif event.HasField("conclusion"):
        await _record_recommendation(
            session,
            origin,
            event.forum,
            event.conclusion,
            recommendation,
            event.sdg_targets,
            lambda recorded: _follow(recorded, event),
        )


def _follow(learning: Learning, event: Followed) -> None:
    recommendation, answer = event.recommendation, event.recommendation.answer
    version = int(recommendation.etag or 0)
    if version and version <= (learning.source_version or 0):
        return
    learning.source_version = version
    rejected = answer.verdict == Verdict.VERDICT_REJECTED
    for former in recommendation.former_answers:
        learning.take_back_answer(former.reason, "" if rejected else answer.reason)
    if rejected:
        learning.decline(answer.reason, recommendation.text if recommendation.former_answers else "")
        return
    learning.accept(recommendation.text, recommendation.owner_department, answer.reason)
    if recommendation.state in IMPLEMENTED:
        learning.carry_out()
    if isinstance(event, forum_events.RecommendationReturned):
        learning.reopen()
    if isinstance(event, forum_events.RecommendationVerified):
        learning.confirm(event.actor, recommendation.updater)


async def _record_recommendation(
    session: Session,
    origin: Origin,
    forum: forum_pb2.Forum,
    conclusion: forum_pb2.Conclusion,
    recommendation: forum_pb2.Recommendation,
    sdg_targets: Any,
    follow: Callable[[Learning], object] = bool,
) -> None:
    await _record(
        session,
        origin,
        key=recommendation.name,
        follow=follow,
        title=recommendation.title,
        language=recommendation.language,
        observation=conclusion.title,
        recommendation=recommendation.text,
        source=recommendation.name,
        department=recommendation.owner_department,
        **_of_forum(forum, sdg_targets),
    )


def _of_forum(forum: forum_pb2.Forum, sdg_targets: Any) -> dict[str, Any]:
    return {
        "source_title": forum.title,
        "sdg_targets": list(sdg_targets),
        "cities": [forum.city] if forum.city else [],
        "author": FORUM,
        "author_name": forum.title,
        "state": LearningState.INSIGHT,
    }


async def _record(
    session: Session, origin: Origin, *, key: str, follow: Callable[[Learning], object] = bool, **values: Any
) -> None:
    """Record a learning, changed by `follow` before anyone sees it, unless it is there already."""
    if await session.get(Learning, _id(key)):
        return
    learning = Learning(
        id=_id(key),
        create_time=origin.time,
        **{"discussion": "", **values},
    )
    follow(learning)
    session.add(learning)
    await session.flush()
    emit(session, events_pb2.LearningRecorded(learning=to_message(learning)), learning.name)


def _credit(person: str) -> None:
    """Let what this event changes name the person behind it as who changed it last."""
    caller = identity()
    act_as(replace(caller, name=person or caller.name))


def _id(key: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"austausch:{key}"))


async def _know(session: Session, visit: exchange_pb2.Visit) -> None:
    cities = [city for city in (visit.host_city, visit.guest_city) if city]
    statement = insert(KnownVisit).values(
        name=visit.name, title=visit.title, cities=cities, version=int(visit.etag or 0)
    )
    newer = await session.scalar(
        statement.on_conflict_do_update(
            index_elements=[KnownVisit.name],
            set_={column: statement.excluded[column] for column in ("title", "cities", "version")},
            where=KnownVisit.version < statement.excluded.version,
        ).returning(KnownVisit.name)
    )
    if newer is None:
        return
    # For learnings that were written before the visit was known here.
    await session.execute(
        update(Learning)
        .where(Learning.source == visit.name, Learning.source_title == "")
        .values(source_title=visit.title, update_time=Learning.update_time)
        .execution_options(synchronize_session=False)
    )


HANDLERS: Handlers = {
    exchange_events.VisitCreated: know_visit,
    exchange_events.VisitChanged: know_visit,
    exchange_events.VisitDeleted: forget_visit,
    exchange_events.VisitReported: record_debrief,
    forum_events.ConclusionAdopted: record_conclusion,
    forum_events.RecommendationAnswered: follow_recommendation,
    forum_events.RecommendationPlanned: follow_recommendation,
    forum_events.RecommendationStarted: follow_recommendation,
    forum_events.RecommendationImplemented: follow_recommendation,
    forum_events.RecommendationVerified: follow_recommendation,
    forum_events.RecommendationReturned: follow_recommendation,
}
