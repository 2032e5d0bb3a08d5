"""Who sees which forum, and who may write there."""

from typing import Any

import pytest
from austausch.forum.v1 import forum_pb2 as pb
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.identity import Role
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    EXPERT,
    invite,
    make_adopted,
    make_conclusion,
    make_forum,
    make_group,
    make_node,
    make_recommendation,
    seat,
)
from tests.refusals import refused


@pytest.fixture
def expert(lone_forum: RunningService) -> Caller:
    return lone_forum.as_(Role.EXPERT, subject=EXPERT)


async def test_an_expert_sees_the_forums_it_sits_on_and_no_other(coordinator: Caller, expert: Caller) -> None:
    own, other = [await make_forum(coordinator, name) for name in ("own", "other")]
    await invite(coordinator, own, account=EXPERT)
    listed = await expert.ListForums(pb.ListForumsRequest())
    assert [forum.name for forum in listed.forums] == [own.name]
    assert (await expert.GetForum(pb.GetForumRequest(name=own.name))).name == own.name
    with refused("PERMISSION_DENIED"):
        await expert.GetForum(pb.GetForumRequest(name=other.name))


async def test_whether_a_forum_exists_is_not_told_to_who_may_not_see_it(coordinator: Caller, expert: Caller) -> None:
    await make_forum(coordinator, "other")
    answers = []
    for name in ("forums/other", "forums/none"):
        with refused("PERMISSION_DENIED") as refusal:
            await expert.GetForum(pb.GetForumRequest(name=name))
        answers.append(refusal.error.message)
    assert answers[0] == answers[1]
    with refused("NOT_FOUND"):
        await coordinator.GetForum(pb.GetForumRequest(name="forums/none"))


def reads(service: RunningService) -> list[tuple[str, type[Message]]]:
    """Return every Get and List within a forum: RPC and request."""
    methods = [method for each in service.contract for method in each.methods]
    return [
        (method.name, GetMessageClass(method.input_type))
        for method in methods
        if method.name.startswith(("Get", "List")) and method.name not in ("ListForums", "ListEligibilityChecks")
    ]


async def test_no_read_shows_an_expert_anything_of_another_forum(
    lone_forum: RunningService, coordinator: Caller, expert: Caller
) -> None:
    forum = await make_forum(coordinator)
    await seat(coordinator, await make_forum(coordinator, "own"))
    recommendation = await make_adopted(coordinator, forum)
    names = {
        "GetForum": forum.name,
        "GetSubjectNode": (await make_node(coordinator, forum)).name,
        "GetPanelist": (await invite(coordinator, forum)).name,
        "GetWorkingGroup": (await make_group(coordinator, forum)).name,
        "GetConclusion": recommendation.conclusion,
        "GetRecommendation": recommendation.name,
    }
    for rpc, request in reads(lone_forum):
        fields: dict[str, Any] = {"name": names[rpc]} if rpc.startswith("Get") else {"parent": forum.name}
        with refused("PERMISSION_DENIED"):
            await getattr(expert, rpc)(request(**fields))
        await getattr(coordinator, rpc)(request(**fields))


@pytest.mark.parametrize("leave", ["Decline", "Withdraw"])
async def test_who_left_the_panel_sees_the_forum_no_more(coordinator: Caller, expert: Caller, leave: str) -> None:
    forum = await make_forum(coordinator)
    panelist = await invite(coordinator, forum, account=EXPERT)
    await expert.GetForum(pb.GetForumRequest(name=forum.name))
    request = getattr(pb, f"{leave}PanelistRequest")(name=panelist.name)
    await getattr(expert, f"{leave}Panelist")(request)
    with refused("PERMISSION_DENIED"):
        await expert.GetForum(pb.GetForumRequest(name=forum.name))


async def test_an_expert_drafts_where_it_sits_and_adopts_nowhere(coordinator: Caller, expert: Caller) -> None:
    forum, other = [await make_forum(coordinator, name) for name in ("own", "other")]
    group = await make_group(coordinator, forum, members=[(await seat(coordinator, forum)).name])
    conclusion = await make_conclusion(expert, forum, working_groups=[group.name])
    recommendation = await make_recommendation(expert, conclusion)
    assert list(conclusion.allowed_transitions) == list(recommendation.allowed_transitions) == []
    changed = pb.Recommendation(name=recommendation.name, text="Besser so.")
    await expert.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=changed))
    with refused("PERMISSION_DENIED"):
        await make_conclusion(expert, other)
    with refused("PERMISSION_DENIED"):
        await expert.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name))
    await coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name))
    with refused("FAILED_PRECONDITION", "ADOPTED"):
        changed = pb.Recommendation(name=recommendation.name, evidence="Protokoll")
        await expert.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=changed))


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.MEMBER])
async def test_who_works_for_the_home_city_reads_every_forum_and_writes_none(
    lone_forum: RunningService, coordinator: Caller, role: Role
) -> None:
    forum = await make_forum(coordinator)
    reader = lone_forum.as_(role, department="Kämmerei")
    assert (await reader.ListForums(pb.ListForumsRequest())).total_size == 1
    assert (await reader.GetForum(pb.GetForumRequest(name=forum.name))).name == forum.name
    with refused("PERMISSION_DENIED"):
        await make_forum(reader, "mine")
    with refused("PERMISSION_DENIED"):
        await make_conclusion(reader, forum)


async def test_a_partner_sees_no_forum(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    partner = lone_forum.as_(Role.PARTNER, city="cities/swansea")
    with refused("PERMISSION_DENIED"):
        await partner.ListForums(pb.ListForumsRequest())
    with refused("PERMISSION_DENIED"):
        await partner.GetForum(pb.GetForumRequest(name=forum.name))


async def test_nobody_is_let_in_without_an_identity(lone_forum: RunningService) -> None:
    with refused("UNAUTHENTICATED"):
        await lone_forum.without_identity().ListForums(pb.ListForumsRequest())


HOSTILE = ["'; DROP TABLE forums; --", "<script>alert(1)</script>", "🌍🔬", "שלום עולם", "\u202etxet", "{{7*7}}"]


async def test_text_of_any_kind_is_kept_as_it_is(coordinator: Caller) -> None:
    for number, text in enumerate(HOSTILE):
        forum = await make_forum(coordinator, f"forum-{number}", title=text, purpose=text)
        stored = await coordinator.GetForum(pb.GetForumRequest(name=forum.name))
        assert (stored.title, stored.purpose) == (text, text)


BAD: list[tuple[str, Any]] = [
    ("title", ""),
    ("title", "x" * 301),
    ("title", "a\0b"),
    ("city", "mannheim"),
    ("language", "German!"),
    ("panel_city_cap", -1),
]


async def test_a_bad_field_is_named_and_nothing_stored(coordinator: Caller) -> None:
    for field, value in BAD:
        with refused("INVALID_ARGUMENT") as refusal:
            await make_forum(coordinator, **{field: value})
        assert [violation.field for violation in refusal.error.violations] == [f"forum.{field}"]
    assert (await coordinator.ListForums(pb.ListForumsRequest())).total_size == 0
