"""What the forum asks the exchange service."""

from functools import cached_property, partial
from zoneinfo import ZoneInfo

import grpc
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import exchange_pb2_grpc

from chassis.client import aio_calls
from chassis.errors import DeadlineExceeded, InvalidArgument, NotFound, Unavailable
from chassis.identity import Signer, service_identity

# Shorter than what the forum's own caller waits for.
DEADLINE_SECONDS = 2.0
TYING_KINDS = (pb.Partnership.KIND_PARTNERSHIP, pb.Partnership.KIND_FRIENDSHIP)


class ExchangeClient:
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
    def _channel(self) -> grpc.aio.Channel:
        """The channel, opened at the first call: it belongs to the running event loop."""
        token = partial(self._signer.token, service_identity("forum"))
        return aio_calls(self._address, pb.DESCRIPTOR, token)

    async def is_partner(self, city: str) -> bool:
        """
        Return whether an active partnership or friendship with a city exists at this moment.

        Args:
            city: Resource name, e.g. ``cities/swansea``.

        Raises:
            Unavailable: The exchange service does not answer; reason EXCHANGE_AWAY.
        """
        request = pb.ListPartnershipsRequest(city=city, state=pb.Partnership.STATE_ACTIVE, page_size=1000)
        partnerships = exchange_pb2_grpc.PartnershipServiceStub(self._channel)
        try:
            answer = await partnerships.ListPartnerships(request, timeout=DEADLINE_SECONDS)
        except (Unavailable, DeadlineExceeded) as error:
            message = "Whether the city is a partner is not known while the exchange service is away; try again."
            raise Unavailable(message, reason="EXCHANGE_AWAY") from error
        return any(partnership.kind in TYING_KINDS for partnership in answer.partnerships)

    async def require_visit(self, visit: str) -> None:
        """
        Raise unless there is a visit.

        Args:
            visit: Resource name, e.g. ``visits/018f…``; nobody is asked about an empty one.

        Raises:
            InvalidArgument: There is none; reason REFERENCE_NOT_FOUND.
            Unavailable: The exchange service does not answer; reason VISIT_UNCERTAIN.
        """
        if not visit:
            return
        visits = exchange_pb2_grpc.VisitServiceStub(self._channel)
        try:
            await visits.GetVisit(pb.GetVisitRequest(name=visit), timeout=DEADLINE_SECONDS)
        except NotFound:
            words, metadata = f"{visit} does not exist", {"resources": visit}
            raise InvalidArgument("forum.visit", words, reason="REFERENCE_NOT_FOUND", metadata=metadata) from None
        except (Unavailable, DeadlineExceeded) as error:
            message = "Whether there is such a visit is not known while the exchange service is away; try again."
            raise Unavailable(message, reason="VISIT_UNCERTAIN") from error

    async def get_time_zone(self, city: str) -> ZoneInfo:
        """
        Return the time zone of a city; UTC for one that the exchange service does not know.

        Args:
            city: Resource name, e.g. ``cities/swansea``.

        Raises:
            Unavailable: The exchange service does not answer; reason CITY_DAY_UNCERTAIN.
        """
        cities = exchange_pb2_grpc.CityServiceStub(self._channel)
        try:
            found = await cities.GetCity(pb.GetCityRequest(name=city), timeout=DEADLINE_SECONDS)
        except NotFound:
            return ZoneInfo("UTC")
        except (Unavailable, DeadlineExceeded) as error:
            message = "What day it is in the city is not known while the exchange service is away; try again."
            raise Unavailable(message, reason="CITY_DAY_UNCERTAIN") from error
        return ZoneInfo(found.time_zone)
