"""Learnings, their way through their states, and the search for them."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from operator import methodcaller
from typing import Any

from austausch.knowledge.v1 import knowledge_pb2 as pb
from austausch.knowledge.v1 import knowledge_pb2_grpc
from austausch.knowledge.v1.events_pb2 import (
    LearningAnalyzed,
    LearningDeleted,
    LearningEmbedded,
    LearningIdentified,
    LearningImplemented,
    LearningRecorded,
    LearningRejected,
    LearningSuperseded,
    LearningUpdated,
    LearningValidated,
)
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from sqlalchemy import Select, Text, any_, bindparam, exists, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from chassis import page_token
from chassis.bulkhead import Bulkhead, count_processors
from chassis.convert import read_enum, read_enums, unique_nfc
from chassis.database import Database, Session
from chassis.departments import list_spellings
from chassis.errors import InvalidArgument
from chassis.field_mask import require_unchanged, updated_paths
from chassis.idempotency import answer_once, find_answer
from chassis.identity import identity
from chassis.outbox import emit
from chassis.paging import read_page, read_page_size
from chassis.transitions import SeenVersion, TransitionRequest, transition
from chassis.work_queue import enqueue
from services.knowledge import convert, queries, rights
from services.knowledge.indexer import Indexer
from services.knowledge.model import IN_USE, DeletedLearning, Learning, LearningState, Visibility
from services.knowledge.search.documents import Filters, Order
from services.knowledge.search.query import Query
from services.knowledge.search.snippets import Snippets
from services.knowledge.search.stemming import get_primary
from services.knowledge.semantics import EMBED, Semantics
from services.knowledge.sources import Source, Sources, hold_visit
from services.knowledge.topics import TopicFinder

ORDERINGS = {
    "create_time": Learning.create_time,
    "update_time": Learning.update_time,
    "title": Learning.title,
    "application_count": Learning.application_count,
}

# A search takes a processor, and threads wait for each other's locks: one more fills what it waits for.
SEARCHES = count_processors() + 1
# Of the five seconds in which it is to be answered.
SEARCH_WAIT_SECONDS = 2.0
# How many similar learnings are listed, and at most.
SIMILAR, MAX_SIMILAR = 5, 20
SEARCH_ORDERINGS = {
    "": Order.RELEVANCE,
    "relevance": Order.RELEVANCE,
    "create_time desc": Order.NEWEST,
    "application_count desc": Order.MOST_APPLIED,
}

_SELECT_BY_ID = select(Learning).where(Learning.id == any_(bindparam("ids", type_=ARRAY(Text))))

Event = Callable[..., Message]


class LearningServicer(knowledge_pb2_grpc.LearningServiceServicer):
    """
    Serves ``LearningService``.

    Args:
        indexer: The search index of the learnings.
        semantics: What they mean.
        topics: The topics that queries name.
        sources: Finds what learnings come from.
    """

    def __init__(
        self, database: Database, indexer: Indexer, semantics: Semantics, topics: TopicFinder, sources: Sources
    ) -> None:
        self._database = database
        self._indexer = indexer
        self._semantics = semantics
        self._topics = topics
        self._sources = sources
        self._searching = Bulkhead(SEARCHES, SEARCH_WAIT_SECONDS)

    async def GetLearning(self, request: pb.GetLearningRequest, context: Any) -> pb.Learning:
        async with self._database.read_once() as session:
            return convert.learning_message(await queries.get_visible(session, request.name), identity())

    async def ListLearnings(self, request: pb.ListLearningsRequest, context: Any) -> pb.ListLearningsResponse:
        statement = queries.filter_visible(_select_learnings(request))
        async with self._database.read_once() as session:
            if request.owner:
                statement = await _filter_owner(session, statement, request.owner)
            rows, token, total = await read_page(session, statement, Learning, request, ORDERINGS, "create_time desc")
        learnings = [convert.learning_message(learning, identity()) for learning in rows]
        return pb.ListLearningsResponse(learnings=learnings, next_page_token=token, total_size=total)

    async def SearchLearnings(self, request: pb.SearchLearningsRequest, context: Any) -> pb.SearchLearningsResponse:
        query, order, size = (
            self._topics.add_named(Query.parse(request.query)),
            _read_order(request),
            read_page_size(request),
        )
        cursor, filters = _read_cursor(request), _read_filters(request, query)
        topics = self._topics.find(query)
        async with self._searching.enter():
            meaning = await self._semantics.compare(query.text, get_primary(request.reader_language))
            found = await self._indexer.search(
                query, filters, topics=topics, meaning=meaning, order=order, cursor=cursor, limit=size
            )
        page = found.page
        answer = pb.SearchLearningsResponse(
            next_page_token=page_token.encode(request, page.cursor) if page.cursor else "",
            total_size=page.total,
            facets=convert.facets_message(page.facets),
            words=convert.searched_word_messages(found.expansions),
            query_cut=query.is_cut,
            topics=dict.fromkeys(topic.slug for topic in topics),
            semantic_state=convert.SEMANTIC_STATES[self._semantics.get_state(self._indexer.count_documents())],
        )
        # The index may lag behind by a moment: rights are those of the row.
        learnings = await self._read_visible([hit.id for hit in page.hits])
        snippets = Snippets(found.expansions, topics)
        for hit in page.hits:
            if learning := learnings.get(hit.id):
                snippet = snippets.cut(convert.learning_document(learning))
                message = convert.learning_message(learning, identity())
                answer.results.append(convert.result_message(hit, message, snippet))
        return answer

    async def ListSimilarLearnings(
        self, request: pb.ListSimilarLearningsRequest, context: Any
    ) -> pb.ListSimilarLearningsResponse:
        async with self._database.read_once() as session:
            learning = await queries.get_visible(session, request.name)
        answer, meaning = pb.ListSimilarLearningsResponse(), self._semantics.find_similar(learning.id)
        if meaning is None:
            return answer
        caller = identity()
        filters = Filters(states=[state.value for state in IN_USE], audience=rights.get_audience(caller))
        limit = min(request.page_size or SIMILAR, MAX_SIMILAR)
        ids = await self._indexer.list_nearest(meaning, filters, limit)
        learnings = await self._read_visible(ids)
        answer.learnings.extend(convert.learning_message(learnings[id_], caller) for id_ in ids if id_ in learnings)
        return answer

    async def GetSearchStatus(self, request: pb.GetSearchStatusRequest, context: Any) -> pb.SearchStatus:
        documents, progress = self._indexer.count_documents(), await self._semantics.get_progress()
        answer = pb.SearchStatus(
            index_ready=await self._indexer.is_caught_up(),
            document_count=documents,
            semantic_state=convert.SEMANTIC_STATES[self._semantics.get_state(documents)],
            model=self._semantics.get_model(),
            known_count=self._semantics.count_known(),
        )
        if progress:
            answer.waiting_count, answer.failed_count = progress.waiting + progress.in_hand, progress.dead
        return answer

    async def CreateLearning(self, request: pb.CreateLearningRequest, context: Any) -> pb.Learning:
        if known := await find_answer(self._database, request, pb.Learning):
            return known
        rights.require_source(identity(), request.learning.source)
        # Asked before the transaction: another service may be slow.
        source = await self._sources.find(request.learning.source, _get_token(context))
        return await answer_once(self._database, request, partial(_create, source))

    async def UpdateLearning(self, request: pb.UpdateLearningRequest, context: Any) -> pb.Learning:
        message = request.learning
        paths = updated_paths(request.update_mask, message, convert.LEARNING_FIELDS)
        async with self._database.begin() as session:
            learning = await _lock("update", session, message)
            stored = {"source": learning.source, "source_title": learning.source_title}
            require_unchanged(request.update_mask, message, convert.LEARNING_FIELDS, **stored)
            was_public = learning.visibility is Visibility.PUBLIC
            learning.edit(convert.learning_columns(message, paths))
            if learning.visibility is Visibility.PUBLIC and not was_public:
                rights.require_publisher(identity())
            learning.require_complete()
            return await _write(LearningUpdated, session, learning)

    async def AnalyzeLearning(self, request: pb.AnalyzeLearningRequest, context: Any) -> pb.Learning:
        return await self._transition(request, "analyze", LearningAnalyzed)

    async def IdentifyLearning(self, request: pb.IdentifyLearningRequest, context: Any) -> pb.Learning:
        def identify(learning: Learning) -> None:
            learning.identify(request.remedial_action, request.owner)
            learning.require_complete()

        return await self._transition(request, "identify", LearningIdentified, identify)

    async def ImplementLearning(self, request: pb.ImplementLearningRequest, context: Any) -> pb.Learning:
        return await self._transition(request, "implement", LearningImplemented)

    async def ValidateLearning(self, request: pb.ValidateLearningRequest, context: Any) -> pb.Learning:
        caller = identity()
        validate = methodcaller("validate", caller.subject, caller.name)
        return await self._transition(request, "validate", LearningValidated, validate)

    async def EmbedLearning(self, request: pb.EmbedLearningRequest, context: Any) -> pb.Learning:
        return await self._transition(request, "embed", LearningEmbedded)

    async def RejectLearning(self, request: pb.RejectLearningRequest, context: Any) -> pb.Learning:
        reject = methodcaller("reject", request.reason)
        return await self._transition(request, "reject", LearningRejected, reject)

    async def SupersedeLearning(self, request: pb.SupersedeLearningRequest, context: Any) -> pb.Learning:
        return await answer_once(self._database, request, _supersede)

    async def DeleteLearning(self, request: pb.DeleteLearningRequest, context: Any) -> Empty:
        async with self._database.begin() as session:
            learning = await queries.get_visible(session, request.name, lock=True)
            rights.require_own(learning)
            learning.check_etag(request.etag)
            await _release_predecessors(session, learning)
            session.add(DeletedLearning(id=learning.id))
            await session.delete(learning)
            await session.flush()
            emit(session, LearningDeleted(learning=learning.name), learning.name)
        return Empty()

    async def _read_visible(self, ids: Sequence[str]) -> dict[str, Learning]:
        """Return by id those of the learnings that there are, and that the caller may see."""
        async with self._database.read_once() as session:
            rows = await session.scalars(_SELECT_BY_ID, {"ids": ids}) if ids else ()
            return {learning.id: learning for learning in rows if rights.may_see(identity(), learning)}

    async def _transition(
        self,
        request: TransitionRequest,
        verb: str,
        event: Event,
        change: Callable[[Learning], object] | None = None,
    ) -> pb.Learning:
        """Take a learning through a transition; without `change`, through one that changes nothing but the state."""
        change = change or methodcaller("transition", verb)
        return await transition(self._database, request, partial(_lock, verb), change, partial(_write, event))


async def _create(source: Source, session: Session, request: pb.CreateLearningRequest) -> pb.Learning:
    caller, message = identity(), request.learning
    rights.require_source_city(caller, source.cities)
    await hold_visit(session, message.source)
    learning = Learning(
        author=caller.subject,
        author_name=caller.name,
        department=caller.department,
        source=message.source,
        source_title=source.title or message.source_title,
        **convert.learning_columns(message),
    )
    if not caller.has(*rights.ALL_SOURCES):
        learning.cities = list(dict.fromkeys([*learning.cities, caller.city]))
    if learning.visibility is Visibility.PUBLIC:
        rights.require_publisher(caller)
    learning.require_complete()
    session.add(learning)
    return await _write(LearningRecorded, session, learning)


async def _supersede(session: Session, request: pb.SupersedeLearningRequest) -> pb.Learning:
    # Both are locked, in one order for everybody, so that two that replace each other do not wait for ever.
    names = sorted({request.name, request.successor})
    rows = {name: await queries.get_visible(session, name, lock=True) for name in names}
    learning = rows[request.name]
    rights.require_verb(identity(), "supersede", learning)
    # It may be withdrawn any time, and nothing here would stand in its place.
    rights.require_own(rows[request.successor])
    learning.check_etag(request.etag)
    learning.supersede(rows[request.successor])
    return await _write(LearningSuperseded, session, learning)


async def _release_predecessors(session: Session, learning: Learning) -> None:
    """Let those that a learning replaced follow its deletion; it is locked, so that it replaces no more of them."""
    is_replaced = Learning.successor == learning.id
    # Once more: one that was deleted while it was waited for has left what it had replaced itself.
    while await session.scalar(select(exists().where(is_replaced))):
        statement = select(Learning).where(is_replaced).order_by(Learning.id).with_for_update()
        for predecessor in await session.scalars(statement):
            predecessor.follow_deletion(learning)
            await _write(LearningUpdated, session, predecessor)


async def _lock(verb: str, session: Session, request: SeenVersion) -> Learning:
    """
    Return the learning, locked, for a caller who may use the verb and saw the current version.

    Raises:
        NotFound: There is none, or the caller may not see it.
        PermissionDenied: The caller may not use the verb; reasons as `rights.require_verb`.
        EtagMismatch: Someone changed it since.
    """
    learning = await queries.get_visible(session, request.name, lock=True)
    rights.require_verb(identity(), verb, learning)
    learning.check_etag(request.etag)
    return learning


async def _write(event: Event, session: Session, learning: Learning) -> pb.Learning:
    """Write the learning and the event, and return the answer."""
    await session.flush()
    enqueue(session, EMBED, [learning.id])
    emit(session, event(learning=convert.learning_message(learning)), learning.name)
    return convert.learning_message(learning, identity())


def _get_token(context: Any) -> str:
    """Return the identity token of a call, which the interceptor has verified."""
    metadata = dict(context.invocation_metadata() or ())
    return str(metadata.get("authorization", "")).partition(" ")[2]


def _select_learnings(request: pb.ListLearningsRequest) -> Select[Learning]:
    """Return the statement for the learnings that the filters of a list leave."""
    statement = select(Learning)
    if request.state:
        statement = statement.where(Learning.state == read_enum(request, "state", LearningState))
    if request.source:
        is_below = Learning.source.startswith(f"{request.source}/", autoescape=True)
        statement = statement.where(or_(Learning.source == request.source, is_below))
    if request.topic:
        statement = statement.where(Learning.topics.contains(unique_nfc([request.topic])))
    if request.city:
        statement = statement.where(Learning.cities.contains([request.city]))
    for field in ("language", "author"):
        if value := getattr(request, field):
            statement = statement.where(getattr(Learning, field) == value)
    if request.with_review_date:
        statement = statement.where(Learning.review_date.is_not(None))
    return statement


async def _filter_owner(session: Session, statement: Select[Learning], department: str) -> Select[Learning]:
    """Return the statement, limited to what a department owns, however people typed its name."""
    return statement.where(Learning.owner.in_(await list_spellings(session, statement, Learning.owner, department)))


def _read_filters(request: pb.SearchLearningsRequest, query: Query) -> Filters:
    """Return the filters of a search, which finds nothing that the caller may not see."""
    # Those that were set aside are found by who asks for them.
    default = () if query.filters.states else IN_USE
    return Filters(
        topics=unique_nfc(request.topics),
        cities=list(request.cities),
        sdg_targets=list(request.sdg_targets),
        languages=list(request.languages),
        departments=unique_nfc(request.departments),
        years=[str(year) for year in request.years],
        states=[state.value for state in read_enums(request, "states", LearningState) or default],
        audience=rights.get_audience(identity()),
    )


def _read_order(request: pb.SearchLearningsRequest) -> Order:
    """
    Return the order that is asked for.

    Raises:
        InvalidArgument: There is no such order; reason ORDER_UNKNOWN.
    """
    if order := SEARCH_ORDERINGS.get(request.order_by):
        return order
    known = ", ".join(filter(None, SEARCH_ORDERINGS))
    raise InvalidArgument("order_by", f"can be {known}", reason="ORDER_UNKNOWN", metadata={"allowed": known})


def _read_cursor(request: pb.SearchLearningsRequest) -> tuple[float, int] | None:
    """
    Return where the page that is asked for begins: after the score, or the place in the order, and the key of a result.

    Raises:
        InvalidArgument: The token is none that a search gave (reason PAGE_TOKEN_MALFORMED), or another search's
            (PAGE_TOKEN_OF_OTHER_LIST).
    """
    if not request.page_token:
        return None
    match page_token.decode(request):
        case [int() | float() as score, int(key)] if math.isfinite(score) and abs(score) < 2**63:
            return score, key
    raise page_token.malformed()
