"""The document: operations with their parameters, bodies, answers and errors."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor

from chassis import __version__
from chassis.contract import role_name
from gateway.errors.http_status import ERROR_STATUSES, list_reasons
from gateway.errors.reasons import FIELDS
from gateway.rest import fields
from gateway.rest.endpoints import Endpoint
from gateway.rest.openapi.comments import get_comment, summarize
from gateway.rest.openapi.schemas import WELL_KNOWN, Schema, Schemas, get_behaviours, list_required, make_sample

JSON = "application/json"
DESCRIPTION = """\
Everything that the pages of this platform do, for programs.

**Signing in.** `POST /api/v1/sessions` with e-mail address and password gives a token; send it with every further
call as `Authorization: Bearer <token>`. For a program that runs unattended, make an access token on the page of your
account, or with `POST /api/v1/accounts/me/accessTokens`. The cookie of a browser is not accepted here.

**JSON.** Fields are in lowerCamelCase. Instants are RFC 3339 texts, days are objects of `year`, `month` and `day`,
64-bit numbers are texts. An answer holds every field that is not an object, empty or not. An unknown field is
refused. A body has 1 MB at most; `GET` and `DELETE` take none, and refuse the fields that one holds.

**Long values** go into a body. The line of a request (its path and its query) has 8,190 bytes at most; the server
before the API answers a longer one with 414, and headers that are too long with 431, each as HTML in place of an
`Error`. `POST /api/v1/learnings:search` takes in its body what `GET` takes in the query.

**Lists** come in pages: send `nextPageToken` as `pageToken` to get the next one.

**Changes.** An update (`PATCH`) changes the fields that `updateMask` names, or all that are sent; of these, what only
answers have is ignored, and a field that cannot change is refused where its value differs. Send the `etag`
that you read to be refused with `ABORTED` when somebody else changed the resource meanwhile. Send a `requestId` (a
UUID) with every create and every transition: a repeat returns the first answer. Only what answers with a secret takes
none, because that is kept nowhere: signing in, and creating an account, its new password or an access token. What to
do there when an answer was lost, each of these operations says itself.

