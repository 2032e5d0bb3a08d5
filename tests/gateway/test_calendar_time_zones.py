"""What a calendar file says of clocks, as read by somebody who knows nothing else of them."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical

from gateway.pages.calendar_files.time_zones import make_zone

HOURS = 366 * 24


@pytest.mark.parametrize(
    "name",
    [
        *("Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Toronto", "Asia/Hebron"),
        *("Asia/Jerusalem", "Asia/Shanghai", "Asia/Kolkata", "Africa/Casablanca", "America/Sao_Paulo"),
        *("Australia/Lord_Howe", "Pacific/Chatham", "UTC"),
    ],
)
def test_every_hour_of_a_year_is_read_as_it_was_meant(name: str) -> None:
    text = make_zone(name, date(2030, 3, 30), date(2030, 10, 27)).to_ical().decode()
    read, known = tzical(StringIO(text)).get(), ZoneInfo(name)
    for hour in range(HOURS):
        local = datetime(2030, 1, 1) + timedelta(hours=hour)  # noqa: DTZ001 -- what clocks show
        meant = local.replace(tzinfo=known).astimezone(UTC)
        if meant.astimezone(known).replace(tzinfo=None) == local:  # which they do show
            assert local.replace(tzinfo=read).astimezone(UTC) == meant


def test_clocks_are_put_forward_and_back_at_what_they_show_until_then() -> None:
    text = make_zone("Europe/Berlin", date(2030, 3, 30), date(2030, 3, 31)).to_ical().decode()
    lines = text.split("\r\n")
    spring, autumn = lines.index("DTSTART:20300331T020000"), lines.index("DTSTART:20301027T030000")
    assert lines[spring - 1 : spring + 4] == [
        "BEGIN:DAYLIGHT",
        "DTSTART:20300331T020000",
        "TZNAME:CEST",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200",
    ]
    assert lines[autumn - 1] == "BEGIN:STANDARD"
