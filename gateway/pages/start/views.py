"""The desk: what needs the reader, then what is new. Shows to each reader what the contract lets them list."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2
from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from chassis.convert import date_message
from gateway import rpc
from gateway.auth.callers import require_caller
from gateway.auth.permissions import may
from gateway.auth.sign_in import sign_in_required
from gateway.pages.forums.parts import is_coordinator
from gateway.pages.start import set_up
from gateway.vocabulary import cities

blueprint = Blueprint("start", __name__)

WEEKS_AHEAD = 8
MAX_SHOWN = 6
# What is read of the visits ahead: ideas without dates come after all others.
MAX_READ = 200
# What waits for the reader is on no other page together: a desk that is full shows it nevertheless.
MAX_STEPS_SHOWN = 20
# The states of a visit that needs nobody any more.
OVER_STATES = (exchange_pb2.Visit.STATE_CANCELLED, exchange_pb2.Visit.STATE_CLOSED)
# The states of a recommendation in which somebody has to do something next.
FOLLOWED_STATES = (
    forum_pb2.Recommendation.STATE_ADOPTED,
    forum_pb2.Recommendation.STATE_ANSWERED,
    forum_pb2.Recommendation.STATE_PLANNED,
    forum_pb2.Recommendation.STATE_IN_PROGRESS,
    forum_pb2.Recommendation.STATE_IMPLEMENTED,
)


@blueprint.get("/")
@sign_in_required
def index() -> ResponseReturnValue:
    followed = _list_followed() if may("RecommendationService.AnswerRecommendation") else None
    writes = may("ConclusionService.CreateConclusion") and not is_coordinator()
    forums = _list_forums() if may("ForumService.ListForums") else None
    titles = {forum.name: forum for forum in forums or []}
    visits, undated = _list_visits_ahead() if may("VisitService.ListVisits") else (None, [])
    begun = bool(visits or undated) or set_up.is_begun()
    steps = [] if begun else set_up.list_steps()
    invitations = _list_invitations() if writes else []
    return render_template(
        "start/start.html",
        weeks=WEEKS_AHEAD,
        begun=begun,
        steps=[] if all(step.done for step in steps) else steps,
        visits=visits,
        undated=undated,
        waiting=None if followed is None else _filter_offering(followed, "answer"),
        to_carry_out=None
        if followed is None
        else _filter_offering(_filter_own(followed), "plan", "start", "implement"),
        to_verify=_filter_offering(followed or [], "verify"),
        invitations=[(place, titles[place.name.partition("/panelists/")[0]]) for place in invitations],
        drafts=_list_drafts() if writes else [],
        to_validate=_list_learnings(knowledge_pb2.Learning.STATE_IMPLEMENTED)
        if may("LearningService.ValidateLearning")
        else None,
        newest=_list_learnings() if may("LearningService.ListLearnings") else None,
        forums=None if forums is None else forums[:MAX_SHOWN],
    )


def _list_visits_ahead() -> tuple[list[exchange_pb2.Visit], list[exchange_pb2.Visit]]:
    """Return the visits that run now or begin in the next weeks, the next first, and ideas whose dates are open."""
    today = cities.get_home_day()
    answer = rpc.visits.ListVisits(
        exchange_pb2.ListVisitsRequest(
            page_size=MAX_READ,
            order_by="start_date",
            from_date=date_message(today),
            to_date=date_message(today + timedelta(weeks=WEEKS_AHEAD)),
            with_dates_open=True,
        )
    )
    visits = [visit for visit in answer.visits if visit.state not in OVER_STATES]
    ahead = [visit for visit in visits if visit.HasField("start_date")]
    undated = [visit for visit in visits if not visit.HasField("start_date")]
    return ahead[:MAX_SHOWN], undated[:MAX_SHOWN]


def _list_forums() -> list[forum_pb2.Forum]:
    """Return the forums that the reader may see: all of them, for an invitation is shown by the title of its forum."""
    return list(rpc.forums.ListForums(forum_pb2.ListForumsRequest(page_size=1000)).forums)


def _list_followed() -> Sequence[forum_pb2.Recommendation]:
    """Return the recommendations of every forum that somebody has to take a step with, the last changed first."""
    request = forum_pb2.ListRecommendationsRequest(
        parent="forums/-", states=FOLLOWED_STATES, order_by="update_time desc", page_size=1000
    )
    return rpc.recommendations.ListRecommendations(request).recommendations


def _filter_offering(
    recommendations: Iterable[forum_pb2.Recommendation], *verbs: str
) -> list[forum_pb2.Recommendation]:
    """Return those of the recommendations with which the reader may take one of the steps, as many as are shown."""
    return [each for each in recommendations if not set(verbs).isdisjoint(each.allowed_transitions)][:MAX_STEPS_SHOWN]


def _filter_own(recommendations: Iterable[forum_pb2.Recommendation]) -> list[forum_pb2.Recommendation]:
    """Return those of the recommendations that the reader's department owns."""
    reader = require_caller().identity
    return [each for each in recommendations if reader.works_in(each.owner_department)]


def _list_invitations() -> Sequence[forum_pb2.Panelist]:
    """Return the invitations to panels that the reader has not answered."""
    request = forum_pb2.ListPanelistsRequest(
        parent="forums/-", account=require_caller().identity.subject, state=forum_pb2.Panelist.STATE_INVITED
    )
    return rpc.panelists.ListPanelists(request).panelists


def _list_drafts() -> list[forum_pb2.Conclusion]:
    """Return the drafts of conclusions that the reader may go on writing, the one changed last first."""
    request = forum_pb2.ListConclusionsRequest(
        parent="forums/-", state=forum_pb2.Conclusion.STATE_DRAFT, order_by="update_time desc", page_size=1000
    )
    conclusions = rpc.conclusions.ListConclusions(request).conclusions
    return [conclusion for conclusion in conclusions if conclusion.editable][:MAX_SHOWN]


def _list_learnings(state: knowledge_pb2.Learning.State | None = None) -> list[knowledge_pb2.Learning]:
    """Return the newest learnings, those in one state if it is given."""
    answer = rpc.learnings.ListLearnings(
        knowledge_pb2.ListLearningsRequest(page_size=MAX_SHOWN, order_by="create_time desc", state=state)
    )
    return list(answer.learnings)
