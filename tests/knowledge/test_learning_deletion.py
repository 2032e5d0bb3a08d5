"""Learnings that are deleted: gone for good, for everybody and everywhere, whatever their source tells afterwards."""

import asyncio
from typing import Any

import pytest
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import events_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    AnalyzeLearningRequest,
    DeleteLearningRequest,
    EmbedLearningRequest,
    GetLearningRequest,
    IdentifyLearningRequest,
    ImplementLearningRequest,
    Learning,
    ListLearningsRequest,
    RejectLearningRequest,
    SupersedeLearningRequest,
    ValidateLearningRequest,
)
from google.protobuf.message import Message
from sqlalchemy import select, text

from chassis.identity import Role
from chassis.tables import OutboxEvent
from services.knowledge.model import DeletedLearning
from services.knowledge.model import Learning as Row
from tests.calls import Caller, RunningService
from tests.knowledge.factories import (
    CONCLUSION,
    GERMAN_ENTRY,
    conclusion_adopted,
    create_request,
    recommendation,
    recommendation_answered,
    recommendation_verified,
    visit_reported,
)
from tests.knowledge.producer import Producer, list_learnings
from tests.knowledge.searching import search, wait_for_total
from tests.refusals import refused

RECOMMENDATION = recommendation().name
ACCEPTED = forum_pb2.Recommendation.Answer.VERDICT_ACCEPTED


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


async def make(caller: Caller, **fields: Any) -> Learning:
    return await caller.CreateLearning(create_request(**fields))


async def delete(caller: Caller, name: str, etag: str = "") -> None:
    await caller.DeleteLearning(DeleteLearningRequest(name=name, etag=etag))


async def supersede(caller: Caller, old: Learning, new: Learning) -> None:
    await caller.SupersedeLearning(SupersedeLearningRequest(name=old.name, successor=new.name))


async def get(caller: Caller, name: str) -> Learning:
    return await caller.GetLearning(GetLearningRequest(name=name))


async def test_a_deleted_learning_is_gone_and_cannot_be_deleted_again(coordinator: Caller) -> None:
    made = await make(coordinator)
    await make(coordinator, title="kept")
    with refused("ABORTED", "ETAG_MISMATCH"):
        await delete(coordinator, made.name, etag="7")
    await delete(coordinator, made.name, etag=made.etag)
    for call in (get, delete):
        with refused("NOT_FOUND"):
            await call(coordinator, made.name)
    listed = await coordinator.ListLearnings(ListLearningsRequest())
    assert [learning.title for learning in listed.learnings] == ["kept"]
    assert listed.total_size == 1


async def test_a_learning_is_deleted_in_whatever_state_it_is(knowledge: RunningService, coordinator: Caller) -> None:
    validator = knowledge.as_(Role.COORDINATOR, subject="accounts/validator")
    way = [
        AnalyzeLearningRequest(),
        IdentifyLearningRequest(remedial_action="Handbuch", owner="Controlling"),
        ImplementLearningRequest(),
        ValidateLearningRequest(),
        EmbedLearningRequest(),
    ]
    asides = [
        RejectLearningRequest(reason="Doppelt"),
        SupersedeLearningRequest(successor=(await make(coordinator)).name),
    ]
    steps = [way[:length] for length in range(len(way) + 1)] + [[aside] for aside in asides]
    states = set()
    for requests in steps:
        learning = await make(coordinator)
        for request in requests:
            request.name = learning.name
            verb = type(request).__name__.removesuffix("Request")
            learning = await getattr(validator, verb)(request)
        states.add(learning.state)
        await delete(coordinator, learning.name)
        with refused("NOT_FOUND"):
            await get(coordinator, learning.name)
    assert states == set(Learning.State.values()) - {Learning.STATE_UNSPECIFIED}


async def test_nothing_that_it_said_is_kept_or_told(knowledge: RunningService, coordinator: Caller) -> None:
    made = await make(coordinator, observation="Frau Muster sagte es.")
    await delete(coordinator, made.name)
    async with knowledge.database.read() as session:
        (kept,) = await session.scalars(select(DeletedLearning))
        columns = (await session.execute(text("SELECT * FROM deleted_learnings"))).keys()
        told = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id.desc()))).first()
    assert set(columns) == {"id", "delete_time", "revision"}
    assert made.name == f"learnings/{kept.id}"
    assert told is not None
    assert told.type == "austausch.knowledge.v1.LearningDeleted"
    assert events_pb2.LearningDeleted.FromString(told.payload) == events_pb2.LearningDeleted(learning=made.name)


async def test_what_a_deleted_learning_had_replaced_stays_superseded(coordinator: Caller) -> None:
    first, second, third = [await make(coordinator, title=title) for title in ("first", "second", "third")]
    await supersede(coordinator, first, second)
    await supersede(coordinator, second, third)
    before = await get(coordinator, first.name)

    await delete(coordinator, second.name)
    passed_on = await get(coordinator, first.name)
    assert (passed_on.state, passed_on.successor) == (Learning.STATE_SUPERSEDED, third.name)
    assert passed_on.etag != before.etag

    await delete(coordinator, third.name)
    orphan = await get(coordinator, first.name)
    assert (orphan.state, orphan.successor) == (Learning.STATE_SUPERSEDED, "")
    assert not orphan.allowed_transitions
    await delete(coordinator, first.name)


async def test_of_two_that_are_deleted_at_once_the_one_before_them_keeps_neither(
    knowledge: RunningService, coordinator: Caller
) -> None:
    first, second, third = [await make(coordinator, title=title) for title in ("first", "second", "third")]
    await supersede(coordinator, first, second)
    await supersede(coordinator, second, third)
    async with knowledge.database.begin() as session:
        # As the service deletes the second.
        row = await session.get_for_update(Row, second.name)
        (await session.get_for_update(Row, first.name)).successor = row.successor
        session.add(DeletedLearning(id=row.id))
        await session.delete(row)
        await session.flush()
        deleted = asyncio.create_task(delete(coordinator, third.name))
        await asyncio.sleep(0.5)
        assert not deleted.done(), "it waits for what it had replaced"
    await deleted
    assert (await get(coordinator, first.name)).successor == ""


async def test_who_supersedes_by_a_learning_while_it_is_deleted_gets_a_clear_answer(coordinator: Caller) -> None:
    for _ in range(10):
        old, new = await make(coordinator, title="old"), await make(coordinator, title="new")
        await asyncio.gather(supersede(coordinator, old, new), delete(coordinator, new.name), return_exceptions=True)
        with refused("NOT_FOUND"):
            await get(coordinator, new.name)
        kept = await get(coordinator, old.name)
        assert not kept.successor


# Source → what made its learning, and what is told of it later.
SOURCES: dict[str, tuple[Message, list[Message]]] = {
    "visits/controllers": (visit_reported(GERMAN_ENTRY), [visit_reported(GERMAN_ENTRY, etag="9")]),
    CONCLUSION.name: (conclusion_adopted(), [conclusion_adopted()]),
    RECOMMENDATION: (
        conclusion_adopted(recommendation()),
        [conclusion_adopted(recommendation()), recommendation_answered(ACCEPTED), recommendation_verified()],
    ),
}


@pytest.mark.parametrize("source", SOURCES)
async def test_no_event_brings_a_deleted_learning_back(producer: Producer, coordinator: Caller, source: str) -> None:
    first, later = SOURCES[source]
    await producer.tell(first)
    (made,) = await list_learnings(coordinator, source)
    await delete(coordinator, made.name)
    await producer.tell(*later)
    assert await list_learnings(coordinator, source) == []
    with refused("NOT_FOUND"):
        await get(coordinator, made.name)


async def test_an_event_that_meets_the_deletion_does_not_undo_it(
    knowledge: RunningService, producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    (made,) = await list_learnings(coordinator, RECOMMENDATION)
    async with knowledge.database.begin() as session:
        row = await session.get_for_update(Row, made.name)
        session.add(DeletedLearning(id=row.id))
        await session.delete(row)
        await session.flush()
        told = asyncio.create_task(producer.tell(recommendation_answered(ACCEPTED)))
        await asyncio.sleep(0.5)
        assert not told.done(), "the event waits for the deletion"
    await told
    assert await list_learnings(coordinator, RECOMMENDATION) == []


async def test_the_other_learnings_of_an_event_are_recorded_all_the_same(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(conclusion_adopted(recommendation("one")))
    one, *_ = await list_learnings(coordinator, recommendation("one").name)
    await delete(coordinator, one.name)
    await producer.tell(conclusion_adopted(recommendation("one"), recommendation("two")))
    sources = {learning.source for learning in await list_learnings(coordinator, "forums/leitbild")}
    assert sources == {CONCLUSION.name, recommendation("two").name}


async def test_a_deleted_learning_is_in_no_result_total_or_facet(coordinator: Caller) -> None:
    gone = await make(coordinator, topics=["water", "budget"], cities=["cities/haifa"], language="en")
    await make(coordinator, topics=["water"], title="kept")
    await wait_for_total(coordinator, "Controlling", 2)
    await delete(coordinator, gone.name)
    assert await wait_for_total(coordinator, "Controlling", 1) == ["kept"]
    answer = await search(coordinator)
    assert answer.total_size == 1
    facets = {
        facet.name: {count.value: count.count for count in counts} for facet, counts in answer.facets.ListFields()
    }
    assert facets["topics"] == {"water": 1}
    assert facets["languages"] == {"de": 1}
    assert "cities" not in facets
    assert {total for counts in facets.values() for total in counts.values()} == {1}


async def test_what_a_long_transaction_deletes_leaves_the_search_when_it_ends(
    knowledge: RunningService, coordinator: Caller
) -> None:
    slow = await make(coordinator, title="slow")
    await wait_for_total(coordinator, "+Controlling", 1)
    async with knowledge.database.begin() as session:
        row = await session.get_for_update(Row, slow.name)
        session.add(DeletedLearning(id=row.id))
        await session.delete(row)
        await session.flush()
        # These begin later and commit earlier; the index passes them by.
        for number in range(3):
            await make(coordinator, observation=f"schnell{number}")
            await wait_for_total(coordinator, f"+schnell{number}", 1)
        await wait_for_total(coordinator, "+Controlling", 1)
    await wait_for_total(coordinator, "+Controlling", 0)
