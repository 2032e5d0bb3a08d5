"""Calendars fetched by URL: only from where an outsider could fetch them, or the operator says so; and with an end."""

import asyncio
import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.exchange import calendar_fetching
from services.exchange.calendar_fetching import CalendarFetcher, Permission, Unfetchable, fetch, is_public
from tests.chassis.messaging import until
from tests.exchange.calendar_server import CalendarServer, serve

HERE = "localhost, 127.0.0.1/32, ::1"
MEGABYTE = 1_000_000


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CalendarServer]:
    """A server on this machine whose certificate is trusted."""
    with serve(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
        yield server


async def refuse(url: str, allowed: str = HERE, *, allows_http: bool = False) -> Unfetchable:
    """Return why a URL is not fetched."""
    with pytest.raises(Unfetchable) as refusal:
        await CalendarFetcher(allowed, allows_http=allows_http).fetch(url)
    return refusal.value


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.5.4", "192.168.1.1", "127.0.0.1", "0.0.0.0", "169.254.169.254", "100.64.0.1"),  # noqa: S104
        *("192.0.0.8", "192.0.2.1", "198.18.0.1", "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"),
        *("2002:7f00:1::1", "2001:0:1::1", "5f00::1"),
    ],
)
def test_an_address_that_is_not_the_internets_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Unfetchable, match="CALENDAR_ADDRESS_FORBIDDEN"):
        fetch(f"https://{host}/mayor.ics", Permission())


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9"])
def test_an_address_of_the_internet_is_none_that_is_refused(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "LOCALHOST.", "[::1]"])
def test_no_way_to_write_this_machine_gets_by(host: str) -> None:
    with pytest.raises(Unfetchable, match=r"CALENDAR_(ADDRESS_FORBIDDEN|UNREACHABLE)"):
        fetch(f"https://{host}:1/", Permission())


async def test_this_machine_is_refused_unless_the_operator_allows_it(trusted: CalendarServer) -> None:
    url = trusted.put("/mayor.ics?token=s3cret", "BEGIN:VCALENDAR")
    assert (await refuse(url, allowed="")).reason == "CALENDAR_ADDRESS_FORBIDDEN"
    assert (await refuse(url, allowed="calendar.example, 10.0.0.0/8")).reason == "CALENDAR_ADDRESS_FORBIDDEN"
    assert trusted.asked == []
    for allowed in ("LOCALHOST", "127.0.0.0/8, ::1"):
        assert await CalendarFetcher(allowed, allows_http=False).fetch(url) == "BEGIN:VCALENDAR"
    assert trusted.asked == [("/mayor.ics?token=s3cret", trusted.base.removeprefix("https://"))] * 2


