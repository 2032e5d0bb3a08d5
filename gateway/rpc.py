"""
The services' RPCs as the gateway calls them.

``rpc.visits.GetVisit(exchange_pb2.GetVisitRequest(name=…))`` is a call of the generated, typed stub; what happens
around it (deadline, the signed identity of whoever makes the current request, trace, errors) is `chassis.client`'s.
Channels are opened at the first call of a process: one from before gunicorn's fork can hang for good.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import TypeVar, cast

import grpc
from austausch.exchange.v1 import (
    calendars_pb2,
    calendars_pb2_grpc,
    date_options_pb2,
    date_options_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    lessons_pb2,
    lessons_pb2_grpc,
    person_calendars_pb2,
    person_calendars_pb2_grpc,
    programme_templates_pb2,
    programme_templates_pb2_grpc,
    schedule_runs_pb2,
    schedule_runs_pb2_grpc,
    scheduling_pb2,
    scheduling_pb2_grpc,
    venues_pb2,
    venues_pb2_grpc,
)
from austausch.forum.v1 import forum_pb2, forum_pb2_grpc
from austausch.knowledge.v1 import hub_pb2, hub_pb2_grpc, knowledge_pb2, knowledge_pb2_grpc, topics_pb2, topics_pb2_grpc
from flask import current_app
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from werkzeug.local import LocalProxy

from chassis import client
from chassis.identity import Identity, Signer
from gateway.settings import GatewaySettings

Stub = TypeVar("Stub")

# A token is good for 60 s; one is used for half of that.
TOKEN_SECONDS = 30.0
MAX_TOKENS = 1000

# The files of the contract by the process that serves them.
CONTRACTS: dict[str, tuple[FileDescriptor, ...]] = {
    "exchange": (
        exchange_pb2.DESCRIPTOR,
        calendars_pb2.DESCRIPTOR,
        date_options_pb2.DESCRIPTOR,
        lessons_pb2.DESCRIPTOR,
        person_calendars_pb2.DESCRIPTOR,
        programme_templates_pb2.DESCRIPTOR,
        schedule_runs_pb2.DESCRIPTOR,
        scheduling_pb2.DESCRIPTOR,
        venues_pb2.DESCRIPTOR,
    ),
    "forum": (forum_pb2.DESCRIPTOR,),
    "knowledge": (knowledge_pb2.DESCRIPTOR, hub_pb2.DESCRIPTOR, topics_pb2.DESCRIPTOR),
}
# The gRPC services behind the gateway, by their short names.
SERVICES: dict[str, ServiceDescriptor] = {
    name: service
    for contracts in CONTRACTS.values()
    for contract in contracts
    for name, service in contract.services_by_name.items()
}


class Connections:
    """What one app holds open: a channel per process, and the tokens signed lately; `identify` tells who is asking."""

    def __init__(self, settings: GatewaySettings, identify: Callable[[], Identity | None]) -> None:
        self._addresses = {
            "exchange": settings.exchange_address,
            "forum": settings.forum_address,
            "knowledge": settings.knowledge_address,
        }
        self._signer = Signer("gateway", settings.signing_key_file or settings.signing_key)
        self._channels: dict[str, grpc.Channel] = {}
        self._stubs: dict[object, object] = {}
        self._tokens: dict[Identity, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._identify = identify

    def get_channel(self, process: str) -> grpc.Channel:
        """Return the channel to a process, opened when first asked for."""
        with self._lock:
            if process not in self._channels:
                self._channels[process] = client.channel(self._addresses[process], *CONTRACTS[process])
            return self._channels[process]

    @property
    def processes(self) -> list[str]:
        """Names of the processes behind the gateway."""
        return list(self._addresses)

    def get_stub(self, kind: Callable[[grpc.Channel], Stub], process: str) -> Stub:
        """Return the stub of a gRPC service, made when first asked for."""
        if kind not in self._stubs:
            self._stubs[kind] = kind(
                client.prepare_calls(self.get_channel(process), CONTRACTS[process][0], self._sign_token)
            )
        return cast(Stub, self._stubs[kind])

    def _sign_token(self) -> str:
        """Return a signed token for whoever is asking, the same for half a minute; empty when nobody is signed in."""
        who = _acting.get() or self._identify()
        if who is None:
            return ""
        token, until = self._tokens.get(who, ("", 0.0))
        if time.monotonic() >= until:
            if len(self._tokens) >= MAX_TOKENS:
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
            self._stubs.clear()


_acting: ContextVar[Identity | None] = ContextVar("acting", default=None)


@contextmanager
def act_as(who: Identity) -> Iterator[None]:
    """Make calls inside the block speak for `who`, where no request does: the demo data, a command."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def get_connections() -> Connections:
    """Return the connections of the current app."""
    connections: Connections = current_app.extensions["rpc"]
    return connections


