"""Learnings from other services' events, through a producer's outbox and a real NATS."""

import asyncio
import itertools
from typing import Any

import pytest
from austausch.exchange.v1 import events_pb2 as exchange_events
from austausch.exchange.v1.exchange_pb2 import DebriefEntry, Visit
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    AnalyzeLearningRequest,
    Learning,
    ListLearningsRequest,
    ListLearningsResponse,
    RejectLearningRequest,
    SearchLearningsRequest,
    UpdateLearningRequest,
)
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis.identity import Role
from chassis.outbox import emit
from services.knowledge.model import Learning as Row
from tests.calls import Caller, RunningService
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import (
    CONCLUSION,
    CONTROLLING,
    ENGLISH_ENTRY,
    GERMAN_ENTRY,
    conclusion_adopted,
    create_request,
    recommendation,
    recommendation_answered,
    recommendation_implemented,
    recommendation_returned,
    recommendation_verified,
    visit,
    visit_reported,
)
from tests.refusals import refused

Answer = forum_pb2.Recommendation.Answer


class Producer:
    """Tells the knowledge service of events, as other services do: by an outbox."""

    def __init__(self, service: RunningService, knowledge: RunningService) -> None:
        self._service = service
        self._caller = knowledge.as_(Role.COORDINATOR)
        self._told = 0

    async def tell(self, *events: Message) -> None:
        """Tell of events, one after the other, and wait until they have arrived."""
        for event in events:
            async with self._service.database.begin() as session:
                emit(session, event)
            self._told += 1
            marker = f"visits/marker-{self._told}"
            async with self._service.database.begin() as session:
                emit(session, visit_reported({**GERMAN_ENTRY, "title": "marker"}, name=marker))
            await eventually(lambda source=marker: self._arrived(source))

    async def _arrived(self, source: str) -> bool:
        return bool((await self._caller.ListLearnings(ListLearningsRequest(source=source))).total_size)


@pytest.fixture
def producer(exchange: RunningService, knowledge: RunningService) -> Producer:
    return Producer(exchange, knowledge)


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR, name="Internationales Büro")


async def of(caller: Caller, source: str) -> list[Learning]:
    """Return the learnings of a source, oldest first."""
    request = ListLearningsRequest(source=source, order_by="create_time")
    answer: ListLearningsResponse = await caller.ListLearnings(request)
    return list(answer.learnings)


async def test_a_debrief_becomes_observations_that_are_found_and_lead_back_to_the_visit(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY, ENGLISH_ENTRY))
    learnings = await of(coordinator, "visits/controllers")
    assert {learning.title for learning in learnings} == {GERMAN_ENTRY["title"], ENGLISH_ENTRY["title"]}
    german = next(learning for learning in learnings if learning.language == "de")
    english = next(learning for learning in learnings if learning.language == "en")
    for learning in learnings:
        assert learning.state == Learning.STATE_OBSERVATION
        assert learning.source == "visits/controllers"
        assert learning.source_title == "Controller aus Swansea in Mannheim"
        assert learning.department == CONTROLLING
        assert (learning.author, learning.author_name) == ("accounts/coordinator", "Internationales Büro")
        assert list(learning.cities) == ["cities/swansea"]
        assert list(learning.sdg_targets) == ["16.6"]
    assert list(german.topics) == ["controlling"]
    assert list(english.topics) == ["organisation"]

    async def results(query: str) -> dict[str, str]:
        answer = await coordinator.SearchLearnings(SearchLearningsRequest(query=query))
        return {result.learning.name: result.snippet for result in answer.results}

    assert german.name in await eventually(lambda: results("Controllings"))
    assert "<mark>controller</mark>" in (await eventually(lambda: results("controllers directorates")))[english.name]


async def test_what_was_learned_abroad_belongs_to_the_department_that_leads_the_exchange(
    producer: Producer, coordinator: Caller
) -> None:
    event = visit_reported(GERMAN_ENTRY, direction=Visit.DIRECTION_OUTGOING, host_department="Finance")
    event.exchange.department = "Stadtentwässerung"
    await producer.tell(event)
    (learning,) = await of(coordinator, "visits/controllers")
    assert learning.department == "Stadtentwässerung"


