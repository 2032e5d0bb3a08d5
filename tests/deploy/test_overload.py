"""A platform that is asked five times as much as it can answer."""

import asyncio
import itertools
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import psutil
import pytest

from tests.bench import load
from tests.bench.asking import Question
from tests.bench.client import Client
from tests.stack import Stack, find_process, running

TIMES = 5
CONNECTIONS = 8
MEASURED_SECONDS = 5.0
OVERLOAD_SECONDS = 12.0
# Longer than any deadline: who is not answered by then never is.
PATIENCE_SECONDS = 90.0
SHED = (429, 503)
PROCESSES = ("gateway", "exchange", "forum", "knowledge")
# What hundreds of waiting requests may take of each process, and no backlog that grows with the load.
MEGABYTES = 200


@dataclass
class Answers:
    """
    What came of the requests.

    Attributes:
        status: Status → how often; 0 for a connection that broke, or an answer that did not come.
        impatient: Refusals that do not say when to try again.
        created: Titles of learnings whose creation was acknowledged.
        refused: Requests that would have created one, and were refused.
    """

    status: Counter[int] = field(default_factory=Counter)
    impatient: int = 0
    created: list[str] = field(default_factory=list)
    refused: list[Question] = field(default_factory=list)


@pytest.fixture(scope="module")
def platform(used_data: Path) -> Iterator[Stack]:
    """A platform with the demo data that nobody else uses."""
    with running(used_data) as stack:
        yield stack


def questions() -> Iterator[Question]:
    """Yield searches, each for other words, lists, and in one of five a learning to be recorded."""
    for number in itertools.count():
        if number % 5 == 0:
            learning = {"title": f"Learning w{uuid4().hex}", "observation": "It was asked too much.", "language": "en"}
            path = f"/api/v1/learnings?requestId={uuid4()}"
            yield Question("write", path, "POST", json.dumps(learning).encode())
        elif number % 5 == 1:
            first = urlencode({"fromDate.year": 2000 + number % 40, "fromDate.month": 1, "fromDate.day": 1})
            yield Question("list", f"/api/v1/visits?pageSize=50&{first}")
        else:
            yield Question("search", f"/api/v1/learnings:search?query=controlling+in+{number}")


async def ask(client: Client, question: Question, answers: Answers) -> None:
    """Ask on a connection of its own, as somebody does who was not there before, and note the answer."""
    status, head = 0, ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(*load.get_address(client.url))
            writer.write(load.build_request(client.url, question, {**client.bearer, "Connection": "close"}))
            answer = (await reader.read()).decode()
            writer.close()
        head = answer.partition("\r\n\r\n")[0].lower()
        status = int(head.split(" ", 2)[1])
    except (OSError, TimeoutError, IndexError):
        pass
    answers.status[status] += 1
    answers.impatient += status in SHED and "\r\nretry-after: " not in head
    if question.body:
        if status == 200:
            answers.created.append(json.loads(question.body)["title"])
        else:
            answers.refused.append(question)


async def find_capacity(client: Client, asked: Iterator[Question]) -> float:
    """Return how many requests are answered per second, while a few are asked at a time."""
    answers = Answers()
    until = time.monotonic() + MEASURED_SECONDS

    async def ask_on() -> None:
        while time.monotonic() < until:
            await ask(client, next(asked), answers)

    await asyncio.gather(*(ask_on() for _ in range(CONNECTIONS)))
    assert set(answers.status) <= {200, *SHED}
    return answers.status[200] / MEASURED_SECONDS


async def ask_at_rate(client: Client, asked: Iterator[Question], per_second: float, seconds: float) -> Answers:
    """Ask so often, whatever becomes of what was asked before."""
    answers = Answers()
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            group.create_task(ask(client, next(asked), answers))
    return answers


def measure_memory(platform: Stack) -> dict[str, int]:
    """Return the megabytes of each process, its workers included."""
    pids = {name: find_process(platform.data, name) for name in PROCESSES}
    return {
        name: sum(
            each.memory_full_info().uss // 1024**2
            for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
        )
        for name, pid in pids.items()
    }


def test_what_is_too_much_is_refused_with_when_to_try_again_and_nothing_is_lost_or_doubled(platform: Stack) -> None:
    client = Client(platform.url)
    asked = questions()
    capacity = asyncio.run(find_capacity(client, asked))
    pids = {name: find_process(platform.data, name) for name in PROCESSES}
    before = measure_memory(platform)

    answers = asyncio.run(ask_at_rate(client, asked, TIMES * capacity, OVERLOAD_SECONDS))

    # Where others take the processors as well, a deadline may pass.
    assert set(answers.status) <= {200, 504, *SHED}
    assert answers.status[200]
    assert any(answers.status[status] for status in SHED), "it was not too much"
    assert not answers.impatient
    # Nobody fell over, and nobody piled up what nobody waits for any more.
    assert {name: find_process(platform.data, name) for name in PROCESSES} == pids
    after = measure_memory(platform)
    assert {name: after[name] - before[name] for name in PROCESSES if after[name] - before[name] > MEGABYTES} == {}
    with urllib.request.urlopen(f"{platform.url}/readyz", timeout=PATIENCE_SECONDS) as ready:
        assert ready.status == 200
    # It answers as before, and what was refused is asked once more: applied or not, it is there once in the end.
    again = Answers()
    for question in answers.refused:
        asyncio.run(ask(client, question, again))
    assert set(again.status) <= {200}
    titles = Counter(each["title"] for each in client.list_all("learnings") if "Learning w" in each["title"])
    assert titles.keys() >= {*answers.created, *again.created}
    assert set(titles.values()) == {1}