@pytest.mark.parametrize("allowed", ["10.0.0.1/8", "10.0.0/8", "https://calendar.example", "a b"])
def test_what_is_neither_host_nor_network_stops_the_service(allowed: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        CalendarFetcher(allowed, allows_http=False)


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert (await refuse(server.put("/", "x"))).reason == "CALENDAR_CERTIFICATE_INVALID"
        assert server.asked == []


def test_a_certificate_for_another_name_is_refused(trusted: CalendarServer, monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, lambda: ["127.0.0.1"])
    url = trusted.put("/", "x").replace("localhost", "calendar.example")
    with pytest.raises(Unfetchable, match="CALENDAR_CERTIFICATE_INVALID"):
        fetch(url, Permission.parse(HERE))


async def test_http_is_refused_unless_the_operator_allows_it(tmp_path: Path) -> None:
    with serve(tmp_path, tls=False) as server:
        url = server.put("/mayor.ics", "BEGIN:VCALENDAR")
        assert (await refuse(url)).reason == "CALENDAR_SCHEME_FORBIDDEN"
        assert server.asked == []
        assert await CalendarFetcher(HERE, allows_http=True).fetch(url) == "BEGIN:VCALENDAR"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://localhost/", "gopher://localhost/", "//localhost/", ""])
async def test_other_schemes_are_refused(url: str) -> None:
    assert (await refuse(url, allows_http=True)).reason == "CALENDAR_SCHEME_FORBIDDEN"


async def test_a_redirect_is_followed_by_the_same_rules(trusted: CalendarServer, tmp_path: Path) -> None:
    trusted.put("/new.ics", "BEGIN:VCALENDAR")
    moved = trusted.put("/old.ics", "", 302, Location="/new.ics")
    assert await CalendarFetcher(HERE, allows_http=False).fetch(moved) == "BEGIN:VCALENDAR"
    to_address = trusted.base.replace("localhost", "127.0.0.1")
    there = trusted.put("/there.ics", "", 307, Location=f"{to_address}/new.ics")
    trusted.asked.clear()
    assert (await refuse(there, allowed="localhost")).reason == "CALENDAR_ADDRESS_FORBIDDEN"
    metadata = trusted.put("/metadata.ics", "", 301, Location="https://169.254.169.254/latest/meta-data/")
    assert (await refuse(metadata)).reason == "CALENDAR_ADDRESS_FORBIDDEN"
    for scheme in ("http", "file", "ftp"):
        down = trusted.put("/down.ics", "", 302, Location=f"{scheme}://localhost/new.ics")
        assert (await refuse(down)).reason == "CALENDAR_SCHEME_FORBIDDEN"
    assert "/new.ics" not in {path for path, _ in trusted.asked}


async def test_a_redirect_without_end_is_ended(trusted: CalendarServer) -> None:
    assert (await refuse(trusted.put("/loop", "", 302, Location="/loop"))).reason == "CALENDAR_REDIRECT_REFUSED"
    assert len(trusted.asked) <= 6


async def test_credentials_in_the_url_go_to_its_host_only(trusted: CalendarServer) -> None:
    told: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        told.append(request.headers["Authorization"])
        request.send_response(302)
        request.send_header("Location", f"{trusted.base}/next.ics".replace("localhost", "127.0.0.1"))
        request.send_header("Content-Length", "0")
        request.end_headers()

    def answer_next(request: BaseHTTPRequestHandler) -> None:
        told.append(request.headers["Authorization"])
        request.send_error(404)

    trusted.pages |= {"/mayor.ics": answer, "/next.ics": answer_next}
    refusal = await refuse(f"{trusted.base}/mayor.ics".replace("localhost", "mayor:s3cret@localhost"))
    assert (refusal.reason, refusal.http_status) == ("CALENDAR_ANSWER_UNUSABLE", 404)
    assert told == ["Basic bWF5b3I6czNjcmV0", None]


def test_a_name_that_comes_to_mean_another_address_is_connected_to_the_one_that_was_looked_at(
    trusted: CalendarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked = _resolve(monkeypatch, lambda: next(answers))
    assert fetch(trusted.put("/mayor.ics", "BEGIN:VCALENDAR"), Permission.parse("127.0.0.1")) == b"BEGIN:VCALENDAR"
    assert asked == ["localhost"], "the name is resolved once"


def test_a_name_with_an_inner_address_beside_a_public_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, lambda: ["9.9.9.9", "127.0.0.1"])
    with pytest.raises(Unfetchable, match="CALENDAR_ADDRESS_FORBIDDEN"):
        fetch("https://localhost/", Permission())


async def test_what_is_too_large_is_not_read_to_its_end(trusted: CalendarServer) -> None:
    largest = trusted.put("/largest.ics", b"x" * 5 * MEGABYTE)
    assert len(await CalendarFetcher(HERE, allows_http=False).fetch(largest)) == 5 * MEGABYTE
    assert (await refuse(trusted.put("/larger.ics", b"x" * (5 * MEGABYTE + 1)))).reason == "CALENDAR_TOO_LARGE"


async def test_a_bomb_is_not_unpacked_to_its_end(trusted: CalendarServer) -> None:
    packed = gzip.compress(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    url = trusted.put("/packed.ics", packed, Content_Encoding="gzip")
    assert (await CalendarFetcher(HERE, allows_http=False).fetch(url)).startswith("BEGIN:VCALENDAR")
    bomb = gzip.compress(bytes(500 * MEGABYTE), 1)
    assert (await refuse(trusted.put("/bomb.ics", bomb, Content_Encoding="gzip"))).reason == "CALENDAR_TOO_LARGE"


@pytest.mark.parametrize("part", [b"X-Header: 1\r\n", b"BEGIN"])
async def test_what_takes_too_long_is_ended(
    trusted: CalendarServer, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(calendar_fetching, "MAX_SECONDS", 2.0)

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"" if part.endswith(b"\n") else b"\r\n"))
        end = time.monotonic() + 60
        try:
            while time.monotonic() < end:
                request.wfile.write(part)
                time.sleep(0.2)
        except OSError:
            return

    trusted.pages["/slow.ics"] = drip
    start = time.monotonic()
    assert (await refuse(f"{trusted.base}/slow.ics")).reason == "CALENDAR_TOO_SLOW"
    assert time.monotonic() - start < 30


async def test_a_fetch_that_nobody_waits_for_is_ended(trusted: CalendarServer) -> None:
    go_on = threading.Event()
    trusted.pages["/slow.ics"] = lambda _request: go_on.wait() and None
    fetching = asyncio.create_task(CalendarFetcher(HERE, allows_http=False).fetch(f"{trusted.base}/slow.ics"))
    try:
        await until(lambda: asyncio.sleep(0.1, trusted.asked))
        assert len(_list_children()) == 1
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await until(lambda: asyncio.sleep(0.1, not _list_children()))
    finally:
        go_on.set()


def _list_children() -> list[str]:
    """Return the command lines of what this process has started to fetch calendars, and still runs."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # It has ended meanwhile.
            found += [line for line in [" ".join(child.cmdline())] if "calendar_fetching" in line]
    return found


@pytest.mark.parametrize(("status", "reason"), [(404, "CALENDAR_ANSWER_UNUSABLE"), (401, "CALENDAR_ANSWER_UNUSABLE")])
async def test_an_answer_that_is_no_calendar_is_told_by_its_status(
    trusted: CalendarServer, status: int, reason: str
) -> None:
    refusal = await refuse(trusted.put("/mayor.ics", "", status))
    assert (refusal.reason, refusal.http_status) == (reason, status)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz"]
)
async def test_an_answer_that_is_no_http_is_refused(trusted: CalendarServer, answer: bytes) -> None:
    trusted.pages["/"] = lambda request: request.wfile.write(answer) and None
    assert (await refuse(f"{trusted.base}/")).reason == "CALENDAR_UNREACHABLE"


async def test_what_does_not_answer_is_unreachable(trusted: CalendarServer) -> None:
    for url in ("https://localhost:1/", "https://no-such-host.invalid/"):
        assert (await refuse(url)).reason == "CALENDAR_UNREACHABLE"


def _resolve(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[str]]) -> list[str]:
    """Let names mean what a test says; return the list of those that are asked for."""
    real, asked = socket.getaddrinfo, list[str]()

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        if host[:1].isdigit():
            return real(host, *arguments, **options)
        asked.append(host)
        return [found for address in answer() for found in real(address, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked
