"""Search by name over all that the forum service keeps."""

from typing import Any

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest, SearchNamesResponse
from austausch.forum.v1 import forum_pb2_grpc
from sqlalchemy import Row, select

from chassis.convert import date_message
from chassis.database import Database
from chassis.name_search import Kind, search_names
from services.forum import queries
from services.forum.model import Conclusion, Forum, Recommendation


class ForumNameServicer(forum_pb2_grpc.ForumNameServiceServicer):
    """Serves ``ForumNameService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def SearchForumNames(self, request: SearchNamesRequest, context: Any) -> SearchNamesResponse:
        return await search_names(self._database, request, KINDS)


def _forum_hit(row: Row[Any]) -> NameHit:
    return NameHit(
        name=f"forums/{row.id}",
        kind=NameHit.KIND_FORUM,
        title=row.title,
        language=row.language,
        start_date=date_message(row.start_date),
        end_date=date_message(row.end_date),
    )


def _recommendation_hit(row: Row[Any]) -> NameHit:
    name = f"forums/{row.forum_id}/recommendations/{row.id}"
    return NameHit(
        name=name,
        kind=NameHit.KIND_RECOMMENDATION,
        title=row.title,
        language=row.language,
        detail=row.forum_title,
    )


def _conclusion_hit(row: Row[Any]) -> NameHit:
    name = f"forums/{row.forum_id}/conclusions/{row.id}"
    return NameHit(
        name=name,
        kind=NameHit.KIND_CONCLUSION,
        title=row.title,
        language=row.language,
        detail=row.forum_title,
    )


def _of_forum(model: type[Conclusion | Recommendation]) -> tuple[Any, ...]:
    """Return the columns that the hit of what belongs to a forum needs."""
    forum_title = select(Forum.title).where(Forum.id == model.forum_id).correlate(model).scalar_subquery()
    return model.title, model.language, forum_title.label("forum_title")


KINDS = (
    Kind(
        model=Forum,
        columns=(Forum.title, Forum.language, Forum.start_date, Forum.end_date),
        hit=_forum_hit,
        order=(Forum.create_time.desc(), Forum.id.desc()),
        limit=lambda statement: queries.filter_visible(statement, Forum.id),
    ),
    Kind(
        model=Recommendation,
        columns=_of_forum(Recommendation),
        hit=_recommendation_hit,
        order=(Recommendation.create_time.desc(), Recommendation.id.desc()),
        limit=lambda statement: queries.filter_visible(statement, Recommendation.forum_id),
    ),
    Kind(
        model=Conclusion,
        columns=_of_forum(Conclusion),
        hit=_conclusion_hit,
        order=(Conclusion.create_time.desc(), Conclusion.id.desc()),
        limit=lambda statement: queries.filter_visible(statement, Conclusion.forum_id),
    ),
)
