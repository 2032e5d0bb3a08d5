"""Search by name over all that the forum service keeps."""

from datetime import date
from typing import Any

from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest, SearchNamesResponse
from austausch.forum.v1 import forum_pb2_grpc
from google.type.date_pb2 import Date
from sqlalchemy import BindParameter, Text, bindparam, select

from chassis.convert import date_message
from chassis.database import Database
from chassis.identity import identity
from chassis.name_search import search_names
from chassis.name_statements import Kind
from services.forum import queries, rights
from services.forum.model import Conclusion, Forum, Recommendation

# Of the caller.
ACCOUNT: BindParameter[str] = bindparam("account", type_=Text)


class ForumNameServicer(forum_pb2_grpc.ForumNameServiceServicer):
    """Serves ``ForumNameService``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def SearchForumNames(self, request: SearchNamesRequest, context: Any) -> SearchNamesResponse:
        caller = identity()
        own = None if rights.may_see_all_forums(caller) else {ACCOUNT.key: caller.subject}
        return await search_names(self._database, request, KINDS, own)


def _read_day(day: str | None) -> Date | None:
    return date_message(date.fromisoformat(day)) if day else None


def _forum_hit(row: dict[str, Any]) -> NameHit:
    return NameHit(
        name=f"forums/{row['id']}",
        kind=NameHit.KIND_FORUM,
        title=row["title"],
        language=row["language"],
        start_date=_read_day(row["start_date"]),
        end_date=_read_day(row["end_date"]),
    )


def _recommendation_hit(row: dict[str, Any]) -> NameHit:
    name = f"forums/{row['forum_id']}/recommendations/{row['id']}"
    return NameHit(
        name=name,
        kind=NameHit.KIND_RECOMMENDATION,
        title=row["title"],
        language=row["language"],
        detail=row["forum_title"],
    )


def _conclusion_hit(row: dict[str, Any]) -> NameHit:
    name = f"forums/{row['forum_id']}/conclusions/{row['id']}"
    return NameHit(
        name=name,
        kind=NameHit.KIND_CONCLUSION,
        title=row["title"],
        language=row["language"],
        detail=row["forum_title"],
    )


def _of_forum(model: type[Conclusion | Recommendation]) -> dict[str, Any]:
    """Return the columns that the hit of what belongs to a forum needs."""
    forum_title = select(Forum.title).where(Forum.id == model.forum_id).correlate(model).scalar_subquery()
    columns = {column.key: column for column in (model.forum_id, model.id, model.title, model.language)}
    return {**columns, "forum_title": forum_title}


KINDS = (
    Kind(
        model=Forum,
        columns={
            column.key: column for column in (Forum.id, Forum.title, Forum.language, Forum.start_date, Forum.end_date)
        },
        hit=_forum_hit,
        newest=Forum.create_time,
        own=queries.is_on_panel(ACCOUNT, Forum.id),
    ),
    Kind(
        model=Recommendation,
        columns=_of_forum(Recommendation),
        hit=_recommendation_hit,
        newest=Recommendation.create_time,
        own=queries.is_on_panel(ACCOUNT, Recommendation.forum_id),
    ),
    Kind(
        model=Conclusion,
        columns=_of_forum(Conclusion),
        hit=_conclusion_hit,
        newest=Conclusion.create_time,
        own=queries.is_on_panel(ACCOUNT, Conclusion.forum_id),
    ),
)
