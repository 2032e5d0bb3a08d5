"""
What happens around every RPC, in this order: trace, log, deadline; identity; role; field rules; the servicer; errors.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import structlog
from google.protobuf.message import Message
from opentelemetry import propagate, trace
from prometheus_client import Histogram

from chassis.contract import find_method, roles_of
from chassis.errors import Internal, RoleMissing, Unauthenticated
from chassis.failures import as_domain_error
from chassis.identity import Identity, Verifier, act_as
from chassis.status import to_grpc
from chassis.validation import validate

# Health checks and reflection tell nothing about anyone.
OPEN = ("/grpc.health.", "/grpc.reflection.")
# For callers who set no deadline of their own.
DEADLINE_SECONDS = 30.0

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
calls = Histogram("rpc_seconds", "Duration of a call", ["method", "code"])

Method = Callable[[Message, Any], Awaitable[Message]]


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Stands before every RPC; only health checks and reflection pass."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._guarded: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        path: str = details.method
        handler = await continuation(details)
        if handler is None or path.startswith(OPEN):
            return handler
        if path not in self._guarded:
            self._guarded[path] = self._guard(path, handler)
        return self._guarded[path]

    def _guard(self, path: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        method = find_method(path)
        roles = roles_of(method)
        call = handler.unary_unary
        short = f"{method.containing_service.name}/{method.name}"

        async def guarded(request: Message, context: Any) -> Message | None:
            metadata = dict(context.invocation_metadata() or ())
            started = time.perf_counter()
            code, caller = "CANCELLED", None
            with tracer.start_as_current_span(short, context=propagate.extract(metadata)):
                try:
                    caller = self._identify(metadata)
                    if roles.isdisjoint(caller.roles):
                        raise RoleMissing(roles)
                    act_as(caller)
                    validate(request)
                    async with asyncio.timeout(None if context.time_remaining() else DEADLINE_SECONDS):
                        answer = await call(request, context)
                    code = "OK"
                    return answer
                except Exception as error:
                    domain_error = as_domain_error(error)
                    code = domain_error.code
                    if isinstance(domain_error, Internal):
                        log.exception("rpc.defect", method=short)
                    await context.abort_with_status(to_grpc(domain_error))
                    return None
                finally:
                    seconds = time.perf_counter() - started
                    calls.labels(short, code).observe(seconds)
                    subject = caller.subject if caller else None
                    log.debug("rpc", method=short, code=code, subject=subject, milliseconds=round(seconds * 1000, 1))

        return grpc.unary_unary_rpc_method_handler(
            guarded, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
        )

    def _identify(self, metadata: dict[str, Any]) -> Identity:
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("The call carries no identity token.", reason="IDENTITY_MISSING")
        return self._verifier.identity(token)
