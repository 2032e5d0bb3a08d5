"""Calendars that the gateway answers with, read as calendar programs read them."""

from icalendar import Calendar, Event
from werkzeug.test import TestResponse

# RFC 5545, 3.1: octets, without the line break.
LONGEST_LINE = 75


def read_calendar(answer: TestResponse) -> Calendar:
    """Return the calendar of an answer, whose lines are as the RFC wants them."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/calendar; charset=utf-8"
    lines = answer.data.split(b"\r\n")
    assert max(map(len, lines)) <= LONGEST_LINE
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert (lines[0], lines[-2:]) == (b"BEGIN:VCALENDAR", [b"END:VCALENDAR", b""])
    calendar = Calendar.from_ical(answer.data)
    assert isinstance(calendar, Calendar)
    return calendar


def read_events(answer: TestResponse) -> dict[str, Event]:
    """Return the events of an answer by their titles."""
    return {str(event["summary"]): event for event in read_calendar(answer).walk("VEVENT")}
