"""
The standard health protocol of gRPC (``grpc.health.v1``): a process serves until it drains; its parts work or not.

The empty service name is the process as a whole: it is alive. ``ready`` is whether it should get calls: it serves, its
database can be read, and what it keeps beside it is level. Other names are its parts, what it works with: ``database``,
``nats`` (it answers), ``nats-storage`` (it stores), and what the service adds. A process whose part does not work goes
on serving what it can.

Why something does not work, where that is known, is a reason (`chassis.errors`) in the trailing metadata `REASON`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse

from chassis.errors import DomainError

READY = "ready"
REASON = "austausch-reason"
SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
# A part that takes longer to answer does not work; whoever asks waits a little longer than this.
CHECK_SECONDS = 1.5
# How often a part is looked at for those who watch it.
WATCH_SECONDS = 1.0

# Works unless it returns False or raises.
Check = Callable[[], Awaitable[bool | None]]

log = structlog.get_logger(__name__)


class PartFailed(Exception):
    """
    What somebody else said of why a part does not work.

    Attributes:
        reason: As a reason of `chassis.errors`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """
    Tells whether the process serves, and whether its parts work at the moment that somebody asks.

    The stream of a watcher ends with the drain: one that stays open would hold it up until the last second.

    Args:
        checks: Name of a part → whether it works; of `READY`, whether the process should get calls.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Tell everyone that the process serves no longer."""
        self._draining.set()

    async def Check(self, request: Any, context: Any) -> HealthCheckResponse:
        """Return whether the process or a part of it works. Errors: NOT_FOUND for any other service."""
        state, reason = await self._find_state(request.service)
        if state == HealthCheckResponse.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.service}")
        if reason:
            context.set_trailing_metadata(((REASON, reason),))
        return HealthCheckResponse(status=state)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[HealthCheckResponse]:
        """Tell whether the process or a part of it works, and again when it changes."""
        told = None
        while not (told is not None and self._draining.is_set()):
            state, _ = await self._find_state(request.service)
            if state != told:
                yield HealthCheckResponse(status=state)
                told = state
            await self._wait(None if request.service not in self._checks else WATCH_SECONDS)
        state, _ = await self._find_state(request.service)
        if state != told:
            yield HealthCheckResponse(status=state)

    async def _wait(self, seconds: float | None) -> None:
        """Wait for the drain, ``seconds`` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._draining.wait()
        except TimeoutError:
            pass

    async def _find_state(self, service: str) -> tuple[HealthCheckResponse.ServingStatus, str]:
        """Return the state of the process or a part of it, and the reason of one that does not work, if known."""
        if service and service not in self._checks:
            return HealthCheckResponse.SERVICE_UNKNOWN, ""
        if self._draining.is_set():
            return HealthCheckResponse.NOT_SERVING, ""
        if not service:
            return HealthCheckResponse.SERVING, ""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                works = await self._checks[service]() is not False
        except Exception as error:  # noqa: BLE001 - whatever it is, the part does not work
            log.debug("health.failed", part=service, error=str(error) or type(error).__name__)
            return HealthCheckResponse.NOT_SERVING, error.reason if isinstance(error, DomainError | PartFailed) else ""
        return HealthCheckResponse.SERVING if works else HealthCheckResponse.NOT_SERVING, ""
