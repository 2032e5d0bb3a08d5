"""Conclusions: drafts, synthesis, dissent, and the adoption with all its recommendations at once."""

import asyncio

import pytest
from austausch.forum.v1 import events_pb2
from austausch.forum.v1 import forum_pb2 as pb
from sqlalchemy import select, text

from chassis.tables import OutboxEvent
from services.forum.model import Conclusion
from services.forum.queries import write_linked
from tests.calls import Caller, RunningService
from tests.forum.factories import (
    make_conclusion,
    make_forum,
    make_group,
    make_node,
    make_recommendation,
)
from tests.refusals import refused

# A message of NATS has a mebibyte at most, headers included.
MAX_EVENT_BYTES = 1_000_000
# What PostgreSQL reports when it gives up a transaction, here at the second recommendation.
FAIL_AT_SECOND = (
    """
    CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$
    """,
    """
    CREATE TRIGGER give_up BEFORE UPDATE ON recommendations FOR EACH ROW
    WHEN (NEW.title = 'second') EXECUTE FUNCTION give_up()
    """,
)


async def events(service: RunningService) -> list[OutboxEvent]:
    """Return what the service has told, oldest first."""
    async with service.database.read() as session:
        return list(await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))


def adopt(conclusion: pb.Conclusion) -> pb.AdoptConclusionRequest:
    return pb.AdoptConclusionRequest(name=conclusion.name, etag=conclusion.etag)


