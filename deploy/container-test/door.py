"""The proxy in front of the gateway: https, what it passes on, and what slow callers do to others."""

import gzip
import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from urllib.parse import urlencode

import journey
import stack
from checks import Checks
from journey import EMAIL, HOST, PASSWORD, request
from place import Failed, run, step

HTTPS_PORT, HTTP_PORT, GATEWAY_PORT = 443, 80, 8000
# More than the gateway has threads.
SLOW = 40
SLOW_SECONDS = 4.0
# What anybody else has to be answered within, meanwhile.
FAST_SECONDS = 3.0
# Answers in the gateway's place with the headers that reached it.
ECHO = """
import http.server, json
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8000), Echo).serve_forever()
"""
# Run beside the gateway, without the proxy: slow connections, so many that each worker gets more than it has threads,
# then one that is fast; prints whether it was answered.
BARE = f"""
import socket, urllib.request
slow = [socket.create_connection(("127.0.0.1", {GATEWAY_PORT})) for _ in range({5 * SLOW})]
for connection in slow: connection.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\nX-Slow: ")
try: print(urllib.request.urlopen("http://127.0.0.1:{GATEWAY_PORT}/healthz", timeout={FAST_SECONDS}).status)
except OSError: print("blocked")
"""


def run_checks(checks: Checks) -> None:
    """Check the proxy in front of a running gateway."""
    checks.that("the gateway is not published", lambda: not _listens(GATEWAY_PORT))
    checks.that("http leads to https", _redirects)
    checks.that("cookies are for https only", _has_secure_cookies)
    checks.that("a body that is too large is refused by the proxy, with a page", lambda: _refuses_large("/sign-in"))
    checks.that("a body that is too large is refused by the proxy, as JSON", lambda: _refuses_large("/api/v1/sessions"))
    checks.that("what is the same for everybody is compressed, and pages are not", _compresses_static_files_only)
    for what, start in (("headers", _header), ("bodies", _body)):
        with step(f"{SLOW} slow {what}"):
            _check_slow(checks, what, start)


def check_faults(checks: Checks) -> None:
    """Check what becomes of a gateway without the proxy, and of the proxy without a gateway."""
    bare = stack.command_in_gateway("python", "-c", BARE)
    checks.that("control: slow connections block a gateway without the proxy", lambda: bare == "blocked")
    journey.await_ready()
    _check_without_gateway(checks)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), 2):
        return True
    return False


def _redirects() -> bool:
    connection = http.client.HTTPConnection(HOST, HTTP_PORT, timeout=10)
    connection.request("GET", "/sign-in?next=%2Fvisits")
    answer = connection.getresponse()
    wanted = f"https://{HOST}/sign-in?next=%2Fvisits"
    return answer.status == HTTPStatus.PERMANENT_REDIRECT and answer.headers["Location"] == wanted


def _has_secure_cookies() -> bool:
    """Sign in as a browser does, and look at every cookie that is set on the way."""
    connection = http.client.HTTPSConnection(HOST, HTTPS_PORT, timeout=30, context=journey.trust())
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    page, cookies = answer.read().decode(), answer.headers.get_all("Set-Cookie", [])
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    if not token:
        raise Failed("the sign-in page has no token")
    form = urlencode({"csrf_token": token[1], "email": EMAIL, "password": PASSWORD})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "; ".join(cookie.partition(";")[0] for cookie in cookies),
        "Referer": f"https://{HOST}/sign-in",
    }
    connection.request("POST", "/sign-in", form, headers)
    answer = connection.getresponse()
    after = answer.headers.get_all("Set-Cookie", [])
    if answer.status not in (HTTPStatus.FOUND, HTTPStatus.SEE_OTHER):
        raise Failed(f"signing in: {answer.status}")
    return bool(after) and all("; Secure" in cookie for cookie in (*cookies, *after))


def _refuses_large(path: str) -> bool:
    context = journey.trust()
    connection = http.client.HTTPSConnection(HOST, HTTPS_PORT, timeout=30, context=context)
    connection.request("POST", path, headers={"Content-Length": str(2 * 1024 * 1024)})
    answer = connection.getresponse()
    said = answer.read().decode()
    words = '"code": 413' if path.startswith("/api/") else "Das ist zu groß"
    return answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and words in said


