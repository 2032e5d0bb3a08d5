"""
``/healthz``: this process is alive. ``/readyz``: everything behind it is, too, and if not, what is missing.
"""

from typing import Any

import grpc
import structlog
from flask import Blueprint, jsonify
from grpc_health.v1 import health_pb2, health_pb2_grpc
from werkzeug.wrappers import Response

from chassis.errors import Unavailable
from gateway import rpc
from gateway.auth.callers import accounts_database

TIMEOUT_SECONDS = 2.0
READY = "ready"
# What a service has beside its database and its connection to NATS.
OWN_PARTS = {"knowledge": ("index",)}

blueprint = Blueprint("health", __name__)
log = structlog.get_logger()


@blueprint.get("/healthz")
def answer_alive() -> Response:
    """Say that this process answers."""
    return forbid_storing(jsonify(status="alive"))


@blueprint.get("/readyz")
def answer_ready() -> tuple[Response, int]:
    """Say whether every part behind the gateway works, by name."""
    states = get_part_states()
    everything = all(state == READY for state in states.values())
    if not everything:
        log.warning("not ready", **{name: state for name, state in states.items() if state != READY})
    body = jsonify(status=READY if everything else "not ready", parts=states)
    return forbid_storing(body), 200 if everything else 503


def get_part_states() -> dict[str, str]:
    """
    Return the state of every part behind the gateway, by name; all are asked at once.

    A service works when it serves and its database answers. NATS works when every service that answers says so.
    """
    connections = rpc.get_connections()
    calls = {
        (process, part): _request_state(connections.get_channel(process), part)
        for process in connections.processes
        for part in ("", "database", "nats", *OWN_PARTS.get(process, ()))
    }
    states = {"accounts": get_accounts_state()}
    answers = {key: _read_state(call) for key, call in calls.items()}
    for process in connections.processes:
        states[process] = answers[process, ""]
        if states[process] == READY and answers[process, "database"] != READY:
            states[process] = f"{answers[process, 'database']} (database)"
    answering = [process for process in connections.processes if answers[process, ""] == READY]
    cut_off = [process for process in answering if answers[process, "nats"] != READY]
    if answering:
        states["nats"] = f"not ready: no connection from {', '.join(cut_off)}" if cut_off else READY
    else:
        states["nats"] = "not ready: no service answers"
    return states | {part: answers[process, part] for process, parts in OWN_PARTS.items() for part in parts}


def _request_state(channel: grpc.Channel, part: str) -> "grpc.Future[Any]":
    """Ask a service for the state of a part of it, or its own, by the standard health protocol."""
    return health_pb2_grpc.HealthStub(channel).Check.future(
        health_pb2.HealthCheckRequest(service=part), timeout=TIMEOUT_SECONDS
    )


def _read_state(call: "grpc.Future[Any]") -> str:
    """Return "ready", or why it is not."""
    try:
        answer = call.result()
    except grpc.RpcError as error:
        return f"not ready: {error.code().name}"
    return READY if answer.status == health_pb2.HealthCheckResponse.SERVING else "not ready: NOT_SERVING"


def get_accounts_state() -> str:
    """Return "ready", or that the accounts database is not."""
    try:
        accounts_database().check()
    except Unavailable as error:
        return f"not ready: {error.message}"
    return READY


def forbid_storing(response: Response) -> Response:
    """Return a response that nobody keeps: it is true for a moment only."""
    response.headers["Cache-Control"] = "no-store"
    return response