async def test_a_synthesis_names_the_groups_that_share_it_and_prints_dissent(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    groups = [(await make_group(coordinator, forum, title=title)).name for title in ("Bildung", "Kultur")]
    made = await make_conclusion(coordinator, forum, working_groups=groups, dissent="Eine Gruppe hält sie für unnötig.")
    assert sorted(made.working_groups) == sorted(groups)
    assert made.dissent == "Eine Gruppe hält sie für unnötig."
    listed = await coordinator.ListConclusions(
        pb.ListConclusionsRequest(parent=forum.name, working_group=groups[1], state=pb.Conclusion.STATE_DRAFT)
    )
    assert [conclusion.name for conclusion in listed.conclusions] == [made.name]


async def test_an_adoption_adopts_the_recommendations_and_tells_of_all(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    nodes = [(await make_node(coordinator, forum, sdg_targets=targets)).name for targets in (["4.7", "11"], ["11"])]
    conclusion = await make_conclusion(coordinator, forum, nodes=nodes)
    drafts = [await make_recommendation(coordinator, conclusion, title=title) for title in ("Erste", "Zweite")]
    other = await make_recommendation(coordinator, await make_conclusion(coordinator, forum))
    adopted = await coordinator.AdoptConclusion(adopt(conclusion))
    assert (adopted.state, list(adopted.allowed_transitions)) == (pb.Conclusion.STATE_ADOPTED, [])
    states = {
        recommendation.name: recommendation.state
        for recommendation in (
            await coordinator.ListRecommendations(pb.ListRecommendationsRequest(parent=forum.name))
        ).recommendations
    }
    assert [states[draft.name] for draft in drafts] == [pb.Recommendation.STATE_ADOPTED] * 2
    assert states[other.name] == pb.Recommendation.STATE_DRAFT
    (row,) = await events(lone_forum)
    event = events_pb2.ConclusionAdopted.FromString(row.payload)
    assert (row.type, row.headers["ce-subject"]) == ("austausch.forum.v1.ConclusionAdopted", conclusion.name)
    assert (event.forum.name, event.conclusion.name) == (forum.name, conclusion.name)
    assert [recommendation.name for recommendation in event.recommendations] == [draft.name for draft in drafts]
    assert {recommendation.state for recommendation in event.recommendations} == {pb.Recommendation.STATE_ADOPTED}
    assert list(event.sdg_targets) == ["11", "4.7"]


async def test_an_adoption_tells_what_its_nodes_and_those_above_them_are_about(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    top = await make_node(coordinator, forum, topics=["climate", "strategy"])
    middle = await make_node(coordinator, forum, parent=top.name)
    measure = await make_node(coordinator, forum, parent=middle.name, topics=["mobility", "climate"])
    await make_node(coordinator, forum, parent=measure.name, topics=["below"])
    other = await make_node(coordinator, forum, topics=["culture"])
    await make_node(coordinator, forum, parent=top.name, topics=["beside"])
    await make_node(coordinator, await make_forum(coordinator, "another"), topics=["elsewhere"])
    conclusion = await make_conclusion(coordinator, forum, nodes=[measure.name, other.name])
    await coordinator.AdoptConclusion(adopt(conclusion))
    (row,) = await events(lone_forum)
    told = list(events_pb2.ConclusionAdopted.FromString(row.payload).topics)
    assert sorted(told) == ["climate", "culture", "mobility", "strategy"]
    assert told[-1] == "strategy", "the nearest come first"


async def test_an_adoption_of_long_recommendations_is_told_in_events_that_nats_carries(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    drafts = [await make_recommendation(coordinator, conclusion, text=20_000 * "語") for _ in range(18)]
    await coordinator.AdoptConclusion(adopt(conclusion))
    rows = await events(lone_forum)
    assert max(len(row.payload) for row in rows) < MAX_EVENT_BYTES
    told = [events_pb2.ConclusionAdopted.FromString(row.payload) for row in rows]
    assert {event.conclusion.name for event in told} == {conclusion.name}
    assert [each.name for event in told for each in event.recommendations] == [draft.name for draft in drafts]


async def test_an_adoption_that_fails_half_way_leaves_nothing(lone_forum: RunningService, coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    conclusion = await make_conclusion(coordinator, forum)
    first, second = [await make_recommendation(coordinator, conclusion, title=title) for title in ("first", "second")]
    async with lone_forum.database.begin() as session:
        for statement in FAIL_AT_SECOND:
            await session.execute(text(statement))
    with refused("ABORTED"):
        await coordinator.AdoptConclusion(adopt(conclusion))
    stored = await coordinator.GetConclusion(pb.GetConclusionRequest(name=conclusion.name))
    assert stored == conclusion
    for draft in (first, second):
        assert await coordinator.GetRecommendation(pb.GetRecommendationRequest(name=draft.name)) == draft
    assert await events(lone_forum) == []


async def test_of_concurrent_adoptions_one_succeeds_and_is_told_once(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    request = pb.AdoptConclusionRequest(name=conclusion.name)
    answers = await asyncio.gather(*(coordinator.AdoptConclusion(request) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, pb.Conclusion) for answer in answers) == 1
    assert len(await events(lone_forum)) == 1
    with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION") as refusal:
        await coordinator.AdoptConclusion(request)
    assert refusal.error.metadata["state"] == "ADOPTED"


async def test_an_adoption_that_waited_for_a_change_tells_of_the_changed_nodes(
    lone_forum: RunningService, coordinator: Caller
) -> None:
    forum = await make_forum(coordinator)
    conclusion = await make_conclusion(coordinator, forum)
    node = await make_node(coordinator, forum, sdg_targets=["11"])
    async with lone_forum.database.begin() as session:
        row = await session.get_for_update(Conclusion, conclusion.name)
        await write_linked(session, row, {"node_ids": [node.name.rpartition("/")[2]]})
        waiting = asyncio.create_task(coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name)))
        blocked = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(60):
            while not await session.scalar(blocked):
                await asyncio.sleep(0.05)
                # Within a transaction the view does not change by itself.
                await session.execute(text("SELECT pg_stat_clear_snapshot()"))
    assert list((await waiting).nodes) == [node.name]
    (told,) = await events(lone_forum)
    event = events_pb2.ConclusionAdopted.FromString(told.payload)
    assert (list(event.conclusion.nodes), list(event.sdg_targets)) == ([node.name], ["11"])


async def test_no_draft_slips_past_the_adoption(coordinator: Caller) -> None:
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    *drafts, _ = await asyncio.gather(
        *(make_recommendation(coordinator, conclusion) for _ in range(5)),
        coordinator.AdoptConclusion(pb.AdoptConclusionRequest(name=conclusion.name)),
        return_exceptions=True,
    )
    for draft in drafts:
        if isinstance(draft, pb.Recommendation):
            stored = await coordinator.GetRecommendation(pb.GetRecommendationRequest(name=draft.name))
            assert stored.state == pb.Recommendation.STATE_ADOPTED


@pytest.mark.parametrize("attempt", ["update", "delete", "add"])
async def test_what_is_adopted_stays_as_it_is(coordinator: Caller, attempt: str) -> None:
    forum = await make_forum(coordinator)
    conclusion = await make_conclusion(coordinator, forum)
    recommendation = await make_recommendation(coordinator, conclusion)
    await coordinator.AdoptConclusion(adopt(conclusion))
    with refused("FAILED_PRECONDITION", "ADOPTED"):
        match attempt:
            case "update":
                changed = pb.Conclusion(name=conclusion.name, text="Anders.")
                await coordinator.UpdateConclusion(pb.UpdateConclusionRequest(conclusion=changed))
            case "delete":
                await coordinator.DeleteConclusion(pb.DeleteConclusionRequest(name=conclusion.name))
            case "add":
                await make_recommendation(coordinator, conclusion)
    with refused("FAILED_PRECONDITION", "ADOPTED"):
        await coordinator.DeleteRecommendation(pb.DeleteRecommendationRequest(name=recommendation.name))


async def test_a_deleted_draft_takes_its_recommendations_along(coordinator: Caller) -> None:
    conclusion = await make_conclusion(coordinator, await make_forum(coordinator))
    recommendation = await make_recommendation(coordinator, conclusion)
    await coordinator.DeleteConclusion(pb.DeleteConclusionRequest(name=conclusion.name))
    with refused("NOT_FOUND"):
        await coordinator.GetRecommendation(pb.GetRecommendationRequest(name=recommendation.name))


async def test_a_repeated_draft_request_makes_one_draft(coordinator: Caller) -> None:
    forum = await make_forum(coordinator)
    request = pb.CreateConclusionRequest(
        parent=forum.name,
        conclusion=pb.Conclusion(title="Vorbild", text="Die Verwaltung ist Vorbild.", language="de"),
        request_id="7b0e5d2c-58f3-4b4e-9d8a-3f6e3c1f7a11",
    )
    answers = await asyncio.gather(*(coordinator.CreateConclusion(request) for _ in range(4)))
    assert {answer.name for answer in answers} == {answers[0].name}
    listed = await coordinator.ListConclusions(pb.ListConclusionsRequest(parent=forum.name))
    assert listed.total_size == 1