async def test_a_debrief_says_who_may_read_what_it_taught(
    producer: Producer, coordinator: Caller, knowledge: RunningService
) -> None:
    shared = {**ENGLISH_ENTRY, "visibility": DebriefEntry.VISIBILITY_PARTNERS}
    await producer.tell(visit_reported(GERMAN_ENTRY, shared))
    learnings = {learning.title: learning for learning in await of(coordinator, "visits/controllers")}
    assert learnings[GERMAN_ENTRY["title"]].visibility == Learning.VISIBILITY_INTERNAL
    assert learnings[shared["title"]].visibility == Learning.VISIBILITY_PARTNERS
    partner = knowledge.as_(Role.PARTNER, city="cities/swansea")
    assert [learning.title for learning in await of(partner, "visits/controllers")] == [shared["title"]]


async def test_a_repeated_report_makes_no_second_learning_and_undoes_nothing(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY))
    (made,) = await of(coordinator, "visits/controllers")
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=Learning(name=made.name, title="Better")))
    await coordinator.AnalyzeLearning(AnalyzeLearningRequest(name=made.name))
    await producer.tell(visit_reported(GERMAN_ENTRY), visit_reported(GERMAN_ENTRY))
    (kept,) = await of(coordinator, "visits/controllers")
    assert (kept.title, kept.state) == ("Better", Learning.STATE_INSIGHT)


async def test_the_partner_reads_what_its_visit_taught_once_it_is_shared(
    producer: Producer, coordinator: Caller, knowledge: RunningService
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY))
    swansea = knowledge.as_(Role.PARTNER, city="cities/swansea")
    assert not await of(swansea, "visits/controllers")
    (made,) = await of(coordinator, "visits/controllers")
    shared = Learning(name=made.name, visibility=Learning.VISIBILITY_PARTNERS)
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=shared))
    assert len(await of(swansea, "visits/controllers")) == 1


async def test_partners_write_about_a_visit_once_it_is_known(producer: Producer, knowledge: RunningService) -> None:
    swansea = knowledge.as_(Role.PARTNER, city="cities/swansea")
    await producer.tell(exchange_events.VisitCreated(visit=visit()))
    made = await swansea.CreateLearning(create_request(source="visits/controllers"))
    assert made.source_title == "Controller aus Swansea in Mannheim"


