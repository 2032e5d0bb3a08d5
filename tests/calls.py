"""Calls to services under test: who calls, and one object per service that has all its RPCs."""

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chassis.client import metadata_for
from chassis.database import Database
from chassis.identity import Identity, Role, Signer, key_set, new_private_key
from chassis.settings import ServiceSettings

SECONDS = 60.0
# Files of a service's contract beside the one that has its name.
MORE_CONTRACTS = {
    "exchange": [
        "calendars",
        "date_options",
        "lessons",
        "person_calendars",
        "programme_templates",
        "schedule_runs",
        "scheduling",
        "venues",
    ],
    "knowledge": ["hub", "index", "topics"],
}


def load_contracts(name: str) -> list[FileDescriptor]:
    """Return the files with the API of a service."""
    files = [name, *MORE_CONTRACTS.get(name, [])]
    return [importlib.import_module(f"austausch.{name}.v1.{file}_pb2").DESCRIPTOR for file in files]


@dataclass(frozen=True)
class Keys:
    """Key pairs of those who sign identities, and the file of public keys that services trust."""

    trusted: Path
    private: dict[str, str]

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        """Make new ones for all that sign; the key set goes into ``folder``."""
        private = {issuer: new_private_key() for issuer in ("gateway", "forum", "knowledge")}
        trusted = folder / "trusted-keys.json"
        trusted.write_text(key_set(private))
        return cls(trusted, private)

    def token(self, caller: Identity) -> str:
        """Return a token of the gateway, or of the service itself where the caller is one."""
        issuer = caller.subject.removeprefix("services/") if caller.has(Role.SERVICE) else "gateway"
        return Signer(issuer, self.private[issuer]).token(caller)


def person(*roles: Role, name: str = "", city: str = "", department: str = "", subject: str = "") -> Identity:
    """Return the identity of an account with ``roles``; its name and its subject follow from them unless given."""
    label = "-".join(roles) or "nobody"
    return Identity(
        subject=subject or f"accounts/{label}",
        name=name or label.capitalize(),
        roles=frozenset(roles),
        city=city,
        department=department,
    )


class Caller:
    """
    Calls a service's RPCs by their names, as one identity: ``await caller.GetVisit(GetVisitRequest(name=…))``.

    Of a stream, the call returns the list of all its messages.

    Args:
        channel: Channel to the service.
        contract: The gRPC services that can be called.
        token: Makes the token of a call; None calls without an identity.
    """

    def __init__(
        self, channel: grpc.aio.Channel, contract: Sequence[ServiceDescriptor], token: Callable[[], str] | None = None
    ) -> None:
        self._channel = channel
        self._token = token
        self._methods: dict[str, MethodDescriptor] = {
            method.name: method for service in contract for method in service.methods
        }

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        try:
            method = self._methods[name]
        except KeyError:
            raise AttributeError(f"the contract has no RPC {name}") from None
        open_ = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        rpc = open_(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=GetMessageClass(method.input_type).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )

        async def call(request: Message, *, seconds: float = SECONDS) -> Any:
            answer = rpc(request, metadata=metadata_for(self._token()) if self._token else (), timeout=seconds)
            return [part async for part in answer] if method.server_streaming else await answer

        return call


@dataclass(frozen=True)
class RunningService:
    """
    A service that runs in the test's event loop.

    Attributes:
        name: ``exchange``, ``forum`` or ``knowledge``.
        address: Where it listens, ``host:port``.
        settings: Its settings.
        database: Its database, to look into.
        channel: A channel to it.
        keys: Who signs identities.
    """

    name: str
    address: str
    settings: ServiceSettings
    database: Database
    channel: grpc.aio.Channel
    keys: Keys

    @property
    def contract(self) -> list[ServiceDescriptor]:
        """The gRPC services of its contract."""
        return [service for file in load_contracts(self.name) for service in file.services_by_name.values()]

    def as_(self, *roles: Role, **attributes: str) -> Caller:
        """Return a caller with ``roles``; ``attributes`` as in `person`: name, city, department, subject."""
        return self.as_identity(person(*roles, **attributes))

    def as_identity(self, caller: Identity) -> Caller:
        """Return a caller with the identity of ``caller``, which may be a service's."""
        return Caller(self.channel, self.contract, lambda: self.keys.token(caller))

    def without_identity(self) -> Caller:
        """Return a caller that does not say who is asking."""
        return Caller(self.channel, self.contract)
