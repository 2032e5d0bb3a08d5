"""The servicer of the search index's snapshots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

from austausch.knowledge.v1 import index_pb2 as pb
from austausch.knowledge.v1 import index_pb2_grpc

from chassis.bulkhead import Bulkhead
from chassis.errors import PermissionDenied
from chassis.identity import identity, service_identity
from services.knowledge.indexer import Indexer
from services.knowledge.peers import SERVICE

# How long a caller waits while another is being sent one.
TURN_SECONDS = 30.0


class IndexServicer(index_pb2_grpc.IndexServiceServicer):
    """
    Gives snapshots of the search index to other replicas, one at a time.

    Args:
        indexer: Has the index.
    """

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self._sending = Bulkhead(1, TURN_SECONDS)

    async def StreamSnapshot(self, request: pb.StreamSnapshotRequest, _context: Any) -> AsyncIterator[pb.SnapshotPart]:
        if identity().subject != service_identity(SERVICE).subject:
            # It holds what nobody may read: rights are looked at when something is searched.
            raise PermissionDenied("This is for replicas of the knowledge service only.", reason="NOT_A_REPLICA")
        async with self._sending.enter():
            with closing(await self._indexer.take_snapshot(request.database, request.format)) as snapshot:
                for file in snapshot.files:
                    yield pb.SnapshotPart(file=pb.SnapshotPart.File(path=file.path, size_bytes=file.size))
                    while data := await asyncio.to_thread(snapshot.read, file):
                        yield pb.SnapshotPart(data=data)
                yield pb.SnapshotPart(digest=snapshot.get_digest())
