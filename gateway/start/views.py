"""The desk: what needs the reader, then what is new. Shows to each reader what the contract lets them list."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2
from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from google.type.date_pb2 import Date

from gateway import rpc
from gateway.access import may
from gateway.accounts import sign_in_required

blueprint = Blueprint("start", __name__)

WEEKS_AHEAD = 8
SHOWN = 6


@blueprint.get("/")
@sign_in_required
def index() -> ResponseReturnValue:
    return render_template(
        "start/start.html",
        weeks=WEEKS_AHEAD,
        visits=_visits_ahead() if may("VisitService.ListVisits") else None,
        waiting=_waiting_recommendations() if may("RecommendationService.AnswerRecommendation") else None,
        to_validate=_learnings(knowledge_pb2.Learning.STATE_IMPLEMENTED)
        if may("LearningService.ValidateLearning")
        else None,
        newest=_learnings() if may("LearningService.ListLearnings") else None,
        forums=_forums() if may("ForumService.ListForums") else None,
    )


def _visits_ahead() -> list[exchange_pb2.Visit]:
    """Return the visits that run now or begin in the next weeks, the next first."""
    today = datetime.now(ZoneInfo(current_app.config["HOME_TIME_ZONE"])).date()
    last = today + timedelta(weeks=WEEKS_AHEAD)
    answer = rpc.visits.ListVisits(
        exchange_pb2.ListVisitsRequest(
            page_size=50,
            order_by="start_date",
            from_date=Date(year=today.year, month=today.month, day=today.day),
            to_date=Date(year=last.year, month=last.month, day=last.day),
        )
    )
    return [visit for visit in answer.visits if visit.state != exchange_pb2.Visit.STATE_CANCELLED][:SHOWN]


def _forums() -> list[forum_pb2.Forum]:
    return list(rpc.forums.ListForums(forum_pb2.ListForumsRequest(page_size=SHOWN)).forums)


def _waiting_recommendations() -> list[forum_pb2.Recommendation]:
    """Return the adopted recommendations, of whatever forum, that the reader may answer."""
    waiting = rpc.recommendations.ListRecommendations(
        forum_pb2.ListRecommendationsRequest(
            parent="forums/-", state=forum_pb2.Recommendation.STATE_ADOPTED, page_size=50
        )
    ).recommendations
    return [recommendation for recommendation in waiting if "answer" in recommendation.allowed_transitions][:SHOWN]


def _learnings(state: knowledge_pb2.Learning.State | None = None) -> list[knowledge_pb2.Learning]:
    """Return the newest learnings, those in one state if it is given."""
    answer = rpc.learnings.ListLearnings(
        knowledge_pb2.ListLearningsRequest(page_size=SHOWN, order_by="create_time desc", state=state)
    )
    return list(answer.learnings)
