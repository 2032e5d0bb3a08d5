"""
Readings of people's calendars: each again and again, so that what repeats is known far enough ahead.

Any process may read any calendar. Who takes one that is due moves the next reading on, which nobody else can do at that
time, and reads outside of the transaction: what is slow holds nothing. Where the process ends meanwhile, the calendar
becomes due once more.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import Range

from chassis.database import Database
from chassis.errors import InvalidArgument
from chassis.model import now
from services.exchange.calendar_fetching import CalendarFetcher, Unfetchable
from services.exchange.calendar_process import CalendarReader, Reading
from services.exchange.model import Calendar, CalendarKind, City
from services.exchange.scheduling.problem import Span

BEFORE, AHEAD = timedelta(days=30), timedelta(days=610)
"""Of what time it is kept when people are busy."""
AGAIN = {CalendarKind.SUBSCRIBED: timedelta(hours=1), CalendarKind.UPLOADED: timedelta(days=1)}
SPREAD = 0.2
"""Readings are so much earlier or later, by chance: calendars of one server are not all asked for at once."""
LEASE = timedelta(minutes=2)
"""How long a reading may take; then somebody else may begin one."""
IDLE_SECONDS = 10.0
WORKERS = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    """A calendar that is to be read; `try_time` is that of the reading before."""

    id: str
    url: str
    ics: str
    try_time: datetime | None


class CalendarRefresh:
    """
    Reads calendars: `work` those that are due, `read` one, `read_text` a text before there is a calendar of it.

    Args:
        home_city: `cities/{city}`, whose zone is that of days, and of times that name none.
    """

    def __init__(self, database: Database, home_city: str, fetcher: CalendarFetcher, reader: CalendarReader) -> None:
        self.permission = fetcher.permission
        self._database = database
        self._home_city_id = City.parse(home_city)["id"]
        self._fetcher = fetcher
        self._reader = reader

    async def work(self) -> None:
        """Read what is due until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            try:
                due = await self._take(Calendar.next_read_time <= now())
                if due is not None:
                    await self._read(due)
                    continue
            except Exception as error:  # noqa: BLE001 - one that fails must not end the others
                # What it says may quote the calendar.
                log.warning("calendar.not_read", error=type(error).__name__)
            await asyncio.sleep(random.uniform(0.5, 1.5) * IDLE_SECONDS)  # noqa: S311 - chance, no secret

    async def read(self, calendar_id: str) -> None:
        """Read a calendar now, unless it is gone; whether that went well stands in its row."""
        due = await self._take(Calendar.id == calendar_id)
        if due is not None:
            await self._read(due)

    async def read_text(self, path: str, text: str) -> Reading:
        """
        Return what the text of a calendar says of the time that is kept.

        Raises:
            InvalidArgument: As `CalendarReader.read`; `path` is that of the field.
        """
        async with self._database.read_once() as session:
            zone = await session.scalar(select(City.time_zone).where(City.id == self._home_city_id))
        return await self._reader.read(path, text, get_kept_span(), zone or "UTC")

    async def _take(self, which: ColumnElement[bool]) -> _Due | None:
        """Take the calendar that is due first, of some; None where there is none, or others have it."""
        first = select(Calendar.id).where(which).order_by(Calendar.next_read_time).limit(1)
        statement = (
            update(Calendar)
            .where(Calendar.id == first.with_for_update(skip_locked=True).scalar_subquery())
            .values(next_read_time=now() + LEASE, update_time=Calendar.update_time)
            .returning(Calendar.id, Calendar.url, Calendar.ics, Calendar.try_time)
            .execution_options(synchronize_session=False)
        )
        async with self._database.begin() as session:
            found = (await session.execute(statement)).first()
        return _Due(*found) if found else None

    async def _read(self, due: _Due) -> None:
        try:
            async with asyncio.timeout(LEASE.total_seconds() / 2):
                text = await self._fetcher.fetch(due.url) if due.url else due.ics
                reading = await self.read_text("calendar.ics", text)
        except Unfetchable as refusal:
            await self._write(due, failure_columns(refusal.reason, http_status=refusal.http_status))
        except InvalidArgument as refusal:
            line = int(refusal.violations[0].metadata.get("line", "0"))
            await self._write(due, failure_columns(refusal.reason, line=line))
        except TimeoutError:
            await self._write(due, failure_columns("CALENDAR_TOO_SLOW"))
        else:
            await self._write(due, reading_columns(reading))

    async def _write(self, due: _Due, columns: dict[str, Any]) -> None:
        """Write down how a reading went, unless the calendar has another source by now, or a later reading."""
        kind = CalendarKind.SUBSCRIBED if due.url else CalendarKind.UPLOADED
        statement = (
            update(Calendar)
            .where(
                Calendar.id == due.id,
                Calendar.url == due.url,
                Calendar.ics == due.ics,
                Calendar.try_time.is_not_distinct_from(due.try_time),
            )
            # To read it is no change: its version stays.
            .values(**columns, next_read_time=choose_next_read(kind), update_time=Calendar.update_time)
            .execution_options(synchronize_session=False)
        )
        async with self._database.begin() as session:
            await session.execute(statement)


def get_kept_span() -> Span:
    """Return of what time it is kept when people are busy."""
    present = now()
    return Span(present - BEFORE, present + AHEAD)


def choose_next_read(kind: CalendarKind) -> datetime:
    """Return when a calendar that was read now is read again."""
    return now() + AGAIN[kind] * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - chance, no secret


def reading_columns(reading: Reading) -> dict[str, Any]:
    """Return what a calendar has after it was read."""
    busy = [Range(span.start, span.end, bounds="[)") for span in reading.busy]
    return {"busy": busy, "read_time": now(), **failure_columns("")}


def unread_columns() -> dict[str, Any]:
    """Return what a calendar has whose source is new, and which is read next by who gave it that."""
    return {
        "busy": [],
        "read_time": None,
        **failure_columns(""),
        "try_time": None,
        "next_read_time": now() + LEASE,
    }


def failure_columns(reason: str, *, line: int = 0, http_status: int = 0) -> dict[str, Any]:
    """Return what a calendar has after it was read in vain; what an earlier reading found stays."""
    return {
        "try_time": now(),
        "failure_reason": reason,
        "failure_line": line,
        "failure_http_status": http_status,
    }
