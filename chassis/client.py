"""
Calls to other processes: what happens around each of them, and what may be tried again.

A channel from `prepare_calls` or `aio_calls` gives every call the deadline that its RPC declares, the signed identity
of whoever asks, the trace, and, where it changes something, a request id; what the other process refuses is raised as
one of `chassis.errors`. ``VisitServiceStub(prepare_calls(…)).GetVisit(request)`` needs nothing more;
``GetVisit.future(request).result()`` lets other calls run meanwhile.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from opentelemetry import propagate

from chassis.contract import find_method, get_deadline, is_read, takes_request_id
from chassis.errors import DeadlineExceeded, DomainError, Unavailable
from chassis.status import from_rpc_error

Token = Callable[[], str]

# Replicas of a service share its calls, one after the other.
BALANCING: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
# Where most calls fail none is tried again: what is overloaded, or away, would be asked five times as much.
THROTTLING = {"maxTokens": 200, "tokenRatio": 1}
OPTIONS: list[tuple[str, Any]] = [
    # By default a service that came back is noticed after up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A container that is started again has another address; by default names are looked up twice a minute at most.
    ("grpc.dns_min_time_between_resolutions_ms", 1000),
    # A process that hangs, or vanished without a word, is noticed within the deadline of a call: another replica may
    # still answer it.
    ("grpc.keepalive_time_ms", 2_000),
    # Of a machine that vanished, and of a process that hangs on one that lives.
    ("grpc.keepalive_timeout_ms", 2_500),
    ("grpc.http2.ping_timeout_ms", 2_500),
    # One that the environment names is for the internet; Docker gives that of its client's settings to every container.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # An error with all its bad fields is longer than the default of 8 KiB.
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.absolute_max_metadata_size", 128 * 1024),
]
# A request that is longer is not kept for another try.
MAX_KEPT_BYTES = 4 * 1024 * 1024
# How long it takes to see whether a channel is connected.
LOOK_SECONDS = 0.2


def channel(address: str, *contracts: FileDescriptor) -> grpc.Channel:
    """
    Return a channel for threads; opened lazily, so it may be made before the service runs, but not before a fork.

    Args:
        address: Host and port of the process, or of its replicas; see `target`.
        contracts: The files that declare its RPCs, where `prepare_calls` follows.
    """
    return grpc.insecure_channel(target(address), options=_options(contracts))


def target(address: str) -> str:
    """
    Return what gRPC calls the replicas of a process.

    Args:
        address: ``host:port``, where the host may have many addresses, as a headless service of Kubernetes has; or the
            addresses themselves, ``10.0.0.1:50051,10.0.0.2:50051``; or a target of gRPC's own, ``dns:///host:port``.
    """
    if "," not in address or address.startswith(("ipv4:", "ipv6:")):
        return address
    return f"{'ipv6' if address.startswith('[') else 'ipv4'}:{address.replace(' ', '')}"


def prepare_calls(opened: grpc.Channel, contract: FileDescriptor, token: Token) -> grpc.Channel:
    """
    Return the channel for calls of a contract.

    Args:
        token: Makes the token of a call; an empty one where nobody asks.
    """
    return grpc.intercept_channel(opened, _Outgoing(opened, _name_service(contract), token))


def aio_channel(address: str, *contracts: FileDescriptor) -> grpc.aio.Channel:
    """Return a channel for the running event loop; otherwise as `channel`."""
    return grpc.aio.insecure_channel(target(address), options=_options(contracts))


def aio_calls(address: str, contract: FileDescriptor, token: Token) -> grpc.aio.Channel:
    """Return a channel for the running event loop and for calls of a contract; arguments as of `prepare_calls`."""
    interceptor = _AioOutgoing(_name_service(contract), token)
    return grpc.aio.insecure_channel(target(address), options=_options([contract]), interceptors=[interceptor])


def _name_service(contract: FileDescriptor) -> str:
    """Return ``exchange`` for the contract of the package ``austausch.exchange.v1``."""
    return contract.package.split(".")[1]


def _options(contracts: Sequence[FileDescriptor]) -> list[tuple[str, Any]]:
    """
    Return the options of a channel; with contracts, gRPC tries a call again whose connection broke.

    It cannot be known then whether the call had its effect: tried again is what reads, and what gets its first answer
    a second time. A process that drains cancels what reaches it meanwhile.

    Any call is tried again that a replica does not know, which has done nothing: it is of an older release than the
    caller, and a newer one may be beside it.
    """
    repeated = [
        {"service": service.full_name, "method": method.name}
        for contract in contracts
        for service in contract.services_by_name.values()
        for method in service.methods
        if is_read(method) or takes_request_id(method)
    ]
    config: dict[str, Any] = dict(BALANCING)
    if repeated:
        config |= {
            "methodConfig": [
                {"name": repeated, "retryPolicy": _retry("UNAVAILABLE", "CANCELLED", "UNIMPLEMENTED")},
                {"name": [{}], "retryPolicy": _retry("UNIMPLEMENTED")},
            ],
            "retryThrottling": THROTTLING,
        }
    return [
        *OPTIONS,
        ("grpc.service_config", json.dumps(config)),
        ("grpc.per_rpc_retry_buffer_size", MAX_KEPT_BYTES),
    ]


def _retry(*codes: str) -> dict[str, Any]:
    return {
        "maxAttempts": 5,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": codes,
    }


def metadata_for(token: str) -> list[tuple[str, str]]:
    """Return a call's metadata: who is asking, and the trace that it belongs to."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return [("authorization", f"Bearer {token}"), *headers.items()]


