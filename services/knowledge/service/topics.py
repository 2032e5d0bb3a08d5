"""The vocabulary of topics, as people find them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from austausch.knowledge.v1 import topics_pb2 as pb
from austausch.knowledge.v1 import topics_pb2_grpc
from sqlalchemy import func, literal, select, text, tuple_

from chassis import page_token
from chassis.convert import unique_nfc
from chassis.database import Database, Session
from chassis.errors import NotFound
from chassis.paging import read_page_size
from services.knowledge import convert, queries
from services.knowledge.model import Topic, TopicLabel
from services.knowledge.vocabulary.statements import normalize_language

# A topic with its labels in dozens of languages is large.
MAX_PAGE_SIZE = 200
DEFAULT_LANGUAGE = "en"
# A plan for any part of a label reads the whole index where a part is none that the index has: 8 s for 5 million labels
# where 0.4 s are enough.
PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")


class TopicServicer(topics_pb2_grpc.TopicServiceServicer):
    """Serves ``TopicService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetTopic(self, request: pb.GetTopicRequest, context: Any) -> pb.Topic:
        slugs = unique_nfc([request.name.removeprefix("topics/")])
        async with self._database.read() as session:
            found = await _read_messages(session, slugs, _read_language(request))
        if not found:
            raise NotFound(request.name)
        return found[0]

    async def ListTopics(self, request: pb.ListTopicsRequest, context: Any) -> pb.ListTopicsResponse:
        slugs, language = unique_nfc(request.topics), _read_language(request)
        if request.query:
            found: Any = queries.select_called(request.query, language, slugs).cte()
        else:
            found = queries.select_topics(slugs).subquery()
        order = (found.c.rank, found.c.folded, found.c.id)
        statement = select(found, select(func.count()).select_from(found).scalar_subquery().label("total"))
        if request.page_token:
            statement = statement.where(tuple_(*order) > tuple_(*map(literal, _read_position(request))))
        size = min(read_page_size(request), MAX_PAGE_SIZE)
        async with self._database.read() as session:
            if request.query:
                await session.execute(PLAN_ANEW)
            rows = (await session.execute(statement.order_by(*order).limit(size + 1))).all()
            shown = rows[:size]
            topics = await _read_messages(session, [row.id for row in shown], language)
        for topic, row in zip(topics, shown, strict=True):
            topic.matched_label = row.label
        last = shown[-1] if len(rows) > size else None
        return pb.ListTopicsResponse(
            topics=topics,
            next_page_token=page_token.encode(request, [last.rank, last.folded, last.id]) if last else "",
            total_size=rows[0].total if rows else 0,
        )


def _read_language(request: pb.GetTopicRequest | pb.ListTopicsRequest) -> str:
    return normalize_language(request.language or DEFAULT_LANGUAGE)


def _read_position(request: pb.ListTopicsRequest) -> tuple[int, str, str]:
    """
    Return rank, label and slug of the topic after which the page begins.

    Raises:
        InvalidArgument: The token is none that a list gave (reason PAGE_TOKEN_MALFORMED), or another list's
            (PAGE_TOKEN_OF_OTHER_LIST).
    """
    match page_token.decode(request):
        case [rank, str(folded), str(slug)] if type(rank) is int and 0 <= rank < 8 and "\0" not in folded + slug:
            return rank, folded, slug
    raise page_token.malformed()


async def _read_messages(session: Session, slugs: Sequence[str], language: str) -> list[pb.Topic]:
    """Return the topics that there are of these, in this order, with all their labels."""
    topics = {topic.id: topic for topic in await session.scalars(select(Topic).where(Topic.id.in_(slugs)))}
    labels = defaultdict(list)
    in_order = (TopicLabel.topic_id, TopicLabel.language, TopicLabel.folded, TopicLabel.label)
    for label in await session.scalars(select(TopicLabel).where(TopicLabel.topic_id.in_(topics)).order_by(*in_order)):
        labels[label.topic_id].append(label)
    return [convert.topic_message(topics[slug], labels[slug], language) for slug in slugs if slug in topics]
