"""A learning comes from something that exists, as far as its author may see it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from austausch.exchange.v1 import exchange_pb2
from austausch.exchange.v1.events_pb2 import VisitDeleted
from austausch.knowledge.v1.knowledge_pb2 import ListLearningsRequest
from sqlalchemy import select

from chassis.consumer import Origin
from chassis.identity import Role
from chassis.model import now
from deploy.embedded import Nats
from services.knowledge.events import record_visit_deletion
from services.knowledge.model import KnownVisit
from services.knowledge.model import Learning as Row
from services.knowledge.sources import hold_visit
from tests import factories
from tests.calls import Caller, Keys, RunningService
from tests.conftest import knowledge_settings, run_service
from tests.forum.factories import make_adopted, make_forum
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import CONTROLLING, create_request
from tests.refusals import refused


@pytest.fixture
async def linked(
    _knowledge_url: str, exchange: RunningService, forum: RunningService, nats_server: Nats, keys: Keys, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """The knowledge service beside the exchange and the forum service."""
    settings = knowledge_settings(tmp_path / "index", exchange.address, forum.address)
    async with run_service("knowledge", _knowledge_url, nats_server, keys, **settings) as running:
        yield running


@pytest.fixture
def member(linked: RunningService) -> Caller:
    return linked.as_(Role.MEMBER, department=CONTROLLING)


@pytest.fixture
async def visit(exchange: RunningService) -> exchange_pb2.Visit:
    """A visit from Swansea."""
    office = exchange.as_(Role.COORDINATOR)
    await factories.home_city(office)
    swansea = await factories.city(office, "swansea")
    series = await factories.exchange(office, (await factories.partnership(office, swansea.name)).name)
    return await factories.visit(office, series.name, title="Controllers in Mannheim")


async def forget_visit(linked: RunningService, name: str) -> None:
    """Make the visit older than the events that the knowledge service has seen."""
    await eventually(lambda: get_known_visit(linked, name))
    async with linked.database.begin() as session:
        await session.delete(await session.get_one(KnownVisit, name))


async def get_known_visit(linked: RunningService, name: str) -> KnownVisit | None:
    async with linked.database.read() as session:
        return await session.get(KnownVisit, name)


async def test_a_source_that_does_not_exist_is_refused_by_its_field(
    linked: RunningService, forum: RunningService, visit: exchange_pb2.Visit, member: Caller
) -> None:
    made = await make_forum(forum.as_(Role.COORDINATOR))
    missing = ["visits/none", f"visits/{'x' * 62}", "forums/none", f"{made.name}/conclusions/none"]
    for source in [*missing, f"{made.name}/recommendations/none"]:
        with refused("INVALID_ARGUMENT", "SOURCE_NOT_FOUND") as refusal:
            await member.CreateLearning(create_request(source=source))
        assert refusal.fields == ["learning.source"]
    assert (await member.ListLearnings(ListLearningsRequest())).total_size == 0


async def test_a_visit_older_than_the_events_is_a_source(
    linked: RunningService, visit: exchange_pb2.Visit, member: Caller
) -> None:
    await forget_visit(linked, visit.name)
    made = await member.CreateLearning(create_request(source=visit.name, source_title="Something else"))
    assert (made.source, made.source_title) == (visit.name, "Controllers in Mannheim")


async def test_forums_and_what_they_adopt_are_sources(forum: RunningService, member: Caller) -> None:
    office = forum.as_(Role.COORDINATOR)
    made = await make_forum(office)
    recommendation = await make_adopted(office, made)
    titles = {}
    for source in (made.name, recommendation.conclusion, recommendation.name):
        learning = await member.CreateLearning(create_request(source=source, source_title="As I call it"))
        titles[learning.source] = learning.source_title
    assert titles == {made.name: made.title, recommendation.conclusion: "As I call it", recommendation.name: made.title}


async def test_partners_write_about_their_own_citys_visits_known_or_not(
    linked: RunningService, visit: exchange_pb2.Visit
) -> None:
    swansea, haifa = (linked.as_(Role.PARTNER, city=f"cities/{city}") for city in ("swansea", "haifa"))
    for event in ("known", "forgotten"):
        made = await swansea.CreateLearning(create_request(source=visit.name))
        assert made.source_title == "Controllers in Mannheim"
        answers = []
        for source in (visit.name, "visits/none"):
            with refused("PERMISSION_DENIED") as refusal:
                await haifa.CreateLearning(create_request(source=source))
            answers.append(refusal.error.reason)
        if event == "known":
            await forget_visit(linked, visit.name)
    assert answers == ["RESOURCE_NOT_VISIBLE"] * 2, "whether a visit exists is not told"
    with refused("PERMISSION_DENIED"):
        await swansea.CreateLearning(create_request(source="visits/none"))
    with refused("PERMISSION_DENIED", "NOT_ABOUT_OWN_VISIT"):
        await swansea.CreateLearning(create_request(source="forums/leitbild"))


async def test_a_known_visit_needs_no_other_service(knowledge: RunningService) -> None:
    async with knowledge.database.begin() as session:
        session.add(KnownVisit(name="visits/controllers", title="Controllers", cities=["cities/swansea"], version=1))
    member = knowledge.as_(Role.MEMBER, department=CONTROLLING)
    assert (await member.CreateLearning(create_request(source="visits/controllers"))).source_title == "Controllers"
    for source in ("visits/other", "forums/leitbild"):
        with refused("UNAVAILABLE", "SOURCE_UNCERTAIN"):
            await member.CreateLearning(create_request(source=source))


async def test_learnings_let_go_of_a_deleted_visit_and_keep_its_title(
    linked: RunningService, exchange: RunningService, visit: exchange_pb2.Visit, member: Caller
) -> None:
    made = await member.CreateLearning(create_request(source=visit.name))
    office = exchange.as_(Role.COORDINATOR)
    await office.DeleteVisit(exchange_pb2.DeleteVisitRequest(name=visit.name))

    async def alone() -> bool:
        return not (await member.ListLearnings(ListLearningsRequest(source=visit.name))).learnings

    assert await eventually(alone)
    (learning,) = (await member.ListLearnings(ListLearningsRequest())).learnings
    assert (learning.name, learning.source, learning.source_title) == (made.name, "", "Controllers in Mannheim")
    with refused("INVALID_ARGUMENT", "SOURCE_NOT_FOUND"):
        await member.CreateLearning(create_request(source=visit.name))


@pytest.mark.parametrize("known", [True, False])
async def test_a_learning_that_is_written_while_its_visit_is_deleted_lets_go_of_it(
    knowledge: RunningService, known: bool
) -> None:
    name = "visits/controllers"
    if known:
        async with knowledge.database.begin() as session:
            session.add(KnownVisit(name=name, title="Controllers", cities=["cities/swansea"], version=1))
    async with knowledge.database.begin() as writing:
        await hold_visit(writing, name)
        learning = Row(title="Kurze Wege", language="de", observation="…", source=name, author="accounts/1")
        writing.add(learning)
        await writing.flush()

        async def delete_visit() -> None:
            async with knowledge.database.begin() as session:
                await record_visit_deletion(session, VisitDeleted(visit=name), Origin("1", "/exchange", now(), ""))

        deleted = asyncio.create_task(delete_visit())
        await asyncio.sleep(0.5)
        assert not deleted.done(), "the deletion waits for what is being written"
    await deleted
    async with knowledge.database.read() as session:
        assert await session.scalar(select(Row.source).where(Row.id == learning.id)) == ""


async def test_nobody_writes_about_a_visit_that_is_deleted_meanwhile(knowledge: RunningService) -> None:
    async with knowledge.database.begin() as session:
        session.add(KnownVisit(name="visits/controllers", title="Controllers", cities=["cities/swansea"], version=1))
    async with knowledge.database.begin() as deleting:
        event = VisitDeleted(visit="visits/controllers")
        await record_visit_deletion(deleting, event, Origin("1", "/exchange", now(), ""))
        member = knowledge.as_(Role.MEMBER, department=CONTROLLING)
        written = asyncio.ensure_future(member.CreateLearning(create_request(source="visits/controllers")))
        await asyncio.sleep(0.5)
        assert not written.done(), "whether the visit stays is not known yet"
    with refused("INVALID_ARGUMENT", "SOURCE_NOT_FOUND"):
        await written


async def test_a_repeat_gets_the_first_answer_though_the_visit_was_deleted_since(knowledge: RunningService) -> None:
    async with knowledge.database.begin() as session:
        session.add(KnownVisit(name="visits/controllers", title="Controllers", cities=["cities/swansea"], version=1))
    member = knowledge.as_(Role.MEMBER, department=CONTROLLING)
    request = create_request(str(uuid.uuid4()), source="visits/controllers")
    first = await member.CreateLearning(request)
    async with knowledge.database.begin() as session:
        event = VisitDeleted(visit="visits/controllers")
        await record_visit_deletion(session, event, Origin("1", "/exchange", now(), ""))
    assert await member.CreateLearning(request) == first
