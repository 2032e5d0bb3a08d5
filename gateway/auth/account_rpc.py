"""The gateway's own RPCs, called like those of the services: ``account_rpc.accounts.ListAccounts(request)``."""

from collections.abc import Callable
from typing import Any

from flask import current_app, request
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from chassis.validation import validate
from gateway.accounts import servicers
from gateway.auth import permissions
from gateway.auth.callers import accounts_database, current_caller

# What needs nobody to be signed in; everything else needs one of the roles that the contract declares.
WITHOUT_IDENTITY = frozenset({"SessionService.CreateSession"})


class Client:
    """One gRPC service that runs in this process: each of its RPCs is a method that takes the request."""

    def __init__(self, servicer: Any) -> None:
        self._servicer = servicer
        self.service: ServiceDescriptor = servicer.descriptor

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        method = self.service.methods_by_name.get(name)
        if method is None:
            raise AttributeError(f"{self.service.full_name} has no RPC {name}")
        return self.bind(method)

    def bind(self, method: MethodDescriptor) -> Callable[[Any], Any]:
        """Return the function that answers one RPC, held to the roles and the field rules of the contract."""
        name = f"{self.service.name}.{method.name}"
        answer = getattr(self._servicer, method.name)

        def call(message: Message) -> Any:
            if name not in WITHOUT_IDENTITY:
                permissions.require(name)
            validate(message)
            return answer(message, _context())

        return call


def _context() -> servicers.Context:
    return servicers.Context(
        accounts_database(), request.remote_addr or "", current_app.config["HOME_CITY"], current_caller()
    )


CLIENTS = tuple(map(Client, servicers.SERVICERS))
_sessions, accounts, _access_tokens = CLIENTS
