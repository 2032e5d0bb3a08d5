"""What a container's health check asks."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc

from chassis.health import Health
from chassis.probe import find_failure
from deploy.embedded import HOST, free_port


class Pages(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pages() -> Iterator[str]:
    with ThreadingHTTPServer((HOST, 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


async def test_a_service_is_healthy_until_it_drains() -> None:
    server, health = grpc.aio.server(), Health({})
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    address = f"{HOST}:{server.add_insecure_port(f'{HOST}:0')}"
    await server.start()
    try:
        assert await asyncio.to_thread(find_failure, address) == ""
        health.drain()
        assert await asyncio.to_thread(find_failure, address) == f"{address}: NOT_SERVING"
    finally:
        await server.stop(None)


def test_a_service_that_does_not_run_is_not_healthy() -> None:
    address = f"{HOST}:{free_port()}"
    assert find_failure(address) == f"{address}: UNAVAILABLE"


def test_a_page_is_healthy_when_it_answers_200(pages: str) -> None:
    assert find_failure(f"{pages}/200") == ""
    assert "503" in find_failure(f"{pages}/503")


def test_a_proxy_of_the_environment_is_not_asked(pages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{HOST}:1")
    assert find_failure(f"{pages}/200") == ""


def test_the_command_says_what_is_wrong_and_fails(pages: str) -> None:
    command = [sys.executable, "-m", "chassis.probe"]
    assert subprocess.run([*command, f"{pages}/200"], check=False).returncode == 0
    failed = subprocess.run([*command, f"{HOST}:{free_port()}"], capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
