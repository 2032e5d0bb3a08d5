"""
Handlers for other services' events: learnings from debriefs, conclusions and recommendations.

Each becomes a learning whose id follows from its source, so that neither a repeated nor a belated event makes a second
one; and what people have done to it since, were it to delete it, is never undone.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from austausch.exchange.v1 import events_pb2 as exchange_events
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import events_pb2 as forum_events
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1.events_pb2 import (
    LearningIdentified,
    LearningImplemented,
    LearningRecorded,
    LearningRejected,
    LearningUpdated,
    LearningValidated,
)
from google.protobuf.message import Message
from sqlalchemy import Text, any_, bindparam, exists, literal_column, select, union_all, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from chassis.consumer import Arrival, Handlers, Origin, Together
from chassis.convert import unique_nfc
from chassis.database import Session
from chassis.identity import act_as, identity
from chassis.outbox import emit
from chassis.work_queue import enqueue
from services.knowledge import convert
from services.knowledge.model import (
    DELETED_VERSION,
    FORUM_AUTHOR,
    DeletedLearning,
    KnownVisit,
    Learning,
    LearningState,
)
from services.knowledge.semantics import EMBED
from services.knowledge.sources import wait_for_holders

# The author of a debrief whose event names no person.
EXCHANGE_AUTHOR = "services/exchange"
# What a learning may have by the contract. A conclusion on many nodes or a visit of many cities tells of more: nobody
# could save such a learning, and no hub would take it.
MAX_TOPICS = 30
MAX_SDG_TARGETS = 30
MAX_CITIES = 50

Verdict = forum_pb2.Recommendation.Answer
State = forum_pb2.Recommendation.State
# What tells of a learning that has come to a state; `LearningUpdated` of any other.
EVENT_BY_STATE: dict[LearningState, Callable[..., Message]] = {
    LearningState.LESSON_IDENTIFIED: LearningIdentified,
    LearningState.IMPLEMENTED: LearningImplemented,
    LearningState.VALIDATED: LearningValidated,
    LearningState.REJECTED: LearningRejected,
}
FollowUp = (
    forum_events.RecommendationAnswered
    | forum_events.RecommendationPlanned
    | forum_events.RecommendationStarted
    | forum_events.RecommendationImplemented
    | forum_events.RecommendationVerified
    | forum_events.RecommendationReturned
)


async def record_visits(session: Session, arrivals: Sequence[Arrival]) -> None:
    """
    Take down what visits are called and whose they are, and make an observation of each entry of their debriefs.

    All of them at once, whatever became of them: two replicas then never wait for each other's visits.
    """
    await _upsert_known_visits(session, [arrival.content.visit for arrival in arrivals])
    if reports := [arrival for arrival in arrivals if isinstance(arrival.content, exchange_events.VisitReported)]:
        await _record_debriefs(session, reports)


async def record_visit_deletion(session: Session, event: exchange_events.VisitDeleted, _origin: Origin) -> None:
    """Let learnings from a visit that was deleted stand alone; they keep its title."""
    await wait_for_holders(session, event.visit)
    statement = insert(KnownVisit).values(name=event.visit, title="", cities=[], version=DELETED_VERSION)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[KnownVisit.name], set_={"title": "", "cities": [], "version": DELETED_VERSION}
        )
    )
    await session.execute(
        update(Learning)
        .where(Learning.source == event.visit)
        .values(source="", update_time=Learning.update_time)
        .execution_options(synchronize_session=False)
    )


async def _record_debriefs(session: Session, arrivals: Sequence[Arrival]) -> None:
    visits = [arrival.content.visit.name for arrival in arrivals]
    deleted = set(await session.scalars(_DELETED_VISITS, {"names": visits}))
    observations: dict[str, tuple[Learning, Arrival]] = {}
    for arrival in arrivals:
        for observation in _list_observations(arrival.content, arrival.origin):
            if observation.source in deleted:
                observation.source = ""
            observations.setdefault(observation.id, (observation, arrival))
    known = await _list_known(session, observations)
    new = [pair for id_, pair in observations.items() if id_ not in known]
    session.add_all(observation for observation, _arrival in new)
    await session.flush()
    for observation, arrival in new:
        with arrival.trace():
            _tell(LearningRecorded, session, observation)


def _list_observations(event: exchange_events.VisitReported, origin: Origin) -> list[Learning]:
    visit, exchange = event.visit, event.exchange
    is_away = visit.direction == exchange_pb2.Visit.DIRECTION_OUTGOING
    return [
        Learning(
            id=_derive_id(f"{visit.name}/debrief/{number}"),
            create_time=origin.time,
            updater=event.author_display_name,
            title=entry.title,
            language=entry.language,
            observation=entry.observation,
            discussion=entry.discussion,
            conclusion=entry.conclusion,
            recommendation=entry.recommendation,
            topics=unique_nfc(entry.topics or exchange.topics),
            sdg_targets=list(exchange.sdg_targets),
            cities=[
                *([exchange.city] if exchange.city else [visit.guest_city, visit.host_city]),
                *visit.other_guest_cities,
            ][:MAX_CITIES],
            source=visit.name,
            source_title=visit.title,
            department=exchange.department if is_away else visit.host_department,
            visibility=convert.read_visibility(entry),
            author=event.author or EXCHANGE_AUTHOR,
            author_name=event.author_display_name,
            state=LearningState.OBSERVATION,
        )
        for number, entry in enumerate(visit.debrief.entries)
    ]


async def record_conclusion(session: Session, event: forum_events.ConclusionAdopted, origin: Origin) -> None:
    """Make an insight of a conclusion, and one of each recommendation that was adopted with it."""
    conclusion = event.conclusion
    _attribute_changes_to(conclusion.updater or event.forum.title)
    learning = Learning(
        id=_derive_id(conclusion.name),
        create_time=origin.time,
        title=conclusion.title,
        language=conclusion.language,
        observation=conclusion.text,
        discussion=conclusion.dissent,
        source=conclusion.name,
        **_forum_columns(event),
    )
    await _record_once(session, learning)
    for recommendation in event.recommendations:
        await _record_once(session, _make_insight(event, recommendation, origin))


async def follow_recommendation(session: Session, event: FollowUp, origin: Origin) -> None:
    """
    Take the learning of a recommendation as far as the recommendation has come.

    Accepted, at least in part, it is a lesson identified; then implemented, and with the verification validated. A
    correction of the answer and what came back as not done lead back. Each event says all that came before it, and one
    that is older than what was followed changes nothing, so that it does not matter in which order they arrive.
    """
    recommendation = event.recommendation
    _attribute_changes_to(recommendation.updater or event.forum.title)
    learning = await session.get(Learning, _derive_id(recommendation.name), with_for_update=True)
    if learning:
        _apply_follow_up(learning, event)
        if session.is_modified(learning):
            await _write(EVENT_BY_STATE.get(learning.state, LearningUpdated), session, learning)
    elif event.HasField("conclusion"):
        learning = _make_insight(event, recommendation, origin)
        _apply_follow_up(learning, event)
        await _record_once(session, learning)


def _apply_follow_up(learning: Learning, event: FollowUp) -> None:
    recommendation, answer = event.recommendation, event.recommendation.answer
    version = int(recommendation.etag or 0)
    if version and version <= (learning.source_version or 0):
        return
    learning.source_version = version
    is_rejected = answer.verdict == Verdict.VERDICT_REJECTED
    for former in recommendation.former_answers:
        learning.follow_correction(former.reason, "" if is_rejected else answer.reason)
    if is_rejected:
        learning.follow_rejection(answer.reason, recommendation.text if recommendation.former_answers else "")
        return
    learning.follow_acceptance(recommendation.text, recommendation.owner_department, answer.reason)
    if recommendation.state in (State.STATE_IMPLEMENTED, State.STATE_VERIFIED):
        learning.follow_implementation()
    if isinstance(event, forum_events.RecommendationReturned):
        learning.follow_return()
    if isinstance(event, forum_events.RecommendationVerified):
        learning.follow_verification(event.actor, recommendation.updater)


def _make_insight(
    event: forum_events.ConclusionAdopted | FollowUp, recommendation: forum_pb2.Recommendation, origin: Origin
) -> Learning:
    """Return the learning that an adopted recommendation is at first."""
    return Learning(
        id=_derive_id(recommendation.name),
        create_time=origin.time,
        title=recommendation.title,
        language=recommendation.language,
        observation=event.conclusion.title,
        discussion="",
        recommendation=recommendation.text,
        source=recommendation.name,
        department=recommendation.owner_department,
        **_forum_columns(event),
    )


def _forum_columns(event: forum_events.ConclusionAdopted | FollowUp) -> dict[str, Any]:
    """Return what is the same in all learnings from a conclusion of a forum."""
    forum = event.forum
    return {
        "source_title": forum.title,
        # The nearest come first.
        "topics": unique_nfc(event.topics)[:MAX_TOPICS],
        "sdg_targets": _limit_sdg_targets(event.sdg_targets),
        "cities": [forum.city] if forum.city else [],
        "author": FORUM_AUTHOR,
        "author_name": forum.title,
        "state": LearningState.INSIGHT,
    }


def _limit_sdg_targets(targets: Sequence[str]) -> list[str]:
    """Return targets of the Sustainable Development Goals; of too many, the goals that they belong to."""
    if len(targets) <= MAX_SDG_TARGETS:
        return list(targets)
    return sorted({target.partition(".")[0] for target in targets}, key=int)


async def _record_once(session: Session, learning: Learning) -> None:
    """Insert a learning and tell of it, unless it is there already or was deleted."""
    if not await _list_known(session, [learning.id]):
        session.add(learning)
        await _write(LearningRecorded, session, learning)


async def _list_known(session: Session, ids: Iterable[str]) -> set[str]:
    """Return which learnings are there already, or were deleted."""
    return set(await session.scalars(_KNOWN, {"ids": list(ids)}))


async def _write(event: Callable[..., Message], session: Session, learning: Learning) -> None:
    """Write the learning and the event."""
    await session.flush()
    _tell(event, session, learning)


def _tell(event: Callable[..., Message], session: Session, learning: Learning) -> None:
    """Emit the event of a learning that is written, and let its meaning be learnt."""
    enqueue(session, EMBED, [learning.id])
    emit(session, event(learning=convert.learning_message(learning)), learning.name)


def _attribute_changes_to(person: str) -> None:
    """Let what this event changes name the person behind it as who changed it last."""
    caller = identity()
    act_as(replace(caller, name=person or caller.name))


def _derive_id(source: str) -> str:
    """Return the id of the learning from a source: the same each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"austausch:{source}"))


