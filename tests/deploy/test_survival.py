"""A running platform whose processes and servers are killed, or hang."""

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
import pytest

from chassis.jetstream import STREAM
from tests.journeys.openapi_client import Program, Refused
from tests.stack import Stack, find_process, hanging, running

SECONDS = 60
# For a part that hangs: /readyz has to say so soon, not at last.
NOTICED_SECONDS = 10.0


@pytest.fixture(scope="module")
def platform(used_data: Path) -> Iterator[Stack]:
    """A platform with the demo data that nobody else uses."""
    with running(used_data) as stack:
        yield stack


@pytest.fixture(scope="module")
def office(platform: Stack) -> Program:
    """A program of the international office."""
    program = Program(platform.url)
    program.sign_in("coordinator@mannheim.example", "demo")
    return program


def readiness(platform: Stack) -> tuple[int, dict[str, str]]:
    """Return the status of ``/readyz`` and the state of each part; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"{platform.url}/readyz", timeout=SECONDS) as answer:
            return answer.status, json.load(answer)["parts"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["parts"]
    except OSError:
        return 0, {}


def within(seconds: float, look: Callable[[], Any]) -> Any:
    """Return what is seen as soon as it is something."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return seen


def is_ready(platform: Stack) -> bool:
    """Tell whether every part works."""
    return readiness(platform)[0] == 200


def record(office: Program) -> dict[str, Any] | None:
    """Record a learning; None while it is refused because something is away."""
    learning = {"title": f"Learning {uuid4()}", "observation": "It came back.", "language": "en"}
    return ask(office, "CreateLearning", body=learning, requestId=str(uuid4()))


def ask(office: Program, operation: str, **values: Any) -> dict[str, Any] | None:
    """Return an answer; None while it is refused because something is away."""
    try:
        return dict(office(operation, **values))
    except Refused as refused:
        if refused.status not in (503, 504):
            raise
    except OSError:
        pass
    return None


def failing(platform: Stack) -> set[str]:
    """Return the parts of which ``/readyz`` says that they do not work."""
    return {part for part, state in readiness(platform)[1].items() if state != "ready"}


@pytest.mark.parametrize("victim", ["exchange", "forum", "knowledge", "gateway", "PostgreSQL", "NATS"])
def test_what_is_killed_is_started_again_in_one_line_and_takes_writes(
    platform: Stack, office: Program, victim: str
) -> None:
    within(SECONDS, lambda: is_ready(platform))
    pid = find_process(platform.data, victim)
    os.kill(pid, signal.SIGKILL)

    line = f"{victim} was killed by SIGKILL; starting it again in 0.2 s"
    within(SECONDS, lambda: line in (platform.data / "stack.log").read_text().splitlines())
    within(SECONDS, lambda: is_ready(platform))
    learning = within(SECONDS, lambda: record(office))

    assert find_process(platform.data, victim) != pid

    def find() -> list[dict[str, Any]]:
        answer = ask(office, "SearchLearnings", query=f'"{learning["title"]}"')
        return answer["results"] if answer else []

    assert within(SECONDS, find)[0]["learning"]["name"] == learning["name"]


def test_a_nats_that_hangs_is_named_within_seconds_while_writes_are_accepted(platform: Stack, office: Program) -> None:
    within(SECONDS, lambda: is_ready(platform))
    with hanging(find_process(platform.data, "NATS")):
        assert within(NOTICED_SECONDS, lambda: failing(platform)) == {"nats"}
        assert record(office)
        with urllib.request.urlopen(f"{platform.url}/status") as page:
            assert "You can go on working." in page.read().decode()
    within(SECONDS, lambda: is_ready(platform))


def test_a_full_stream_of_events_is_named_while_writes_are_accepted(platform: Stack, office: Program) -> None:
    within(SECONDS, lambda: is_ready(platform))
    former = asyncio.run(limit_events(platform, 1))
    try:
        assert record(office)
        assert within(SECONDS, lambda: failing(platform)) == {"nats"}
        assert "it stores nothing from knowledge" in readiness(platform)[1]["nats"]
    finally:
        asyncio.run(limit_events(platform, former))
    within(SECONDS, lambda: is_ready(platform))


async def limit_events(platform: Stack, max_bytes: int) -> int:
    """Let the stream of events hold so many bytes; return how many it could hold."""
    data = platform.data / "nats"
    port = json.loads((data / "nats.conf").read_text())["listen"].rpartition(":")[2]
    client = await nats.connect(f"nats://austausch:{(data / 'password').read_text()}@127.0.0.1:{port}")
    jetstream = client.jetstream()
    config = (await jetstream.stream_info(STREAM)).config
    await jetstream.update_stream(config, max_bytes=max_bytes)
    await client.close()
    return config.max_bytes or -1


def test_a_postgresql_that_hangs_is_named_within_seconds(platform: Stack) -> None:
    within(SECONDS, lambda: is_ready(platform))
    with hanging(find_process(platform.data, "PostgreSQL")):
        within(NOTICED_SECONDS, lambda: {"accounts", "exchange", "forum", "knowledge"} <= failing(platform))
    within(SECONDS, lambda: is_ready(platform))
