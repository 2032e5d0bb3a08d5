"""For which working groups an expert writes, and what each reader is told it may change."""

import pytest
from austausch.forum.v1 import forum_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.identity import Role
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    DEPARTMENT,
    EXPERT,
    invite,
    make_conclusion,
    make_forum,
    make_group,
    make_recommendation,
    seat,
)
from tests.refusals import refused


@pytest.fixture
def expert(lone_forum: RunningService) -> Caller:
    return lone_forum.as_(Role.EXPERT, subject=EXPERT)


@pytest.fixture
async def forum(coordinator: Caller) -> pb.Forum:
    return await make_forum(coordinator)


@pytest.fixture
async def own(coordinator: Caller, forum: pb.Forum) -> pb.WorkingGroup:
    """The working group that the expert belongs to."""
    return await make_group(coordinator, forum, members=[(await seat(coordinator, forum)).name])


@pytest.fixture
async def other(coordinator: Caller, forum: pb.Forum) -> pb.WorkingGroup:
    """A working group that the expert does not belong to."""
    return await make_group(coordinator, forum, title="Kultur")


async def regroup(caller: Caller, conclusion: pb.Conclusion, *groups: pb.WorkingGroup) -> pb.Conclusion:
    """Let these groups share a conclusion."""
    changed = pb.Conclusion(name=conclusion.name, working_groups=[group.name for group in groups])
    mask = FieldMask(paths=["working_groups"])
    return await caller.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=changed, update_mask=mask))


async def retitle(caller: Caller, conclusion: pb.Conclusion) -> pb.Conclusion:
    changed = pb.Conclusion(name=conclusion.name, title="Anders")
    return await caller.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=changed))


async def test_an_expert_drafts_for_its_own_group_only(
    expert: Caller, forum: pb.Forum, own: pb.WorkingGroup, other: pb.WorkingGroup
) -> None:
    for groups in ([other.name], [own.name, other.name]):
        with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
            await make_conclusion(expert, forum, working_groups=groups)
    with refused("INVALID_ARGUMENT", "WORKING_GROUP_REQUIRED") as refusal:
        await make_conclusion(expert, forum)
    assert [violation.field for violation in refusal.error.violations] == ["conclusion.working_groups"]
    assert (await expert.ListConclusions(pb.ListConclusionsRequest(parent=forum.name))).total_size == 0
    made = await make_conclusion(expert, forum, working_groups=[own.name])
    assert list(made.working_groups) == [own.name]


async def test_an_expert_changes_the_drafts_of_its_groups_only(
    coordinator: Caller, expert: Caller, forum: pb.Forum, own: pb.WorkingGroup, other: pb.WorkingGroup
) -> None:
    for groups in ([other.name], []):
        foreign = await make_conclusion(coordinator, forum, working_groups=groups)
        with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
            await retitle(expert, foreign)
        with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
            await regroup(expert, foreign, own)
        with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
            await make_recommendation(expert, foreign)
        draft = await make_recommendation(coordinator, foreign)
        changed = pb.Recommendation(name=draft.name, text="Anders.")
        with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
            await expert.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=changed))


async def test_in_a_synthesis_an_expert_touches_no_other_group(
    coordinator: Caller, expert: Caller, forum: pb.Forum, own: pb.WorkingGroup, other: pb.WorkingGroup
) -> None:
    synthesis = await make_conclusion(coordinator, forum, working_groups=[own.name, other.name])
    assert (await retitle(expert, synthesis)).title == "Anders"
    await make_recommendation(expert, synthesis)
    for groups in ([own], [other]):
        with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
            await regroup(expert, synthesis, *groups)
    lone = await make_conclusion(coordinator, forum, working_groups=[own.name])
    with refused("PERMISSION_DENIED", "NOT_IN_WORKING_GROUP"):
        await regroup(expert, lone, own, other)


async def test_each_reader_is_told_what_it_may_change(
    lone_forum: RunningService,
    coordinator: Caller,
    expert: Caller,
    forum: pb.Forum,
    own: pb.WorkingGroup,
    other: pb.WorkingGroup,
) -> None:
    drafts = [await make_conclusion(coordinator, forum, working_groups=[group.name]) for group in (own, other)]
    for draft in drafts:
        await make_recommendation(coordinator, draft)
    member = lone_forum.as_(Role.MEMBER, department=DEPARTMENT)
    outsider = lone_forum.as_(Role.MEMBER, department="Fachbereich Bildung")

    async def told(caller: Caller) -> tuple[list[bool], list[bool], list[bool]]:
        all_groups = await caller.ListWorkingGroups(pb.ListWorkingGroupsRequest(parent=forum.name))
        groups = {one.name: one.writable for one in all_groups.working_groups}
        conclusions = (await caller.ListConclusions(pb.ListConclusionsRequest(parent=forum.name))).conclusions
        request = pb.ListRecommendationsRequest(parent=forum.name)
        listed = (await caller.ListRecommendations(request)).recommendations
        for conclusion in conclusions:
            assert await caller.GetConclusion(pb.GetConclusionRequest(name=conclusion.name)) == conclusion
        for recommendation in listed:
            named = pb.GetRecommendationRequest(name=recommendation.name)
            assert await caller.GetRecommendation(named) == recommendation
        return (
            [groups[group.name] for group in (own, other)],
            [one.editable for one in conclusions],
            [one.editable for one in listed],
        )

    assert await told(coordinator) == ([True, True], [True, True], [True, True])
    assert await told(expert) == ([True, False], [True, False], [True, False])
    assert await told(member) == ([False, False], [False, False], [True, True])
    assert await told(outsider) == ([False, False], [False, False], [False, False])
    for draft in drafts:
        await coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=draft.name))
    assert await told(coordinator) == ([True, True], [False, False], [True, True])
    assert await told(expert) == ([True, False], [False, False], [False, False])


async def test_an_expert_who_has_not_accepted_is_offered_no_group(
    coordinator: Caller, expert: Caller, forum: pb.Forum
) -> None:
    invited = await invite(coordinator, forum, account=EXPERT)
    await make_group(coordinator, forum, members=[invited.name])
    (group,) = (await expert.ListWorkingGroups(pb.ListWorkingGroupsRequest(parent=forum.name))).working_groups
    assert not group.writable
