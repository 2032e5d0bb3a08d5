"""A new replica starts from a snapshot of a peer's search index, and from the database where it gets none."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from austausch.knowledge.v1 import index_pb2_grpc, knowledge_pb2
from austausch.knowledge.v1.index_pb2 import SnapshotPart, StreamSnapshotRequest
from austausch.knowledge.v1.knowledge_pb2 import DeleteLearningRequest, SearchLearningsRequest
from structlog.testing import capture_logs

from chassis.client import aio_channel, metadata_for
from chassis.database import Database
from chassis.identity import Role, Signer, service_identity
from deploy.embedded import Nats, free_port
from services.knowledge.changes import read_horizon
from services.knowledge.peers import Peers
from services.knowledge.search.index import SearchIndex
from services.knowledge.service import snapshots
from tests.calls import Caller, Keys, person
from tests.knowledge.eventually import eventually
from tests.knowledge.factories import create_request
from tests.knowledge.indexing import run_indexer, write
from tests.knowledge.replicas import Replicas, change_unseen, is_built_from_rows, relay, write_many
from tests.knowledge.searching import wait_for_total
from tests.knowledge.site import Site
from tests.refusals import refused
from tests.small_disk import small_disk


@pytest.fixture
def replicas(nats_server: Nats, keys: Keys, tmp_path: Path) -> Replicas:
    return Replicas(nats_server, keys, tmp_path / "replicas")


@pytest.fixture
def peers(keys: Keys) -> Callable[[str], Peers]:
    """Makes what asks replicas for a snapshot."""
    return lambda address: Peers(address, Signer("knowledge", keys.private["knowledge"]))


def list_told(logs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what was logged of why peers gave no snapshot."""
    return [entry["reasons"] for entry in logs if entry["event"] == "index.not_received"]


async def list_pages(caller: Caller, query: str) -> list[list[str]]:
    """Return the names on each page of a search."""
    pages, token = [], ""
    while True:
        request = SearchLearningsRequest(query=query, page_size=2, page_token=token)
        answer = await eventually(lambda asked=request: caller.SearchLearnings(asked))  # type: ignore[misc]
        pages.append([result.learning.name for result in answer.results])
        if not (token := answer.next_page_token):
            return pages


async def make_request(database: Database, folder: Path) -> StreamSnapshotRequest:
    """Return what a replica asks whose index is in a folder."""
    index = SearchIndex(folder)
    index.close()
    return StreamSnapshotRequest(database=(await read_horizon(database)).database, format=index.format)


async def test_a_new_replica_takes_the_index_of_a_peer_and_reads_no_row_again(
    replicas: Replicas, database: Database
) -> None:
    await write(database, *"abcde")
    async with replicas.run(database.url, "one") as peer:
        office = peer.as_(Role.COORDINATOR)
        await wait_for_total(office, "Wasser", 5)
        await change_unseen(database)
        async with replicas.run(database.url, "two", peer.address) as new:
            other = new.as_(Role.COORDINATOR)
            await wait_for_total(other, "Wasser", 5)
            assert not await is_built_from_rows(other)
            assert await list_pages(other, "Wasser") == await list_pages(office, "Wasser")

            # Both follow the database from there on.
            await office.DeleteLearning(DeleteLearningRequest(name="learnings/b"))
            await other.CreateLearning(create_request(observation="Neues vom Wasser"))
            for each in (office, other):
                await wait_for_total(each, "+Neues", 1)
                await wait_for_total(each, "Wasser", 5)


async def test_what_changed_and_what_was_deleted_after_a_snapshot_is_caught_up_with(
    replicas: Replicas, database: Database, peers: Callable[[str], Peers], index_folder: Path
) -> None:
    await write(database, *"abc")
    async with replicas.run(database.url, "one") as peer:
        office = peer.as_(Role.COORDINATOR)
        await wait_for_total(office, "Wasser", 3)
        request = await make_request(database, index_folder)
        folder = replicas.folder / "two" / request.format
        assert await peers(peer.address).receive_snapshot(request.database, request.format, folder)
        await office.DeleteLearning(DeleteLearningRequest(name="learnings/b"))
        await write(database, "d")
        await change_unseen(database)
    async with replicas.run(database.url, "two") as new:
        office = new.as_(Role.COORDINATOR)
        # It answers from the snapshot at first.
        await wait_for_total(office, "+d", 1)
        await wait_for_total(office, "+b", 0)
        assert sorted(await wait_for_total(office, "Wasser", 3)) == ["Schule a unerhört", "Schule c", "Schule d"]
        assert not await is_built_from_rows(office)


