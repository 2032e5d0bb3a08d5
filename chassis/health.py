"""The standard health protocol of gRPC (``grpc.health.v1``): serving, until the service drains."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """
    Tells whether the process serves; the only service it knows is the process as a whole (an empty name).

    The stream of a watcher ends with the drain: one that stays open would hold it up until the last second.
    """

    def __init__(self) -> None:
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Tell everyone that the process serves no longer."""
        self._draining.set()

    async def Check(self, request: Any, context: Any) -> HealthCheckResponse:
        """Return whether the process serves. Errors: NOT_FOUND for any other service."""
        if request.service:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.service}")
        return self._now()

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[HealthCheckResponse]:
        """Tell whether the process serves, and once more when it changes."""
        if request.service:
            yield HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        else:
            yield self._now()
        await self._draining.wait()
        if not request.service:
            yield self._now()

    def _now(self) -> HealthCheckResponse:
        draining = self._draining.is_set()
        return HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING if draining else HealthCheckResponse.SERVING)
