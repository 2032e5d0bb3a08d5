"""
``/healthz``: this process is alive. ``/readyz``: everything behind it is, too, and if not, what is missing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
import structlog
from austausch.knowledge.v1.knowledge_pb2 import GetSearchStatusRequest, SearchLearningsResponse, SearchStatus
from flask import Blueprint, jsonify
from grpc_health.v1 import health_pb2, health_pb2_grpc
from werkzeug.wrappers import Response

from chassis.errors import DomainError, Unavailable
from chassis.health import REASON
from chassis.identity import service_identity
from gateway import rpc
from gateway.auth.callers import accounts_database

TIMEOUT_SECONDS = 2.0
READY = "ready"
NOT_SERVING = "not ready: NOT_SERVING"
# What a service has beside its database and its connection to NATS.
OWN_PARTS = {"knowledge": ("index",)}
SEMANTIC_STATES = SearchLearningsResponse.SemanticState
# Whether learnings are found by their meaning, too. Where they are not, everything works all the same.
MEANING = {
    SEMANTIC_STATES.SEMANTIC_STATE_OFF: "off",
    SEMANTIC_STATES.SEMANTIC_STATE_INCOMPLETE: "incomplete",
    SEMANTIC_STATES.SEMANTIC_STATE_COMPLETE: "complete",
}

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
    status = get_search_status(states)
    meaning = MEANING.get(status.semantic_state, "unknown") if status else "unknown"
    body = jsonify(status=READY if everything else "not ready", parts=states, meaning=meaning)
    return forbid_storing(body), 200 if everything else 503


def get_part_states() -> dict[str, str]:
    """
    Return the state of every part behind the gateway, by name; all are asked at once.

    A service works when it serves and its database answers. NATS works when it answers every service that itself
    answers, and stores what they publish.
    """
    connections = rpc.get_connections()
    calls = {
        (process, part): _request_state(connections.get_channel(process), part)
        for process in connections.processes
        for part in ("", "database", "nats", "nats-storage", *OWN_PARTS.get(process, ()))
    }
    states = {"accounts": get_accounts_state()}
    answers = {key: _read_state(call) for key, call in calls.items()}
    for process in connections.processes:
        states[process] = answers[process, ""]
        if states[process] == READY and answers[process, "database"] != READY:
            states[process] = f"{answers[process, 'database']} (database)"
    states["nats"] = _read_nats_state(connections.processes, answers)
    return states | {part: answers[process, part] for process, parts in OWN_PARTS.items() for part in parts}


def _read_nats_state(processes: Iterable[str], answers: Mapping[tuple[str, str], str]) -> str:
    """Return "ready", or which services have no connection to NATS, or find that its disk or stream is full."""
    answering = [process for process in processes if answers[process, ""] == READY]
    if not answering:
        return "not ready: no service answers"
    if cut_off := [process for process in answering if answers[process, "nats"] != READY]:
        return f"not ready: no connection from {', '.join(cut_off)}"
    if refused := [process for process in answering if answers[process, "nats-storage"] == NOT_SERVING]:
        return f"not ready: it stores nothing from {', '.join(refused)}; its disk or the stream of events is full"
    return READY


def get_search_status(states: Mapping[str, str]) -> SearchStatus | None:
    """
    Return how far the search in the learnings is; None where that is not known.

    Args:
        states: Those of the parts, for the knowledge service is asked only if it answers.
    """
    if states["knowledge"] != READY:
        return None
    with rpc.act_as(service_identity("gateway")):
        try:
            return rpc.learnings.GetSearchStatus(GetSearchStatusRequest(), timeout=TIMEOUT_SECONDS)
        except DomainError:
            return None


def _request_state(channel: grpc.Channel, part: str) -> "grpc.Future[Any]":
    """Ask a service for the state of a part of it, or its own, by the standard health protocol."""
    return health_pb2_grpc.HealthStub(channel).Check.future(
        health_pb2.HealthCheckRequest(service=part), timeout=TIMEOUT_SECONDS
    )


def _read_state(call: Any) -> str:
    """Return "ready", or why it is not."""
    try:
        answer = call.result()
    except grpc.RpcError as error:
        return f"not ready: {error.code().name}"
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return READY
    reason = dict(call.trailing_metadata() or ()).get(REASON)
    return f"not ready: {reason}" if reason else NOT_SERVING


def get_accounts_state() -> str:
    """Return "ready", or the reason why the accounts database is not; the log has what kind of error it was."""
    try:
        accounts_database().check()
    except Unavailable as error:
        log.warning("accounts not ready", reason=error.reason, error=error.message)
        return f"not ready: {error.reason}"
    return READY


def forbid_storing(response: Response) -> Response:
    """Return a response that nobody keeps: it is true for a moment only."""
    response.headers["Cache-Control"] = "no-store"
    return response
