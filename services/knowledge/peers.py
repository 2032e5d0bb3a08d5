"""
What a replica asks the others of its service: for a snapshot of their search index.

To receive one takes a fraction of the time in which an index is built from the database.
"""

import asyncio
import random
import shutil
import socket
import time
from contextlib import closing
from pathlib import Path

import grpc
import structlog
from austausch.knowledge.v1 import index_pb2, index_pb2_grpc

from chassis.client import aio_channel, metadata_for
from chassis.contract import get_deadline
from chassis.identity import Signer, service_identity
from chassis.status import from_rpc_error
from services.knowledge.search.snapshot import SnapshotBroken, SnapshotWriter

# For all peers together.
SECONDS = 120.0
SERVICE = "knowledge"
_STREAM_SNAPSHOT = index_pb2.DESCRIPTOR.services_by_name["IndexService"].methods_by_name["StreamSnapshot"]

log = structlog.get_logger(__name__)


class Peers:
    """
    The other replicas of the knowledge service, asked in its own name.

    A replica that is among them and asks itself gets the answer that it has no index yet.

    Args:
        address: ``host:port``, where the host has the address of each replica, as a headless service of Kubernetes has;
            or several of them, divided by commas.
        signer: Signs the service's identity.

    Raises:
        ValueError: That is no address.
    """

    def __init__(self, address: str, signer: Signer) -> None:
        self._places = [_parse(each) for each in address.split(",")]
        self._signer = signer

    async def receive_snapshot(self, database: str, format_: str, folder: Path) -> bool:
        """
        Write the index of one of them into a folder, and return whether it is there, whole.

        Why those that were asked gave none is logged.

        Args:
            database: Which one the index has to follow.
            format_: In which format it has to be.
            folder: What is there is removed; so is what was received in vain.
        """
        request = index_pb2.StreamSnapshotRequest(database=database, format=format_)
        reasons: dict[str, str] = {}
        try:
            async with asyncio.timeout(SECONDS):
                for peer in await self._list_addresses():
                    if not (reason := await self._receive_from(peer, request, folder)):
                        return True
                    reasons[peer] = reason
        except TimeoutError:
            reasons["all"] = f"nothing within {SECONDS:g} s"
        if reasons:
            log.warning("index.not_received", reasons=reasons)
        return False

    async def _receive_from(self, peer: str, request: index_pb2.StreamSnapshotRequest, folder: Path) -> str:
        """Return why there is no snapshot from a peer; "" where there is one."""
        began, is_whole = time.monotonic(), False
        try:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            with closing(await asyncio.to_thread(SnapshotWriter, folder)) as writer:
                async with aio_channel(peer) as channel:
                    await self._write_parts(channel, request, writer)
                is_whole = writer.is_whole
        except grpc.aio.AioRpcError as error:
            refused = from_rpc_error(error)
            return f"{refused.reason}: {refused.message}"
        except (OSError, SnapshotBroken) as error:
            return str(error) or type(error).__name__
        finally:
            if not is_whole:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if not is_whole:
            return "its end is missing"
        seconds = round(time.monotonic() - began, 1)
        log.info("index.received", peer=peer, megabytes=round(writer.size / 1e6, 1), seconds=seconds)
        return ""

    async def _write_parts(
        self, channel: grpc.aio.Channel, request: index_pb2.StreamSnapshotRequest, writer: SnapshotWriter
    ) -> None:
        stub = index_pb2_grpc.IndexServiceStub(channel)
        metadata = metadata_for(self._signer.token(service_identity(SERVICE)))
        seconds = get_deadline(_STREAM_SNAPSHOT)
        async for part in stub.StreamSnapshot(request, timeout=seconds, metadata=metadata):
            match part.WhichOneof("part"):
                case "file":
                    await asyncio.to_thread(writer.begin, part.file.path, part.file.size_bytes)
                case "data":
                    await asyncio.to_thread(writer.write, part.data)
                case "digest":
                    await asyncio.to_thread(writer.finish, part.digest)

    async def _list_addresses(self) -> list[str]:
        """Return the addresses that the names have at the moment, in any order."""
        found: set[str] = set()
        for host, port in self._places:
            try:
                entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, ValueError):
                continue  # The name of a headless service has no address while no replica is ready; some are no names.
            addresses = {str(entry[4][0]) for entry in entries}
            found |= {f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in addresses}
        return random.sample(sorted(found), len(found))


def _parse(address: str) -> tuple[str, int]:
    """Return host and port; raises ValueError for anything else."""
    host, _, port = address.strip().rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{address!r} is not the address of peers, host:port.")
    return host.strip("[]"), int(port)
