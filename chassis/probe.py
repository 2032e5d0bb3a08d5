"""
Asks a process on this machine whether it is healthy: what a container's health check runs.

``python -m chassis.probe 127.0.0.1:50051`` asks a service by the standard gRPC health protocol whether it is alive,
``python -m chassis.probe 127.0.0.1:50051 ready`` whether it should get calls, or whether a part of it works;
``python -m chassis.probe http://127.0.0.1:8000/healthz`` the gateway. Exit code 0 when healthy; 1, with one line that
says why, when not.
"""

import sys
import urllib.request
from typing import Any

SECONDS = 3.0


def find_failure(address: str, service: str = "") -> str:
    """
    Return why the process at an address is not healthy; empty when it is.

    Args:
        address: ``host:port`` of a gRPC service, or an ``http://`` URL that answers 200 when all is well.
        service: What is asked of a gRPC service, see `chassis.health`; empty for whether it is alive.
    """
    return _ask_page(address) if address.startswith("http://") else _ask_service(address, service)


def open_directly(url: str, seconds: float) -> Any:
    """
    Open a URL of our own network, whatever proxy the environment names.

    Raises:
        urllib.error.HTTPError: The answer is an error.
        OSError: There is no answer within so many seconds.
        ValueError: It is no URL.
    """
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=seconds)


def _ask_page(url: str) -> str:
    try:
        with open_directly(url, SECONDS) as answer:
            return "" if answer.status == 200 else f"{url}: {answer.status}"
    except OSError as error:
        return f"{url}: {error}"


def _ask_service(address: str, service: str) -> str:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=SECONDS)
        except grpc.RpcError as error:
            return f"{address}: {error.code().name}"
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return "" if state == "SERVING" else f"{address}: {state}"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m chassis.probe HOST:PORT [ready|PART] | http://HOST:PORT/PATH")
    sys.exit(find_failure(*sys.argv[1:]) or 0)
