"""What the log says of an outage."""

import asyncio
import logging
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture
from structlog.typing import EventDict

from chassis import jetstream, outages, server
from chassis.database import Database
from chassis.notifications import listen
from chassis.outages import Outage
from chassis.server import Service
from chassis.settings import ServiceSettings
from deploy import embedded
from tests.chassis.messaging import until

NOBODY = "postgresql://nobody@127.0.0.1:1/none"
# Each of them tries every half a second.
WAITED_SECONDS = 2.5


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[EventDict]:
    """What is logged of outages, at the level ``info`` and above."""
    capture = LogCapture()
    level = structlog.make_filtering_bound_logger(logging.INFO)
    monkeypatch.setattr(outages, "log", structlog.wrap_logger(None, processors=[capture], wrapper_class=level))
    return capture.entries


def warnings(told: list[EventDict]) -> list[str]:
    return [line["event"] for line in told if line["log_level"] == "warning"]


async def until_warned(told: list[EventDict]) -> None:
    """Wait until there was a first try."""
    await until(lambda: asyncio.sleep(0, bool(warnings(told))))


def test_an_outage_that_comes_and_goes_is_told_of_once_a_minute_with_its_end(told: list[EventDict]) -> None:
    outage = Outage("sample.retry", "sample.again")
    for _ in range(5):
        outage.tell("no room")
        outage.end()
    outage.tell("no answer")
    outage.end()
    assert [(line["event"], line.get("error")) for line in told] == [
        ("sample.retry", "no room"),
        ("sample.again", None),
        ("sample.retry", "no answer"),
        ("sample.again", None),
    ]


async def test_a_service_that_waits_for_its_database_warns_once_and_says_when_it_is_there(
    told: list[EventDict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = iter([OSError("nobody listens")] * 4)

    async def is_current(_url: str, _package: str) -> bool:
        if error := next(answers, None):
            raise error
        return True

    monkeypatch.setattr(server, "is_current", is_current)
    settings = ServiceSettings(nats_url="", database_url=NOBODY, identity_trusted_keys=tmp_path)
    await server._wait_for_schema(Service(name="sample", settings=settings, database=Database(NOBODY), servicers=()))

    assert [(line["event"], line["log_level"], line["service"]) for line in told] == [
        ("database.waiting", "warning", "sample"),
        ("database.again", "info", "sample"),
    ]
    assert told[0]["error"] == "nobody listens"


async def test_who_listens_to_a_database_that_is_away_warns_once(told: list[EventDict]) -> None:
    listening = asyncio.create_task(listen(NOBODY, "sample", str))
    await until_warned(told)
    await asyncio.sleep(WAITED_SECONDS)
    assert warnings(told) == ["listen.retry"]
    listening.cancel()


async def test_who_listens_says_when_the_database_is_back(told: list[EventDict], tmp_path: Path) -> None:
    with embedded.postgres(tmp_path / "postgres", ["sample"], durable=False) as postgres:
        pass
    heard = asyncio.Event()
    listening = asyncio.create_task(listen(postgres.url_for("sample"), "sample", lambda _payload: heard.set()))
    await until_warned(told)
    starting = embedded.postgres(tmp_path / "postgres", port=postgres.port)
    await asyncio.to_thread(starting.__enter__)
    try:
        await asyncio.wait_for(heard.wait(), 60)
    finally:
        listening.cancel()
        await asyncio.to_thread(starting.__exit__, None, None, None)
    assert told[0]["event"] == "listen.retry"
    assert (told[-1]["event"], told[-1]["channel"]) == ("listen.again", "sample")


async def test_who_waits_for_nats_warns_once_and_says_when_it_is_there(told: list[EventDict], tmp_path: Path) -> None:
    with embedded.nats(tmp_path / "nats", durable=False) as nats:
        pass
    connecting = asyncio.create_task(jetstream.connect(nats.url, "sample"))
    await until_warned(told)
    await asyncio.sleep(WAITED_SECONDS)
    assert warnings(told) == ["nats.waiting"]
    with embedded.nats(tmp_path / "nats", durable=False, port=nats.port):
        client = await asyncio.wait_for(connecting, 60)
    assert [line["event"] for line in told] == ["nats.waiting", "nats.again"]
    told.clear()

    await asyncio.sleep(WAITED_SECONDS)

    reasons = [line["error"] for line in told]
    assert len(reasons) == len(set(reasons))
    await client.close()