async def test_a_replica_that_has_an_index_of_its_own_keeps_it(replicas: Replicas, database: Database) -> None:
    await write(database, "a")
    async with replicas.run(database.url, "one") as peer:
        await wait_for_total(peer.as_(Role.COORDINATOR), "Wasser", 1)
        await change_unseen(database)
        async with replicas.run(database.url, "two") as own:
            await wait_for_total(own.as_(Role.COORDINATOR), "Wasser", 1)
        async with replicas.run(database.url, "two", peer.address) as again:
            assert await is_built_from_rows(again.as_(Role.COORDINATOR))


async def test_an_index_of_another_database_gives_way_to_that_of_a_peer(
    replicas: Replicas, database: Database, other_url: str
) -> None:
    await write(database, "a")
    async with replicas.run(other_url, "two") as former:
        await former.as_(Role.COORDINATOR).CreateLearning(create_request(observation="Anderes Wasser"))
        await wait_for_total(former.as_(Role.COORDINATOR), "Wasser", 1)
    async with replicas.run(database.url, "one") as peer:
        await wait_for_total(peer.as_(Role.COORDINATOR), "Wasser", 1)
        await change_unseen(database)
        async with replicas.run(database.url, "two", peer.address) as new:
            office = new.as_(Role.COORDINATOR)
            assert await wait_for_total(office, "Wasser", 1) == ["Schule a unerhört"]
            assert not await is_built_from_rows(office)


async def test_peers_that_have_no_index_for_it_are_passed_over(
    replicas: Replicas, database: Database, other_url: str
) -> None:
    await write(database, "a")
    own, away = (f"127.0.0.1:{free_port()}" for _ in range(2))
    async with replicas.run(other_url, "other") as stranger:
        await wait_for_total(stranger.as_(Role.COORDINATOR), "", 0)
        with capture_logs() as logs:
            addresses = f"{stranger.address},{own},{away}"
            async with replicas.run(database.url, "new", addresses, KNOWLEDGE_LISTEN=own) as new:
                await wait_for_total(new.as_(Role.COORDINATOR), "Wasser", 1)
    [told] = list_told(logs)
    reasons = {peer: reason.partition(":")[0] for peer, reason in told.items()}
    # Itself among them.
    assert reasons == {stranger.address: "INDEX_DATABASE_DIFFERS", own: "INDEX_NOT_READY", away: "SERVICE_AWAY"}


async def test_the_index_is_given_to_the_knowledge_service_only(
    replicas: Replicas, database: Database, index_folder: Path
) -> None:
    await write(database, "a")
    async with replicas.run(database.url, "one") as peer:
        await wait_for_total(peer.as_(Role.COORDINATOR), "Wasser", 1)
        request = await make_request(database, index_folder)
        with refused("PERMISSION_DENIED", "NOT_A_REPLICA"):
            await peer.as_identity(service_identity("forum")).StreamSnapshot(request)
        with refused("PERMISSION_DENIED", "ROLE_MISSING"):
            await peer.as_(Role.ADMINISTRATOR, Role.COORDINATOR).StreamSnapshot(request)
        with refused("UNAUTHENTICATED", "IDENTITY_MISSING"):
            await peer.without_identity().StreamSnapshot(request)

        replica = peer.as_identity(service_identity("knowledge"))
        with refused("FAILED_PRECONDITION", "INDEX_FORMAT_DIFFERS"):
            await replica.StreamSnapshot(StreamSnapshotRequest(database=request.database, format="v0"))
        parts: list[SnapshotPart] = await replica.StreamSnapshot(request)
        assert [part.WhichOneof("part") for part in parts][-1] == "digest"
        assert max(part.ByteSize() for part in parts) < 1024 * 1024


