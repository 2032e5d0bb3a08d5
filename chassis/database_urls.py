"""
URLs of databases: of one PostgreSQL server, or of a primary and the standbys that may take its place.

``postgresql://user:password@first:5432,second:5432/database`` names several hosts. They are tried in this order, and
the first is taken that answers and fits ``target_session_attrs``, as libpq does it. Where that is not said it is
``read-write`` here: a process writes, so that a standby is of no use to it.
"""

import re
import socket
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from sqlalchemy import URL

CONNECT_SECONDS = 5.0
# One of several hosts that hangs must leave a call the time to reach the next; no less is possible with libpq.
HOST_SECONDS = 2.0
# A server that vanished without a word, as one whose machine lost power, is noticed within ten seconds. By default TCP
# tries for a quarter of an hour, and waits for ever where nothing is sent: after a failover, each connection of a pool
# would hang.
VANISHED_SECONDS = 10
IDLE_SECONDS = 5
LIBPQ_KEEPALIVE = {
    "tcp_user_timeout": VANISHED_SECONDS * 1000, "keepalives_idle": IDLE_SECONDS, "keepalives_interval": IDLE_SECONDS
}  # fmt: skip
# As libpq does it, what a platform lacks is left out.
_KEEPALIVE = [
    (getattr(socket, name), value)
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_SECONDS), ("TCP_KEEPINTVL", IDLE_SECONDS), ("TCP_USER_TIMEOUT", VANISHED_SECONDS * 1000)
    )
    if hasattr(socket, name)
]  # fmt: skip
_ATTRIBUTES = "target_session_attrs"

_PARTS = re.compile(r"(?P<head>[^/]*://(?:[^/?]*@)?)(?P<hosts>[^/?]*)(?P<tail>.*)", re.DOTALL)


def driver_url(url: str, driver: str) -> "URL":
    """
    Return ``postgresql://…`` as SQLAlchemy wants it for a driver: ``asyncpg`` or ``psycopg``.

    Raises:
        ValueError: It is no such URL. The text of the error does not repeat it: there is a password in it.
    """
    # It takes 12 MB, of no use to who only connects.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        head, hosts, tail = _split(url)
        parsed = make_url(url if len(hosts) == 1 else f"{head}{tail}")
        for host in hosts[1:]:
            make_url(f"{head}{host}{tail}")
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in ("postgresql", "postgres") or not parsed.database:
        raise ValueError("The URL of the database is not of the form postgresql://user:password@host/database.")
    if len(hosts) > 1:
        parsed = parsed.update_query_dict({_ATTRIBUTES: "read-write", **parsed.query, "host": hosts})
    return parsed.set(drivername=f"postgresql+{driver}")


def require_primary(url: str) -> str:
    """Return a URL for libpq, which takes the first host that answers: of several, the one that takes changes."""
    _, hosts, tail = _split(url)
    if len(hosts) == 1 or _ATTRIBUTES in tail:
        return url
    return f"{url}{'&' if '?' in tail else '?'}{_ATTRIBUTES}=read-write"


def get_connect_seconds(url: str) -> float:
    """Return how long opening a connection to each host of a URL may take."""
    return CONNECT_SECONDS if len(_split(url)[1]) == 1 else HOST_SECONDS


async def connect(url: str, **arguments: Any) -> asyncpg.Connection:
    """
    Return a connection to the first host of a URL that answers and fits.

    Args:
        url: ``postgresql://…``; ``sslmode`` and its like mean what they mean to libpq.
        arguments: More of ``asyncpg.connect``.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InternalClientError: What the last host answered.
    """
    head, hosts, tail = _split(require_primary(url))
    arguments.setdefault("timeout", get_connect_seconds(url))
    failure: Exception | None = None
    # By itself asyncpg has one limit of time for all hosts together: one that hangs would use it up.
    for host in hosts:
        try:
            connection = await asyncpg.connect(f"{head}{host}{tail}", **arguments)
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresConnectionError,
            asyncpg.CannotConnectNowError,
            asyncpg.exceptions.TargetServerAttributeNotMatched,
        ) as error:
            failure = error
        else:
            _keep_alive(connection)
            return connection
    assert failure is not None  # noqa: S101 - there is one host at least
    raise failure


def _keep_alive(connection: asyncpg.Connection) -> None:
    # What libpq has settings for, asyncpg leaves to its callers.
    opened = connection._transport.get_extra_info("socket")
    if opened.family != socket.AF_UNIX:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


def _split(url: str) -> tuple[str, list[str], str]:
    """Return what stands before the hosts, the hosts with their ports, and what stands behind."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return url, [""], ""
    return parts["head"], parts["hosts"].split(","), parts["tail"]
