"""A load generator: a fixed number of connections, each sending its next request when the last one is answered."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench.asking import Question


@dataclass(frozen=True)
class Load:
    """
    What a run of requests gave.

    Attributes:
        per_second: Requests answered per second, over all connections.
        p50: Median time to the answer, milliseconds.
        p99: 99th percentile, milliseconds.
        bytes: Mean size of an answer's body.
    """

    per_second: float
    p50: float
    p99: float
    bytes: int


def run(
    url: str,
    questions: Iterator[Question],
    *,
    headers: dict[str, str] | None = None,
    connections: int = 8,
    seconds: float = 5,
    per_second: float = 0,
) -> Load:
    """
    Ask one question after another of the server at a URL, after one second of warming up.

    Args:
        per_second: How many questions are due in a second, whether or not there are answers; as many as are answered
            where it is 0. The time to an answer counts from when its question was due.

    Raises:
        RuntimeError: An answer was not 200.
    """
    return asyncio.run(_run(url, questions, headers or {}, connections, seconds, per_second))


def once(url: str, path: str, *, headers: dict[str, str] | None = None) -> int:
    """Send one GET and return the size of the answer's body."""

    async def send() -> int:
        reader, writer = await asyncio.open_connection(*get_address(url))
        writer.write(build_request(url, Question("", path), headers or {}))
        size = await _read_answer(reader, path)
        writer.close()
        return size

    return asyncio.run(send())


def get_address(url: str) -> tuple[str, int]:
    """Return the host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def build_request(url: str, question: Question, headers: dict[str, str]) -> bytes:
    """Return what goes over the wire."""
    fields = {"Host": urlsplit(url).netloc, **headers}
    if question.body:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(question.body))}
    lines = [f"{question.method} {question.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + question.body


async def _run(
    url: str,
    questions: Iterator[Question],
    headers: dict[str, str],
    connections: int,
    seconds: float,
    per_second: float,
) -> Load:
    began = time.perf_counter()
    measured_from = began + 1
    until = measured_from + seconds
    durations: list[float] = []
    sizes: list[int] = []
    due = (began + number / per_second for number in itertools.count()) if per_second else None

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(*get_address(url))
        while (started := next(due) if due else time.perf_counter()) < until:
            await asyncio.sleep(max(0.0, started - time.perf_counter()))
            question = next(questions)
            writer.write(build_request(url, question, headers))
            size = await _read_answer(reader, question.path)
            if started >= measured_from:
                durations.append(time.perf_counter() - started)
                sizes.append(size)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    cuts = statistics.quantiles(durations, n=100)
    return Load(len(durations) / seconds, cuts[49] * 1000, cuts[98] * 1000, round(statistics.mean(sizes)))


async def _read_answer(reader: asyncio.StreamReader, url: str) -> int:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
    status, *lines = head.split("\r\n")
    if status.split()[1] != "200":
        raise RuntimeError(f"{url} answered {status}")
    fields = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    size = int(fields["content-length"])
    await reader.readexactly(size)
    return size
