"""
The standard health protocol of gRPC (``grpc.health.v1``): a process serves until it drains; its parts work or not.

The empty service name is the process as a whole. Other names are its parts, what it works with: ``database``, ``nats``
(it answers), ``nats-storage`` (it stores), and what the service adds. A process whose part does not work goes on
serving what it can.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
# A part that takes longer to answer does not work; whoever asks waits a little longer than this.
CHECK_SECONDS = 1.5
# How often a part is looked at for those who watch it.
WATCH_SECONDS = 1.0

Check = Callable[[], Awaitable[bool]]

log = structlog.get_logger(__name__)


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """
    Tells whether the process serves, and whether its parts work at the moment that somebody asks.

    The stream of a watcher ends with the drain: one that stays open would hold it up until the last second.

    Args:
        checks: Name of a part → whether it works. Who raises says no.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Tell everyone that the process serves no longer."""
        self._draining.set()

    async def Check(self, request: Any, context: Any) -> HealthCheckResponse:
        """Return whether the process or a part of it works. Errors: NOT_FOUND for any other service."""
        state = await self._state(request.service)
        if state == HealthCheckResponse.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.service}")
        return HealthCheckResponse(status=state)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[HealthCheckResponse]:
        """Tell whether the process or a part of it works, and again when it changes."""
        told = None
        while not (told is not None and self._draining.is_set()):
            state = await self._state(request.service)
            if state != told:
                yield HealthCheckResponse(status=state)
                told = state
            await self._wait(None if request.service not in self._checks else WATCH_SECONDS)
        if (state := await self._state(request.service)) != told:
            yield HealthCheckResponse(status=state)

    async def _wait(self, seconds: float | None) -> None:
        """Wait for the drain, ``seconds`` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._draining.wait()
        except TimeoutError:
            pass

    async def _state(self, service: str) -> HealthCheckResponse.ServingStatus:
        if service and service not in self._checks:
            return HealthCheckResponse.SERVICE_UNKNOWN
        works = not self._draining.is_set() and (not service or await self._works(service))
        return HealthCheckResponse.SERVING if works else HealthCheckResponse.NOT_SERVING

    async def _works(self, part: str) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await self._checks[part]()
        except Exception as error:  # noqa: BLE001 - whatever it is, the part does not work
            log.debug("health.failed", part=part, error=str(error) or type(error).__name__)
            return False
