"""
What happens around every RPC, in this order: trace, log, deadline; identity; role; known fields; field rules; the
servicer; errors.

A servicer answers with a message, or with a stream of them as an asynchronous generator.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.message import Message
from opentelemetry import propagate, trace
from prometheus_client import Histogram

from chassis.contract import find_method, get_deadline, get_roles, takes_request_id
from chassis.database_errors import as_domain_error
from chassis.errors import DomainError, Internal, RoleMissing, Unauthenticated, Unavailable
from chassis.idempotency import require_held_to_id
from chassis.identity import Identity, Verifier, act_as
from chassis.status import to_grpc
from chassis.validation import validate

# Health checks and reflection tell nothing about anyone.
OPEN = ("/grpc.health.", "/grpc.reflection.")
# Keeps gRPC's own client from trying again.
NOT_AGAIN = ("grpc-retry-pushback-ms", "-1")

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
calls = Histogram("rpc_seconds", "Duration of a call", ["method", "code"])

Handler: TypeAlias = "grpc.RpcMethodHandler[Message, Message]"


class Guard(grpc.aio.ServerInterceptor):
    """
    Stands before every RPC; only health checks and reflection pass.

    Args:
        max_calls: How many it lets in at once. More would wait longer than anyone waits for them, and hold up those
            that come after: they are refused at once (UNAVAILABLE, reason SERVICE_BUSY).
    """

    def __init__(self, verifier: Verifier, max_calls: int) -> None:
        self._verifier = verifier
        self._max_calls = max_calls
        self._calls = 0
        self._guarded: dict[str, Handler] = {}

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        path: str = details.method
        handler = await continuation(details)
        if handler is None or path.startswith(OPEN):
            return handler
        if path not in self._guarded:
            self._guarded[path] = self._guard(path, handler)
        return self._guarded[path]

    def _guard(self, path: str, handler: Handler) -> Handler:
        method = find_method(path)
        roles, deadline = get_roles(method), get_deadline(method)
        repeatable = takes_request_id(method)
        short = f"{method.containing_service.name}/{method.name}"
        call: Any = handler.unary_stream if handler.response_streaming else handler.unary_unary

        @asynccontextmanager
        async def handle(request: Message, context: Any) -> AsyncIterator[None]:
            metadata = dict(context.invocation_metadata() or ())
            started = time.perf_counter()
            code, caller = "CANCELLED", None
            self._calls += 1
            with tracer.start_as_current_span(short, context=propagate.extract(metadata)):
                try:
                    if self._calls > self._max_calls:
                        raise Unavailable("The service has more to do than it can; try again.", reason="SERVICE_BUSY")
                    caller = self._identify(metadata)
                    if roles.isdisjoint(caller.roles):
                        raise RoleMissing(roles)
                    act_as(caller)
                    if _discard_unknown(request):
                        # Said by a caller of a newer release, who asks another replica then (`chassis.client`).
                        code = "UNIMPLEMENTED"
                        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "The request has fields of a newer release.")
                    validate(request)
                    async with asyncio.timeout(deadline):
                        yield
                    code = "OK"
                except grpc.aio.AbortError:
                    raise
                except Exception as error:
                    domain_error = as_domain_error(error)
                    code = domain_error.code
                    if isinstance(domain_error, Internal):
                        log.exception("rpc.defect", method=short)
                    elif isinstance(domain_error, Unavailable) and domain_error is not error:
                        cause = getattr(error, "orig", None) or error
                        log.warning("database.unavailable", reason=domain_error.reason, error=str(cause))
                    status: Any = to_grpc(domain_error)
                    if isinstance(error.__cause__, DomainError) or domain_error.reason == "SERVICE_BUSY":
                        # Another service refused, and was asked as often as made sense: tries shall not multiply.
                        status = status._replace(trailing_metadata=(*status.trailing_metadata, NOT_AGAIN))
                    await context.abort_with_status(status)
                finally:
                    self._calls -= 1
                    seconds = time.perf_counter() - started
                    calls.labels(short, code).observe(seconds)
                    subject = caller.subject if caller else None
                    log.debug("rpc", method=short, code=code, subject=subject, milliseconds=round(seconds * 1000, 1))

        async def answer(request: Message, context: Any) -> Message:
            async with handle(request, context):
                answered = call(request, context)
                return await (require_held_to_id(request, answered) if repeatable else answered)

        async def stream(request: Message, context: Any) -> None:
            async with handle(request, context), aclosing(call(request, context)) as parts:
                async for part in parts:
                    await context.write(part)

        codec = (handler.request_deserializer, handler.response_serializer)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, *codec)
        return grpc.unary_unary_rpc_method_handler(answer, *codec)

    def _identify(self, metadata: dict[str, Any]) -> Identity:
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("The call carries no identity token.", reason="IDENTITY_MISSING")
        return self._verifier.identity(token)


def _discard_unknown(request: Message) -> bool:
    """Discard what this release's contract does not know of a request, at any depth; return whether there was any."""
    size = request.ByteSize()
    request.DiscardUnknownFields()
    return request.ByteSize() != size
