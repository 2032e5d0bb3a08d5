"""
Calendars fetched by URL, from nowhere that an outsider could not reach as well: a URL is anybody's wish, and this
service stands inside the operator's network.

Every address that a host has must be a public one, and the connection goes to the very address that was looked at: a
name is resolved once, so that it cannot mean another address a moment later. Redirects are followed by the same rules.

``python -m services.exchange.calendar_fetching`` fetches one, for `CalendarFetcher`, which ends it after a while.
Nothing that it prints names the URL, in which there may be a secret.
"""

import asyncio
import ipaddress
import json
import re
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import urllib3
from urllib3.util import Timeout, Url, make_headers, parse_url

from services.exchange.guarded_process import ask_process, limit_process

MAX_CALENDAR_BYTES = 5_000_000
MAX_SECONDS = 12.0
AT_ONCE = 3
MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SECONDS = Timeout(connect=4, read=6)
PORTS = {"https": 443, "http": 80}
HEADERS = {"Accept": "text/calendar, */*;q=0.1", "User-Agent": "austausch", **make_headers(accept_encoding="gzip")}

# An address alone is a network.
HOST = re.compile(r"(?!\d+(\.\d+)*$)[\w-]+(\.[\w-]+)*")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Of IPv6, what the internet's addresses are taken from.
UNICAST = ipaddress.IPv6Network("2000::/3")
# What stands for an address of IPv4.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What some versions of Python hold for public: what is reserved, former relays, tunnels to addresses of IPv4.
RESERVED = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/32", "2002::/16", "3fff::/20")))


