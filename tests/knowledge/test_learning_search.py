"""
Search over gRPC: found within a moment of the commit, marked, counted, hidden from whom it does not concern; and the
index after a stop, a loss, another database.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from austausch.knowledge.v1 import knowledge_pb2
from austausch.knowledge.v1.knowledge_pb2 import (
    GetLearningRequest,
    Learning,
    RejectLearningRequest,
    SearchLearningsRequest,
    SearchLearningsResponse,
    UpdateLearningRequest,
)
from sqlalchemy import text

from chassis.client import aio_channel
from chassis.database import Database
from chassis.identity import Role
from deploy.embedded import Nats, free_port
from tests.calls import Caller, Keys, RunningService, person
from tests.conftest import FreshDatabase, knowledge_settings, run_service
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import create_request
from tests.refusals import refused


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


async def search(caller: Caller, query: str = "", **filters: Any) -> SearchLearningsResponse:
    """Return what a search finds, once the index is there."""
    request = SearchLearningsRequest(query=query, **filters)
    return await eventually(lambda: caller.SearchLearnings(request))


async def found(caller: Caller, query: str, count: int, *, seconds: float = 10.0, **filters: Any) -> list[str]:
    """Return the titles of what is found as soon as it is as much as expected."""

    async def ask() -> SearchLearningsResponse | None:
        answer = await caller.SearchLearnings(SearchLearningsRequest(query=query, **filters))
        return answer if answer.total_size == count else None

    answer = await eventually(ask, seconds=seconds)
    return [result.learning.title for result in answer.results]


async def test_inflected_forms_are_found_and_marked(coordinator: Caller) -> None:
    await coordinator.CreateLearning(
        create_request(title="Wege", observation="Das Controlling sitzt <b>nah</b> am Fachbereich.")
    )
    await coordinator.CreateLearning(
        create_request(title="Desks", language="en", observation="A controller sits in each directorate.")
    )
    await found(coordinator, "", 2)
    german = await search(coordinator, "Controllings Fachbereiche")
    assert [result.snippet for result in german.results] == [
        "Das <mark>Controlling</mark> sitzt &lt;b&gt;nah&lt;/b&gt; am <mark>Fachbereich</mark>."
    ]
    assert german.results[0].score > 0
    english = await search(coordinator, "controllers directorates")
    assert [result.snippet for result in english.results] == [
        "A <mark>controller</mark> sits in each <mark>directorate</mark>."
    ]


async def test_words_are_marked_in_title_and_text_alike(coordinator: Caller) -> None:
    await coordinator.CreateLearning(
        create_request(title="Controlling & Nähe", observation="Das Controlling sitzt am Fachbereich.")
    )
    await found(coordinator, "", 1)
    (result,) = (await search(coordinator, "Controllings")).results
    assert result.title_snippet == "<mark>Controlling</mark> &amp; Nähe"
    assert result.snippet == "Das <mark>Controlling</mark> sitzt am Fachbereich."
    (result,) = (await search(coordinator, "Nähe")).results
    assert result.title_snippet == "Controlling &amp; <mark>Nähe</mark>"
    assert result.snippet == "Das Controlling sitzt am Fachbereich."


async def test_what_is_found_by_its_topic_alone_says_so(coordinator: Caller) -> None:
    await coordinator.CreateLearning(
        create_request(title="Wege", observation="Kurze Wege helfen.", topics=["controlling", "water"])
    )
    await found(coordinator, "", 1)
    (result,) = (await search(coordinator, "Controllings")).results
    assert result.snippet == "Kurze Wege helfen."
    assert result.context_snippet == "<mark>controlling</mark>"
    (result,) = (await search(coordinator, "Wege Controlling")).results
    assert result.context_snippet == ""
    assert all(not result.context_snippet for result in (await search(coordinator)).results)


async def test_what_is_written_is_found_well_within_a_second(coordinator: Caller) -> None:
    await search(coordinator)
    lags = []
    for number in range(10):
        await coordinator.CreateLearning(create_request(observation=f"Nummer {number} betrifft Wasser{number}x."))
        start = time.perf_counter()
        await found(coordinator, f"Wasser{number}x", 1)
        lags.append(time.perf_counter() - start)
    assert sorted(lags)[5] < 0.5


async def test_a_change_is_found_and_the_old_words_are_not(coordinator: Caller) -> None:
    made = await coordinator.CreateLearning(create_request(observation="Abwasser fließt bergab."))
    await found(coordinator, "bergab", 1)
    await coordinator.UpdateLearning(
        UpdateLearningRequest(learning=Learning(name=made.name, observation="Abwasser fließt bergauf."))
    )
    await found(coordinator, "bergauf", 1)
    await found(coordinator, "bergab", 0)


async def test_rejected_learnings_are_found_on_request_only(coordinator: Caller) -> None:
    made = await coordinator.CreateLearning(create_request())
    await found(coordinator, "Controlling", 1)
    await coordinator.RejectLearning(RejectLearningRequest(name=made.name, reason="Nein"))
    await found(coordinator, "Controlling", 0)
    await found(coordinator, "Controlling", 1, states=[Learning.STATE_REJECTED])


async def test_facets_count_and_filters_narrow(coordinator: Caller) -> None:
    for fields in (
        {"topics": ["water"], "cities": ["cities/hebron"], "sdg_targets": ["6.3"], "language": "en"},
        {"topics": ["water", "controlling"], "cities": ["cities/swansea"], "sdg_targets": ["16.6"]},
        {"topics": ["controlling"], "cities": ["cities/swansea"], "sdg_targets": ["16"]},
    ):
        await coordinator.CreateLearning(create_request(**fields))
    await found(coordinator, "", 3)
    answer = await search(coordinator, topics=["water"])
    assert answer.total_size == len(answer.results) == 2
    assert {facet.value: facet.count for facet in answer.facets.topics} == {"water": 2, "controlling": 2}
    assert {facet.value: facet.count for facet in answer.facets.cities} == {"cities/hebron": 1, "cities/swansea": 1}
    assert {facet.value: facet.count for facet in answer.facets.sdg_targets} == {"6.3": 1, "16.6": 1}
    assert {facet.value: facet.count for facet in answer.facets.languages} == {"en": 1, "de": 1}
    assert (await search(coordinator, sdg_targets=["16"])).total_size == 2
    assert (await search(coordinator, "swansea")).total_size == 2
    assert (await search(coordinator, languages=["en"], topics=["controlling"])).total_size == 0


async def test_neither_hits_nor_counts_tell_of_what_one_may_not_see(
    knowledge: RunningService, coordinator: Caller
) -> None:
    await coordinator.CreateLearning(create_request(title="internal", topics=["secret"]))
    await coordinator.CreateLearning(create_request(title="partners", visibility=Learning.VISIBILITY_PARTNERS))
    await found(coordinator, "", 2)
    haifa = knowledge.as_(Role.PARTNER, city="cities/haifa")
    assert await found(haifa, "Controlling", 1) == ["partners"]
    assert not (await search(haifa)).facets.topics
    assert (await search(haifa, topics=["secret"])).total_size == 0
    with refused("PERMISSION_DENIED"):
        await knowledge.as_(Role.EXPERT).SearchLearnings(SearchLearningsRequest())


async def test_a_page_shows_what_the_database_holds_while_the_index_lags(
    knowledge: RunningService, coordinator: Caller
) -> None:
    haifa = knowledge.as_(Role.PARTNER, city="cities/haifa")
    shared = await coordinator.CreateLearning(create_request(visibility=Learning.VISIBILITY_PARTNERS))
    for caller in (coordinator, haifa):
        await found(caller, "Controlling", 1)
    async with knowledge.database.begin() as session:
        # So that the index is told of nothing.
        await session.execute(text("ALTER TABLE learnings DISABLE TRIGGER learnings_changed"))
        await session.execute(text("UPDATE learnings SET visibility = 'internal', title = 'Neu'"))
    assert not (await search(haifa, "Controlling")).results
    (result,) = (await search(coordinator, "Controlling")).results
    assert (result.learning.title, result.learning.visibility) == ("Neu", Learning.VISIBILITY_INTERNAL)
    assert result.learning == await coordinator.GetLearning(GetLearningRequest(name=shared.name))


async def test_each_caller_is_told_what_it_may_do_with_what_it_found(
    knowledge: RunningService, coordinator: Caller
) -> None:
    await coordinator.CreateLearning(create_request(visibility=Learning.VISIBILITY_PARTNERS))
    callers = [coordinator, knowledge.as_(Role.PARTNER, city="cities/haifa"), knowledge.as_(Role.MEMBER), coordinator]
    for caller in callers:
        await found(caller, "Controlling", 1)
        (result,) = (await search(caller, "Controlling")).results
        assert result.learning.editable is (caller is coordinator)
        assert result.learning == await caller.GetLearning(GetLearningRequest(name=result.learning.name))


async def test_search_pages_follow_each_other(coordinator: Caller) -> None:
    await asyncio.gather(*(coordinator.CreateLearning(create_request(title=f"Weg {n}")) for n in range(7)))
    for query in ("Controlling", ""):
        await found(coordinator, query, 7)
        seen: list[str] = []
        request = SearchLearningsRequest(query=query, page_size=3)
        while True:
            answer = await coordinator.SearchLearnings(request)
            seen += [result.learning.title for result in answer.results]
            assert answer.total_size == 7
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert sorted(seen) == [f"Weg {n}" for n in range(7)]
    token = (await search(coordinator, "Controlling", page_size=3)).next_page_token
    for bad in ({"query": "else", "page_token": token}, {"page_token": "nonsense"}, {"page_token": "WzEsIDJd"}):
        with refused("INVALID_ARGUMENT") as refusal:
            await coordinator.SearchLearnings(SearchLearningsRequest(**bad))
        assert refusal.fields == ["page_token"]


async def test_odd_queries_are_answered(coordinator: Caller) -> None:
    await search(coordinator)
    for query in ('"', "'; DROP TABLE learnings; --", "🎉", "\u202e", "title:x AND (", "x" * 1000, "* ~2 ^", "ﷺ"):
        await coordinator.SearchLearnings(SearchLearningsRequest(query=query))
    for query in ("nul \0", "x" * 1001):
        with refused("INVALID_ARGUMENT") as refusal:
            await coordinator.SearchLearnings(SearchLearningsRequest(query=query))
        assert refusal.fields == ["query"]


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.knowledge")


@pytest.fixture
def other_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.knowledge")


@pytest.fixture
def index_folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


Running = Callable[[], contextlib.AbstractAsyncContextManager[RunningService]]


@pytest.fixture
def running(database_url: str, nats_server: Nats, keys: Keys, index_folder: Path) -> Running:
    """Run the service on one database and index, as often as wanted."""

    @contextlib.asynccontextmanager
    async def run() -> AsyncIterator[RunningService]:
        settings = knowledge_settings(index_folder)
        async with run_service("knowledge", database_url, nats_server, keys, **settings) as service:
            yield service

    return run


async def test_the_index_is_built_anew_when_it_is_gone(running: Running, index_folder: Path) -> None:
    async with running() as knowledge:
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="kept"))
        await found(knowledge.as_(Role.COORDINATOR), "Controlling", 1)
    shutil.rmtree(index_folder)
    async with running() as knowledge:
        assert await found(knowledge.as_(Role.COORDINATOR), "Controlling", 1) == ["kept"]


async def test_the_index_is_built_anew_when_it_is_damaged_or_vanishes_while_running(
    running: Running, index_folder: Path
) -> None:
    async with running() as knowledge:
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="one"))
        await found(knowledge.as_(Role.COORDINATOR), "Controlling", 1)
    _damage(index_folder)
    async with running() as knowledge:
        coordinator = knowledge.as_(Role.COORDINATOR)
        await found(coordinator, "Controlling", 1)
        _empty(index_folder)
        await coordinator.CreateLearning(create_request(title="two"))
        assert set(await found(coordinator, "Controlling", 2)) == {"one", "two"}


async def test_the_index_catches_up_with_what_changed_while_it_was_stopped(running: Running) -> None:
    async with running() as knowledge:
        made = await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(observation="vorher"))
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(observation="bleibt"))
        await found(knowledge.as_(Role.COORDINATOR), "", 2)
        database_url = knowledge.settings.database_url
    await _execute(
        database_url,
        "UPDATE learnings SET observation = 'nachher' WHERE id = :id",
        id=made.name.removeprefix("learnings/"),
    )
    async with running() as knowledge:
        await found(knowledge.as_(Role.COORDINATOR), "nachher", 1)
        await found(knowledge.as_(Role.COORDINATOR), "vorher", 0)
        await found(knowledge.as_(Role.COORDINATOR), "bleibt", 1)


async def test_what_a_long_transaction_wrote_is_not_missed(knowledge: RunningService, coordinator: Caller) -> None:
    slow = await coordinator.CreateLearning(create_request(observation="langsam"))
    await found(coordinator, "langsam", 1)
    async with knowledge.database.begin() as session:
        id_ = slow.name.removeprefix("learnings/")
        await session.execute(text("UPDATE learnings SET observation = 'spät' WHERE id = :id"), {"id": id_})
        # These begin later and commit earlier; the index passes them by.
        for number in range(3):
            await coordinator.CreateLearning(create_request(observation=f"schnell{number}"))
            await found(coordinator, f"schnell{number}", 1)
        await found(coordinator, "langsam", 1)
    await found(coordinator, "spät", 1)
    await found(coordinator, "langsam", 0)


async def test_an_index_of_another_database_is_not_trusted(
    running: Running, nats_server: Nats, keys: Keys, index_folder: Path, other_url: str
) -> None:
    async with running() as knowledge:
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="of the first"))
        await found(knowledge.as_(Role.COORDINATOR), "", 1)
    more = knowledge_settings(index_folder)
    async with run_service("knowledge", other_url, nats_server, keys, **more) as knowledge:
        assert (await search(knowledge.as_(Role.COORDINATOR))).total_size == 0
        await knowledge.as_(Role.COORDINATOR).CreateLearning(create_request(title="of the second"))
        assert await found(knowledge.as_(Role.COORDINATOR), "Controlling", 1) == ["of the second"]


async def test_a_second_process_waits_until_the_index_is_free(running: Running) -> None:
    async with running() as first:
        await first.as_(Role.COORDINATOR).CreateLearning(create_request())
        await found(first.as_(Role.COORDINATOR), "Controlling", 1)
        async with running() as second:
            with refused("UNAVAILABLE", "INDEX_NOT_READY"):
                await second.as_(Role.COORDINATOR).SearchLearnings(SearchLearningsRequest(), seconds=3)
            await found(first.as_(Role.COORDINATOR), "Controlling", 1)


def _damage(folder: Path) -> None:
    for file in folder.rglob("*.idx"):
        file.write_bytes(b"garbage")


def _empty(folder: Path) -> None:
    for path in folder.glob("v*"):
        shutil.rmtree(path)


async def _execute(database_url: str, statement: str, **values: str) -> None:
    database = Database(database_url)
    async with database.begin() as session:
        await session.execute(text(statement), values)
    await database.dispose()


async def test_nothing_is_lost_when_the_process_is_killed_while_it_feeds_the_index(
    database_url: str, nats_server: Nats, keys: Keys, index_folder: Path
) -> None:
    expected = 0
    for _ in range(2):
        async with _process(database_url, nats_server, keys, index_folder) as coordinator:
            await found(coordinator, "Controlling", expected, seconds=60)
            for _ in range(20):
                await coordinator.CreateLearning(create_request())
            expected += 20
    async with _process(database_url, nats_server, keys, index_folder) as coordinator:
        await found(coordinator, "Controlling", expected, seconds=60)


@contextlib.asynccontextmanager
async def _process(database_url: str, nats: Nats, keys: Keys, index: Path) -> AsyncIterator[Caller]:
    """Run the service as a process of its own, and kill it in the end."""
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.knowledge",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "proto",
            "KNOWLEDGE_DATABASE_URL": database_url,
            "KNOWLEDGE_LISTEN": address,
            **knowledge_settings(index),
            "NATS_URL": nats.url,
            "IDENTITY_TRUSTED_KEYS": str(keys.trusted),
        },
    )
    try:
        async with aio_channel(address) as channel:
            yield Caller(channel, knowledge_pb2.DESCRIPTOR, lambda: keys.token(person(Role.COORDINATOR)))
    finally:
        process.kill()
        await process.wait()
