"""How a span of time is drawn: its columns, what lies side by side, and days to scale."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.visits.timeline import DAY, draw_timeline, stack

VIEWS = ("year", "quarter", "month")
DAYS = st.dates(date(1999, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("view", "first", "last", "columns"),
    [
        ("year", date(2031, 1, 1), date(2031, 12, 31), 12),
        ("quarter", date(2031, 4, 1), date(2031, 6, 30), 14),
        ("month", date(2031, 5, 1), date(2031, 5, 31), 31),
    ],
)
def test_a_span_is_the_calendars_own(view: str, first: date, last: date, columns: int) -> None:
    timeline = draw_timeline(view, date(2031, 5, 14))
    assert (timeline.first, timeline.last, len(timeline.columns)) == (first, last, columns)


@given(st.sampled_from(VIEWS), DAYS)
def test_columns_follow_each_other_without_gaps_and_hold_the_day(view: str, day: date) -> None:
    timeline = draw_timeline(view, day)
    ends = [end for _start, end in timeline.columns]
    assert [start for start, _end in timeline.columns[1:]] == [end + DAY for end in ends[:-1]]
    place, _ = timeline.find_columns(day, day)
    assert timeline.columns[place][0] <= day <= timeline.columns[place][1]


@given(st.sampled_from(VIEWS), DAYS)
def test_the_days_of_a_span_are_drawn_one_beside_the_other_over_its_whole_width(view: str, day: date) -> None:
    timeline = draw_timeline(view, day)
    days = [timeline.first + number * DAY for number in range((timeline.last - timeline.first).days + 1)]
    drawn = [timeline.scale(each, each) for each in days]
    ends = [start + length for start, length in drawn]
    assert drawn[0][0] == 0
    assert ends[-1] == pytest.approx(len(timeline.columns), abs=0.001)
    assert [start for start, _length in drawn[1:]] == pytest.approx(ends[:-1], abs=0.001)


def test_what_goes_beyond_a_span_is_cut_off() -> None:
    timeline = draw_timeline("month", date(2031, 5, 1))
    assert timeline.scale(date(2030, 12, 24), date(2031, 5, 2)) == (0, 2)
    assert timeline.scale(date(2031, 5, 30), date(2032, 1, 1)) == (29, 2)


@given(st.sampled_from(VIEWS), st.lists(st.tuples(st.integers(-9, 380), st.integers(0, 40)), max_size=30))
def test_every_item_lies_in_the_columns_of_its_days_and_no_two_overlap(view: str, drawn: list[tuple[int, int]]) -> None:
    timeline = draw_timeline(view, date(2031, 1, 1))
    spans = sorted((timeline.first + start * DAY, length) for start, length in drawn)
    items = [
        (first, first + length * DAY, number)
        for number, (first, length) in enumerate(spans)
        if first <= timeline.last and first + timedelta(days=length) >= timeline.first
    ]
    lanes = stack(timeline, items)
    assert lanes
    found = {}
    for lane in lanes:
        assert sum(cell.width for cell in lane) == len(timeline.columns)
        at = 0
        for cell in lane:
            if cell.item is not None:
                found[cell.item] = (at, at + cell.width - 1)
            at += cell.width
    assert found == {number: timeline.find_columns(first, last) for first, last, number in items}


def test_items_beside_each_other_share_a_lane() -> None:
    timeline = draw_timeline("month", date(2031, 5, 1))
    days = [(1, 3), (3, 5), (4, 9)]
    lanes = stack(timeline, [(date(2031, 5, first), date(2031, 5, last), first) for first, last in days])
    assert [[cell.item for cell in lane if cell.item is not None] for lane in lanes] == [[1, 4], [3]]
