"""How rows of the programme and of the delegation say what an item or a delegate is: one text for each column."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import exchange_pb2 as pb
from flask_babel import gettext as _

from chassis.convert import date_of, timestamp_message
from gateway.errors.unfit_value import UnfitValue
from gateway.forms.field_codec import set_field
from gateway.forms.table import read_fields, write_field
from gateway.vocabulary import enum_labels
from gateway.vocabulary.cities import list_guests

ANY_ROOM, WHOLE_DELEGATION = "any", "all"
# Where it is kept when an item starts, and where the day as long as the time of day is open.
BOUNDS = ("earliest_start_time", "latest_end_time")
START = ("start_time", *BOUNDS)
# 9, 9:30, 9.30, 0930, 9h30, and what a browser sends.
TIME_OF_DAY = re.compile(r"(\d{1,2})(?:[:.h]?([0-5]\d))?(?::00)?", re.ASCII)


class DelegateCells:
    """Rows of a delegation: each column is a field."""

    kind = pb.Delegate
    columns: Mapping[str, Sequence[str]] = {
        name: (name,)
        for name in (
            "function", "display_name", "group", "companion_of", "languages", "city", "email", "head", "rank",
            "dietary_needs", "access_needs",
        )
    }  # fmt: skip
    required: Sequence[str] = ("function",)

    def read(self, message: pb.Delegate) -> dict[str, str]:
        return read_fields(message, self.columns, ZoneInfo("UTC"))

    def write(self, message: pb.Delegate, cells: Mapping[str, str], column: str) -> None:
        write_field(message, column, cells[column], ZoneInfo("UTC"))


class ItemCells:
    """
    Rows of a programme, by the clocks of the host.

    The start is a day and a time of day; a day alone keeps the item within it until it has a time, between the times of
    day that bounded it before; what loses its time is not fixed. One column says which room, or that any will do; one
    says whether the whole delegation takes part, or which groups or cities of it.
    """

    kind = pb.AgendaItem
    columns: Mapping[str, Sequence[str]] = {
        "title": ("title",),
        "duration_minutes": ("duration_minutes",),
        "day": (*START, "fixed"),
        "time": (*START, "fixed"),
        "room": ("room", "needs_room"),
        "venue": ("venue",),
        "place": ("place",),
        "who": ("whole_delegation", "groups", "delegations"),
        "interpretation_languages": ("interpretation_languages",),
        "interpreter": ("interpreter",),
        "fixed": ("fixed",),
        "notes": ("notes",),
    }
    required: Sequence[str] = ("title", "duration_minutes")

    def __init__(self, visit: pb.Visit) -> None:
        self._zone = ZoneInfo(visit.time_zone)
        lasts_a_day = visit.HasField("start_date") and visit.start_date == visit.end_date
        self._only_day = date_of(visit.start_date).isoformat() if lasts_a_day else ""

    def read(self, message: pb.AgendaItem) -> dict[str, str]:
        start = message.start_time.ToDatetime(UTC).astimezone(self._zone) if message.HasField("start_time") else None
        groups = map(_GROUP.Name, sorted(message.groups))
        return {
            **read_fields(message, self.columns, self._zone),
            "day": f"{start:%Y-%m-%d}" if start else self._read_open_day(message),
            "time": f"{start:%H:%M}" if start else "",
            "room": message.room or (ANY_ROOM if message.needs_room else ""),
            "who": WHOLE_DELEGATION if message.whole_delegation else ",".join([*groups, *message.delegations]),
        }

    def write(self, message: pb.AgendaItem, cells: Mapping[str, str], column: str) -> None:
        text = cells[column]
        if column in ("day", "time"):
            self._write_start(message, cells, column)
        elif column == "room":
            # What is known of the rooms that would do stays with the one that is chosen.
            message.needs_room = text == ANY_ROOM or (bool(text) and message.needs_room)
            message.room = "" if text == ANY_ROOM else text
        elif column == "who":
            message.whole_delegation = text == WHOLE_DELEGATION
            if not message.whole_delegation:
                cities = [each for each in text.split(",") if each.startswith("cities/")]
                message.delegations[:] = cities
                write_field(
                    message, "groups", ",".join(each for each in text.split(",") if each not in cities), self._zone
                )
        else:
            write_field(message, column, text, self._zone)

    def _read_open_day(self, message: pb.AgendaItem) -> str:
        """Return the day within which an item has to take place; "" where its bounds are not within one day."""
        earliest, latest = self._read_bounds(message)
        if earliest is None or latest is None:
            return ""
        last = latest - timedelta(microseconds=1)
        return earliest.date().isoformat() if earliest.date() == last.date() else ""

    def _read_bounds(self, message: pb.AgendaItem) -> tuple[datetime | None, datetime | None]:
        """Return when an item is to begin at the earliest and to be over at the latest, on the clocks of the host."""
        earliest, latest = (
            getattr(message, field).ToDatetime(UTC).astimezone(self._zone).replace(tzinfo=None)
            if message.HasField(field)
            else None
            for field in BOUNDS
        )
        return earliest, latest

    def _write_bounds(self, message: pb.AgendaItem, earliest: datetime, latest: datetime) -> None:
        for field, local in zip(BOUNDS, (earliest, latest), strict=True):
            getattr(message, field).CopyFrom(timestamp_message(local.replace(tzinfo=self._zone)))

    def _is_whole_day(self, message: pb.AgendaItem) -> bool:
        earliest, latest = self._read_bounds(message)
        return earliest is not None and latest == earliest + timedelta(days=1) and earliest.time() == time()

    def _keep_within(self, message: pb.AgendaItem, day: date) -> None:
        """Bound an item by a day, and by the times of day that bound it already, where there is time between them."""
        earliest, latest = self._read_bounds(message)
        begin, end = datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())
        first = datetime.combine(day, earliest.time()) if earliest else begin
        last = datetime.combine(day, latest.time()) if latest and latest.time() != time() else end
        self._write_bounds(message, *((first, last) if first < last else (begin, end)))

    def _write_start(self, message: pb.AgendaItem, cells: Mapping[str, str], column: str) -> None:
        """Set when an item starts; what is wrong with the day is told there only, and with the time of day likewise."""
        day, clock = cells["day"] or (self._only_day if cells["time"] else ""), cells["time"]
        found, known = TIME_OF_DAY.fullmatch(clock), _find_day(day)
        if column == "time" and clock and (not found or int(found[1]) > 23):
            raise UnfitValue("is no time of day", reason="NOT_A_TIME_OF_DAY")
        if clock and not day:
            raise UnfitValue("has no day", reason="DAY_MISSING")
        if column == "day" and day and not known:
            raise UnfitValue("is no day", reason="NOT_A_DATE")
        was_placed, open_day = message.HasField("start_time"), self._read_open_day(message)
        message.ClearField("start_time")
        if found and known and int(found[1]) <= 23:
            set_field(message, ["start_time"], [f"{day}T{int(found[1]):02}:{found[2] or '00'}"], self._zone)
            self._bound_placed(message, known, open_day, was_placed=was_placed)
            return
        if was_placed:
            message.fixed = False
        if known and not clock:
            self._keep_within(message, known)
        elif open_day:
            self._clear_bounds(message)

    def _bound_placed(self, message: pb.AgendaItem, day: date, open_day: str, *, was_placed: bool) -> None:
        """Let bounds that were an item's day follow it to the one on which it has a time; a whole day is over then."""
        is_other = open_day != day.isoformat()
        if open_day and self._is_whole_day(message) and (is_other or not was_placed):
            self._clear_bounds(message)
        elif open_day and is_other and not was_placed:
            self._keep_within(message, day)

    def _clear_bounds(self, message: pb.AgendaItem) -> None:
        for field in BOUNDS:
            message.ClearField(field)


def _find_day(text: str) -> date | None:
    """Return a day by its name in ISO 8601; None for anything else, and for a day too far away for a visit."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1900 < day.year < 3000 else None


_GROUP: Any = pb.Delegate.Group


def list_attending(visit: pb.Visit) -> list[tuple[str, str]]:
    """Return whom an item can be for: the whole delegation, each group of it, or several; of several guests, each."""
    groups = enum_labels.list_options("Delegate.Group")
    several = [
        (",".join(value for value, _label in some), ", ".join(str(label) for _value, label in some))
        for count in range(1, len(groups) + 1)
        for some in combinations(groups, count)
    ]
    cities = list_guests(visit) if visit.other_guest_cities else []
    return [(WHOLE_DELEGATION, _("Whole delegation")), *several, *cities]
