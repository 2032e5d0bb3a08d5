"""Lists: what they cost the database, and what they show over every forum."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from austausch.forum.v1 import forum_pb2 as pb
from sqlalchemy import event

from chassis.identity import Role
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    EXPERT,
    invite,
    make_conclusion,
    make_forum,
    make_group,
    make_node,
    make_recommendation,
    seat,
)
from tests.refusals import refused

EVERY_FORUM = "forums/-"


@pytest.fixture
def expert(lone_forum: RunningService) -> Caller:
    return lone_forum.as_(Role.EXPERT, subject=EXPERT)


@contextmanager
def statements(service: RunningService) -> Iterator[list[str]]:
    """Collect the SQL that the service runs in the block, without that of the relay, which looks meanwhile."""
    seen: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "outbox" not in statement:
            seen.append(statement)

    engine = service.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", record)


async def fill(coordinator: Caller, forum: pb.Forum) -> dict[str, list[Any]]:
    """Make three of everything in a forum, each referring to three others; return them by the name of their list."""
    charter = [await make_node(coordinator, forum, kind="KIND_COMMITMENT", title=f"Artikel {n}") for n in range(3)]
    fulfilled = [commitment.name for commitment in charter]
    nodes = [await make_node(coordinator, forum, title=f"Ziel {n}", fulfils=fulfilled) for n in range(9)]
    experts = [await seat(coordinator, forum)]
    experts += [await seat(coordinator, forum, account=f"accounts/expert-{n}") for n in range(2)]
    members = [expert.name for expert in experts]
    names = [node.name for node in nodes]
    groups = [
        await make_group(coordinator, forum, title=f"Gruppe {n}", nodes=names[3 * n : 3 * n + 3], members=members)
        for n in range(3)
    ]
    sharing = [group.name for group in groups]
    conclusions = [
        await make_conclusion(coordinator, forum, title=f"Fazit {n}", working_groups=sharing, nodes=names)
        for n in range(3)
    ]
    recommendations = [await make_recommendation(coordinator, conclusion) for conclusion in conclusions]
    return {
        "SubjectNodes": charter + nodes,
        "Panelists": experts,
        "WorkingGroups": groups,
        "Conclusions": conclusions,
        "Recommendations": recommendations,
    }


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.EXPERT])
async def test_a_list_costs_one_statement_and_shows_what_was_written(
    lone_forum: RunningService, coordinator: Caller, role: Role
) -> None:
    forum = await make_forum(coordinator)
    made = await fill(coordinator, forum)
    caller = lone_forum.as_(role, subject=EXPERT)
    with statements(lone_forum) as seen:
        assert (await caller.ListForums(pb.ListForumsRequest())).total_size == 1
    assert len(seen) == 1
    for kind, rows in made.items():
        with statements(lone_forum) as seen:
            answer = await getattr(caller, f"List{kind}")(getattr(pb, f"List{kind}Request")(parent=forum.name))
        assert len(seen) == 1, kind
        (listed,) = [value for field, value in answer.ListFields() if field.message_type]
        assert answer.total_size == len(rows)
        assert {row.name: links(row) for row in listed} == {row.name: links(row) for row in rows}


def links(row: Any) -> list[list[str]]:
    """Return what a resource refers to in fields with many names, in order."""
    fields = ("fulfils", "nodes", "members", "working_groups")
    return [list(getattr(row, field)) for field in fields if field in row.DESCRIPTOR.fields_by_name]


@pytest.mark.parametrize(
    "kind", ["SubjectNodes", "Panelists", "WorkingGroups", "Conclusions", "Recommendations", "EligibilityChecks"]
)
async def test_an_empty_list_is_of_a_forum_that_exists(coordinator: Caller, kind: str) -> None:
    forum = await make_forum(coordinator)
    request = getattr(pb, f"List{kind}Request")
    assert (await getattr(coordinator, f"List{kind}")(request(parent=forum.name))).total_size == 0
    with refused("NOT_FOUND"):
        await getattr(coordinator, f"List{kind}")(request(parent="forums/none"))


@pytest.mark.parametrize("kind", ["SubjectNodes", "WorkingGroups", "EligibilityChecks"])
async def test_parts_that_mean_nothing_without_their_forum_are_not_listed_over_every_forum(
    coordinator: Caller, kind: str
) -> None:
    with refused("NOT_FOUND"):
        await getattr(coordinator, f"List{kind}")(getattr(pb, f"List{kind}Request")(parent=EVERY_FORUM))


async def recommendations(caller: Caller, **fields: Any) -> AsyncIterator[pb.Recommendation]:
    """Yield the recommendations of every forum, page by page."""
    request = pb.ListRecommendationsRequest(parent=EVERY_FORUM, page_size=2, **fields)
    while True:
        answer = await caller.ListRecommendations(request)
        for recommendation in answer.recommendations:
            yield recommendation
        request.page_token = answer.next_page_token
        if not request.page_token:
            return


async def test_over_every_forum_a_caller_pages_through_what_it_may_see(
    lone_forum: RunningService, coordinator: Caller, expert: Caller
) -> None:
    made: dict[str, list[str]] = {}
    for name in ("first", "second", "hidden"):
        forum = await make_forum(coordinator, name, title=f"Forum {name}")
        if name != "hidden":
            await seat(coordinator, forum)
        conclusion = await make_conclusion(coordinator, forum)
        made[name] = [(await make_recommendation(coordinator, conclusion)).name for _ in range(3)]
    own = [*made["first"], *made["second"]]
    # All have one title: the order among them is that of their keys.
    for order in ("create_time", "title desc"):
        shown = [each async for each in recommendations(expert, order_by=order)]
        assert sorted(each.name for each in shown) == sorted(own)
        assert {each.forum_title for each in shown} == {"Forum first", "Forum second"}
        shown = [each async for each in recommendations(coordinator, order_by=order)]
        assert sorted(each.name for each in shown) == sorted([*own, *made["hidden"]])
    with statements(lone_forum) as seen:
        answer = await expert.ListConclusions(pb.ListConclusionsRequest(parent=EVERY_FORUM))
    assert len(seen) == 1
    assert {each.name.split("/")[1] for each in answer.conclusions} == {"first", "second"}
    stranger = lone_forum.as_(Role.EXPERT, subject="accounts/stranger")
    assert (await stranger.ListRecommendations(pb.ListRecommendationsRequest(parent=EVERY_FORUM))).total_size == 0


async def test_over_every_forum_the_same_id_in_two_of_them_is_two_rows(coordinator: Caller) -> None:
    names = []
    for name in ("first", "second", "third"):
        forum = await make_forum(coordinator, name)
        group = pb.WorkingGroup(title="Bildung")
        sharing = await coordinator.CreateWorkingGroup(
            pb.CreateWorkingGroupRequest(parent=forum.name, working_group=group, working_group_id="bildung")
        )
        conclusion = pb.Conclusion(title="Fazit", text="Text", language="de", working_groups=[sharing.name])
        request = pb.CreateConclusionRequest(parent=forum.name, conclusion=conclusion, conclusion_id="fazit")
        made = await coordinator.CreateConclusion(request)
        recommendation = pb.Recommendation(conclusion=made.name, title="Gleich", text="Text", language="de")
        request = pb.CreateRecommendationRequest(
            parent=forum.name, recommendation=recommendation, recommendation_id="gleich"
        )
        names.append((await coordinator.CreateRecommendation(request)).name)
    for order in ("title", "title desc"):
        shown = [each.name async for each in recommendations(coordinator, order_by=order)]
        assert shown == sorted(names, reverse=order.endswith("desc"))
    of_second = recommendations(coordinator, conclusion="forums/second/conclusions/fazit")
    assert [each.name async for each in of_second] == names[1:2]
    shared = pb.ListConclusionsRequest(parent=EVERY_FORUM, working_group="forums/second/workingGroups/bildung")
    found = await coordinator.ListConclusions(shared)
    assert [each.name for each in found.conclusions] == ["forums/second/conclusions/fazit"]


async def test_an_expert_lists_its_own_places_over_every_forum(
    lone_forum: RunningService, coordinator: Caller, expert: Caller
) -> None:
    forums = [await make_forum(coordinator, name) for name in ("first", "second", "third")]
    invited = await invite(coordinator, forums[0], account=EXPERT)
    accepted = await seat(coordinator, forums[1])
    await invite(coordinator, forums[2], account="accounts/another")

    async def places(caller: Caller, **fields: Any) -> list[str]:
        listed = await caller.ListPanelists(pb.ListPanelistsRequest(parent=EVERY_FORUM, account=EXPERT, **fields))
        return [panelist.name for panelist in listed.panelists]

    assert await places(expert) == [invited.name, accepted.name]
    assert await places(expert, state=pb.Panelist.STATE_INVITED) == [invited.name]
    stranger = lone_forum.as_(Role.EXPERT, subject="accounts/stranger")
    assert (await stranger.ListPanelists(pb.ListPanelistsRequest(parent=EVERY_FORUM))).total_size == 0


async def test_recommendations_are_listed_by_several_states(coordinator: Caller) -> None:
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    adopted, answered = [await make_recommendation(coordinator, conclusion) for _ in range(2)]
    await coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name))
    verdict = pb.Recommendation.Answer.VERDICT_ACCEPTED
    await coordinator.AnswerRecommendation(
        pb.AnswerRecommendationRequest(name=answered.name, verdict=verdict, reason="Gut.")
    )
    draft = await make_recommendation(
        coordinator, await make_conclusion(coordinator, await make_forum(coordinator, "b"))
    )
    states = pb.Recommendation.State
    shown = [each.name async for each in recommendations(coordinator, states=["STATE_ADOPTED", "STATE_ANSWERED"])]
    assert shown == [adopted.name, answered.name]
    shown = [each.name async for each in recommendations(coordinator, states=[states.Value("STATE_DRAFT")])]
    assert shown == [draft.name]


async def test_an_expert_does_not_learn_which_accounts_fellow_panelists_have(
    coordinator: Caller, expert: Caller
) -> None:
    forum = await make_forum(coordinator)
    own = await seat(coordinator, forum)
    await seat(coordinator, forum, account="accounts/another")
    listed = await expert.ListPanelists(pb.ListPanelistsRequest(parent=forum.name, account=EXPERT))
    assert [panelist.name for panelist in listed.panelists] == [own.name]
    with refused("PERMISSION_DENIED"):
        await expert.ListPanelists(pb.ListPanelistsRequest(parent=forum.name, account="accounts/another"))
