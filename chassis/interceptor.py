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
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from chassis.contract import find_method, roles_of
from chassis.errors import (
    Aborted,
    DeadlineExceeded,
    DomainError,
    Internal,
    InvalidArgument,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from chassis.identity import Identity, Verifier, act_as
from chassis.status import to_grpc
from chassis.validation import validate

# For callers who set no deadline of their own.
DEADLINE_SECONDS = 30.0

log = structlog.get_logger(__name__)
tracer = trace.get_tracer(__name__)
calls = Histogram("rpc_seconds", "Duration of a call", ["method", "code"])

Method = Callable[[Message, Any], Awaitable[Message]]


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Stands before every RPC of the contract; health checks and reflection pass."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._guarded: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        path: str = details.method
        handler = await continuation(details)
        if handler is None or not path.startswith("/austausch."):
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
            code, caller = "OK", None
            with tracer.start_as_current_span(short, context=propagate.extract(metadata)):
                try:
                    caller = self._identify(metadata)
                    if roles.isdisjoint(caller.roles):
                        raise PermissionDenied(f"This needs the role {' or '.join(sorted(roles))}.")
                    act_as(caller)
                    validate(request)
                    async with asyncio.timeout(None if context.time_remaining() else DEADLINE_SECONDS):
                        return await call(request, context)
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
            raise Unauthenticated("The call carries no identity token.")
        return self._verifier.identity(token)


def as_domain_error(error: Exception) -> DomainError:
    """Return what a caller is told of an error; one that is not foreseen becomes `Internal`, without its text."""
    match error:
        case DomainError():
            return error
        case StaleDataError():
            return Aborted("Someone else changed it at the same moment; read it again.", reason="ETAG_MISMATCH")
        case TimeoutError():
            return DeadlineExceeded("It took too long; try again.")
        case PoolTimeout() | OSError():
            return Unavailable("The database does not answer at the moment; try again.")
        case DBAPIError():
            return _as_database_error(error)
        case _:
            return Internal("Something went wrong on our side; it is in the log.")


def _as_database_error(error: DBAPIError) -> DomainError:
    """Read the SQLSTATE (PostgreSQL, appendix A): what a repeat can mend, and what the input caused."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state[:2] in ("08", "57", "53"):
        return Unavailable("The database does not answer at the moment; try again.")
    if state in ("40001", "40P01"):
        return Aborted("Two changes met at the same moment; try again.", reason="CONFLICT")
    if state[:2] == "22":
        return InvalidArgument("", "A value can't be stored.", reason="INVALID_FIELD")
    return Internal("Something went wrong on our side; it is in the log.")
