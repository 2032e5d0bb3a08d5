"""The learning service: check, one transaction, answer."""

from collections.abc import Callable
from typing import Any, Protocol

from austausch.knowledge.v1 import events_pb2, knowledge_pb2, knowledge_pb2_grpc
from google.protobuf.message import Message
from sqlalchemy import Select, or_, select

from chassis.convert import composed
from chassis.database import Database, Session
from chassis.errors import PermissionDenied
from chassis.field_mask import updated_paths
from chassis.idempotency import answer_once
from chassis.identity import Identity, Role, identity
from chassis.outbox import emit
from chassis.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, page
from services.knowledge import search_token
from services.knowledge.convert import column_values, state_of, to_facets, to_message
from services.knowledge.feeder import Feeder
from services.knowledge.model import IN_USE, Learning, Visibility
from services.knowledge.recent import RecentLearnings, match_of, shown
from services.knowledge.rights import audience, may_write_about, readable, require, see
from services.knowledge.search import Filters, Query, Snippets
from services.knowledge.sources import Source, Sources

UPDATABLE = frozenset(
    {
        "title", "language", "observation", "discussion", "conclusion", "recommendation", "topics", "sdg_targets",
        "cities", "remedial_action", "owner", "review_date", "visibility",
    }
)  # fmt: skip
CREATABLE = UPDATABLE | {"source", "source_title"}
ORDERINGS = {
    "create_time": Learning.create_time,
    "update_time": Learning.update_time,
    "title": Learning.title,
}
Change = Callable[[Learning, Identity], None]


class Seen(Protocol):
    """Says which learning the caller saw, and in which version."""

    name: str
    etag: str


class TransitionRequest(Seen, Protocol):
    """A request to change the state of a learning."""

    request_id: str