# Built once, on the tables: each change of a visit comes by here.
_KNOWN_VISIT: Any = insert(KnownVisit.__table__)  # type: ignore[arg-type]
_LEARNINGS: Any = Learning.__table__
_UPSERT_KNOWN_VISIT = _KNOWN_VISIT.on_conflict_do_update(
    index_elements=["name"],
    set_={column: _KNOWN_VISIT.excluded[column] for column in ("title", "cities", "version")},
    where=KnownVisit.version < _KNOWN_VISIT.excluded.version,
).returning(
    KnownVisit.__table__.c.name,
    # Whether a learning from it lacks its title. To update none would still have the search index look for changes.
    exists().where(_LEARNINGS.c.source == literal_column("known_visits.name"), _LEARNINGS.c.source_title == ""),
)
_NAMES = bindparam("names", type_=ARRAY(Text))
_DELETED_VISITS = select(KnownVisit.name).where(KnownVisit.name == any_(_NAMES), KnownVisit.version == DELETED_VERSION)
# At one moment: a learning that is deleted meanwhile is the one or the other.
_KNOWN = union_all(
    *(
        select(model.id).where(model.id == any_(bindparam("ids", type_=ARRAY(Text))))
        for model in (Learning, DeletedLearning)
    )
)
# For learnings that were written before the visit was known here.
_NAME_SOURCES = (
    update(_LEARNINGS)
    .where(
        _LEARNINGS.c.source == KnownVisit.name,
        _LEARNINGS.c.source_title == "",
        KnownVisit.name == any_(_NAMES),
    )
    .values(source_title=KnownVisit.title, update_time=_LEARNINGS.c.update_time)
)