**Errors** have one form, `Error`. Its `details` hold a machine-readable `reason` with its particulars as `metadata`,
and the fields that were wrong, each with a `reason` of its own: what belongs to one stands in the metadata as
`violations_<index>_<name>`. Reasons stay as they are, messages do not. Each answer below has its reasons as
`x-reasons`.
"""
ERROR_SCHEMA: Schema = {
    "type": "object",
    "description": "An error, as every failed call has it.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "status", "message", "details"],
            "properties": {
                "code": {"type": "integer", "description": "HTTP status."},
                "status": {"type": "string", "description": "Canonical code.", "examples": ["INVALID_ARGUMENT"]},
                "message": {"type": "string", "description": "What happened, in English, for developers."},
                "details": {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {"$ref": "#/components/schemas/ErrorInfo"},
                            {"$ref": "#/components/schemas/BadRequest"},
                        ]
                    },
                },
            },
        }
    },
}
ERROR_INFO_SCHEMA: Schema = {
    "type": "object",
    "description": "Why, for machines.",
    "required": ["@type", "reason", "domain", "metadata"],
    "properties": {
        "@type": {"const": "type.googleapis.com/google.rpc.ErrorInfo"},
        "reason": {
            "type": "string",
            "description": "Each answer has its own as `x-reasons`; a single bad field gives its own, too.",
            "examples": ["INVALID_FIELD", "ETAG_MISMATCH", "ILLEGAL_TRANSITION"],
        },
        "domain": {"type": "string"},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
BAD_REQUEST_SCHEMA: Schema = {
    "type": "object",
    "description": "Which fields are wrong.",
    "required": ["@type", "fieldViolations"],
    "properties": {
        "@type": {"const": "type.googleapis.com/google.rpc.BadRequest"},
        "fieldViolations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason", "description"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Path of the field, an entry of a list by its place.",
                        "examples": ["visit.startDate", "agendaItem.after[0].agendaItem"],
                    },
                    "reason": {
                        "type": "string",
                        "description": "Why it is wrong, for machines; with the next release there may be others.",
                        "x-extensible-enum": list(FIELDS),
                    },
                    "description": {"type": "string", "description": "What is wrong with it, for developers."},
                },
            },
        },
    },
}


def build_document(endpoints: Sequence[Endpoint], prefix: str) -> dict[str, Any]:
    """
    Return the OpenAPI document of some endpoints.

    Args:
        prefix: Where they are mounted, ``/api``.
    """
    schemas = Schemas()
    schemas.components |= {"Error": ERROR_SCHEMA, "ErrorInfo": ERROR_INFO_SCHEMA, "BadRequest": BAD_REQUEST_SCHEMA}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(prefix + endpoint.path, {})[endpoint.verb.lower()] = describe_operation(endpoint, schemas)
    services = {endpoint.method.containing_service.full_name: get_tag(endpoint) for endpoint in endpoints}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Austausch",
            "summary": "City exchanges, expert forums and the learnings they leave",
            "description": DESCRIPTION,
            "version": __version__,
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": get_comment(full_name)} for full_name, name in services.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {error.name: describe_error(status) for status, error in ERROR_STATUSES.items()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a session (`POST /api/v1/sessions`), or an access token.",
                }
            },
        },
    }


def get_tag(endpoint: Endpoint) -> str:
    """Return the tag of an endpoint: the service that it belongs to."""
    return str(endpoint.method.containing_service.name.removesuffix("Service"))


def describe_error(status: int) -> dict[str, Any]:
    """Return the answer with which a call fails that has an HTTP status."""
    response: dict[str, Any] = {
        "description": ERROR_STATUSES[status].description,
        "x-reasons": list_reasons(status),
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return response


def describe_operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    """Return one endpoint as an operation."""
    method = endpoint.method
    text = get_comment(method.full_name)
    roles = list(map(role_name, endpoint.roles))
    people = [role for role in roles if role != "service"]
    who = f"May be called by: {', '.join(people)}." if endpoint.needs_caller else "May be called by anyone."
    description: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [get_tag(endpoint)],
        "summary": summarize(text),
        "description": f"{text}\n\n{who}",
        "responses": {"200": {"description": "Done.", "content": describe_answer(endpoint, schemas)}},
    }
    if parameters := [*describe_path_parameters(endpoint), *describe_query_parameters(endpoint, schemas)]:
        description["parameters"] = parameters
    if endpoint.body:
        description["requestBody"] = {"required": True, "content": {JSON: describe_body(endpoint, schemas)}}
    for status in list_error_statuses(endpoint):
        name = ERROR_STATUSES[status].name
        description["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    if not endpoint.needs_caller:
        description["security"] = []
    return description


def list_error_statuses(endpoint: Endpoint) -> list[int]:
    """Return the HTTP statuses with which a call can fail; with 429 where the contract's comment says so of the RPC."""
    absent: set[int] = set()
    if not endpoint.body:
        absent |= {415}
    if endpoint.verb == "GET":
        absent |= {409}
    if "RESOURCE_EXHAUSTED" not in get_comment(endpoint.method.full_name):
        absent |= {429}
    if not endpoint.roles:
        absent |= {403}
    if not endpoint.variables:
        absent |= {404}
    return [status for status in ERROR_STATUSES if status not in absent]


def describe_answer(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    """Return the content of a successful answer."""
    return {JSON: {"schema": schemas.refer_to(endpoint.method.output_type)}}


def describe_body(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    """Return the content of the body, with an example."""
    request = endpoint.method.input_type
    in_path = frozenset(variable.field for variable in endpoint.variables)
    if endpoint.body == "*":
        return {
            "schema": schemas.describe_message(request, without=in_path),
            "example": make_sample(request, without=in_path),
        }
    kind = fields.get_message_type(request.fields_by_name[endpoint.body])
    schema = schemas.refer_to(kind)
    if endpoint.verb == "POST" and (names := list_required(kind)):
        schema = {"allOf": [schema, {"required": names}]}
    return {"schema": schema, "example": make_sample(kind)}


def describe_path_parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """Yield the variable parts of the path."""
    for segment in endpoint.segments:
        yield {
            "name": segment,
            "in": "path",
            "required": True,
            "description": f"Id of the {segment}: the part of its `name` after the last `/`.",
            "schema": {"type": "string", "pattern": "^[^/:]+$"},
        }


def describe_query_parameters(endpoint: Endpoint, schemas: Schemas) -> Iterator[dict[str, Any]]:
    """Yield the query parameters; those of a message field are named by their paths, ``date.year``."""
    for field in endpoint.query_fields:
        yield from _describe_query_parameter(field, "", schemas)


def _describe_query_parameter(field: FieldDescriptor, prefix: str, schemas: Schemas) -> Iterator[dict[str, Any]]:
    if field.message_type is not None and field.message_type.full_name not in WELL_KNOWN:
        if not fields.is_repeated(field):
            for inner in field.message_type.fields:
                yield from _describe_query_parameter(inner, f"{prefix}{field.json_name}.", schemas)
        return
    schema = schemas.describe_field(field)
    yield {
        "name": prefix + field.json_name,
        "in": "query",
        "required": field_behavior_pb2.REQUIRED in get_behaviours(field),
        "description": schema.pop("description", ""),
        "schema": schema,
    }
