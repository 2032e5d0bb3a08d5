"""Learnings from what a forum adopts and the city makes of it, through a producer's outbox and a real NATS."""

import itertools

import pytest
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    Learning,
    RejectLearningRequest,
    SearchLearningsRequest,
    UpdateLearningRequest,
)
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis.identity import Role
from services.knowledge.model import Learning as Row
from tests.calls import Caller, RunningService
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import (
    CONCLUSION,
    GERMAN_ENTRY,
    conclusion_adopted,
    create_request,
    recommendation,
    recommendation_answered,
    recommendation_implemented,
    recommendation_returned,
    recommendation_verified,
    visit_reported,
)
from tests.knowledge.producer import Producer, list_learnings
from tests.refusals import refused

Answer = forum_pb2.Recommendation.Answer
PREAMBLE = "forums/leitbild/recommendations/preamble"


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR, name="Internationales Büro")


async def test_an_adopted_conclusion_and_its_recommendations_become_insights(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(conclusion_adopted(recommendation("one"), recommendation("two", title="Zweite")))
    learnings = {learning.source: learning for learning in await list_learnings(coordinator, "forums/leitbild")}
    assert set(learnings) == {
        CONCLUSION.name,
        "forums/leitbild/recommendations/one",
        "forums/leitbild/recommendations/two",
    }
    for learning in learnings.values():
        assert learning.state == Learning.STATE_INSIGHT
        assert learning.source_title == learning.author_name == "Leitbild Mannheim 2030"
        assert list(learning.sdg_targets) == ["11.3"]
        assert list(learning.topics) == ["strategy", "climate"]
    assert learnings[CONCLUSION.name].observation == CONCLUSION.text
    one = learnings["forums/leitbild/recommendations/one"]
    assert one.recommendation == "Dem Leitbild eine Präambel voranstellen."
    found = await eventually(lambda: _found(coordinator, "Präambeln"))
    assert learnings[CONCLUSION.name].name in found
    assert one.name in found


async def test_an_adoption_that_several_events_tell_of_becomes_insights_once(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(*(conclusion_adopted(recommendation(id_)) for id_ in ("one", "two")))
    learnings = await list_learnings(coordinator, "forums/leitbild")
    assert sorted(learning.source for learning in learnings) == [
        CONCLUSION.name,
        "forums/leitbild/recommendations/one",
        "forums/leitbild/recommendations/two",
    ]


async def test_a_learning_takes_as_many_topics_as_it_may_have_and_can_be_edited(
    producer: Producer, coordinator: Caller
) -> None:
    told = conclusion_adopted()
    told.topics[:] = ["gru\u0308nfla\u0308chen", *(f"topic-{number}" for number in range(40))]
    await producer.tell(told)
    (learning,) = await list_learnings(coordinator, CONCLUSION.name)
    assert list(learning.topics) == ["grünflächen", *(f"topic-{number}" for number in range(29))]
    await coordinator.UpdateLearning(
        UpdateLearningRequest(learning=learning, update_mask=FieldMask(paths=["topics", "cities"]))
    )


async def test_a_learning_that_serves_too_many_targets_serves_their_goals_and_can_be_edited(
    producer: Producer, coordinator: Caller
) -> None:
    told = conclusion_adopted()
    told.sdg_targets[:] = [f"{goal}.{number}" for goal in ("11", "4", "6", "16") for number in range(1, 9)]
    await producer.tell(told)
    (learning,) = await list_learnings(coordinator, CONCLUSION.name)
    assert list(learning.sdg_targets) == ["4", "6", "11", "16"]
    await coordinator.UpdateLearning(
        UpdateLearningRequest(learning=learning, update_mask=FieldMask(paths=["sdg_targets"]))
    )


@pytest.mark.parametrize("answer_comes_first", [False, True])
async def test_events_of_a_release_that_told_no_topics_make_learnings_without(
    producer: Producer, coordinator: Caller, answer_comes_first: bool
) -> None:
    events = [conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_ACCEPTED)]
    for event in events:
        event.ClearField("topics")
    await producer.tell(*(reversed(events) if answer_comes_first else events))
    for source in (CONCLUSION.name, PREAMBLE):
        (learning,) = await list_learnings(coordinator, source)
        assert list(learning.topics) == []


async def test_topics_that_people_chose_since_stay(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    (learning,) = await list_learnings(coordinator, PREAMBLE)
    change = Learning(name=learning.name, topics=["education"])
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=change))
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (after,) = await list_learnings(coordinator, PREAMBLE)
    assert list(after.topics) == ["education"]


async def _found(caller: Caller, query: str) -> set[str]:
    answer = await caller.SearchLearnings(SearchLearningsRequest(query=query))
    return {result.learning.name for result in answer.results}


