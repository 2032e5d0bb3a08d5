"""
``/healthz``: this process is alive. ``/readyz``: everything behind it is, too, and if not, what is missing.
"""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import grpc
import structlog
from flask import Blueprint, jsonify
from grpc_health.v1 import health_pb2, health_pb2_grpc
from werkzeug.wrappers import Response

from chassis.errors import Unavailable
from gateway import rpc
from gateway.auth.callers import accounts_database

SECONDS = 2.0
READY = "ready"

blueprint = Blueprint("health", __name__)
log = structlog.get_logger()


@blueprint.get("/healthz")
def alive() -> Response:
    """Say that this process answers."""
    return unstored(jsonify(status="alive"))


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Say whether every part behind the gateway works, by name."""
    states = part_states()
    everything = all(state == READY for state in states.values())
    if not everything:
        log.warning("not ready", **{name: state for name, state in states.items() if state != READY})
    body = jsonify(status=READY if everything else "not ready", parts=states)
    return unstored(body), 200 if everything else 503


def part_states() -> dict[str, str]:
    """Return the state of every part behind the gateway, by name; all are asked at once."""
    open_ = rpc.connections()
    with ThreadPoolExecutor(len(open_.processes)) as pool:
        checks = {
            process: pool.submit(copy_context().run, service_state, open_.channel(process))
            for process in open_.processes
        }
        return {"accounts": accounts_state()} | {process: check.result() for process, check in checks.items()}


def service_state(channel: grpc.Channel) -> str:
    """Return "ready", or why a service is not: the standard health protocol."""
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
    except grpc.RpcError as error:
        return f"not ready: {error.code().name}"
    return READY if answer.status == health_pb2.HealthCheckResponse.SERVING else "not ready: NOT_SERVING"


def accounts_state() -> str:
    """Return "ready", or that the accounts database is not."""
    try:
        accounts_database().check()
    except Unavailable as error:
        return f"not ready: {error.message}"
    return READY


def unstored(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