class LearningServicer(knowledge_pb2_grpc.LearningServiceServicer):
    """
    Serves learnings.

    Args:
        database: The service's database.
        feeder: Its search index.
        sources: Tells what learnings come from.
    """

    def __init__(self, database: Database, feeder: Feeder, sources: Sources) -> None:
        self._database = database
        self._sources = sources
        self._feeder = feeder
        self._recent = RecentLearnings(database)

    async def GetLearning(self, request: knowledge_pb2.GetLearningRequest, _context: Any) -> knowledge_pb2.Learning:
        caller = identity()
        async with self._database.read_once() as session:
            return to_message(await see(session, caller, request.name), caller)

    async def ListLearnings(
        self, request: knowledge_pb2.ListLearningsRequest, _context: Any
    ) -> knowledge_pb2.ListLearningsResponse:
        caller = identity()
        statement = _filtered(request).where(readable(caller))
        async with self._database.read_once() as session:
            rows, token, total = await page(session, statement, Learning, request, ORDERINGS, "create_time desc")
        return knowledge_pb2.ListLearningsResponse(
            learnings=[to_message(row, caller) for row in rows], next_page_token=token, total_size=total
        )

    async def SearchLearnings(
        self, request: knowledge_pb2.SearchLearningsRequest, _context: Any
    ) -> knowledge_pb2.SearchLearningsResponse:
        caller = identity()
        query = Query.parse(request.query)
        offset = search_token.decode(request)
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        found = await self._feeder.search(query, _filters(request, caller), offset, size)
        entries = await self._recent.read([hit.id for hit in found.hits])
        beyond = offset + len(found.hits)
        answer = knowledge_pb2.SearchLearningsResponse(
            next_page_token=search_token.encode(request, beyond) if found.hits and beyond < found.total else "",
            total_size=found.total,
            facets=to_facets(found),
        )
        snippets = Snippets(query)
        for hit in found.hits:
            entry = entries.get(hit.id)
            # The index may lag behind by a moment: rights are those of the row.
            if entry and (learning := shown(entry, caller)):
                match = match_of(entry, snippets)
                answer.results.add(
                    learning=learning,
                    title_snippet=match.title,
                    snippet=match.passage,
                    context_snippet=match.context,
                    score=hit.score,
                )
        return answer

    async def CreateLearning(
        self, request: knowledge_pb2.CreateLearningRequest, context: Any
    ) -> knowledge_pb2.Learning:
        caller, name = identity(), request.learning.source
        if not may_write_about(caller, name):
            raise _not_its_visit()
        # Asked before the transaction: another service may be slow.
        source = await self._sources.find(name, _token(context))
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._create(session, caller, request.learning, source))

    async def _create(
        self, session: Session, caller: Identity, message: knowledge_pb2.Learning, source: Source
    ) -> knowledge_pb2.Learning:
        learning = Learning(
            **column_values(message, CREATABLE),
            author=caller.subject,
            author_name=caller.name,
            department=caller.department,
        )
        _attach_source(caller, learning, source)
        _require_publisher(caller, learning)
        learning.require_complete()
        session.add(learning)
        await session.flush()
        emit(session, events_pb2.LearningRecorded(learning=to_message(learning)), learning.name)
        return to_message(learning, caller)

    async def UpdateLearning(
        self, request: knowledge_pb2.UpdateLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        paths = updated_paths(request.update_mask, request.learning, set(UPDATABLE))

        def change(learning: Learning, caller: Identity) -> None:
            before = learning.visibility
            learning.edit(column_values(request.learning, paths))
            if learning.visibility is not before:
                _require_publisher(caller, learning)
            learning.require_complete()

        async with self._database.begin() as session:
            return await _change(session, request.learning, "update", change, events_pb2.LearningUpdated)

    async def AnalyzeLearning(
        self, request: knowledge_pb2.AnalyzeLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        return await self._transition(
            request, "analyze", lambda learning, _: learning.analyze(), events_pb2.LearningAnalyzed
        )

    async def IdentifyLearning(
        self, request: knowledge_pb2.IdentifyLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        def change(learning: Learning, _caller: Identity) -> None:
            learning.identify(request.remedial_action, request.owner)
            learning.require_complete()

        return await self._transition(request, "identify", change, events_pb2.LearningIdentified)

    async def ImplementLearning(
        self, request: knowledge_pb2.ImplementLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        return await self._transition(
            request,
            "implement",
            lambda learning, _: learning.implement(),
            events_pb2.LearningImplemented,
        )

    async def ValidateLearning(
        self, request: knowledge_pb2.ValidateLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        return await self._transition(
            request,
            "validate",
            lambda learning, caller: learning.validate(caller.subject, caller.name),
            events_pb2.LearningValidated,
        )

    async def EmbedLearning(self, request: knowledge_pb2.EmbedLearningRequest, _context: Any) -> knowledge_pb2.Learning:
        return await self._transition(
            request, "embed", lambda learning, _: learning.embed(), events_pb2.LearningEmbedded
        )

    async def RejectLearning(
        self, request: knowledge_pb2.RejectLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        return await self._transition(
            request,
            "reject",
            lambda learning, _: learning.reject(request.reason),
            events_pb2.LearningRejected,
        )

    async def SupersedeLearning(
        self, request: knowledge_pb2.SupersedeLearningRequest, _context: Any
    ) -> knowledge_pb2.Learning:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: self._supersede(session, request))

    async def _supersede(
        self, session: Session, request: knowledge_pb2.SupersedeLearningRequest
    ) -> knowledge_pb2.Learning:
        caller = identity()
        # Both are locked, in one order for everybody, so that two that replace each other do not wait for ever.
        rows = {name: await see(session, caller, name, lock=True) for name in sorted({request.name, request.successor})}
        learning = rows[request.name]
        require(caller, "supersede", learning)
        learning.check_etag(request.etag)
        learning.supersede(rows[request.successor])
        await session.flush()
        emit(session, events_pb2.LearningSuperseded(learning=to_message(learning)), learning.name)
        return to_message(learning, caller)

    async def _transition(
        self, request: TransitionRequest, verb: str, change: Change, event: Callable[..., Message]
    ) -> knowledge_pb2.Learning:
        async with self._database.begin() as session:
            return await answer_once(session, request, lambda: _change(session, request, verb, change, event))


async def _change(
    session: Session, seen: Seen, verb: str, change: Change, event: Callable[..., Message]
) -> knowledge_pb2.Learning:
    """Change one learning, if the caller may and saw its present version, and tell of it."""
    caller = identity()
    learning = await see(session, caller, seen.name, lock=True)
    require(caller, verb, learning)
    learning.check_etag(seen.etag)
    change(learning, caller)
    await session.flush()
    emit(session, event(learning=to_message(learning)), learning.name)
    return to_message(learning, caller)


def _token(context: Any) -> str:
    """Return the identity token of a call, which the interceptor has verified."""
    metadata = dict(context.invocation_metadata() or ())
    return str(metadata.get("authorization", "")).partition(" ")[2]


def _attach_source(caller: Identity, learning: Learning, source: Source) -> None:
    """
    Take over what is known of what a new learning comes from.

    Raises:
        PermissionDenied: A partner writes about a visit of another city; reason NOT_ABOUT_OWN_VISIT.
    """
    learning.source_title = source.title or learning.source_title
    if caller.has(Role.COORDINATOR, Role.MEMBER):
        return
    if not caller.city or caller.city not in source.cities:
        raise _not_its_visit()
    learning.cities = list(dict.fromkeys([*learning.cities, caller.city]))


def _not_its_visit() -> PermissionDenied:
    message = "Staff of a partner city write learnings about visits of their own city."
    return PermissionDenied(message, reason="NOT_ABOUT_OWN_VISIT")


def _require_publisher(caller: Identity, learning: Learning) -> None:
    if learning.visibility is Visibility.PUBLIC and not caller.has(Role.COORDINATOR):
        raise PermissionDenied("Only a coordinator makes a learning public.", reason="PUBLIC_BY_COORDINATORS_ONLY")


def _filtered(request: knowledge_pb2.ListLearningsRequest) -> Select[Learning]:
    statement = select(Learning)
    if request.state:
        statement = statement.where(Learning.state == state_of(request.state))
    if request.source:
        within = Learning.source.startswith(f"{request.source}/", autoescape=True)
        statement = statement.where(or_(Learning.source == request.source, within))
    if request.topic:
        statement = statement.where(Learning.topics.contains(composed([request.topic])))
    if request.city:
        statement = statement.where(Learning.cities.contains([request.city]))
    for field in ("language", "author", "owner"):
        if value := getattr(request, field):
            statement = statement.where(getattr(Learning, field) == value)
    return statement


def _filters(request: knowledge_pb2.SearchLearningsRequest, caller: Identity) -> Filters:
    states = [state_of(state) for state in request.states] or IN_USE
    return Filters(
        topics=composed(request.topics),
        cities=list(request.cities),
        sdg_targets=list(request.sdg_targets),
        languages=list(request.languages),
        states=[state.value for state in states],
        audience=audience(caller),
    )