@pytest.mark.parametrize("answer_comes_first", [False, True])
async def test_an_accepted_recommendation_is_a_lesson_identified_whatever_comes_first(
    producer: Producer, coordinator: Caller, answer_comes_first: bool
) -> None:
    events = [conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_ACCEPTED)]
    await producer.tell(*(reversed(events) if answer_comes_first else events))
    (learning,) = await list_learnings(coordinator, PREAMBLE)
    assert learning.state == Learning.STATE_LESSON_IDENTIFIED
    assert learning.remedial_action == "Dem Leitbild eine Präambel voranstellen."
    assert learning.owner == "Strategische Steuerung"
    assert learning.discussion == "Das schafft Klarheit."
    assert len(await list_learnings(coordinator, CONCLUSION.name)) == 1


async def test_answers_are_followed_as_far_as_they_go(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation("partly"), recommendation("rejected"), recommendation("nobody")),
        recommendation_answered(Answer.VERDICT_PARTLY, name="forums/leitbild/recommendations/partly"),
        recommendation_answered(Answer.VERDICT_REJECTED, "Kein Geld", name="forums/leitbild/recommendations/rejected"),
        recommendation_answered(
            Answer.VERDICT_ACCEPTED, name="forums/leitbild/recommendations/nobody", owner_department=""
        ),
    )
    found = await list_learnings(coordinator, "forums/leitbild")
    learnings = {learning.source.rpartition("/")[2]: learning for learning in found}
    assert learnings["partly"].state == Learning.STATE_LESSON_IDENTIFIED
    assert learnings["rejected"].state == Learning.STATE_REJECTED
    assert learnings["rejected"].reject_reason == "Kein Geld"
    assert learnings["nobody"].state == Learning.STATE_INSIGHT


async def test_an_answer_does_not_undo_what_people_decided(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    (learning,) = await list_learnings(coordinator, PREAMBLE)
    await coordinator.RejectLearning(RejectLearningRequest(name=learning.name, reason="Doppelt"))
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (kept,) = await list_learnings(coordinator, PREAMBLE)
    assert (kept.state, kept.reject_reason) == (Learning.STATE_REJECTED, "Doppelt")


async def test_the_last_change_names_the_person_behind_the_event(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY), conclusion_adopted(recommendation()))
    (observation,) = await list_learnings(coordinator, "visits/controllers")
    assert observation.updater == "Internationales Büro"
    for source in (CONCLUSION.name, PREAMBLE):
        (insight,) = await list_learnings(coordinator, source)
        assert insight.updater == "Internationales Büro"
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    assert lesson.updater == "Anna Antwort"


async def test_an_answer_that_comes_first_names_who_answered(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    assert lesson.updater == "Anna Antwort"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_lesson_follows_its_recommendation_to_the_end_whatever_comes_first(
    producer: Producer, coordinator: Caller, order: tuple[int, ...]
) -> None:
    events = [
        recommendation_answered(Answer.VERDICT_ACCEPTED),
        recommendation_implemented(),
        recommendation_verified(),
    ]
    await producer.tell(*(events[index] for index in order), conclusion_adopted(recommendation()))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    assert lesson.state == Learning.STATE_VALIDATED
    assert lesson.remedial_action == "Dem Leitbild eine Präambel voranstellen."
    assert (lesson.validator, lesson.validator_name) == ("accounts/petra", "Petra Prüferin")
    assert lesson.updater == "Petra Prüferin"


async def test_an_implemented_recommendation_is_an_implemented_lesson(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation()),
        recommendation_answered(Answer.VERDICT_ACCEPTED),
        recommendation_implemented(),
    )
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    assert (lesson.state, lesson.updater) == (Learning.STATE_IMPLEMENTED, "Uwe Umsetzer")


async def test_a_lesson_without_an_owner_waits_for_one(producer: Producer, coordinator: Caller) -> None:
    implemented = recommendation_implemented()
    implemented.recommendation.owner_department = ""
    await producer.tell(conclusion_adopted(recommendation(owner_department="")), implemented)
    (insight,) = await list_learnings(coordinator, PREAMBLE)
    assert insight.state == Learning.STATE_INSIGHT


async def test_a_verification_does_not_undo_what_people_decided(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_ACCEPTED))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    await coordinator.RejectLearning(RejectLearningRequest(name=lesson.name, reason="Doppelt"))
    await producer.tell(recommendation_implemented(), recommendation_verified())
    (kept,) = await list_learnings(coordinator, PREAMBLE)
    assert (kept.state, kept.reject_reason) == (Learning.STATE_REJECTED, "Doppelt")


def corrected(verdict: Answer.Verdict, reason: str, *former: Answer, etag: str) -> Message:
    """Return a corrected answer, with those before it."""
    return recommendation_answered(verdict, reason, former_answers=former, etag=etag)


