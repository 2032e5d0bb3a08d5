"""What reaches a hub of an installation's learnings: over REST, through the hub's own door."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from austausch.knowledge.v1 import hub_pb2 as pb
from austausch.knowledge.v1.knowledge_pb2 import DeleteLearningRequest, Learning, ListLearningsRequest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from sqlalchemy import delete, select, update

from chassis.client import aio_channel
from chassis.health import REASON
from chassis.identity import Role, new_private_key
from chassis.settings import load
from deploy.embedded import Nats, free_port, nats
from services.knowledge import publisher
from services.knowledge.__main__ import KnowledgeSettings
from services.knowledge.hub_client import Membership
from services.knowledge.model import Learning as Row
from services.knowledge.model import LearningState, Publication, SentLearning, Visibility
from services.knowledge.publisher import Publisher
from services.knowledge.signatures import load_private_key
from tests.calls import Keys, RunningService
from tests.conftest import FreshDatabase, knowledge_settings, run_service
from tests.gateway.conftest import settings_for
from tests.gateway.served import served
from tests.knowledge.eventually import eventually
from tests.knowledge.installations import Publishing
from tests.knowledge.rows import write_learnings
from tests.knowledge.small_model import make_small_model

PUBLIC = {
    "visibility": Visibility.PUBLIC,
    "state": LearningState.VALIDATED,
    "remedial_action": "Handbuch ändern",
    "owner": "Organisation",
    "department": "Anlagen",
    "author_name": "Anna",
    "validator": "accounts/vera",
    "validator_name": "Vera",
}
SECONDS = 60.0


class Hub:
    """A hub behind its gateway, which can be opened and closed."""

    def __init__(self, service: RunningService, port: int, door: Callable[[], contextlib.AbstractContextManager[Any]]):
        self.service = service
        self.url = f"http://127.0.0.1:{port}"
        self._make_door = door
        self._door = contextlib.ExitStack()

    async def open(self) -> None:
        """Let it be reached."""
        await asyncio.to_thread(self._door.enter_context, self._make_door())

    async def close(self) -> None:
        """Let it be reached no more."""
        await asyncio.to_thread(self._door.close)

    async def list_published(self) -> dict[str, Learning]:
        """Return what is published there, by the id of the original."""
        answer = await self.service.as_(Role.MEMBER).ListLearnings(ListLearningsRequest(page_size=1000))
        return {each.origin.uri.rpartition("/")[2]: each for each in answer.learnings if each.HasField("origin")}

    async def wait_for(self, *ids: str) -> dict[str, Learning]:
        """Return what is published there once it is of these originals."""

        async def ask() -> list[dict[str, Learning]]:
            published = await self.list_published()
            return [published] if set(published) == set(ids) else []

        return (await eventually(ask, seconds=SECONDS))[0]


@pytest.fixture
def hub_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("services.knowledge")


@pytest.fixture
def accounts_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("gateway.accounts")


@pytest.fixture
def hub_nats(tmp_path: Path) -> Iterator[Nats]:
    with nats(tmp_path / "hub-nats", durable=False) as running:
        yield running


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings with a language model that is quick: what learnings mean is not asked here."""
    folder = tmp_path_factory.mktemp("model")
    make_small_model(folder)
    return dict.fromkeys(("KNOWLEDGE_MODEL_PATH", "KNOWLEDGE_FORMER_MODEL_PATH"), str(folder))


@pytest.fixture
def max_learnings() -> int:
    """How many learnings an installation may have at the hub."""
    return 1000