class Unfetchable(Exception):
    """
    A calendar cannot be fetched.

    Attributes:
        reason: CALENDAR_SCHEME_FORBIDDEN, CALENDAR_ADDRESS_FORBIDDEN, CALENDAR_REDIRECT_REFUSED, CALENDAR_UNREACHABLE,
            CALENDAR_CERTIFICATE_INVALID, CALENDAR_ANSWER_UNUSABLE (with `http_status`), CALENDAR_TOO_LARGE,
            CALENDAR_TOO_SLOW.
    """

    def __init__(self, reason: str, http_status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.http_status = http_status


@dataclass(frozen=True)
class Permission:
    """
    What the operator allows beyond public addresses and https.

    Attributes:
        hosts: Names of hosts, in small letters, whatever their addresses.
        networks: Addresses, whatever the host.
        allows_http: Whether http will do.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    allows_http: bool = False

    @classmethod
    def parse(cls, names: str, *, allows_http: bool = False) -> "Permission":
        """
        Return the permission of a list of hosts and networks, divided by commas.

        Raises:
            ValueError: One of them is neither.
        """
        hosts, networks = set(), []
        for name in filter(None, map(str.strip, names.split(","))):
            if HOST.fullmatch(name):
                hosts.add(name.lower())
            else:
                networks.append(ipaddress.ip_network(name))
        return cls(frozenset(hosts), tuple(networks), allows_http)

    def require_scheme(self, scheme: str | None) -> None:
        """
        Raise unless a URL may have a scheme.

        Raises:
            Unfetchable: It may not; reason CALENDAR_SCHEME_FORBIDDEN.
        """
        if scheme != "https" and not (scheme == "http" and self.allows_http):
            raise Unfetchable("CALENDAR_SCHEME_FORBIDDEN")

    def allows(self, host: str, address: Address) -> bool:
        """Return whether a host may be asked at an address."""
        return host in self.hosts or any(address in network for network in self.networks) or is_public(address)


def is_public(address: Address) -> bool:
    """Return whether an address is one of the internet; one that stands for an IPv4 address is judged as that."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        if address not in UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in RESERVED)


class CalendarFetcher:
    """
    Fetches calendars, a few at a time.

    Args:
        allowed: Hosts and networks beyond public addresses, as `Permission.parse` takes them.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, allowed: str, *, allows_http: bool) -> None:
        self.permission = Permission.parse(allowed, allows_http=allows_http)
        self._question = {"allowed": allowed, "allows_http": allows_http}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, url: str) -> str:
        """
        Return the text at a URL.

        Raises:
            Unfetchable: It cannot be fetched, or may not be.
        """
        async with self._places:
            answer = await ask_process(__name__, {"url": url, **self._question}, MAX_SECONDS)
        if answer is None:
            raise Unfetchable("CALENDAR_TOO_SLOW")
        if refusal := answer.get("refusal"):
            raise Unfetchable(refusal["reason"], refusal["http_status"])
        return str(answer["text"])


def fetch(url: str, permission: Permission) -> bytes:
    """
    Return what stands at a URL, where it was moved to if it was.

    It may take as long as the other side likes: whoever calls this has to put an end to it.

    Raises:
        Unfetchable: It cannot be fetched, or may not be.
    """
    context = ssl.create_default_context()
    for _ in range(MAX_REDIRECTS + 1):
        answer = _ask(parse_url(url), permission, context)
        if answer.status not in REDIRECTS:
            return _read(answer)
        url = urljoin(url, answer.headers.get("Location", ""))
        answer.close()
    raise Unfetchable("CALENDAR_REDIRECT_REFUSED")


def _ask(url: Url, permission: Permission, context: ssl.SSLContext) -> urllib3.BaseHTTPResponse:
    """Return the answer of a host, whose body is still to be read."""
    permission.require_scheme(url.scheme)
    host = (url.host or "").strip("[]")
    port = url.port or PORTS[url.scheme or ""]
    headers = {**HEADERS, "Host": url.netloc or "", **(make_headers(basic_auth=url.auth) if url.auth else {})}
    for address in _resolve(host, port, permission):
        pool = urllib3.HTTPConnectionPool(address, port, timeout=SECONDS)
        if url.scheme == "https":
            # The connection goes to the address; the server has to prove that it has the name.
            pool = urllib3.HTTPSConnectionPool(
                address, port, timeout=SECONDS, ssl_context=context, server_hostname=host
            )
        try:
            return pool.urlopen(
                "GET", url.request_uri, headers=headers, redirect=False, retries=False, preload_content=False
            )
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            continue
        except urllib3.exceptions.SSLError as error:
            is_untrusted = isinstance(error.args[0], ssl.SSLCertVerificationError)
            raise Unfetchable("CALENDAR_CERTIFICATE_INVALID" if is_untrusted else "CALENDAR_UNREACHABLE") from None
    raise Unfetchable("CALENDAR_UNREACHABLE")


def _resolve(host: str, port: int, permission: Permission) -> Sequence[str]:
    """
    Return the addresses of a host, at all of which it may be asked.

    Raises:
        Unfetchable: There is none (CALENDAR_UNREACHABLE), or another one as well (CALENDAR_ADDRESS_FORBIDDEN).
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unfetchable("CALENDAR_UNREACHABLE") from None
    addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
    if not all(permission.allows(host, ipaddress.ip_address(address)) for address in addresses):
        raise Unfetchable("CALENDAR_ADDRESS_FORBIDDEN")
    return addresses


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    if answer.status != 200:
        raise Unfetchable("CALENDAR_ANSWER_UNUSABLE", answer.status)
    # What is packed is unpacked no further than that.
    content = answer.read(MAX_CALENDAR_BYTES + 1, decode_content=True)
    if len(content) > MAX_CALENDAR_BYTES:
        raise Unfetchable("CALENDAR_TOO_LARGE")
    return content


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    permission = Permission.parse(question["allowed"], allows_http=question["allows_http"])
    try:
        # What is no text of ours is none that anything depends on: a title, a place.
        return {"text": fetch(question["url"], permission).decode(errors="replace")}
    except Unfetchable as refusal:
        return {"refusal": {"reason": refusal.reason, "http_status": refusal.http_status}}
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        # Their sentences name the URL.
        return {"refusal": {"reason": "CALENDAR_UNREACHABLE", "http_status": 0}}


if __name__ == "__main__":
    limit_process(MAX_SECONDS)
    json.dump(_answer(json.load(sys.stdin)), sys.stdout)