class _CallDetails(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None = None


class _Outgoing(grpc.UnaryUnaryClientInterceptor):
    """Stands before every call of a channel for threads."""

    def __init__(self, opened: grpc.Channel, service: str, token: Token) -> None:
        self._channel = opened
        self._service = service
        self._token = token

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return _Answer(continuation(*_prepare(client_call_details, request, self._token())), self._explain)

    def _explain(self, error: grpc.RpcError) -> DomainError:
        refused = _refusal(error, self._service)
        if isinstance(refused, DeadlineExceeded) and not is_connected(self._channel):
            return _away(self._service)
        return refused


class _Answer:
    """The answer of a call, waited for when asked for: several calls may be under way at once."""

    def __init__(self, call: Any, explain: Callable[[grpc.RpcError], DomainError]) -> None:
        self._call = call
        self._explain = explain

    def result(self, timeout: float | None = None) -> Any:
        """Return the answer; raises what its refusal means."""
        try:
            return self._call.result(timeout)
        except grpc.RpcError as error:
            raise self._explain(error) from None


class _AioOutgoing(grpc.aio.UnaryUnaryClientInterceptor):
    """Stands before every call of a channel for an event loop."""

    def __init__(self, service: str, token: Token) -> None:
        self._service = service
        self._token = token

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        try:
            details, request = _prepare(client_call_details, request, self._token())
            details = details._replace(metadata=grpc.aio.Metadata(*details.metadata))
            return await (await continuation(details, request))
        except grpc.aio.AioRpcError as error:
            raise _refusal(error, self._service) from None


def _prepare(details: Any, request: Message, token: str) -> tuple[_CallDetails, Message]:
    """Return what goes out instead of a call's details and request."""
    path = details.method.decode() if isinstance(details.method, bytes) else details.method
    method = find_method(path)
    if takes_request_id(method) and not request.request_id:  # type: ignore[attr-defined]
        # Not in the caller's own message, which may be sent again for another one of the same kind.
        message = type(request)()
        message.CopyFrom(request)
        message.request_id = str(uuid4())  # type: ignore[attr-defined]
        request = message
    metadata = [*(details.metadata or ()), *(metadata_for(token) if token else ())]
    timeout = details.timeout or get_deadline(method)
    return _CallDetails(details.method, timeout, metadata, details.credentials, wait_for_ready=True), request


def _refusal(error: grpc.RpcError, service: str) -> DomainError:
    """Return what a failed call means: as the service said it, or that it does not answer, or not in time."""
    refused = from_rpc_error(error)
    if refused.reason == "SERVICE_AWAY":
        return _away(service)
    if refused.reason == "TOO_SLOW" and "service" not in refused.metadata:
        return _too_slow(service)
    return refused


def _away(service: str) -> Unavailable:
    words = f"The {service} service does not answer at the moment; try again."
    return Unavailable(words, reason="SERVICE_AWAY", metadata={"service": service})


def _too_slow(service: str) -> DeadlineExceeded:
    words = f"The {service} service takes too long to answer; try again."
    return DeadlineExceeded(words, reason="TOO_SLOW", metadata={"service": service})


def is_connected(opened: grpc.Channel) -> bool:
    """Return whether a channel has a connection."""
    ready = grpc.channel_ready_future(opened)
    try:
        ready.result(timeout=LOOK_SECONDS)
    except grpc.FutureTimeoutError:
        ready.cancel()
        return False
    return True
