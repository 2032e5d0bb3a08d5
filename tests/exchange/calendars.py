"""Calendars of people, on a Monday some weeks from now: further ahead than some months nothing is known of them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from austausch.exchange.v1 import person_calendars_pb2 as pb
from austausch.exchange.v1.exchange_pb2 import Person

from services.exchange.public_holidays import list_public_holidays
from tests import factories
from tests.calls import Caller

BERLIN = ZoneInfo("Europe/Berlin")


def _find_monday() -> date:
    """Return a Monday six weeks from now or later, after which three days are no holidays, nor those a week later."""
    monday = datetime.now(BERLIN).date() + timedelta(weeks=6)
    monday -= timedelta(days=monday.weekday())
    found = list_public_holidays("DE-BW", [monday.year, monday.year + 1], "en").values()
    holidays = {each.day for of_year in found for each in of_year or ()}
    while any(monday + timedelta(days=days) in holidays for days in (0, 1, 2, 7, 8, 9)):
        monday += timedelta(weeks=1)
    return monday


MONDAY = _find_monday()
SOON = datetime.combine(MONDAY, time(), BERLIN)
"""The beginning of that Monday in Mannheim."""
BROKEN = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "BEGIN:VEVENT",
        "UID:1",
        "SUMMARY:Dinner",
        "DTSTART:soon",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)
ZONE = [
    *("BEGIN:VTIMEZONE", "TZID:Own", "BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:+0200"),
    *("TZOFFSETTO:+0200", "END:STANDARD", "END:VTIMEZONE"),
]


def at(hour: int, minute: int = 0, *, days: int = 0) -> datetime:
    """Return a time on that Monday, or `days` later, in UTC."""
    return datetime.combine(MONDAY + timedelta(days=days), time(hour, minute), BERLIN).astimezone(UTC)


def make_calendar(*events: tuple[datetime, datetime] | str, zone: bool = False) -> str:
    """Return a calendar with events; a line among them belongs to the event before it."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *(ZONE if zone else [])]
    blocks: list[list[str]] = []
    for each in events:
        if isinstance(each, str):
            blocks[-1].append(each)
        else:
            start, end = (f"{moment:%Y%m%dT%H%M%SZ}" for moment in each)
            blocks.append([f"UID:{len(blocks)}", f"DTSTART:{start}", f"DTEND:{end}"])
    for block in blocks:
        lines += ["BEGIN:VEVENT", *block, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


async def upload(caller: Caller, person: Person, ics: str) -> pb.Calendar:
    """Give a person the text of a calendar."""
    calendar = pb.Calendar(display_name="Outlook", ics=ics)
    return await caller.CreateCalendar(pb.CreateCalendarRequest(parent=person.name, calendar=calendar))


async def list_busy(
    caller: Caller, person: Person, *, start: datetime = SOON, days: int = 5
) -> list[tuple[datetime, datetime]]:
    """Return when a person is busy, from a time on for some days, in UTC."""
    request = pb.ListBusySpansRequest(
        people=[person.name],
        start_time=factories.moment(start),
        end_time=factories.moment(start + timedelta(days=days)),
    )
    answer = await caller.ListBusySpans(request)
    return [
        (span.start_time.ToDatetime(UTC), span.end_time.ToDatetime(UTC)) for each in answer.people for span in each.busy
    ]
