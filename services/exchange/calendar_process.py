"""
Calendars read in a process of their own, which can be ended: some texts would take hours, or all the memory.

``python -m services.exchange.calendar_process`` reads one from its standard input, for `CalendarReader`.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chassis.errors import InvalidArgument
from services.exchange.calendar_lines import Unreadable, strip_text
from services.exchange.calendars import list_busy
from services.exchange.guarded_process import ask_process, limit_process
from services.exchange.scheduling.problem import Span

MAX_SECONDS = 8.0
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What was read of a calendar.

    Attributes:
        busy: As `list_busy` has it.
        text: The calendar without what tells of nobody's time, as `strip_text` has it.
    """

    busy: Sequence[Span]
    text: str


class CalendarReader:
    """Reads calendars, a few at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def read_all(self, texts: Mapping[str, str], span: Span, zone: str) -> list[Reading]:
        """
        Return what some calendars say of a span.

        Args:
            texts: Path of the field of the request → the text in it.
            zone: IANA name.

        Raises:
            InvalidArgument: A text cannot be read; the metadata has the `line` and its `text`. Reasons as `Unreadable`
                has them, or CALENDAR_TOO_LARGE: it takes too long.
        """
        return list(await asyncio.gather(*(self.read(path, text, span, zone) for path, text in texts.items())))

    async def read(self, path: str, text: str, span: Span, zone: str) -> Reading:
        """Return what a calendar says of a span; arguments and errors as for `read_all`."""
        question = {"text": text, "start": span.start.isoformat(), "end": span.end.isoformat(), "zone": zone}
        async with self._places:
            answer = await ask_process(__name__, question, MAX_SECONDS)
        if answer is None:
            raise InvalidArgument(path, "takes too long to read, or too much memory", reason="CALENDAR_TOO_LARGE")
        if refusal := answer.get("refusal"):
            raise InvalidArgument(
                path,
                refusal["words"],
                reason=refusal["reason"],
                metadata={"line": refusal["line"], "text": refusal["text"]},
            )
        return Reading([Span(*map(datetime.fromisoformat, each)) for each in answer["busy"]], answer["text"])


def _answer(question: Mapping[str, str]) -> dict[str, Any]:
    span = Span(datetime.fromisoformat(question["start"]), datetime.fromisoformat(question["end"]))
    try:
        busy = list_busy(question["text"], span, ZoneInfo(question["zone"]))
    except Unreadable as refusal:
        told = {"reason": refusal.reason, "line": str(refusal.line), "text": refusal.text, "words": str(refusal)}
        return {"refusal": told}
    return {
        "busy": [(each.start.isoformat(), each.end.isoformat()) for each in busy],
        "text": strip_text(question["text"]),
    }


if __name__ == "__main__":
    limit_process(MAX_SECONDS)
    json.dump(_answer(json.load(sys.stdin)), sys.stdout)
