"""
The services' RPCs as the gateway calls them.

``rpc.visits.GetVisit(exchange_pb2.GetVisitRequest(name=…))`` adds a deadline, the signed identity of whoever makes the
current request, and the trace; a refusal is raised as one of `chassis.errors`. Channels are opened at the first call
of a process: one from before gunicorn's fork can hang for good.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc
from austausch.exchange.v1 import exchange_pb2
from austausch.forum.v1 import forum_pb2
from austausch.knowledge.v1 import knowledge_pb2
from flask import current_app
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis import client
from chassis.errors import DeadlineExceeded, DomainError, Unavailable
from chassis.identity import Identity, Signer
from chassis.status import from_rpc_error
from gateway.settings import GatewaySettings

Call = Callable[..., Any]
# A token is good for 60 s; one is used for half of that.
TOKEN_SECONDS = 30.0
TOKENS_KEPT = 1000
# How long it takes to see whether a channel is connected.
LOOK_SECONDS = 0.2


class Connections:
    """What one app holds open: a channel per process, and the tokens signed lately; `identify` tells who is asking."""

    def __init__(self, settings: GatewaySettings, identify: Callable[[], Identity | None]) -> None:
        self._addresses = {
            "exchange": settings.exchange_address,
            "forum": settings.forum_address,
            "knowledge": settings.knowledge_address,
        }
        self._signer = Signer("gateway", settings.signing_key)
        self._channels: dict[str, grpc.Channel] = {}
        self._calls: dict[str, Call] = {}
        self._tokens: dict[Identity, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self.call_seconds = settings.call_seconds
        self.identify = identify

    def channel(self, process: str) -> grpc.Channel:
        """Return the channel to a process, opened when first asked for."""
        with self._lock:
            if process not in self._channels:
                self._channels[process] = client.channel(self._addresses[process])
            return self._channels[process]

    @property
    def processes(self) -> list[str]:
        """Names of the processes behind the gateway."""
        return list(self._addresses)

    def call(self, process: str, method: MethodDescriptor) -> Call:
        """Return the multicallable of an RPC."""
        if method.full_name not in self._calls:
            self._calls[method.full_name] = self.channel(process).unary_unary(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
        return self._calls[method.full_name]

    def token(self, who: Identity) -> str:
        """Return a signed token for an identity, the same for half a minute."""
        token, until = self._tokens.get(who, ("", 0.0))
        if time.monotonic() >= until:
            if len(self._tokens) >= TOKENS_KEPT:
                self._tokens.clear()
            token = self._signer.token(who)
            self._tokens[who] = (token, time.monotonic() + TOKEN_SECONDS)
        return token

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
            self._calls.clear()


class Client:
    """One gRPC service: each of its RPCs is a method that takes the request and returns the answer."""

    def __init__(self, service: ServiceDescriptor, process: str) -> None:
        self.service = service
        self.process = process

    def __getattr__(self, name: str) -> Call:
        method = self.service.methods_by_name.get(name)
        if method is None:
            raise AttributeError(f"{self.service.full_name} has no RPC {name}")
        bound = self.bind(method)
        setattr(self, name, bound)
        return bound

    def bind(self, method: MethodDescriptor) -> Call:
        """Return the function that calls one RPC."""
        process = self.process

        def call(request: Message, *, timeout: float | None = None) -> Any:
            open_ = connections()
            try:
                return open_.call(process, method)(
                    request,
                    timeout=timeout or open_.call_seconds,
                    metadata=metadata(open_),
                    wait_for_ready=True,
                )
            except grpc.RpcError as error:
                raise refusal(error, process) from None

        return call


def refusal(error: grpc.RpcError, process: str) -> DomainError:
    """Return what a failed call means: one that ran out of time without a connection found nobody there."""
    refused = from_rpc_error(error)
    if isinstance(refused, DeadlineExceeded) and not is_connected(connections().channel(process)):
        return Unavailable(
            f"The {process} service does not answer at the moment; try again.",
            reason="SERVICE_AWAY",
            metadata={"service": process},
        )
    return refused


def is_connected(channel: grpc.Channel) -> bool:
    """Return whether a channel has a connection."""
    ready = grpc.channel_ready_future(channel)
    try:
        ready.result(timeout=LOOK_SECONDS)
    except grpc.FutureTimeoutError:
        ready.cancel()
        return False
    return True


_acting: ContextVar[Identity | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(who: Identity) -> Iterator[None]:
    """Make calls inside the block speak for `who`, where no request does: the demo data, a command."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def metadata(open_: Connections) -> list[tuple[str, str]]:
    """Return the metadata of a call: who is asking, and the trace it belongs to; nothing when nobody is signed in."""
    who = _acting.get() or open_.identify()
    return client.metadata_for(open_.token(who)) if who else []


def connections() -> Connections:
    """Return the connections of the current app."""
    found: Connections = current_app.extensions["rpc"]
    return found


def _client(module: Any, service: str, process: str) -> Client:
    return Client(module.DESCRIPTOR.services_by_name[service], process)


cities = _client(exchange_pb2, "CityService", "exchange")
partnerships = _client(exchange_pb2, "PartnershipService", "exchange")
exchanges = _client(exchange_pb2, "ExchangeService", "exchange")
visits = _client(exchange_pb2, "VisitService", "exchange")
delegates = _client(exchange_pb2, "DelegateService", "exchange")
agenda_items = _client(exchange_pb2, "AgendaItemService", "exchange")
programmes = _client(exchange_pb2, "ProgrammeService", "exchange")
rooms = _client(exchange_pb2, "RoomService", "exchange")
people = _client(exchange_pb2, "PersonService", "exchange")
forums = _client(forum_pb2, "ForumService", "forum")
subject_nodes = _client(forum_pb2, "SubjectNodeService", "forum")
panelists = _client(forum_pb2, "PanelistService", "forum")
working_groups = _client(forum_pb2, "WorkingGroupService", "forum")
conclusions = _client(forum_pb2, "ConclusionService", "forum")
recommendations = _client(forum_pb2, "RecommendationService", "forum")
learnings = _client(knowledge_pb2, "LearningService", "knowledge")

CLIENTS = (
    cities, partnerships, exchanges, visits, delegates, agenda_items, programmes, rooms, people,
    forums, subject_nodes, panelists, working_groups, conclusions, recommendations, learnings,
)  # fmt: skip
