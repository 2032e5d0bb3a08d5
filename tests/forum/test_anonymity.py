"""Experts stay anonymous among themselves, and what they declare is for the office."""

import pytest
from austausch.forum.v1 import forum_pb2 as pb

from chassis.identity import Role
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    EXPERT,
    make_conclusion,
    make_forum,
    make_group,
    make_recommendation,
    national_expert,
    seat,
)
from tests.refusals import refused

FELLOW = "accounts/fellow"


@pytest.fixture
def expert(lone_forum: RunningService) -> Caller:
    return lone_forum.as_(Role.EXPERT, subject=EXPERT, name="Ewa Expertin")


@pytest.fixture
def fellow(lone_forum: RunningService) -> Caller:
    return lone_forum.as_(Role.EXPERT, subject=FELLOW, name="Viktor Kollege")


@pytest.fixture
def member(lone_forum: RunningService) -> Caller:
    return lone_forum.as_(Role.MEMBER, department="Kämmerei")


async def declare(caller: Caller, panelist: pb.Panelist) -> pb.Panelist:
    declared = pb.Panelist(name=panelist.name, conflict_of_interest="none at all")
    return await caller.UpdatePanelist(pb.UpdatePanelistRequest(panelist=declared))


async def test_an_expert_is_not_told_which_other_expert_changed_something(
    coordinator: Caller, expert: Caller, fellow: Caller, member: Caller
) -> None:
    forum = await make_forum(coordinator)
    places = [await seat(coordinator, forum, account) for account in (EXPERT, FELLOW)]
    group = await make_group(coordinator, forum, members=[place.name for place in places])
    await declare(fellow, places[1])
    conclusion = await make_conclusion(fellow, forum, working_groups=[group.name])
    recommendation = await make_recommendation(fellow, conclusion)

    async def updaters(caller: Caller) -> list[str]:
        gets = [
            await caller.GetPanelist(pb.GetPanelistRequest(name=places[1].name)),
            await caller.GetConclusion(pb.GetConclusionRequest(name=conclusion.name)),
            await caller.GetRecommendation(pb.GetRecommendationRequest(name=recommendation.name)),
        ]
        lists = [
            (await caller.ListPanelists(pb.ListPanelistsRequest(parent=forum.name))).panelists[1],
            (await caller.ListConclusions(pb.ListConclusionsRequest(parent=forum.name))).conclusions[0],
            (await caller.ListRecommendations(pb.ListRecommendationsRequest(parent=forum.name))).recommendations[0],
        ]
        assert [each.updater for each in lists] == [each.updater for each in gets]
        return [each.updater for each in gets]

    assert await updaters(expert) == ["", "", ""]
    assert await updaters(fellow) == ["Viktor Kollege"] * 3
    assert await updaters(member) == await updaters(coordinator) == ["Viktor Kollege"] * 3


async def test_a_lost_change_does_not_name_the_other_expert(
    coordinator: Caller, expert: Caller, fellow: Caller
) -> None:
    forum = await make_forum(coordinator)
    places = [await seat(coordinator, forum, account) for account in (EXPERT, FELLOW)]
    group = await make_group(coordinator, forum, members=[place.name for place in places])
    seen = await make_conclusion(expert, forum, working_groups=[group.name])
    draft = await make_recommendation(expert, seen)
    await fellow.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=pb.Conclusion(name=seen.name, text="Von mir.")))
    await fellow.UpdateRecommendation(
        pb.UpdateRecommendationRequest(recommendation=pb.Recommendation(name=draft.name, text="Von mir."))
    )
    late = pb.Conclusion(name=seen.name, etag=seen.etag, text="Von der anderen.")
    late_draft = pb.Recommendation(name=draft.name, etag=draft.etag, text="Von der anderen.")
    for write in (
        expert.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=late)),
        expert.UpdateRecommendation(pb.UpdateRecommendationRequest(recommendation=late_draft)),
    ):
        with refused("ABORTED", "ETAG_MISMATCH") as refusal:
            await write
        assert refusal.metadata["updater"] == ""
        assert "Viktor" not in refusal.error.message
    with refused("ABORTED", "ETAG_MISMATCH") as refusal:
        await coordinator.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=late))
    assert refusal.metadata["updater"] == "Viktor Kollege"


async def test_what_an_expert_declares_is_for_the_office_and_itself(
    lone_forum: RunningService, coordinator: Caller, expert: Caller, fellow: Caller, member: Caller
) -> None:
    forum = await make_forum(coordinator)
    panelist = await seat(coordinator, forum, residence_city="cities/speyer")
    await seat(coordinator, forum, FELLOW)
    administrator = lone_forum.as_(Role.ADMINISTRATOR)
    request = pb.GetPanelistRequest(name=panelist.name)
    for reader, sees in (
        (coordinator, True), (administrator, True), (expert, True), (fellow, False), (member, False),
    ):  # fmt: skip
        (listed, *_) = (await reader.ListPanelists(pb.ListPanelistsRequest(parent=forum.name))).panelists
        for seen in (await reader.GetPanelist(request), listed):
            assert seen.function == national_expert().function
            assert (seen.conflict_of_interest, seen.residence_city, seen.account) == (
                ("none", "cities/speyer", EXPERT) if sees else ("", "", "")
            )
            assert (seen.politically_neutral, seen.HasField("eligibility")) == (sees, sees)


async def test_a_member_does_not_find_out_who_an_expert_is(coordinator: Caller, member: Caller) -> None:
    forum = await make_forum(coordinator)
    await seat(coordinator, forum)
    with refused("PERMISSION_DENIED", "NOT_OWN_ACCOUNT"):
        await member.ListPanelists(pb.ListPanelistsRequest(parent=forum.name, account=EXPERT))
    own = pb.ListPanelistsRequest(parent="forums/-", account="accounts/member")
    assert (await member.ListPanelists(own)).total_size == 0