async def test_an_older_event_does_not_undo_what_a_newer_one_told_of_a_visit(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(
        exchange_events.VisitChanged(visit=visit(title="New title", etag="12")),
        exchange_events.VisitChanged(visit=visit(title="Old title", etag="9")),
        exchange_events.VisitCreated(visit=visit(title="First title", etag="1")),
    )
    made = await coordinator.CreateLearning(create_request(source="visits/controllers"))
    assert made.source_title == "New title"


async def test_a_visit_that_was_deleted_does_not_come_back_by_a_belated_event(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(
        exchange_events.VisitDeleted(visit="visits/controllers"), exchange_events.VisitCreated(visit=visit())
    )
    with refused("INVALID_ARGUMENT", "SOURCE_NOT_FOUND"):
        await coordinator.CreateLearning(create_request(source="visits/controllers"))


async def test_a_learning_written_before_its_visit_was_known_gets_its_title(
    producer: Producer, knowledge: RunningService, coordinator: Caller
) -> None:
    made = await coordinator.CreateLearning(create_request())
    # As the release before let it be written.
    async with knowledge.database.begin() as session:
        (await session.get_by_name(Row, made.name)).source = "visits/controllers"
    await producer.tell(exchange_events.VisitCreated(visit=visit()))
    (seen,) = await of(coordinator, "visits/controllers")
    assert seen.name == made.name
    assert seen.source_title == "Controller aus Swansea in Mannheim"


async def test_an_adopted_conclusion_and_its_recommendations_become_insights(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(conclusion_adopted(recommendation("one"), recommendation("two", title="Zweite")))
    learnings = {learning.source: learning for learning in await of(coordinator, "forums/leitbild")}
    assert set(learnings) == {
        CONCLUSION.name,
        "forums/leitbild/recommendations/one",
        "forums/leitbild/recommendations/two",
    }
    for learning in learnings.values():
        assert learning.state == Learning.STATE_INSIGHT
        assert learning.source_title == learning.author_name == "Leitbild Mannheim 2030"
        assert list(learning.sdg_targets) == ["11.3"]
    assert learnings[CONCLUSION.name].observation == CONCLUSION.text
    one = learnings["forums/leitbild/recommendations/one"]
    assert one.recommendation == "Dem Leitbild eine Präambel voranstellen."
    found = await eventually(lambda: _found(coordinator, "Präambeln"))
    assert learnings[CONCLUSION.name].name in found
    assert one.name in found


async def _found(caller: Caller, query: str) -> set[str]:
    answer = await caller.SearchLearnings(SearchLearningsRequest(query=query))
    return {result.learning.name for result in answer.results}


@pytest.mark.parametrize("answer_comes_first", [False, True])
async def test_an_accepted_recommendation_is_a_lesson_identified_whatever_comes_first(
    producer: Producer, coordinator: Caller, answer_comes_first: bool
) -> None:
    events = [conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_ACCEPTED)]
    await producer.tell(*(reversed(events) if answer_comes_first else events))
    (learning,) = await of(coordinator, "forums/leitbild/recommendations/preamble")
    assert learning.state == Learning.STATE_LESSON_IDENTIFIED
    assert learning.remedial_action == "Dem Leitbild eine Präambel voranstellen."
    assert learning.owner == "Strategische Steuerung"
    assert learning.discussion == "Das schafft Klarheit."
    assert len(await of(coordinator, CONCLUSION.name)) == 1


async def test_answers_are_followed_as_far_as_they_go(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation("partly"), recommendation("rejected"), recommendation("nobody")),
        recommendation_answered(Answer.VERDICT_PARTLY, name="forums/leitbild/recommendations/partly"),
        recommendation_answered(Answer.VERDICT_REJECTED, "Kein Geld", name="forums/leitbild/recommendations/rejected"),
        recommendation_answered(
            Answer.VERDICT_ACCEPTED, name="forums/leitbild/recommendations/nobody", owner_department=""
        ),
    )
    learnings = {learning.source.rpartition("/")[2]: learning for learning in await of(coordinator, "forums/leitbild")}
    assert learnings["partly"].state == Learning.STATE_LESSON_IDENTIFIED
    assert learnings["rejected"].state == Learning.STATE_REJECTED
    assert learnings["rejected"].reject_reason == "Kein Geld"
    assert learnings["nobody"].state == Learning.STATE_INSIGHT


async def test_an_answer_does_not_undo_what_people_decided(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    (learning,) = await of(coordinator, "forums/leitbild/recommendations/preamble")
    await coordinator.RejectLearning(RejectLearningRequest(name=learning.name, reason="Doppelt"))
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (kept,) = await of(coordinator, "forums/leitbild/recommendations/preamble")
    assert (kept.state, kept.reject_reason) == (Learning.STATE_REJECTED, "Doppelt")


PREAMBLE = "forums/leitbild/recommendations/preamble"


async def test_the_last_change_names_the_person_behind_the_event(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY), conclusion_adopted(recommendation()))
    (observation,) = await of(coordinator, "visits/controllers")
    assert observation.updater == "Internationales Büro"
    for source in (CONCLUSION.name, PREAMBLE):
        (insight,) = await of(coordinator, source)
        assert insight.updater == "Internationales Büro"
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (lesson,) = await of(coordinator, PREAMBLE)
    assert lesson.updater == "Anna Antwort"


async def test_an_answer_that_comes_first_names_who_answered(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(recommendation_answered(Answer.VERDICT_ACCEPTED))
    (lesson,) = await of(coordinator, PREAMBLE)
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
    (lesson,) = await of(coordinator, PREAMBLE)
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
    (lesson,) = await of(coordinator, PREAMBLE)
    assert (lesson.state, lesson.updater) == (Learning.STATE_IMPLEMENTED, "Uwe Umsetzer")


async def test_a_lesson_without_an_owner_waits_for_one(producer: Producer, coordinator: Caller) -> None:
    implemented = recommendation_implemented()
    implemented.recommendation.owner_department = ""
    await producer.tell(conclusion_adopted(recommendation(owner_department="")), implemented)
    (insight,) = await of(coordinator, PREAMBLE)
    assert insight.state == Learning.STATE_INSIGHT


async def test_a_verification_does_not_undo_what_people_decided(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_ACCEPTED))
    (lesson,) = await of(coordinator, PREAMBLE)
    await coordinator.RejectLearning(RejectLearningRequest(name=lesson.name, reason="Doppelt"))
    await producer.tell(recommendation_implemented(), recommendation_verified())
    (kept,) = await of(coordinator, PREAMBLE)
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
    (lesson,) = await of(coordinator, PREAMBLE)
    assert (lesson.state, lesson.discussion) == (Learning.STATE_LESSON_IDENTIFIED, "Nur Teil 1.")
    assert lesson.reject_reason == ""


async def test_a_lesson_follows_an_acceptance_that_becomes_a_rejection(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation()),
        recommendation_answered(Answer.VERDICT_ACCEPTED, etag="3"),
        corrected(Answer.VERDICT_REJECTED, "Kein Geld", ACCEPTANCE, etag="4"),
    )
    (rejected,) = await of(coordinator, PREAMBLE)
    assert (rejected.state, rejected.reject_reason) == (Learning.STATE_REJECTED, "Kein Geld")