REJECTION = Answer(verdict=Answer.VERDICT_REJECTED, reason="Kein Geld")
ACCEPTANCE = Answer(verdict=Answer.VERDICT_ACCEPTED, reason="Das schafft Klarheit.")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_lesson_follows_corrected_answers_whatever_comes_first(
    producer: Producer, coordinator: Caller, order: tuple[int, ...]
) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    events = [
        recommendation_answered(Answer.VERDICT_REJECTED, "Kein Geld", etag="3"),
        corrected(Answer.VERDICT_ACCEPTED, "Das schafft Klarheit.", REJECTION, etag="4"),
        corrected(Answer.VERDICT_PARTLY, "Nur Teil 1.", REJECTION, ACCEPTANCE, etag="5"),
    ]
    await producer.tell(*(events[index] for index in order))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    assert (lesson.state, lesson.discussion) == (Learning.STATE_LESSON_IDENTIFIED, "Nur Teil 1.")
    assert lesson.reject_reason == ""


async def test_a_lesson_follows_an_acceptance_that_becomes_a_rejection(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation()),
        recommendation_answered(Answer.VERDICT_ACCEPTED, etag="3"),
        corrected(Answer.VERDICT_REJECTED, "Kein Geld", ACCEPTANCE, etag="4"),
    )
    (rejected,) = await list_learnings(coordinator, PREAMBLE)
    assert (rejected.state, rejected.reject_reason) == (Learning.STATE_REJECTED, "Kein Geld")


async def test_a_corrected_answer_does_not_undo_what_people_decided(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_REJECTED, "Kein Geld", etag="3")
    )
    (learning,) = await list_learnings(coordinator, PREAMBLE)
    await producer.tell(corrected(Answer.VERDICT_ACCEPTED, "Doch.", REJECTION, etag="4"))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    await coordinator.RejectLearning(RejectLearningRequest(name=learning.name, reason="Doppelt"))
    await producer.tell(corrected(Answer.VERDICT_PARTLY, "Zum Teil.", REJECTION, ACCEPTANCE, etag="5"))
    (kept,) = await list_learnings(coordinator, PREAMBLE)
    assert lesson.state == Learning.STATE_LESSON_IDENTIFIED
    assert (kept.state, kept.reject_reason) == (Learning.STATE_REJECTED, "Doppelt")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_lesson_whose_recommendation_came_back_is_not_implemented(
    producer: Producer, coordinator: Caller, order: tuple[int, ...]
) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    events = [
        recommendation_answered(Answer.VERDICT_ACCEPTED, etag="3"),
        recommendation_implemented(etag="6"),
        recommendation_returned(etag="7"),
    ]
    await producer.tell(*(events[index] for index in order))
    (lesson,) = await list_learnings(coordinator, PREAMBLE)
    assert lesson.state == Learning.STATE_LESSON_IDENTIFIED
    await producer.tell(recommendation_implemented(etag="8"))
    (again,) = await list_learnings(coordinator, PREAMBLE)
    assert again.state == Learning.STATE_IMPLEMENTED


async def test_a_follow_up_that_does_not_tell_the_conclusion_makes_no_learning(
    producer: Producer, coordinator: Caller
) -> None:
    from_before = recommendation_implemented()
    from_before.ClearField("conclusion")
    await producer.tell(from_before)
    assert not await list_learnings(coordinator, PREAMBLE)


@pytest.mark.parametrize("source", [CONCLUSION.name, PREAMBLE])
async def test_what_a_forum_adopted_is_never_worded_anew(producer: Producer, coordinator: Caller, source: str) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    (adopted,) = await list_learnings(coordinator, source)
    assert adopted.text_adopted
    for field in ("title", "language", "observation", "discussion", "conclusion", "recommendation"):
        change = UpdateLearningRequest(learning=Learning(name=adopted.name))
        setattr(change.learning, field, "en")
        with refused("FAILED_PRECONDITION") as refusal:
            await coordinator.UpdateLearning(change)
        assert refusal.error.reason == "ADOPTED"
    rest = Learning(name=adopted.name, title=adopted.title, topics=["strategy"])
    mask = FieldMask(paths=["title", "topics"])
    changed = await coordinator.UpdateLearning(UpdateLearningRequest(learning=rest, update_mask=mask))
    assert (changed.title, list(changed.topics)) == (adopted.title, ["strategy"])
    assert changed.editable


async def test_what_a_person_writes_about_a_forum_stays_theirs_to_word(
    knowledge: RunningService, coordinator: Caller
) -> None:
    made = await coordinator.CreateLearning(create_request())
    async with knowledge.database.begin() as session:
        (await session.get_by_name(Row, made.name)).source = CONCLUSION.name
    assert not made.text_adopted
    change = UpdateLearningRequest(learning=Learning(name=made.name, title="Better"))
    assert (await coordinator.UpdateLearning(change)).title == "Better"