def call(method: MethodDescriptor, request: Message) -> Message:
    """Call an RPC that is known by its descriptor only; otherwise like a stub's."""
    service = method.containing_service
    process = next(name for name, contracts in CONTRACTS.items() if service.file in contracts)
    stub = get_connections().get_stub(getattr(STUBS[service.file.name], f"{service.name}Stub"), process)
    answer: Message = getattr(stub, method.name)(request)
    return answer


# File of the contract → its stubs.
STUBS: dict[str, ModuleType] = {
    exchange_pb2.DESCRIPTOR.name: exchange_pb2_grpc,
    calendars_pb2.DESCRIPTOR.name: calendars_pb2_grpc,
    date_options_pb2.DESCRIPTOR.name: date_options_pb2_grpc,
    lessons_pb2.DESCRIPTOR.name: lessons_pb2_grpc,
    person_calendars_pb2.DESCRIPTOR.name: person_calendars_pb2_grpc,
    programme_templates_pb2.DESCRIPTOR.name: programme_templates_pb2_grpc,
    schedule_runs_pb2.DESCRIPTOR.name: schedule_runs_pb2_grpc,
    scheduling_pb2.DESCRIPTOR.name: scheduling_pb2_grpc,
    venues_pb2.DESCRIPTOR.name: venues_pb2_grpc,
    forum_pb2.DESCRIPTOR.name: forum_pb2_grpc,
    knowledge_pb2.DESCRIPTOR.name: knowledge_pb2_grpc,
    hub_pb2.DESCRIPTOR.name: hub_pb2_grpc,
    topics_pb2.DESCRIPTOR.name: topics_pb2_grpc,
}


def _get_app_stub(kind: Callable[[grpc.Channel], Stub], process: str) -> Stub:
    """Return the stub of whichever app is the current one."""
    return cast(Stub, LocalProxy(lambda: get_connections().get_stub(kind, process)))


cities = _get_app_stub(exchange_pb2_grpc.CityServiceStub, "exchange")
partnerships = _get_app_stub(exchange_pb2_grpc.PartnershipServiceStub, "exchange")
exchanges = _get_app_stub(exchange_pb2_grpc.ExchangeServiceStub, "exchange")
visits = _get_app_stub(exchange_pb2_grpc.VisitServiceStub, "exchange")
delegates = _get_app_stub(exchange_pb2_grpc.DelegateServiceStub, "exchange")
agenda_items = _get_app_stub(exchange_pb2_grpc.AgendaItemServiceStub, "exchange")
programmes = _get_app_stub(exchange_pb2_grpc.ProgrammeServiceStub, "exchange")
programme_templates = _get_app_stub(programme_templates_pb2_grpc.ProgrammeTemplateServiceStub, "exchange")
calendars = _get_app_stub(calendars_pb2_grpc.CalendarServiceStub, "exchange")
date_options = _get_app_stub(date_options_pb2_grpc.DateOptionServiceStub, "exchange")
visit_lessons = _get_app_stub(lessons_pb2_grpc.VisitLessonServiceStub, "exchange")
schedule_runs = _get_app_stub(schedule_runs_pb2_grpc.ScheduleRunServiceStub, "exchange")
venues = _get_app_stub(venues_pb2_grpc.VenueServiceStub, "exchange")
rooms = _get_app_stub(exchange_pb2_grpc.RoomServiceStub, "exchange")
people = _get_app_stub(exchange_pb2_grpc.PersonServiceStub, "exchange")
person_calendars = _get_app_stub(person_calendars_pb2_grpc.PersonCalendarServiceStub, "exchange")
exchange_names = _get_app_stub(exchange_pb2_grpc.ExchangeNameServiceStub, "exchange")
forums = _get_app_stub(forum_pb2_grpc.ForumServiceStub, "forum")
subject_nodes = _get_app_stub(forum_pb2_grpc.SubjectNodeServiceStub, "forum")
panelists = _get_app_stub(forum_pb2_grpc.PanelistServiceStub, "forum")
working_groups = _get_app_stub(forum_pb2_grpc.WorkingGroupServiceStub, "forum")
conclusions = _get_app_stub(forum_pb2_grpc.ConclusionServiceStub, "forum")
recommendations = _get_app_stub(forum_pb2_grpc.RecommendationServiceStub, "forum")
forum_names = _get_app_stub(forum_pb2_grpc.ForumNameServiceStub, "forum")
learnings = _get_app_stub(knowledge_pb2_grpc.LearningServiceStub, "knowledge")
applications = _get_app_stub(knowledge_pb2_grpc.ApplicationServiceStub, "knowledge")
topics = _get_app_stub(topics_pb2_grpc.TopicServiceStub, "knowledge")
installations = _get_app_stub(hub_pb2_grpc.InstallationServiceStub, "knowledge")
publishing = _get_app_stub(hub_pb2_grpc.PublishingServiceStub, "knowledge")
