"""The endpoints as views: one REST request into one RPC, and its answer into JSON."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from flask import Blueprint, Flask, Response, request
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from chassis.errors import DomainError, InvalidFields, Violation
from chassis.identity import Identity, Role
from gateway import rpc
from gateway.accounts.publishers import counting_refusals
from gateway.auth import account_rpc
from gateway.auth.callers import accounts_database, require_caller
from gateway.rest import json_reader, reference
from gateway.rest.endpoints import Endpoint, Segment, read_endpoints
from gateway.rest.fields import to_camel_case, to_json_path, to_json_words
from gateway.rest.json_writer import get_writer
from gateway.web.malformed_requests import UNREADABLE

PREFIX = "/api"
MAX_BODY_BYTES = 1024 * 1024
# A client that is still sending does not listen for the answer: a body that is too large is read to its end up to here.
MAX_DISCARDED_BYTES = 64 * 1024 * 1024

JSON = "application/json"
SOME_INSTALLATION = Identity("installations", "", frozenset({Role.INSTALLATION}))


class Route:
    """The view of one endpoint."""

    # Flask reads these of a view function.
    __name__ = "rest"
    provide_automatic_options = None

    def __init__(self, endpoint: Endpoint, call: Callable[[Message], Message]) -> None:
        self.endpoint = endpoint
        self._call = call
        self._request_class = GetMessageClass(endpoint.method.input_type)
        self._write = get_writer(endpoint.method.output_type)
        self._needs_caller = endpoint.needs_caller
        self._query_fields = endpoint.query_fields
        self._body_field = endpoint.body_field

    def __call__(self, **segments: str) -> Response:
        if self._needs_caller:
            require_caller()
        try:
            answer = self._call(self.read(segments))
        except DomainError as error:
            self._name_as_json(error)
            raise
        return Response(
            self._write(answer),
            content_type=JSON,
            headers={"Cache-Control": "no-store"},
        )

    def _name_as_json(self, error: DomainError) -> None:
        """Name the fields of an error as the caller knows them: ``visit.startDate`` for ``visit.start_date``."""
        kind = self.endpoint.method.input_type
        for index, violation in enumerate(error.violations):
            path, text, metadata = violation.field, violation.description, violation.metadata
            if violation.reason == "FIELD_NOT_CHANGEABLE":  # the one whose particulars are names, also of no field
                named = replace(violation, metadata={key: to_camel_case(names) for key, names in metadata.items()})
                named = replace(named, field=to_json_path(kind, path), description=to_camel_case(text))
            else:
                named = replace(violation, field=to_json_path(kind, path), description=to_json_words(kind, text))
            error.violations[index] = named
            if error.message.startswith(f"{path}: "):  # built of the violation, and cut where that is long
                error.message = f"{named.field}: {named.description}"
        if entry := error.metadata.get("entry"):
            error.metadata["entry"] = to_json_path(kind, entry)

    def read(self, segments: dict[str, str]) -> Message:
        """
        Return the request that path, query and body make.

        Raises:
            InvalidFields: A field does not fit; every such field is named, with a reason of its own.
            RequestEntityTooLarge: The body has more than 1 MB.
            UnsupportedMediaType: The body is not JSON.
        """
        message: Message = self._request_class()
        violations = json_reader.FirstViolations()
        if self.endpoint.body:
            value = read_json_body(violations)
            if self._body_field is None:
                json_reader.read_message(message, value, violations)
            else:
                json_reader.read_field(message, self._body_field, value, violations, self._body_field.json_name)
        else:
            refuse_body(self.endpoint.verb, violations)
        json_reader.read_query(message, request.args.lists(), violations, self._query_fields)
        self.endpoint.bind(message, segments)
        if violations:
            raise InvalidFields(violations)
        return message


def mount(app: Flask) -> Blueprint:
    """
    Mount the API and its description in an app.

    Returns:
        The blueprint. It needs no CSRF protection, because it never looks at a cookie.
    """
    app.url_map.converters["segment"] = Segment
    blueprint = Blueprint("rest", __name__)
    mounted = build_routes()
    for route in mounted:
        blueprint.add_url_rule(
            route.endpoint.rule,
            endpoint=f"{route.endpoint.method.containing_service.name}_{route.endpoint.name}",
            view_func=route,
            methods=[route.endpoint.verb],
            merge_slashes=False,  # a redirect to the right path is a page, and a POST loses its body on the way
        )
    reference.init_blueprint(blueprint, [route.endpoint for route in mounted], PREFIX)
    app.register_blueprint(blueprint, url_prefix=PREFIX)
    return blueprint


def build_routes() -> list[Route]:
    """Return the routes of every service: those behind the gateway, and its own."""
    remote = [
        Route(endpoint, partial(rpc.call if endpoint.needs_caller else call_as_installation, endpoint.method))
        for service in rpc.SERVICES.values()
        for endpoint in read_endpoints(service)
    ]
    unguarded = [route.endpoint.method.full_name for route in remote if not route.endpoint.roles]
    if unguarded:
        raise ValueError(f"nothing says who may call {', '.join(unguarded)}")
    local = [
        Route(endpoint, partial(account_rpc.call, endpoint.method))
        for service in account_rpc.SERVICES.values()
        for endpoint in read_endpoints(service)
    ]
    return local + remote


def call_as_installation(method: MethodDescriptor, message: Message) -> Message:
    """Call an RPC for an installation of which nothing is known yet: the request itself proves who sent it."""
    with counting_refusals(accounts_database(), request.remote_addr or ""), rpc.act_as(SOME_INSTALLATION):
        return rpc.call(method, message)


def refuse_body(verb: str, violations: list[Violation]) -> None:
    """Note what the body holds of a request that takes none: whoever sends an etag there counts on it."""
    value = parse_json(read_body(), violations)
    if not isinstance(value, dict):
        violations.append(Violation("body", "NOT_AN_OBJECT", f"must be empty: a {verb} takes no body"))
        return
    text = f"is not known here: a {verb} takes its fields from path and query, none from a body"
    violations.extend(Violation(name or '""', "FIELD_UNKNOWN", text) for name in value)


def read_json_body(violations: list[Violation]) -> object:
    """Return the value of the body; an empty one is an empty object."""
    data = read_body()
    if data and request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send the body as {JSON}.")
    return parse_json(data, violations)


def parse_json(data: bytes, violations: list[Violation]) -> object:
    """Return the value of a JSON text, noting what is wrong with it; nothing is an empty object, and so is no JSON."""
    if not data:
        return {}
    try:
        return json.loads(data.decode("utf-8"), parse_constant=refuse_constant, object_pairs_hook=json_reader.Members)
    except UnicodeDecodeError:
        violations.append(Violation("body", "NOT_UTF_8", "is not UTF-8"))
    except RecursionError:
        violations.append(Violation("body", "NESTED_TOO_DEEPLY", "is nested too deeply"))
    except json.JSONDecodeError as error:
        violations.append(Violation("body", "NOT_JSON", f"is not JSON: {error}"))
    except ValueError as error:
        violations.append(Violation("body", "NOT_JSON", f"holds a number that is none: {error}"))
    return {}


def refuse_constant(name: str) -> object:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(name)


def read_body() -> bytes:
    """
    Return the body of the request.

    Raises:
        BadRequest: It is not in chunks as HTTP has them.
        RequestEntityTooLarge: It has more than 1 MB.
    """
    try:
        return read_stream()
    except UNREADABLE as error:
        raise BadRequest("The body does not end as it should, or is not in chunks as HTTP has them.") from error


def read_stream() -> bytes:
    """Return the body of the request as `read_body`; a malformed one raises what the server makes of it."""
    stream, length = request.environ["wsgi.input"], request.content_length
    if length is None:  # none, or one in chunks, which the server ends for us
        data: bytes = stream.read(MAX_BODY_BYTES + 1) if request.environ.get("wsgi.input_terminated") else b""
        length = len(data)
    elif length <= MAX_BODY_BYTES:
        return request.get_data(cache=False)
    if length <= MAX_BODY_BYTES:
        return data
    discarded = 0
    while discarded < MAX_DISCARDED_BYTES and (chunk := stream.read(64 * 1024)):
        discarded += len(chunk)
    raise RequestEntityTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")
