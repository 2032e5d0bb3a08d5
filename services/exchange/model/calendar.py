"""Calendars of the host's people."""

from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from chassis.model import Resource, now
from services.exchange.model.base import Base


class CalendarKind(StrEnum):
    """Where a calendar comes from."""

    UPLOADED = "uploaded"
    SUBSCRIBED = "subscribed"


class CalendarState(StrEnum):
    """How well a calendar is known."""

    WAITING = "waiting"
    CURRENT = "current"
    OUTDATED = "outdated"
    UNREADABLE = "unreadable"


class Calendar(Resource, Base):
    """
    A calendar of a person: the text of one, as far as it tells when they are busy, or the URL where it stands.

    `busy` is what the last good reading, at `read_time`, found within the days that are kept; `failure_reason` why a
    later one, at `try_time`, found nothing. The URL may hold a secret: nobody is told more of it than its `host`.
    """

    __tablename__ = "calendars"
    __table_args__ = (
        Index(None, "person_id", "display_name", "id"),
        Index(None, "next_read_time"),
        CheckConstraint("(url = '') <> (ics = '')", name="one_source"),
    )
    NAME = "people/{person_id}/calendars/{id}"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    display_name: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text, default="")
    # As long as a book, and for nobody but who reads it.
    ics: Mapped[str] = mapped_column(Text, default="", deferred=True)
    busy: Mapped[list[Range[datetime]]] = mapped_column(TSTZMULTIRANGE, default=list, deferred=True)
    read_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    try_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failure_reason: Mapped[str] = mapped_column(Text, default="")
    failure_line: Mapped[int] = mapped_column(default=0)
    failure_http_status: Mapped[int] = mapped_column(default=0)
    next_read_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)

    @property
    def kind(self) -> CalendarKind:
        """Where it comes from."""
        return CalendarKind.SUBSCRIBED if self.url else CalendarKind.UPLOADED

    @property
    def host(self) -> str:
        """The host of its URL; "" where it has none."""
        return urlsplit(self.url).hostname or ""

    @property
    def state(self) -> CalendarState:
        """How well it is known."""
        if self.try_time is None:
            return CalendarState.WAITING
        if not self.failure_reason:
            return CalendarState.CURRENT
        return CalendarState.OUTDATED if self.read_time else CalendarState.UNREADABLE
