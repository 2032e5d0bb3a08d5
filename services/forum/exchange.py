"""What the forum asks the exchange service."""

from functools import cached_property

import grpc
from austausch.exchange.v1 import exchange_pb2, exchange_pb2_grpc

from chassis.client import aio_channel, metadata_for
from chassis.errors import Unavailable
from chassis.identity import Signer, service_identity

DEADLINE_SECONDS = 2.0
TYING_KINDS = (exchange_pb2.Partnership.KIND_PARTNERSHIP, exchange_pb2.Partnership.KIND_FRIENDSHIP)


class Exchange:
    """
    The exchange service, asked in the forum's own name.

    Args:
        address: Its host and port.
        signer: Signs the forum's identity.
    """

    def __init__(self, address: str, signer: Signer) -> None:
        self._address = address
        self._signer = signer

    @cached_property
    def _partnerships(self) -> exchange_pb2_grpc.PartnershipServiceStub:
        """The stub, made at the first call: a channel belongs to the running event loop. It retries UNAVAILABLE."""
        return exchange_pb2_grpc.PartnershipServiceStub(aio_channel(self._address))

    async def is_partner(self, city: str) -> bool:
        """
        Return whether an active partnership or friendship with a city exists at this moment.

        Args:
            city: Resource name, e.g. ``cities/swansea``.

        Raises:
            Unavailable: The exchange service does not answer; reason EXCHANGE_AWAY.
        """
        request = exchange_pb2.ListPartnershipsRequest(
            city=city, state=exchange_pb2.Partnership.STATE_ACTIVE, page_size=1000
        )
        metadata = metadata_for(self._signer.token(service_identity("forum")))
        try:
            answer = await self._partnerships.ListPartnerships(request, timeout=DEADLINE_SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                message = "Whether the city is a partner is not known while the exchange service is away; try again."
                raise Unavailable(message, reason="EXCHANGE_AWAY") from error
            raise
        return any(partnership.kind in TYING_KINDS for partnership in answer.partnerships)
