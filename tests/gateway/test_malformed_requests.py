"""Requests that no browser sends are refused as the sender's mistake, shortly, by the gateway as operators run it."""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from chassis.identity import Role
from gateway import create_app
from gateway.settings import GatewaySettings
from tests.gateway.browsing import browser
from tests.gateway.conftest import Gateway
from tests.gateway.served import Served, served

CHUNKS = {
    "no size": b"xyz\r\nabc\r\n0\r\n\r\n",
    "negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "size with a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "size too large for its data": b"5\r\nabc\r\n0\r\n\r\n",
    "no end of a chunk": b"3\r\nabcdef\r\n0\r\n\r\n",
    "a very long size": b"0" * 8_200,  # longer than gunicorn reads, and short enough to be read whole
    "a bad extension": b"3;\x00=\r\nabc\r\n0\r\n\r\n",
    "a bad trailer": b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary=x"


@pytest.fixture(scope="module")
def running(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(gateway.settings, tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def cookies(gateway: Gateway) -> str:
    """The cookies of a coordinator's browser."""
    client = browser(gateway, Role.COORDINATOR)
    found = {name: client.get_cookie(name) for name in ("austausch_session", "austausch_form")}
    return "; ".join(f"{name}={cookie.value}" for name, cookie in found.items() if cookie)


def answer_to(server: Served, head: str, body: bytes) -> tuple[int, bytes]:
    """Send bytes as they are and no more of them; return the status of the first answer and all that came back."""
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
        with suppress(OSError):  # answered and closed already
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
    status = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
    assert status, received
    return int(status[1]), received


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
@pytest.mark.parametrize(("path", "kind"), [
    ("/visits/new", FORM), ("/visits/new", MULTIPART), ("/sign-in", FORM), ("/nothing", FORM), ("/api/v1/visits", JSON),
    ("/api/v1/sessions", JSON),
])  # fmt: skip
def test_a_body_in_malformed_chunks_is_the_senders_mistake(
    running: Served, gateway: Gateway, cookies: str, path: str, kind: str, chunks: bytes
) -> None:
    gateway.as_(Role.COORDINATOR)  # so that there is a token
    head = (
        f"POST {path} HTTP/1.1\nHost: localhost\nCookie: {cookies}\nTransfer-Encoding: chunked\nContent-Type: {kind}\n"
        f"Authorization: Bearer {gateway.tokens[Role.COORDINATOR]}"
    )

    status, received = answer_to(running, head, chunks)

    assert status in (400, 404, 405, 413, 431), received
    # What stands behind the malformed part is not taken for a request.
    assert received.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("port", ["abc", "-1", "9" * 5000, "²", "80 80"])
def test_a_host_with_an_impossible_port_is_the_senders_mistake_behind_a_proxy_too(gateway: Gateway, port: str) -> None:
    app = create_app(GatewaySettings(**{**gateway.settings.__dict__, "trusted_proxies": 1}))
    try:
        for path in ("/sign-in", "/healthz", "/api/v1/visits", "/nothing"):
            answer = app.test_client().get(path, headers={"X-Forwarded-Host": f"austausch.example:{port}"})
            assert answer.status_code == 400, (path, answer.text)
    finally:
        app.extensions["accounts"].dispose()


HALF = '"\\ud800"'


@pytest.mark.parametrize("body", [f"{{{HALF}: 1}}", f"{{{HALF}: 1, {HALF}: 2}}", f'{{"email": {{{HALF}: 1}}}}'])
def test_a_field_named_by_half_a_character_is_the_senders_mistake(gateway: Gateway, body: str) -> None:
    client = gateway.app.test_client()

    written = client.post("/api/v1/sessions", data=body, content_type=JSON)
    token = gateway.as_(Role.COORDINATOR).headers
    read = client.get("/api/v1/visits", data=body, content_type=JSON, headers=token)

    assert (written.status_code, read.status_code) == (400, 400), (written.text, read.text)
