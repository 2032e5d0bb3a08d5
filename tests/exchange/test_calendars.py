"""Calendars: when somebody is busy, and that nothing of one is read which cannot be read whole."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from austausch.exchange.v1 import calendars_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from services.exchange import calendar_process
from services.exchange.calendar_lines import Unreadable
from services.exchange.calendars import list_busy
from services.exchange.scheduling.problem import Span
from tests.calls import Caller
from tests.refusals import refused

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = Span(datetime(2030, 3, 1, tzinfo=UTC), datetime(2030, 6, 1, tzinfo=UTC))


def calendar(*lines: str) -> str:
    """Return a calendar with some lines in it."""
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *lines, "END:VCALENDAR", ""))


def vevent(*lines: str) -> list[str]:
    """Return the lines of an event."""
    return ["BEGIN:VEVENT", *lines, "END:VEVENT"]


def event(*lines: str) -> str:
    """Return a calendar with one event."""
    return calendar(*vevent("UID:1", "DTSTAMP:20300101T000000Z", *lines))


def busy(text: str, span: Span = SPRING) -> list[str]:
    """Return when somebody is busy, as clocks in UTC show it."""
    return [f"{each.start:%m-%dT%H:%M}/{each.end:%m-%dT%H:%M}" for each in list_busy(text, span, BERLIN)]


LATER = "RECURRENCE-ID;RANGE=THISANDFUTURE"
LINE, ZONE = "CALENDAR_LINE_UNREADABLE", "CALENDAR_ZONE_UNKNOWN"
OUTLOOK = calendar(
    "METHOD:PUBLISH",
    "BEGIN:VTIMEZONE",
    "TZID:W. Europe Standard Time",
    "BEGIN:STANDARD",
    "DTSTART:16010101T030000",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:16010101T020000",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
    "END:DAYLIGHT",
    "END:VTIMEZONE",
    "BEGIN:VEVENT",
    "UID:040000008200E00074C5B7101A82E008",
    "DTSTART;TZID=W. Europe Standard Time:20300326T090000",
    "DTEND;TZID=W. Europe Standard Time:20300326T100000",
    "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=TU",
    "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
    "SUMMARY:Weekly",
    "END:VEVENT",
)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        pytest.param(
            event("DTSTART:20300502T070000Z", "DTEND:20300502T080000Z"), ["05-02T07:00/05-02T08:00"], id="in UTC"
        ),
        pytest.param(
            event("DTSTART:20300502T090000", "DTEND:20300502T100000"), ["05-02T07:00/05-02T08:00"], id="without zone"
        ),
        pytest.param(
            event("DTSTART;TZID=Asia/Tokyo:20300502T090000", "DURATION:PT90M"),
            ["05-02T00:00/05-02T01:30"],
            id="lasting",
        ),
        pytest.param(event("DTSTART;VALUE=DATE:20300502"), ["05-01T22:00/05-02T22:00"], id="a whole day"),
        pytest.param(
            event("DTSTART;VALUE=DATE:20300330", "DTEND;VALUE=DATE:20300401"),
            ["03-29T23:00/03-31T22:00"],
            id="days of which one loses an hour",
        ),
        pytest.param(
            OUTLOOK,
            ["03-26T08:00/03-26T09:00", "04-02T07:00/04-02T08:00", "04-09T07:00/04-09T08:00"],
            id="weekly over the change of clocks, in Outlook's zone",
        ),
        pytest.param(
            event("DTSTART;TZID=W. Europe Standard Time:20300502T090000", "DURATION:PT1H"),
            ["05-02T07:00/05-02T08:00"],
            id="Outlook's zone without its rules",
        ),
        pytest.param(event("DTSTART:20300502T070000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT"), [], id="marked as free"),
        pytest.param(event("DTSTART:20300502T070000Z", "DURATION:PT1H", "STATUS:CANCELLED"), [], id="cancelled"),
        pytest.param(
            event("DTSTART:20300502T070000Z", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"),
            [],
            id="Outlook's free",
        ),
        pytest.param(
            event(
                "DTSTART:20300501T070000Z",
                "DURATION:PT1H",
                "RRULE:FREQ=DAILY;UNTIL=20300504T070000Z",
                "EXDATE:20300502T070000Z",
                "RDATE:20300510T070000Z",
            ),
            [
                "05-01T07:00/05-01T08:00",
                "05-03T07:00/05-03T08:00",
                "05-04T07:00/05-04T08:00",
                "05-10T07:00/05-10T08:00",
            ],
            id="with exceptions",
        ),
        pytest.param(
            calendar(
                *vevent("UID:1", "DTSTART:20300501T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"),
                *vevent("UID:1", "RECURRENCE-ID:20300502T070000Z", "DTSTART:20300502T120000Z", "DURATION:PT1H"),
            ),
            ["05-01T07:00/05-01T08:00", "05-02T12:00/05-02T13:00"],
            id="one of a series moved",
        ),
        pytest.param(
            calendar(
                "BEGIN:VFREEBUSY",
                "UID:1",
                "FREEBUSY;FBTYPE=BUSY:20300502T070000Z/20300502T080000Z,20300503T070000Z/PT30M",
                "FREEBUSY;FBTYPE=FREE:20300504T070000Z/PT1H",
                "END:VFREEBUSY",
            ),
            ["05-02T07:00/05-02T08:00", "05-03T07:00/05-03T07:30"],
            id="free and busy times",
        ),
        pytest.param(
            calendar(
                *vevent("UID:1", "DTSTART:20300502T070000Z", "DURATION:PT1H"),
                *vevent("UID:2", "DTSTART:20300502T080000Z", "DURATION:PT1H"),
            ),
            ["05-02T07:00/05-02T09:00"],
            id="one after the other",
        ),
        pytest.param(event("DTSTART:20310101T000000Z", "DURATION:PT1H"), [], id="beyond the span"),
        pytest.param(
            event("DTSTART:20300228T230000Z", "DURATION:PT2H"), ["03-01T00:00/03-01T01:00"], id="reaching into the span"
        ),
        pytest.param(calendar(), [], id="nothing"),
        pytest.param(
            event("DTSTART;TZID=Europe/Berlin:20300331T023000", "DURATION:PT1H"),
            ["03-31T01:30/03-31T02:30"],
            id="at a time that the clocks skip",
        ),
        pytest.param(
            event("DTSTART;TZID=Europe/Berlin:20300330T120000", "DURATION:PT24H"),
            ["03-30T11:00/03-31T11:00"],
            id="hours go by the clock",
        ),
        pytest.param(
            event("DTSTART;TZID=Europe/Berlin:20300330T120000", "DURATION:P1D"),
            ["03-30T11:00/03-31T10:00"],
            id="days go by the calendar",
        ),
        pytest.param(
            event("DTSTART;TZID=Europe/Berlin:20300502T070000Z", "DURATION:PT1H"),
            ["05-02T07:00/05-02T08:00"],
            id="a zone beside UTC",
        ),
        pytest.param(
            event("DTSTART:20300502T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20300503"),
            ["05-02T07:00/05-02T08:00", "05-03T07:00/05-03T08:00"],
            id="until a day",
        ),
        pytest.param(
            calendar(
                *vevent("UID:1", "DTSTART:20300502T070000Z", "DURATION:PT1H"),
                *vevent("UID:1", "DTSTART:20300503T070000Z", "DURATION:PT1H"),
            ),
            ["05-02T07:00/05-02T08:00", "05-03T07:00/05-03T08:00"],
            id="two with one id",
        ),
        pytest.param(
            calendar(
                *vevent("UID:1", "SEQUENCE:1", "DTSTART:20300502T070000Z", "DURATION:PT1H"),
                *vevent("UID:1", "SEQUENCE:0", "DTSTART:20300503T070000Z", "DURATION:PT1H"),
            ),
            ["05-02T07:00/05-02T08:00"],
            id="a former version",
        ),
        pytest.param(
            event("DTSTART;VALUE=DATE:20300502", "DTEND;VALUE=DATE:20300502"),
            ["05-01T22:00/05-02T22:00"],
            id="a day that ends when it starts",
        ),
        pytest.param(
            calendar(
                *vevent("UID:1", "DTSTART:20300501T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
                *vevent("UID:1", f"{LATER}:20300502T070000Z", "DTSTART:20300502T090000Z", "DURATION:PT2H"),
            ),
            ["05-01T07:00/05-01T08:00", "05-02T09:00/05-02T11:00", "05-03T09:00/05-03T11:00"],
            id="all later ones moved",
        ),
        pytest.param(
            calendar("METHOD:CANCEL", *vevent("UID:1", "DTSTART:20300502T070000Z", "DURATION:PT1H")),
            [],
            id="called off",
        ),
        pytest.param(
            event("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20300502T090000", "DURATION:PT1H"),
            ["05-02T07:00/05-02T08:00"],
            id="Thunderbird's zone",
        ),
        pytest.param(
            calendar(
                "X-WR-TIMEZONE:Asia/Tokyo",
                *vevent("UID:1", "DTSTART:20300502T090000", "DURATION:PT1H"),
            ),
            ["05-02T00:00/05-02T01:00"],
            id="a calendar with a zone of its own",
        ),
        pytest.param(
            event(
                *(
                    "DTSTART:20300502T070000Z",
                    "DTEND:",
                    "DURATION:PT1H",
                    "EXDATE:",
                    "LOCATION:",
                    "GEO:",
                    "PRIORITY:junk",
                ),
                *('ATTENDEE;CN="Joe "x":mailto:a', "BEGIN:VALARM", "TRIGGER:junk", "END:VALARM"),
            ),
            ["05-02T07:00/05-02T08:00"],
            id="what does not matter, wrong or empty",
        ),
        pytest.param(
            "\ufeff" + event("DTSTART:20300502T070000Z", "DURATION:PT1H") + "\x1a",
            ["05-02T07:00/05-02T08:00"],
            id="marks at both ends",
        ),
        pytest.param(
            calendar(
                *vevent("UID:1", "DTSTART;VALUE=DATE:99991231", "DTEND;VALUE=DATE:99991231"),
                *vevent("UID:2", "DTSTART:00010101T000000", "RRULE:FREQ=YEARLY"),
            ),
            [],
            id="at both ends of time",
        ),
        pytest.param(
            event(
                "DTSTART:20300501T070000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2;X-NOTE=1", "EXRULE:FREQ=DAILY"
            ),
            [],
            id="a rule that takes away",
        ),
        pytest.param(
            event("SUMMARY:Two", " lines;and a comma\\, too", "DTSTART:2030050", " 2T070000Z", "DURATION:PT1H"),
            ["05-02T07:00/05-02T08:00"],
            id="folded",
        ),
    ],
)
def test_busy_is_what_the_calendar_says(text: str, spans: list[str]) -> None:
    assert busy(text) == spans
    assert busy(text.replace("\r\n", "\n")) == spans
    assert busy(text.replace("\r\n", "\r")) == spans


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("", "CALENDAR_INCOMPLETE", 1),
        ("hello", "CALENDAR_LINE_UNREADABLE", 1),
        ("BEGIN:VCALENDAR\nVERSION:2.0\n", "CALENDAR_INCOMPLETE", 1),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n", "CALENDAR_INCOMPLETE", 2),
        (event("broken line"), "CALENDAR_LINE_UNREADABLE", 7),
        (event("DTSTART:20300502T070000Z", "DTEND:20300502T0800XX"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=SOMETIMES"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("SUMMARY:No start"), "CALENDAR_INCOMPLETE", 4),
        (event("DTSTART;TZID=Mars/Olympus:20300502T070000"), "CALENDAR_ZONE_UNKNOWN", 7),
        (event("DTSTART:20300502T070000Z", "DTEND:20300501T070000Z"), "CALENDAR_END_BEFORE_START", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=SECONDLY"), "CALENDAR_TOO_FREQUENT", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=DAILY;BYMINUTE=0,1,2"), "CALENDAR_TOO_FREQUENT", 8),
        (event("DTSTART:20300502T070000Z") + "END:VEVENT\n", "CALENDAR_LINE_UNREADABLE", 10),
        (event("DTSTART:20300502T070000Z", "DTSTART:20300503T070000Z"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART:20300502T070000Z", "DURATION:-PT1H"), "CALENDAR_END_BEFORE_START", 8),
        (event("DTSTART:20300502T070000Z", "DURATION:P"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART;VALUE=DATE:20300502", "DTEND:20300503T070000Z"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=DAILY;INTERVAL=0"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=DAILY;BYMONTH=13"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=MONTHLY;BYDAY=99MO"), "CALENDAR_LINE_UNREADABLE", 8),
        (event("DTSTART:20300502T070000Z", "RRULE:FREQ=DAILY", "RRULE:FREQ=XX"), "CALENDAR_LINE_UNREADABLE", 9),
        (event("DTSTART;TZID=Europe:20300502T070000"), "CALENDAR_ZONE_UNKNOWN", 7),
        ("BEGIN:VCARD\nEND:VCARD\n", "CALENDAR_INCOMPLETE", 1),
        (calendar("BEGIN:VFREEBUSY", "FREEBUSY:20300502T070000Z/PT1H", "FREEBUSY:junk", "END:VFREEBUSY"), LINE, 6),
        (calendar("BEGIN:VFREEBUSY", "FREEBUSY;TZID=Mars/X:20300502T070000/PT1H", "END:VFREEBUSY"), ZONE, 5),
        (
            calendar(
                *("BEGIN:VTIMEZONE", "TZID:Own", "BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:0100"),
                *("TZOFFSETTO:0100", "END:STANDARD", "END:VTIMEZONE"),
                *vevent("DTSTART;TZID=Own:20300502T070000"),
            ),
            LINE,
            8,
        ),
    ],
)
def test_a_calendar_that_cannot_be_read_is_refused_with_its_line(text: str, reason: str, line: int) -> None:
    with pytest.raises(Unreadable) as refusal:
        list_busy(text, SPRING, BERLIN)
    assert (refusal.value.reason, refusal.value.line) == (reason, line)


def with_own_zone(offset: str) -> str:
    """Return a calendar with an event in a zone that it defines, always under the same name."""
    return calendar(
        *("BEGIN:VTIMEZONE", "TZID:Customized Time Zone", "BEGIN:STANDARD", "DTSTART:16010101T000000"),
        *(f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}", "END:STANDARD", "END:VTIMEZONE"),
        *vevent("UID:1", "DTSTART;TZID=Customized Time Zone:20300502T150000", "DURATION:PT1H"),
    )


def test_one_calendars_zone_is_not_the_next_ones() -> None:
    assert busy(with_own_zone("+0100")) == ["05-02T14:00/05-02T15:00"]
    assert busy(with_own_zone("+0800")) == ["05-02T07:00/05-02T08:00"]
    with pytest.raises(Unreadable, match="no time zone"):
        busy(event("DTSTART;TZID=Customized Time Zone:20300502T150000"))


async def test_a_calendar_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_process, "MAX_SECONDS", 1.0)
    endless = event("DTSTART:20300502T070000Z", "RRULE:FREQ=DAILY;BYDAY=MO;BYSETPOS=5")
    with pytest.raises(InvalidArgument) as refusal:
        await calendar_process.CalendarReader().read("ics", endless, SPRING, "Europe/Berlin")
    assert refusal.value.reason == "CALENDAR_TOO_LARGE"


LINES = st.sampled_from(
    [
        *(
            "BEGIN:VCALENDAR",
            "END:VCALENDAR",
            "BEGIN:VEVENT",
            "END:VEVENT",
            "BEGIN:VFREEBUSY",
            "END:VFREEBUSY",
            "UID:1",
        ),
        *("DTSTART:20300502T070000Z", "DTSTART;VALUE=DATE:20300502", "DTEND:20300502T080000Z", "DURATION:PT1H"),
        *(
            "DURATION:-PT1H",
            "RRULE:FREQ=DAILY",
            "RRULE:FREQ=WEEKLY;UNTIL=2030",
            "EXDATE:20300502",
            "RDATE:",
            "DTSTART:",
        ),
        *("RRULE:FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2", "FREEBUSY:20300502T070000Z/PT1H", "RECURRENCE-ID:20300502"),
    ]
)


@given(st.lists(st.one_of(LINES, st.text(max_size=20)), max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    with suppress(Unreadable):
        assert all(span.start < span.end for span in list_busy("\r\n".join(lines), SPRING, BERLIN))


def instant(text: str) -> Timestamp:
    """Return an instant."""
    made = Timestamp()
    made.FromJsonString(text)
    return made


async def test_a_calendar_is_parsed_over_grpc(member: Caller) -> None:
    asked: dict[str, Any] = {"start_time": instant("2030-03-01T00:00:00Z"), "end_time": instant("2030-06-01T00:00:00Z")}
    answer = await member.ParseCalendar(pb.ParseCalendarRequest(ics=OUTLOOK, **asked))
    assert answer.busy[0].start_time.ToJsonString() == "2030-03-26T08:00:00Z"
    assert len(answer.busy) == 3
    with refused("INVALID_ARGUMENT", "CALENDAR_INCOMPLETE") as refusal:
        await member.ParseCalendar(pb.ParseCalendarRequest(ics=OUTLOOK.removesuffix("END:VCALENDAR\r\n"), **asked))
    assert refusal.fields == ["ics"]
    with refused("INVALID_ARGUMENT", "SPAN_TOO_LONG"):
        await member.ParseCalendar(
            pb.ParseCalendarRequest(
                ics=OUTLOOK, start_time=asked["start_time"], end_time=instant("2040-01-01T00:00:00Z")
            )
        )