async def test_a_replica_sends_one_snapshot_at_a_time_until_its_receiver_goes_away(
    replicas: Replicas, database: Database, keys: Keys, index_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "TURN_SECONDS", 0.5)
    await write_many(database, 100)
    async with replicas.run(database.url, "one") as peer:
        await wait_for_total(peer.as_(Role.COORDINATOR), "", 100)
        request = await make_request(database, index_folder)
        metadata = metadata_for(keys.token(service_identity("knowledge")))
        # It takes 64 KB before somebody reads them, and no more.
        window = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536)]
        replica = peer.as_identity(service_identity("knowledge"))
        async with grpc.aio.insecure_channel(peer.address, options=window) as channel:
            slow = index_pb2_grpc.IndexServiceStub(channel).StreamSnapshot(request, metadata=metadata, timeout=60)
            await slow.read()
            with refused("UNAVAILABLE", "SERVICE_BUSY"):
                await replica.StreamSnapshot(request)
        # Now its receiver is gone.
        assert await eventually(lambda: replica.StreamSnapshot(request))


async def build_past_a_broken_snapshot(replicas: Replicas, database: Database, address: str) -> str:
    """Start a replica that gets no whole snapshot, and has its index from the database; return why it got none."""
    await change_unseen(database)
    with capture_logs() as logs:
        async with replicas.run(database.url, "two", address) as new:
            office = new.as_(Role.COORDINATOR)
            await wait_for_total(office, "Wasser", 1)
            assert await is_built_from_rows(office)
    assert not list(replicas.folder.glob("two/*incoming"))
    [told] = list_told(logs)
    return told[address]


async def test_a_snapshot_that_was_changed_on_its_way_is_not_used(replicas: Replicas, database: Database) -> None:
    await write(database, "a")
    async with replicas.run(database.url, "one") as peer:
        await wait_for_total(peer.as_(Role.COORDINATOR), "Wasser", 1)
        async with relay(peer.address, change=lambda data: data.replace(b'"segment_id"', b'"segment-id"')) as address:
            assert "digest" in await build_past_a_broken_snapshot(replicas, database, address)


async def test_a_peer_that_is_killed_while_it_sends_leaves_nothing_behind(
    replicas: Replicas, database: Database, site: Site, keys: Keys
) -> None:
    await write(database, "a")
    listen = f"127.0.0.1:{free_port()}"
    process = await site.start(KNOWLEDGE_LISTEN=listen)
    async with aio_channel(listen) as channel:
        services = [*knowledge_pb2.DESCRIPTOR.services_by_name.values()]
        office = Caller(channel, services, lambda: keys.token(person(Role.COORDINATOR)))
        await wait_for_total(office, "Wasser", 1)
    async with relay(listen, limit=5_000, cut=process.kill) as address:
        assert "SERVICE_AWAY" in await build_past_a_broken_snapshot(replicas, database, address)
    assert await process.wait() == -signal.SIGKILL


async def test_a_disk_that_is_full_before_a_snapshot_is_whole_is_named_and_nothing_of_it_stays(
    database: Database, peers: Callable[[str], Peers], replicas: Replicas, tmp_path: Path
) -> None:
    await write_many(database, 20)
    with small_disk(tmp_path / "disk", megabytes=16) as disk:
        async with replicas.run(database.url, "one") as peer:
            await wait_for_total(peer.as_(Role.COORDINATOR), "", 20)
            async with run_indexer(database, disk.path / "index", peers(peer.address), again=True) as indexer:
                disk.fill(leave=150_000)
                with capture_logs() as logs:
                    await eventually(lambda: was_told(logs))
                [told] = list_told(logs)
                assert "No space left" in told[peer.address]
                assert not list(disk.path.glob("index/*incoming"))
                disk.free()
                await eventually(indexer.is_level)
                assert indexer.count_documents() == 20


async def was_told(logs: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether it was logged that there is no snapshot."""
    return bool(list_told(logs))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"KNOWLEDGE_SIGNING_KEY": ""}, "KNOWLEDGE_SIGNING_KEY"),
        ({"KNOWLEDGE_SIGNING_KEY": "no key"}, "KNOWLEDGE_SIGNING_KEY"),
        ({"KNOWLEDGE_PEERS_ADDRESS": "knowledge"}, "host:port"),
    ],
)
async def test_a_replica_does_not_start_with_half_of_what_it_needs_to_ask_others(
    replicas: Replicas, database: Database, more: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        async with replicas.run(database.url, "one", "127.0.0.1:1", **more):
            pass
