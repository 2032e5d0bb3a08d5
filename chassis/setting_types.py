"""
Types of settings that have to be more than a text or a number: declared beside the field, as ``pool_size: Positive``.

A check is called with a value, and raises ValueError with what the value has to be. It does not repeat the value, which
may hold a password.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from chassis.database_urls import driver_url
from chassis.identity import Verifier, public_key

Check = Callable[[Any], object]

# Those that gRPC has by itself; what stands behind one is for gRPC to judge.
_GRPC_TARGET = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|vsock|xds):.+")
_ADDRESS = re.compile(r"(?P<host>\[[\da-fA-F:.%]+\]|[^\s\[\]:/@]*):(?P<port>\d{1,5})")
_CITY = re.compile(r"cities/[a-z0-9-]{1,60}")
_NATS_SCHEMES = frozenset({"nats", "tls", "ws", "wss"})
_MAX_PORT = 65535
# The inbox knows the ids of events for 60 days: no stream may keep one for longer.
MAX_KEEP_DAYS = 59
_SECRET_CHARACTERS = 32


@dataclass(frozen=True)
class WhenServing:
    """A check of the file or folder that a value names, which nobody needs who only migrates."""

    check: Check


def split_listen(listen: str) -> tuple[str, int]:
    """
    Return host and port of an address to listen on; the host without brackets, and empty where there is none.

    Raises:
        ValueError: It is none.
    """
    found = _ADDRESS.fullmatch(listen)
    if found is None or int(found["port"]) > _MAX_PORT:
        raise ValueError("it has to be host and port, such as 127.0.0.1:8000")
    return found["host"].strip("[]"), int(found["port"])


def at_least(least: int, most: int | None = None) -> Check:
    """Return a check that a number lies within bounds, themselves included."""

    def check(value: int) -> None:
        if value < least:
            raise ValueError(f"it has to be {least} at least")
        if most is not None and value > most:
            raise ValueError(f"it can be {most} at most")

    return check


def signing_key_of(issuer: str) -> Check:
    """Return a check that a text is a private key with which a process can sign."""
    return lambda value: public_key(issuer, value)


def _require_address(value: str) -> None:
    if _GRPC_TARGET.fullmatch(value):
        return
    for each in value.split(","):
        found = _ADDRESS.fullmatch(each.strip())
        if found is None or not found["host"] or not 0 < int(found["port"]) <= _MAX_PORT:
            raise ValueError("it has to be host:port, several of them divided by commas, or a target of gRPC's")


def _require_city(value: str) -> None:
    if not _CITY.fullmatch(value):
        raise ValueError("it has to be the name of a city, such as cities/mannheim")


def _require_database_url(value: str) -> None:
    driver_url(value, "asyncpg")


def _require_folder(value: Path) -> None:
    # Whoever uses it makes it, and waits where the disk is full or can't be written.
    present = next(place for place in (value, *value.absolute().parents) if os.path.lexists(place))
    if not present.is_dir():
        raise ValueError(f"{present} is no folder")


def _require_nats_url(value: str) -> None:
    for each in value.split(","):
        scheme, divider, _ = each.strip().partition("://")
        # The client takes host:port as well.
        parts = _get_scheme(each.strip() if divider else f"nats://{each.strip()}")
        if (divider and scheme not in _NATS_SCHEMES) or not parts:
            raise ValueError("it has to be nats://user:password@host:4222, several of them divided by commas")


def _require_secret(value: str) -> None:
    if len(value) < _SECRET_CHARACTERS:
        raise ValueError(f"it has to have {_SECRET_CHARACTERS} characters at least")


def _require_time_zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError):
        raise ValueError("it has to be an IANA time zone, such as Europe/Berlin") from None


def _require_web_url(value: str) -> None:
    if _get_scheme(value) not in ("http", "https"):
        raise ValueError("it has to be a web address, such as https://austausch.example")


def _get_scheme(url: str) -> str:
    """Return the scheme of a URL that has a host, and a port that can be one; else nothing."""
    try:
        parts = urlsplit(url)
        return parts.scheme if parts.hostname and parts.port != 0 else ""
    except ValueError:
        return ""


Positive = Annotated[int, at_least(1)]
NotNegative = Annotated[int, at_least(0)]
KeepDays = Annotated[int, at_least(1, MAX_KEEP_DAYS)]
Listen = Annotated[str, split_listen]
Address = Annotated[str, _require_address]
DatabaseUrl = Annotated[str, _require_database_url]
NatsUrl = Annotated[str, _require_nats_url]
WebUrl = Annotated[str, _require_web_url]
Secret = Annotated[str, _require_secret]
City = Annotated[str, _require_city]
TimeZone = Annotated[str, _require_time_zone]
KeySet = Annotated[Path, WhenServing(Verifier)]
OwnFolder = Annotated[Path, WhenServing(_require_folder)]
