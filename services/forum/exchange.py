"""What the forum asks the exchange service."""

from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import grpc
from austausch.exchange.v1 import exchange_pb2, exchange_pb2_grpc

from chassis.client import aio_channel, metadata_for
from chassis.errors import Unavailable
from chassis.identity import Signer, service_identity

DEADLINE_SECONDS = 2.0
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
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

    @cached_property
    def _cities(self) -> exchange_pb2_grpc.CityServiceStub:
        """The stub, as `_partnerships`."""
        return exchange_pb2_grpc.CityServiceStub(aio_channel(self._address))

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
        try:
            answer = await self._partnerships.ListPartnerships(request, **self._options())
        except grpc.aio.AioRpcError as error:
            if error.code() in AWAY:
                message = "Whether the city is a partner is not known while the exchange service is away; try again."
                raise Unavailable(message, reason="EXCHANGE_AWAY") from error
            raise
        return any(partnership.kind in TYING_KINDS for partnership in answer.partnerships)

    async def time_zone(self, city: str) -> ZoneInfo:
        """
        Return the time zone of a city; UTC for one that the exchange service does not know.

        Args:
            city: Resource name, e.g. ``cities/swansea``.

        Raises:
            Unavailable: The exchange service does not answer; reason CITY_DAY_UNCERTAIN.
        """
        try:
            found = await self._cities.GetCity(exchange_pb2.GetCityRequest(name=city), **self._options())
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return ZoneInfo("UTC")
            if error.code() in AWAY:
                message = "What day it is in the city is not known while the exchange service is away; try again."
                raise Unavailable(message, reason="CITY_DAY_UNCERTAIN") from error
            raise
        return ZoneInfo(found.time_zone)

    def _options(self) -> dict[str, Any]:
        metadata = metadata_for(self._signer.token(service_identity("forum")))
        return {"timeout": DEADLINE_SECONDS, "metadata": metadata}
