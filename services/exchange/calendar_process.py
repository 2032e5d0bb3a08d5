"""
Calendars read in a process of their own, which can be ended: some texts would take hours, or all the memory.

``python -m services.exchange.calendar_process`` reads one from its standard input, for `read_busy`.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chassis.errors import InvalidArgument
from services.exchange.calendar_lines import Unreadable
from services.exchange.calendars import list_busy
from services.exchange.scheduling.problem import Span

MAX_SECONDS = 8.0
MAX_BYTES = 400_000_000
AT_ONCE = 2
# What a program needs to find its modules; nothing that this process knows and a reader of calendars need not.
ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME")


class CalendarReader:
    """Reads calendars, a few at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def read_busy(self, texts: Mapping[str, str], span: Span, zone: str) -> list[Sequence[Span]]:
        """
        Return of each calendar when somebody is busy, as `list_busy` does.

        Args:
            texts: Path of the field of the request → the text in it.
            zone: IANA name.

        Raises:
            InvalidArgument: A text cannot be read; the metadata has the `line` and its `text`. Reasons as `Unreadable`
                has them, or CALENDAR_TOO_LARGE: it takes too long.
        """
        return list(await asyncio.gather(*(self._read(path, text, span, zone) for path, text in texts.items())))

    async def _read(self, path: str, text: str, span: Span, zone: str) -> Sequence[Span]:
        question = {"text": text, "start": span.start.isoformat(), "end": span.end.isoformat(), "zone": zone}
        async with self._places:
            answer = await asyncio.to_thread(_ask, question)
        if answer is None:
            raise InvalidArgument(path, "takes too long to read, or too much memory", reason="CALENDAR_TOO_LARGE")
        if refusal := answer.get("refusal"):
            raise InvalidArgument(
                path,
                refusal["words"],
                reason=refusal["reason"],
                metadata={"line": refusal["line"], "text": refusal["text"]},
            )
        return [Span(*map(datetime.fromisoformat, each)) for each in answer["busy"]]


def _ask(question: Mapping[str, str]) -> dict[str, Any] | None:
    """
    Return the answer of a process of its own; None where there was none in time.

    Called in a thread: an event loop's own way to start a process forks, and gRPC, which has threads, may end what is
    forked before it becomes another program.
    """
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(question).encode(),
            stdout=subprocess.PIPE,
            timeout=MAX_SECONDS,
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return dict(json.loads(ended.stdout)) if ended.returncode == 0 else None


def _answer(question: Mapping[str, str]) -> dict[str, Any]:
    span = Span(datetime.fromisoformat(question["start"]), datetime.fromisoformat(question["end"]))
    try:
        busy = list_busy(question["text"], span, ZoneInfo(question["zone"]))
    except Unreadable as refusal:
        told = {"reason": refusal.reason, "line": str(refusal.line), "text": refusal.text, "words": str(refusal)}
        return {"refusal": told}
    return {"busy": [(each.start.isoformat(), each.end.isoformat()) for each in busy]}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(MAX_SECONDS) + 1, int(MAX_SECONDS) + 1))
    json.dump(_answer(json.load(sys.stdin)), sys.stdout)
