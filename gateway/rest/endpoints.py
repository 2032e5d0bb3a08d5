"""
The REST endpoints that the contract declares: ``google.api.http`` of every RPC, read once at start.

A path such as ``/v1/{name=visits/*/delegates/*}:confirm`` becomes a rule of Flask's router and a path of OpenAPI;
its variables are fields of the request.

Source: https://github.com/googleapis/googleapis/blob/master/google/api/http.proto
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from austausch.common.v1 import access_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from werkzeug.routing import BaseConverter

from gateway.rest.fields import get_option

VARIABLE = re.compile(r"\{([a-z0-9_.]+)(?:=([^}]*))?\}")
IRREGULAR_PLURALS = {"people": "person"}


class Segment(BaseConverter):
    """One part of a path, without the colon that starts a custom verb."""

    regex = "[^/:]+"


@dataclass(frozen=True)
class Variable:
    """A field of the request that the path carries."""

    field: str  # "name", "visit.name"
    template: str  # "visits/{visit}/delegates/{delegate}": how its value is put together


@dataclass(frozen=True)
class Endpoint:
    """One RPC as REST has it."""

    method: MethodDescriptor
    name: str  # "ListVisits"; of a second way to call the same RPC with its verb, "SearchLearningsByPost"
    verb: str  # "GET", "POST", "PATCH", "PUT" or "DELETE"
    path: str  # as in OpenAPI, "/v1/visits/{visit}/delegates/{delegate}:confirm"
    rule: str  # the same as Flask's router has it
    body: str  # "*": the whole request; "": none; otherwise the field that the body holds
    variables: tuple[Variable, ...]

    @property
    def segments(self) -> list[str]:
        """Names of the variable parts of the path, in order."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def roles(self) -> list[int]:
        """Roles that may call it; empty where no identity is needed."""
        return list(get_option(self.method, access_pb2.access).roles)

    @property
    def needs_caller(self) -> bool:
        """Whether somebody has to be signed in; not where the request itself says who sent it."""
        return bool(set(self.roles) - {access_pb2.ROLE_INSTALLATION})

    @property
    def body_field(self) -> FieldDescriptor | None:
        """Field that the body holds; None where it is the whole request, or nothing."""
        request: Descriptor = self.method.input_type
        return None if self.body in ("", "*") else request.fields_by_name[self.body]

    @property
    def query_fields(self) -> list[FieldDescriptor]:
        """Fields of the request that neither the path nor the body holds: query parameters."""
        if self.body == "*":
            return []
        taken = {self.body} | {variable.field.partition(".")[0] for variable in self.variables}
        request: Descriptor = self.method.input_type
        return [field for field in request.fields if field.name not in taken]

    def bind(self, request: Message, segments: Mapping[str, str]) -> None:
        """Put the variable parts of the path into the request; they win over the body."""
        for variable in self.variables:
            *parents, last = variable.field.split(".")
            holder = request
            for name in parents:
                holder = getattr(holder, name)
            setattr(holder, last, variable.template.format_map(segments))


def read_endpoints(service: ServiceDescriptor) -> Iterator[Endpoint]:
    """
    Yield the endpoints of a service; an RPC without ``google.api.http`` has none.

    Raises:
        ValueError: A path uses what this transcoder does not do (``**``, a field of the request that is not there).
    """
    for method in service.methods:
        rule = get_option(method, annotations_pb2.http)
        for place, binding in enumerate((rule, *rule.additional_bindings)):
            verb = binding.WhichOneof("pattern")
            if verb is not None:
                name = f"{method.name}By{verb.title()}" if place else method.name
                yield build_endpoint(method, name, verb.upper(), getattr(binding, verb), binding.body)


def build_endpoint(method: MethodDescriptor, name: str, verb: str, template: str, body: str) -> Endpoint:
    """Return the endpoint of one ``google.api.http`` binding."""
    variables: list[Variable] = []

    def expand(match: re.Match[str]) -> str:
        field, pattern = match[1], match[2] or "*"
        if "**" in pattern:
            raise ValueError(f"{method.full_name}: {template}: ** is not supported")
        named = re.sub(r"(\w+)/\*", lambda part: f"{part[1]}/{{{to_singular(part[1])}}}", pattern)
        named = named.replace("*", "{" + field.replace(".", "_") + "}")
        variables.append(Variable(field, named))
        return named

    path = VARIABLE.sub(expand, template)
    return Endpoint(
        method=method,
        name=name,
        verb=verb,
        path=path,
        rule=re.sub(r"\{(\w+)\}", r"<segment:\1>", path),
        body=body,
        variables=tuple(variables),
    )


def to_singular(collection: str) -> str:
    """Return what one resource of a collection is called: ``cities`` → ``city``."""
    if collection in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[collection]
    return collection[:-3] + "y" if collection.endswith("ies") else collection.removesuffix("s")
