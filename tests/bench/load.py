"""A load generator: a fixed number of connections, each sending its next request when the last one is answered."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """
    What a run of requests gave.

    Attributes:
        per_second: Requests answered per second, over all connections.
        p50: Median time to the answer, milliseconds.
        p99: 99th percentile, milliseconds.
        bytes: Size of an answer's body.
    """

    per_second: float
    p50: float
    p99: float
    bytes: int


def run(
    urls: Sequence[str], *, headers: dict[str, str] | None = None, connections: int = 8, seconds: float = 5
) -> Load:
    """
    Load a URL, or several of one server in turn, after one second of warming up.

    Raises:
        RuntimeError: An answer was not 200.
    """
    return asyncio.run(_run(urls, headers or {}, connections, seconds))


def once(url: str, *, headers: dict[str, str] | None = None) -> int:
    """Send one request and return the size of the answer's body."""

    async def send() -> int:
        request, host, port = _request(url, headers or {})
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        size = await _read_answer(reader, url)
        writer.close()
        return size

    return asyncio.run(send())


def _request(url: str, headers: dict[str, str]) -> tuple[bytes, str, int]:
    """Return the bytes of a GET, and where to send them."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{key}: {value}" for key, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), parts.hostname or "", parts.port or 80


async def _run(urls: Sequence[str], headers: dict[str, str], connections: int, seconds: float) -> Load:
    requests = cycle([_request(url, headers)[0] for url in urls])
    _, host, port = _request(urls[0], headers)
    measured_from = time.perf_counter() + 1
    until = measured_from + seconds
    durations: list[float] = []
    sizes: list[int] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (started := time.perf_counter()) < until:
            writer.write(next(requests))
            size = await _read_answer(reader, urls[0])
            if started >= measured_from:
                durations.append(time.perf_counter() - started)
                sizes.append(size)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    cuts = statistics.quantiles(durations, n=100)
    return Load(len(durations) / seconds, cuts[49] * 1000, cuts[98] * 1000, sizes[-1])


async def _read_answer(reader: asyncio.StreamReader, url: str) -> int:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
    status, *lines = head.split("\r\n")
    if status.split()[1] != "200":
        raise RuntimeError(f"{url} answered {status}")
    fields = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    size = int(fields["content-length"])
    await reader.readexactly(size)
    return size
