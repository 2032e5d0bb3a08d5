"""Learnings from visits' debriefs, and what is known of visits, through a producer's outbox and a real NATS."""

import asyncio
from typing import Any

import pytest
from austausch.exchange.v1 import events_pb2 as exchange_events
from austausch.exchange.v1.exchange_pb2 import DebriefEntry, Visit
from austausch.knowledge.v1.knowledge_pb2 import (
    AnalyzeLearningRequest,
    Learning,
    ListLearningsRequest,
    SearchLearningsRequest,
    UpdateLearningRequest,
)
from opentelemetry.trace import INVALID_SPAN
from sqlalchemy import text

from chassis.consumer import Arrival, Origin
from chassis.database import Database
from chassis.identity import Role
from chassis.model import now
from chassis.notifications import listen
from chassis.outbox import emit
from services.knowledge.events import record_visits
from services.knowledge.model import Learning as Row
from tests.calls import Caller, RunningService
from tests.chassis.messaging import working
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import (
    CONTROLLING,
    ENGLISH_ENTRY,
    GERMAN_ENTRY,
    create_request,
    visit,
    visit_reported,
)
from tests.knowledge.producer import Producer, list_learnings
from tests.refusals import refused


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR, name="Internationales Büro")


async def test_a_debrief_becomes_observations_that_are_found_and_lead_back_to_the_visit(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY, ENGLISH_ENTRY))
    learnings = await list_learnings(coordinator, "visits/controllers")
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
    (learning,) = await list_learnings(coordinator, "visits/controllers")
    assert learning.department == "Stadtentwässerung"


async def test_a_debrief_says_who_may_read_what_it_taught(
    producer: Producer, coordinator: Caller, knowledge: RunningService
) -> None:
    shared = {**ENGLISH_ENTRY, "visibility": DebriefEntry.VISIBILITY_PARTNERS}
    await producer.tell(visit_reported(GERMAN_ENTRY, shared))
    learnings = {learning.title: learning for learning in await list_learnings(coordinator, "visits/controllers")}
    assert learnings[GERMAN_ENTRY["title"]].visibility == Learning.VISIBILITY_INTERNAL
    assert learnings[shared["title"]].visibility == Learning.VISIBILITY_PARTNERS
    partner = knowledge.as_(Role.PARTNER, city="cities/swansea")
    assert [learning.title for learning in await list_learnings(partner, "visits/controllers")] == [shared["title"]]


async def test_what_a_visit_of_very_many_cities_taught_can_be_edited(producer: Producer, coordinator: Caller) -> None:
    guests = [f"cities/guest-{number}" for number in range(50)]
    await producer.tell(visit_reported(GERMAN_ENTRY, other_guest_cities=guests))
    (learning,) = await list_learnings(coordinator, "visits/controllers")
    assert list(learning.cities) == ["cities/swansea", *guests[:49]]
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=learning))


async def test_a_repeated_report_makes_no_second_learning_and_undoes_nothing(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY))
    (made,) = await list_learnings(coordinator, "visits/controllers")
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=Learning(name=made.name, title="Better")))
    await coordinator.AnalyzeLearning(AnalyzeLearningRequest(name=made.name))
    await producer.tell(visit_reported(GERMAN_ENTRY), visit_reported(GERMAN_ENTRY))
    (kept,) = await list_learnings(coordinator, "visits/controllers")
    assert (kept.title, kept.state) == ("Better", Learning.STATE_INSIGHT)


async def test_the_partner_reads_what_its_visit_taught_once_it_is_shared(
    producer: Producer, coordinator: Caller, knowledge: RunningService
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY))
    swansea = knowledge.as_(Role.PARTNER, city="cities/swansea")
    assert not await list_learnings(swansea, "visits/controllers")
    (made,) = await list_learnings(coordinator, "visits/controllers")
    shared = Learning(name=made.name, visibility=Learning.VISIBILITY_PARTNERS)
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=shared))
    assert len(await list_learnings(swansea, "visits/controllers")) == 1


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


async def test_the_report_of_a_visit_that_was_deleted_stands_alone(producer: Producer, coordinator: Caller) -> None:
    await producer.tell(exchange_events.VisitDeleted(visit="visits/controllers"), visit_reported(GERMAN_ENTRY))
    answer = await coordinator.ListLearnings(ListLearningsRequest())
    (learning,) = [each for each in answer.learnings if each.title == GERMAN_ENTRY["title"]]
    assert (learning.source, learning.source_title) == ("", "Controller aus Swansea in Mannheim")


async def test_two_reports_of_one_visit_at_once_make_a_learning_of_each_entry_once(
    producer: Producer, coordinator: Caller
) -> None:
    await producer.tell(visit_reported(GERMAN_ENTRY), visit_reported(GERMAN_ENTRY, ENGLISH_ENTRY))
    learnings = await list_learnings(coordinator, "visits/controllers")
    assert sorted(each.title for each in learnings) == sorted([GERMAN_ENTRY["title"], ENGLISH_ENTRY["title"]])


async def test_a_learning_written_before_its_visit_was_known_gets_its_title(
    producer: Producer, knowledge: RunningService, coordinator: Caller
) -> None:
    made = await coordinator.CreateLearning(create_request())
    # As the release before let it be written.
    async with knowledge.database.begin() as session:
        (await session.get_by_name(Row, made.name)).source = "visits/controllers"
    await producer.tell(exchange_events.VisitCreated(visit=visit()))
    (seen,) = await list_learnings(coordinator, "visits/controllers")
    assert seen.name == made.name
    assert seen.source_title == "Controller aus Swansea in Mannheim"


async def test_what_is_told_of_a_visit_does_not_wake_the_search_index_where_no_learning_lacks_its_title(
    database: Database,
) -> None:
    heard: list[str] = []
    arrival = Arrival(exchange_events.VisitCreated(visit=visit()), Origin("1", "/exchange", now(), ""), INVALID_SPAN)
    async with working(listen(database.url, "learnings", heard.append)):
        await eventually(lambda: asyncio.sleep(0, heard == [""]))
        async with database.begin() as session:
            await record_visits(session, [arrival])
        async with database.begin() as session:
            await session.execute(text("NOTIFY learnings, 'afterwards'"))
        await eventually(lambda: asyncio.sleep(0, heard[1:]))
    assert heard == ["", "afterwards"]


async def test_many_events_at_once_all_arrive(exchange: RunningService, coordinator: Caller) -> None:
    async def report(number: int) -> None:
        async with exchange.database.begin() as session:
            emit(session, visit_reported(GERMAN_ENTRY, ENGLISH_ENTRY, name=f"visits/v{number}"))

    await asyncio.gather(*(report(number) for number in range(20)))

    async def all_found() -> bool:
        answer: Any = await coordinator.SearchLearnings(SearchLearningsRequest(query="Swansea"))
        return bool(answer.total_size == 40)

    assert await eventually(all_found)
    assert (await coordinator.ListLearnings(ListLearningsRequest())).total_size == 40