@pytest.fixture
async def hub(
    hub_url: str, accounts_url: str, hub_nats: Nats, keys: Keys, tmp_path: Path, small_model: dict[str, str],
    max_learnings: int,
) -> AsyncIterator[Hub]:  # fmt: skip
    """A hub that is open."""
    port = free_port()
    more = small_model | {"KNOWLEDGE_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    more |= knowledge_settings(tmp_path / "hub-index")
    more["KNOWLEDGE_MAX_LEARNINGS_PER_INSTALLATION"] = str(max_learnings)
    async with run_service("knowledge", hub_url, hub_nats, keys, **more) as service:
        settings = settings_for(accounts_url, keys, dict.fromkeys(("exchange", "forum", "knowledge"), service.address))
        made = Hub(service, port, lambda: served(settings, tmp_path, port))
        await made.open()
        yield made
        await made.close()


@pytest.fixture
async def member(hub: Hub) -> Publishing:
    """Swansea's registration at the hub."""
    made = Publishing(hub.service)
    await made.register()
    return made


@pytest.fixture
async def swansea(
    hub: Hub, member: Publishing, _knowledge_url: str, nats_server: Nats, keys: Keys, tmp_path: Path,
    small_model: dict[str, str],
) -> AsyncIterator[RunningService]:  # fmt: skip
    """Swansea's knowledge service, which publishes."""
    pem = tmp_path / "hub-key.pem"
    pem.write_bytes(member.private_pem())
    more = {
        "KNOWLEDGE_HUB_URL": f"{hub.url}/",
        "KNOWLEDGE_HUB_INSTALLATION": member.id,
        "KNOWLEDGE_HUB_SIGNING_KEY_FILE": str(pem),
    }
    settings = knowledge_settings(tmp_path / "index") | small_model | more
    async with run_service("knowledge", _knowledge_url, nats_server, keys, **settings) as running:
        yield running


async def write(service: RunningService, *ids: str, **fields: Any) -> None:
    """Write learnings."""
    async with service.database.begin() as session:
        await write_learnings(session, ids, **{**PUBLIC, **fields})


async def change(service: RunningService, id_: str, **fields: Any) -> None:
    """Change fields of a learning."""
    async with service.database.begin() as session:
        (await session.get_for_update(Row, f"learnings/{id_}")).assign(fields)


async def status(service: RunningService) -> pb.PublishingStatus:
    """Return how far publishing has come."""
    return await service.as_(Role.ADMINISTRATOR).GetPublishingStatus(pb.GetPublishingStatusRequest())


async def state_of_hub(service: RunningService) -> tuple[int, str]:
    """Return what the health protocol says of the hub, and why it does not work."""
    async with aio_channel(service.address) as channel:
        call = health_pb2_grpc.HealthStub(channel).Check(HealthCheckRequest(service="hub"))
        state = (await call).status
        return state, dict(await call.trailing_metadata()).get(REASON, "")


async def refuses(service: RunningService, count: int) -> bool:
    """Tell whether the hub has refused so many learnings; an installation notes it after the hub."""
    return (await status(service)).refused_count == count


async def waits_with(service: RunningService, count: int) -> bool:
    """Tell whether so many learnings wait for the hub; an installation notes it after the hub."""
    return (await status(service)).waiting_count == count


async def wait_until(ask: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    await eventually(ask, seconds=SECONDS)


async def test_only_what_is_public_and_proven_leaves_the_house(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, "internal", visibility=Visibility.INTERNAL)
    await write(swansea, "partners", visibility=Visibility.PARTNERS)
    await write(swansea, "insight", state=LearningState.INSIGHT)
    await write(swansea, "superseded", state=LearningState.SUPERSEDED)
    await write(swansea, "validated", "other")
    await write(swansea, "embedded", state=LearningState.EMBEDDED)
    published = await hub.wait_for("validated", "other", "embedded")
    assert "Anna" not in str(published) and "vera" not in str(published).lower()

    async def is_noted() -> bool:
        told = await status(swansea)
        return (told.published_count, told.waiting_count, told.refused_count) == (3, 0, 0)

    await wait_until(is_noted)
    told = await status(swansea)
    assert (told.hub_uri, told.installation) == (hub.url, "installations/swansea")


async def test_every_change_reaches_the_hub(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, "one", "two", "three")
    await hub.wait_for("one", "two", "three")
    await change(swansea, "one", title="Umwege")

    async def is_changed() -> bool:
        return (await hub.list_published())["one"].title == "Umwege"

    await wait_until(is_changed)
    await change(swansea, "two", visibility=Visibility.INTERNAL)
    await hub.wait_for("one", "three")
    await change(swansea, "three", state=LearningState.SUPERSEDED)
    await hub.wait_for("one")
    await swansea.as_(Role.COORDINATOR).DeleteLearning(DeleteLearningRequest(name="learnings/one"))
    await hub.wait_for()
    await change(swansea, "two", visibility=Visibility.PUBLIC)
    await hub.wait_for("two")


@pytest.mark.parametrize("max_learnings", [2])
async def test_a_hub_that_is_full_is_told_of_changes_and_of_more_once_there_is_room(
    hub: Hub, swansea: RunningService
) -> None:
    await write(swansea, "one", "two")
    await hub.wait_for("one", "two")
    # Before the one that is there already, in the order in which the hub is told.
    await write(swansea, "another")
    await change(swansea, "two", title="Umwege")

    async def is_changed() -> bool:
        return (await hub.wait_for("one", "two"))["two"].title == "Umwege"

    await wait_until(is_changed)
    await wait_until(lambda: waits_with(swansea, 1))
    await change(swansea, "one", visibility=Visibility.INTERNAL)
    await hub.wait_for("another", "two")


@pytest.mark.parametrize("max_learnings", [1])
async def test_changes_do_not_wait_for_all_that_a_full_hub_has_no_room_for(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, "known")
    await hub.wait_for("known")
    await write(swansea, *(f"another-{number}" for number in range(40)))
    await change(swansea, "known", title="Umwege")

    async def is_changed() -> bool:
        return (await hub.wait_for("known"))["known"].title == "Umwege"

    await wait_until(is_changed)
    await wait_until(lambda: waits_with(swansea, 40))


async def test_what_happens_while_the_hub_is_away_reaches_it_later(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, *(f"learning-{number}" for number in range(120)))
    await hub.wait_for(*(f"learning-{number}" for number in range(120)))
    await hub.close()
    await write(swansea, "new")
    await change(swansea, "learning-7", visibility=Visibility.PARTNERS)
    await wait_until(lambda: waits_with(swansea, 2))
    await hub.open()
    await hub.wait_for("new", *(f"learning-{number}" for number in range(120) if number != 7))
    await wait_until(lambda: waits_with(swansea, 0))


async def test_what_the_hub_may_have_is_withdrawn_though_its_answer_was_lost(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, "hidden", "deleted")
    await hub.wait_for("hidden", "deleted")
    await hub.close()
    async with swansea.database.begin() as session:
        await session.execute(update(SentLearning).values(version=0))
    await change(swansea, "hidden", visibility=Visibility.INTERNAL)
    await swansea.as_(Role.COORDINATOR).DeleteLearning(DeleteLearningRequest(name="learnings/deleted"))
    await hub.open()
    await hub.wait_for()


async def test_what_is_told_twice_is_there_once(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, "one", "two")
    before = await hub.wait_for("one", "two")
    async with swansea.database.begin() as session:
        await session.execute(delete(SentLearning))

    async def is_told() -> bool:
        return (await status(swansea)).published_count == 2

    await wait_until(is_told)
    assert await hub.list_published() == before


async def test_replicas_publish_together(hub: Hub, member: Publishing, swansea: RunningService) -> None:
    membership = Membership(hub.url, member.name, member.key)
    others = [asyncio.create_task(Publisher(swansea.database, membership).run()) for _ in range(2)]
    ids = [f"learning-{number}" for number in range(60)]
    await write(swansea, *ids)
    await hub.wait_for(*ids)
    assert not any(other.done() for other in others)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_what_the_hub_refuses_holds_nothing_else_up(hub: Hub, swansea: RunningService) -> None:
    async with swansea.database.begin() as session:
        await write_learnings(session, ["a"], **PUBLIC)
        # Longer than any form lets it be.
        await session.execute(update(Row).values(title="x" * 301))
    await write(swansea, "b")
    await hub.wait_for("b")
    await wait_until(lambda: refuses(swansea, 1))
    await change(swansea, "a", title="Kürzer")
    await hub.wait_for("a", "b")
    await wait_until(lambda: refuses(swansea, 0))


async def test_what_the_hub_cannot_even_read_holds_nothing_else_up(hub: Hub, swansea: RunningService) -> None:
    async with swansea.database.begin() as session:
        # As JSON, escaped twice, larger than any request may be: the hub's door refuses all that comes with it.
        await write_learnings(session, ["a", "c"], **{**PUBLIC, "observation": "\x01" * 200_000})
    await write(swansea, "b", "d")
    await hub.wait_for("b", "d")
    await change(swansea, "b", visibility=Visibility.INTERNAL)
    await hub.wait_for("d")
    await wait_until(lambda: waits_with(swansea, 2))
    await change(swansea, "a", observation="Kürzer")
    await hub.wait_for("a", "d")


async def test_withdrawals_go_before_anything_else(hub: Hub, swansea: RunningService, member: Publishing) -> None:
    await write(swansea, "one")
    await hub.wait_for("one")
    await hub.close()
    await write(swansea, "a", "two")
    await change(swansea, "one", visibility=Visibility.INTERNAL)
    batch = await Publisher(swansea.database, Membership(hub.url, member.name, member.key))._read_batch()
    assert [(each.learning, each.HasField("content")) for each in batch] == [("learnings/one", False)]


async def test_a_withdrawal_that_the_hub_refuses_does_not_pass_for_done(
    hub: Hub, member: Publishing, swansea: RunningService
) -> None:
    await write(swansea, "one")
    await hub.wait_for("one")
    # As if this installation had been restored, a moment ago, to what it was before.
    async with hub.service.database.begin() as session:
        await session.execute(update(Publication).values(version=9))
    await change(swansea, "one", visibility=Visibility.INTERNAL)

    await wait_until(lambda: refuses(swansea, 1))
    assert set(await hub.list_published()) == {"one"}
    async with swansea.database.read() as session:
        (sent,) = await session.scalars(select(SentLearning))
    assert (sent.is_withdrawn, sent.refusal) == (False, "VERSION_OLDER")


async def test_a_revoked_installation_goes_on_waiting(hub: Hub, member: Publishing, swansea: RunningService) -> None:
    await write(swansea, "one")
    await hub.wait_for("one")
    await hub.service.as_(Role.ADMINISTRATOR).RevokeInstallation(pb.RevokeInstallationRequest(name=member.name))
    await write(swansea, "two")
    await asyncio.sleep(2)
    assert await hub.list_published() == {}
    await wait_until(lambda: waits_with(swansea, 1))

    async def is_revoked() -> bool:
        return await state_of_hub(swansea) == (HealthCheckResponse.NOT_SERVING, "INSTALLATION_REVOKED")

    await wait_until(is_revoked)


async def test_the_state_of_the_hub_is_told_by_who_publishes(hub: Hub, swansea: RunningService) -> None:
    await write(swansea, "one")
    await hub.wait_for("one")
    assert await state_of_hub(swansea) == (HealthCheckResponse.SERVING, "")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await state_of_hub(hub.service)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_long_learnings_in_any_script_fit(
    hub: Hub, swansea: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that there are several requests, though only one learning is long.
    monkeypatch.setattr(publisher, "MAX_CONTENT_BYTES", 500)
    long = {"observation": "水 " * 10_000, "discussion": '"\\ \n' * 5_000, "conclusion": "😀 " * 10_000}
    await write(swansea, "long", **long, recommendation="\n" * 20_000, language="zh")
    await write(swansea, *(f"short-{number}" for number in range(5)))
    published = await hub.wait_for("long", *(f"short-{number}" for number in range(5)))
    assert published["long"].discussion == long["discussion"]


async def test_what_was_published_here_is_not_published_on(hub: Hub, swansea: RunningService) -> None:
    cardiff = Publishing(swansea, "cardiff")
    await cardiff.register()
    async with swansea.database.begin() as session:
        await write_learnings(session, ["foreign"], **PUBLIC)
        await session.execute(update(Row).values(installation_id="cardiff"))
    await write(swansea, "own")
    await hub.wait_for("own")
    await wait_until(lambda: waits_with(swansea, 0))


def test_a_hub_is_asked_by_https() -> None:
    key = load_private_key(new_private_key())
    for url in ("http://hub.example", "hub.example", "ftp://hub.example", "http://localhost.example"):
        with pytest.raises(ValueError, match="https"):
            Membership(url, "installations/swansea", key)
    for url in ("https://hub.example", "http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:8000"):
        Membership(url, "installations/swansea", key)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"KNOWLEDGE_HUB_INSTALLATION": ""}, "KNOWLEDGE_HUB_INSTALLATION"),
        ({"KNOWLEDGE_HUB_SIGNING_KEY": ""}, "KNOWLEDGE_HUB_SIGNING_KEY"),
        ({"KNOWLEDGE_HUB_SIGNING_KEY": "no key"}, "KNOWLEDGE_HUB_SIGNING_KEY"),
    ],
)
def test_a_membership_is_complete(changes: dict[str, str], said: str) -> None:
    environment = {
        "KNOWLEDGE_DATABASE_URL": "postgresql://localhost/knowledge",
        "NATS_URL": "nats://localhost",
        "IDENTITY_TRUSTED_KEYS": "keys.json",
        "KNOWLEDGE_HUB_URL": "https://hub.example",
        "KNOWLEDGE_HUB_INSTALLATION": "swansea",
        "KNOWLEDGE_HUB_SIGNING_KEY": new_private_key(),
        **knowledge_settings(Path("index")),
    }
    settings = load(KnowledgeSettings, "knowledge", environment)
    assert settings.find_membership()
    assert environment["KNOWLEDGE_HUB_SIGNING_KEY"] not in repr(settings)
    with pytest.raises(ValueError, match=said):
        load(KnowledgeSettings, "knowledge", environment | changes).find_membership()
