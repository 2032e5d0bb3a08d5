"""The gateway's own RPCs, called like those of the services: ``account_rpc.accounts.ListAccounts(request)``."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import grpc
from austausch.accounts.v1 import accounts_pb2_grpc
from flask import current_app, request
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from chassis.contract import find_method
from chassis.validation import validate
from gateway.accounts import servicers
from gateway.auth import permissions
from gateway.auth.callers import accounts_database, current_caller

# What needs nobody to be signed in; everything else needs one of the roles that the contract declares.
WITHOUT_IDENTITY = frozenset({"SessionService.CreateSession"})

# The gRPC services that this process answers, by their short names.
SERVICES: dict[str, ServiceDescriptor] = {
    servicer.descriptor.name: servicer.descriptor for servicer in servicers.SERVICERS
}
_SERVICERS = {servicer.descriptor: servicer for servicer in servicers.SERVICERS}


def call(method: MethodDescriptor, message: Message) -> Message:
    """Answer an RPC that is known by its descriptor, held to the roles and the field rules of the contract."""
    service: ServiceDescriptor = method.containing_service
    name = f"{service.name}.{method.name}"
    if name not in WITHOUT_IDENTITY:
        permissions.require(name)
    validate(message)
    answer: Message = getattr(_SERVICERS[service], method.name)(message, _build_context())
    return answer


def _build_context() -> servicers.Context:
    return servicers.Context(
        accounts_database(), request.remote_addr or "", current_app.config["HOME_CITY"], current_caller()
    )


class _ThisProcess:
    """What a stub needs of a channel, without a network."""

    def unary_unary(self, path: str, **_network: Any) -> Callable[[Message], Message]:
        return partial(call, find_method(path))


_channel = cast(grpc.Channel, _ThisProcess())
sessions = accounts_pb2_grpc.SessionServiceStub(_channel)
accounts = accounts_pb2_grpc.AccountServiceStub(_channel)
access_tokens = accounts_pb2_grpc.AccessTokenServiceStub(_channel)
