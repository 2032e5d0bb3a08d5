"""Makes forums and what belongs to them through the API, with values that a test may replace."""

from typing import Any

from austausch.forum.v1 import forum_pb2 as pb
from google.type.date_pb2 import Date

from tests.calls import Caller

EXPERT = "accounts/expert"
DEPARTMENT = "Dezernatscontrolling"
DUE = Date(year=2027, month=6, day=30)


async def make_forum(caller: Caller, forum_id: str = "leitbild-mannheim-2030", **fields: Any) -> pb.Forum:
    """Make a forum that reviews Mannheim."""
    values = {"title": "Leitbild Mannheim 2030", "city": "cities/mannheim", "language": "de", **fields}
    return await caller.CreateForum(pb.CreateForumRequest(forum=pb.Forum(**values), forum_id=forum_id))


async def make_node(caller: Caller, forum: pb.Forum, **fields: Any) -> pb.SubjectNode:
    """Make a strategic goal."""
    node = pb.SubjectNode(**{"kind": pb.SubjectNode.KIND_STRATEGIC_GOAL, "title": "Klimaschutz", **fields})
    return await caller.CreateSubjectNode(pb.CreateSubjectNodeRequest(parent=forum.name, subject_node=node))


def national_expert(**fields: Any) -> pb.Panelist:
    """Return an expert for whom nobody has to ask the exchange service; breaks no rule."""
    return pb.Panelist(
        **{
            "function": "Professor of public administration",
            "affiliation": "Universität Speyer",
            "kind": pb.Panelist.KIND_ACADEMIC,
            "origin": pb.Panelist.ORIGIN_NATIONAL,
            "city": "cities/speyer",
            "politically_neutral": True,
            "conflict_of_interest": "none",
            **fields,
        }
    )


async def invite(caller: Caller, forum: pb.Forum, **fields: Any) -> pb.Panelist:
    """Invite a national expert."""
    request = pb.CreatePanelistRequest(parent=forum.name, panelist=national_expert(**fields))
    return await caller.CreatePanelist(request)


async def seat(caller: Caller, forum: pb.Forum, account: str = EXPERT, **fields: Any) -> pb.Panelist:
    """Invite a national expert and accept on its behalf."""
    panelist = await invite(caller, forum, account=account, **fields)
    return await caller.AcceptPanelist(pb.AcceptPanelistRequest(name=panelist.name))


async def make_group(caller: Caller, forum: pb.Forum, **fields: Any) -> pb.WorkingGroup:
    """Make a working group."""
    group = pb.WorkingGroup(**{"title": "Bildung", **fields})
    return await caller.CreateWorkingGroup(pb.CreateWorkingGroupRequest(parent=forum.name, working_group=group))


async def make_conclusion(caller: Caller, forum: pb.Forum, **fields: Any) -> pb.Conclusion:
    """Draft a conclusion."""
    values = {"title": "Präambel", "text": "Eine Präambel ist notwendig.", "language": "de", **fields}
    request = pb.CreateConclusionRequest(parent=forum.name, conclusion=pb.Conclusion(**values))
    return await caller.CreateConclusion(request)


async def make_recommendation(caller: Caller, conclusion: pb.Conclusion, **fields: Any) -> pb.Recommendation:
    """Draft a recommendation that `DEPARTMENT` owns."""
    values = {
        "conclusion": conclusion.name,
        "title": "Präambel voranstellen",
        "text": "Dem Leitbild eine Präambel voranstellen.",
        "language": "de",
        "owner_department": DEPARTMENT,
        **fields,
    }
    parent = conclusion.name.partition("/conclusions/")[0]
    request = pb.CreateRecommendationRequest(parent=parent, recommendation=pb.Recommendation(**values))
    return await caller.CreateRecommendation(request)


async def make_adopted(caller: Caller, forum: pb.Forum, **fields: Any) -> pb.Recommendation:
    """Make an adopted recommendation; fields are the conclusion's."""
    conclusion = await make_conclusion(caller, forum, **fields)
    recommendation = await make_recommendation(caller, conclusion)
    await caller.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name))
    return await caller.GetRecommendation(pb.GetRecommendationRequest(name=recommendation.name))