async def test_a_corrected_answer_does_not_undo_what_people_decided(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(
        conclusion_adopted(recommendation()), recommendation_answered(Answer.VERDICT_REJECTED, "Kein Geld", etag="3")
    )
    (learning,) = await of(coordinator, PREAMBLE)
    await producer.tell(corrected(Answer.VERDICT_ACCEPTED, "Doch.", REJECTION, etag="4"))
    (lesson,) = await of(coordinator, PREAMBLE)
    await coordinator.RejectLearning(RejectLearningRequest(name=learning.name, reason="Doppelt"))
    await producer.tell(corrected(Answer.VERDICT_PARTLY, "Zum Teil.", REJECTION, ACCEPTANCE, etag="5"))
    (kept,) = await of(coordinator, PREAMBLE)
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
    (lesson,) = await of(coordinator, PREAMBLE)
    assert lesson.state == Learning.STATE_LESSON_IDENTIFIED
    await producer.tell(recommendation_implemented(etag="8"))
    (again,) = await of(coordinator, PREAMBLE)
    assert again.state == Learning.STATE_IMPLEMENTED


async def test_a_follow_up_that_does_not_tell_the_conclusion_makes_no_learning(
    producer: Producer, coordinator: Caller
) -> None:
    from_before = recommendation_implemented()
    from_before.ClearField("conclusion")
    await producer.tell(from_before)
    assert not await of(coordinator, PREAMBLE)


@pytest.mark.parametrize("source", [CONCLUSION.name, PREAMBLE])
async def test_what_a_forum_adopted_is_never_worded_anew(producer: Producer, coordinator: Caller, source: str) -> None:
    await producer.tell(conclusion_adopted(recommendation()))
    (adopted,) = await of(coordinator, source)
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


async def test_many_events_at_once_all_arrive(exchange: RunningService, coordinator: Caller) -> None:
    async def report(number: int) -> None:
        async with exchange.database.begin() as session:
            emit(session, visit_reported(GERMAN_ENTRY, ENGLISH_ENTRY, name=f"visits/v{number}"))

    await asyncio.gather(*(report(number) for number in range(20)))

    async def all_found() -> bool:
        answer: Any = await coordinator.SearchLearnings(SearchLearningsRequest(query="Swansea"))
        return bool(answer.total_size == 40)

    assert await eventually(all_found, seconds=40)
    assert (await coordinator.ListLearnings(ListLearningsRequest())).total_size == 40
