"""How far this installation has come with publishing its own learnings."""

from typing import Any

from austausch.knowledge.v1 import hub_pb2 as pb
from austausch.knowledge.v1 import hub_pb2_grpc

from services.knowledge.publisher import Publisher


class PublishingServicer(hub_pb2_grpc.PublishingServiceServicer):
    """Serves ``PublishingService``."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def GetPublishingStatus(self, request: pb.GetPublishingStatusRequest, context: Any) -> pb.PublishingStatus:
        return await self._publisher.get_status()