async def _upsert_known_visits(session: Session, visits: Iterable[exchange_pb2.Visit]) -> None:
    """Take down what visits are called and whose they are, unless a later version of one is known."""
    # By name: two replicas that take down the same visits wait for each other, and never both.
    latest = {visit.name: visit for visit in sorted(visits, key=lambda visit: (visit.name, _get_version(visit)))}
    rows = [
        {"name": visit.name, "title": visit.title, "cities": _list_cities(visit), "version": _get_version(visit)}
        for visit in latest.values()
    ]
    connection = await session.connection()
    written = await connection.execute(_UPSERT_KNOWN_VISIT, rows)
    if names := [name for name, is_lacking in written if is_lacking]:
        await connection.execute(_NAME_SOURCES, {"names": names})


def _get_version(visit: exchange_pb2.Visit) -> int:
    return int(visit.etag or 0)


def _list_cities(visit: exchange_pb2.Visit) -> list[str]:
    return [city for city in (visit.host_city, visit.guest_city, *visit.other_guest_cities) if city]


_RECORD_VISITS = Together(record_visits)
HANDLERS: Handlers = {
    exchange_events.VisitCreated: _RECORD_VISITS,
    exchange_events.VisitChanged: _RECORD_VISITS,
    exchange_events.VisitDeleted: record_visit_deletion,
    exchange_events.VisitReported: _RECORD_VISITS,
    forum_events.ConclusionAdopted: record_conclusion,
    forum_events.RecommendationAnswered: follow_recommendation,
    forum_events.RecommendationPlanned: follow_recommendation,
    forum_events.RecommendationStarted: follow_recommendation,
    forum_events.RecommendationImplemented: follow_recommendation,
    forum_events.RecommendationVerified: follow_recommendation,
    forum_events.RecommendationReturned: follow_recommendation,
}