def _compresses_static_files_only() -> bool:
    def get(path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(HOST, HTTPS_PORT, timeout=30, context=journey.trust())
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        return connection.getresponse()

    page, style = get("/sign-in"), get("/static/vendor/kern/kern.min.css")
    plain = page.headers["Content-Encoding"] is None and b"</html>" in page.read()
    return plain and style.headers["Content-Encoding"] == "gzip" and b"{" in gzip.decompress(style.read())


def _header() -> bytes:
    return b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def _body() -> bytes:
    return b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{"


def _check_slow(checks: Checks, what: str, start: Callable[[], bytes]) -> None:
    with _dripping(start()):
        seconds = []
        end = time.monotonic() + SLOW_SECONDS
        while (began := time.monotonic()) < end:
            status, _said = request("GET", "/sign-in")
            if status != HTTPStatus.OK:
                raise Failed(f"a fast request, meanwhile: {status}")
            seconds.append(time.monotonic() - began)
    checks.that(f"{SLOW} slow {what} hold nobody up", lambda: max(seconds) < FAST_SECONDS)


@contextmanager
def _dripping(start: bytes) -> Iterator[None]:
    """Hold slow connections open until the block ends: each sends the start of a request, then a byte now and then."""
    context = journey.trust()
    slow = [
        context.wrap_socket(socket.create_connection((HOST, HTTPS_PORT), 10), server_hostname=HOST) for _ in range(SLOW)
    ]
    for connection in slow:
        connection.sendall(start)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.5):
            for connection in slow:
                with suppress(OSError, ssl.SSLError):
                    connection.sendall(b"x")

    dripper = threading.Thread(target=drip)
    dripper.start()
    try:
        yield
    finally:
        stop.set()
        dripper.join()
        for connection in slow:
            connection.close()


def _check_without_gateway(checks: Checks) -> None:
    """Check what is answered while the gateway is away, and what reaches one that takes its place."""
    run(*stack.compose("stop", "gateway"))
    status, said = request("GET", "/sign-in")
    checks.that(
        "without the gateway there is a page that says so",
        lambda: status == HTTPStatus.SERVICE_UNAVAILABLE and "Die Plattform antwortet gerade nicht" in said,
    )
    status_api, said_api = request("GET", "/api/v1/visits")
    checks.that(
        "without the gateway programs are told as JSON",
        lambda: (status_api, json.loads(said_api)["error"]["status"]) == (503, "UNAVAILABLE"),
    )
    run(
        "podman", "run", "--detach", "--name=echo", "--no-healthcheck", "--network=austausch_door",
        "--network-alias=gateway", "localhost/austausch/gateway:dev", "python", "-c", ECHO,
    )  # fmt: skip
    try:
        _check_what_passes(checks)
    finally:
        run("podman", "rm", "--force", "--time=0", "echo")
    run(*stack.compose("start", "gateway"))
    journey.await_ready()
    checks.that("the proxy finds the gateway again", lambda: request("GET", "/healthz")[0] == HTTPStatus.OK)


def _check_what_passes(checks: Checks) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=203.0.113.7",
    }
    deadline = time.monotonic() + 30
    while (answer := request("GET", "/echo", headers=forged))[0] != HTTPStatus.OK:
        if time.monotonic() > deadline:
            raise Failed("the proxy does not find what took the gateway's place")
        time.sleep(0.5)
    passed = {name.lower(): value for name, value in json.loads(answer[1]).items()}
    address = passed.get("x-forwarded-for", "")
    checks.that(
        "a client cannot choose its address", lambda: re.fullmatch(r"[0-9.]+", address) and address != "203.0.113.7"
    )
    checks.that("the gateway is told that it was https", lambda: passed.get("x-forwarded-proto") == "https")
    checks.that(
        "a client cannot choose the host of links, nor speak by another header",
        lambda: passed.get("x-forwarded-host") == passed["host"] == HOST and "forwarded" not in passed,
    )
