"""Search by name in forums: within the forums that the caller may see."""

import pytest
from austausch.common.v1.names_pb2 import NameHit, SearchNamesRequest
from austausch.forum.v1 import forum_pb2 as pb
from google.type.date_pb2 import Date

from chassis.identity import Role
from tests.calls import Caller, RunningService
from tests.forum.factories import EXPERT, invite, make_conclusion, make_forum, make_recommendation
from tests.refusals import refused


async def search(caller: Caller, query: str, **more: int) -> list[NameHit]:
    return list((await caller.SearchForumNames(SearchNamesRequest(query=query, **more))).hits)


async def test_forums_conclusions_and_recommendations_are_found_by_their_titles(coordinator: Caller) -> None:
    first, last = Date(year=2031, month=5, day=1), Date(year=2031, month=6, day=1)
    forum = await make_forum(coordinator, subject="Klimaschutz und Präambel", start_date=first, end_date=last)
    conclusion = await make_conclusion(coordinator, forum, language="de")
    recommendation = await make_recommendation(coordinator, conclusion, language="en")

    hits = await search(coordinator, "PRAAMBEL")

    assert [(hit.name, hit.kind, hit.title, hit.language, hit.detail, hit.score) for hit in hits] == [
        (conclusion.name, NameHit.KIND_CONCLUSION, "Präambel", "de", forum.title, 1.0),
        (forum.name, NameHit.KIND_FORUM, forum.title, "de", "", 0.9),
        (recommendation.name, NameHit.KIND_RECOMMENDATION, "Präambel voranstellen", "en", forum.title, 0.9),
    ]
    assert (hits[1].start_date, hits[1].end_date) == (first, last)
    assert [hit.name for hit in await search(coordinator, "letibild")] == [forum.name]
    assert await search(coordinator, "schule") == []


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.COORDINATOR, Role.MEMBER, Role.EXPERT])
@pytest.mark.parametrize("query", ["präambel", "praembel"])
async def test_a_role_finds_what_it_may_list_and_nothing_else(
    lone_forum: RunningService, coordinator: Caller, role: Role, query: str
) -> None:
    for forum_id in ("own", "other"):
        forum = await make_forum(coordinator, forum_id, title=f"Präambel {forum_id}")
        await make_recommendation(coordinator, await make_conclusion(coordinator, forum))
        if forum_id == "own":
            await invite(coordinator, forum, account=EXPERT)
    caller = lone_forum.as_(role, subject=EXPERT)
    forums = (await caller.ListForums(pb.ListForumsRequest())).forums
    listed = {forum.name for forum in forums}
    for forum in forums:
        answer = await caller.ListConclusions(pb.ListConclusionsRequest(parent=forum.name))
        listed |= {conclusion.name for conclusion in answer.conclusions}
        follow_up = await caller.ListRecommendations(pb.ListRecommendationsRequest(parent=forum.name))
        listed |= {recommendation.name for recommendation in follow_up.recommendations}

    assert {hit.name for hit in await search(caller, query, page_size=20)} == listed
    assert len(listed) == (3 if role is Role.EXPERT else 6)


async def test_partners_and_strangers_do_not_search_forums(lone_forum: RunningService) -> None:
    with refused("PERMISSION_DENIED"):
        await search(lone_forum.as_(Role.PARTNER, city="cities/swansea"), "x")
    with refused("UNAUTHENTICATED"):
        await search(lone_forum.without_identity(), "x")
