"""Opening hours: what they mean on the days of a visit."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import Range

from services.exchange.opening_hours import list_closed
from services.exchange.scheduling.problem import Span

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY, TUESDAY = date(2031, 5, 12), date(2031, 5, 13)
DAY = 24 * 60


def hours(*spans: tuple[int, int, int]) -> list[Range[int]]:
    """Return opening hours of weekdays, 0 for Monday: first and last hour."""
    return [Range(day * DAY + start * 60, day * DAY + end * 60, bounds="[)") for day, start, end in spans]


def span(day: int, hour: int, to_day: int, to_hour: int) -> Span:
    """Return a span in May 2031, on Berlin's clocks."""
    return Span(*(datetime(2031, 5, *at, tzinfo=BERLIN).astimezone(UTC) for at in ((day, hour), (to_day, to_hour))))


def test_without_hours_it_is_always_open() -> None:
    assert list_closed([], MONDAY, TUESDAY, BERLIN) == []


def test_it_is_closed_before_between_and_after_its_hours() -> None:
    closed = list_closed(hours((0, 9, 12), (0, 13, 17), (1, 8, 24)), MONDAY, TUESDAY, BERLIN)
    assert closed == [span(12, 0, 12, 9), span(12, 12, 12, 13), span(12, 17, 13, 8)]


def test_on_a_weekday_without_hours_it_is_closed_all_day() -> None:
    assert list_closed(hours((2, 9, 17)), MONDAY, TUESDAY, BERLIN) == [span(12, 0, 14, 0)]


def test_a_time_over_midnight_is_one() -> None:
    over_midnight = [Range(20 * 60, DAY + 2 * 60, bounds="[)")]
    assert list_closed(over_midnight, MONDAY, TUESDAY, BERLIN) == [span(12, 0, 12, 20), span(13, 2, 14, 0)]


def test_hours_are_those_of_the_clocks_when_these_change() -> None:
    # On Sunday, 30 March 2031, the clocks of Berlin go forward at 2.
    day = date(2031, 3, 30)
    closed = list_closed(hours((6, 9, 24)), day, day, BERLIN)
    assert closed == [Span(datetime(2031, 3, 29, 23, tzinfo=UTC), datetime(2031, 3, 30, 7, tzinfo=UTC))]


def test_on_a_closed_day_it_is_closed_all_day_whatever_its_hours_are() -> None:
    closed_days = [(TUESDAY, TUESDAY)]
    assert list_closed(hours((0, 9, 17), (1, 9, 17)), MONDAY, TUESDAY, BERLIN, closed_days) == [
        span(12, 0, 12, 9),
        span(12, 17, 14, 0),
    ]
    assert list_closed([], MONDAY, TUESDAY, BERLIN, closed_days) == [span(13, 0, 14, 0)]
    assert list_closed([], MONDAY, MONDAY, BERLIN, closed_days) == []


def test_days_that_are_closed_from_before_until_after_are_one() -> None:
    closed_days = [(date(2031, 5, 1), TUESDAY), (TUESDAY, date(2031, 5, 31))]
    assert list_closed([], MONDAY, TUESDAY, BERLIN, closed_days) == [span(12, 0, 14, 0)]
