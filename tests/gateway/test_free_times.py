"""Free times for an item of a programme."""

from datetime import date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.visits.free_times import Break, DayHours, Span, find_free_spans

DAYS = [date(2030, 5, 14), date(2030, 5, 15)]
LUNCH, TEA = Break("Lunch", time(12, 30), time(13, 30)), Break("Tea", time(16), time(16, 15))
HOURS = DayHours(time(7, 30), time(21), (LUNCH, TEA))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Some minutes on one of the days, at most four hours."""
    start = datetime.combine(draw(st.sampled_from(DAYS)), time()) + timedelta(minutes=draw(st.integers(0, 20 * 60)))
    return Span(start, start + timedelta(minutes=draw(st.integers(1, 240))))


@given(wanted=spans(), taken=st.lists(spans(), max_size=8), count=st.integers(0, 4))
def test_what_is_proposed_is_free_within_the_hours_of_a_day(wanted: Span, taken: list[Span], count: int) -> None:
    found = find_free_spans(wanted, taken, DAYS, HOURS, count)
    assert len(found) <= count
    for place, span in enumerate(found):
        assert span.end - span.start == wanted.end - wanted.start
        assert span.start.date() == span.end.date()
        assert HOURS.start <= span.start.time() < span.end.time() <= HOURS.end
        breaks = [
            Span(*(datetime.combine(span.start.date(), moment) for moment in (each.start, each.end)))
            for each in HOURS.breaks
        ]
        assert not any(span.overlaps(other) for other in [*taken, *found[:place], *breaks])


@given(wanted=spans(), taken=st.lists(spans(), max_size=8))
def test_the_nearest_comes_first(wanted: Span, taken: list[Span]) -> None:
    distances = [abs(span.start - wanted.start) for span in find_free_spans(wanted, taken, DAYS, HOURS, 4)]
    assert distances == sorted(distances)


WHOLE_DAYS = [Span(datetime.combine(day, time()), datetime.combine(day, time()) + timedelta(days=1)) for day in DAYS]
MORNINGS = [Span(datetime.combine(day, time(7, 30)), datetime.combine(day, time(8, 30))) for day in DAYS]


def test_a_full_day_leads_to_the_next() -> None:
    assert find_free_spans(MORNINGS[0], WHOLE_DAYS[:1], DAYS, HOURS, 1) == MORNINGS[1:]


def test_a_break_is_free_on_the_days_that_have_none() -> None:
    noon = Span(datetime.combine(DAYS[0], time(12, 30)), datetime.combine(DAYS[0], time(13, 30)))
    hours = DayHours(breaks=(Break("Lunch", time(12, 30), time(13, 30), frozenset(DAYS[:1])),))
    assert find_free_spans(noon, [], DAYS, hours, 1) == [noon]
    assert noon not in find_free_spans(noon, [], DAYS[1:], hours, 1)


def test_nothing_is_proposed_where_nothing_is_free() -> None:
    assert find_free_spans(MORNINGS[0], WHOLE_DAYS, DAYS, HOURS, 3) == []
