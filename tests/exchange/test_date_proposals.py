"""Dates for a visit: which windows there are, which is best, and what speaks for and against each."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1.exchange_pb2 import City, PostponeVisitRequest, Visit
from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.date_proposals import CityCalendar, Kind, Period, Window, Wish, propose
from services.exchange.public_holidays import PublicHoliday, list_public_holidays
from services.exchange.school_holidays import SchoolHolidays
from tests import factories
from tests.calls import Caller
from tests.factories import FIRST_DAY
from tests.refusals import refused

WEEK = frozenset({1, 2, 3, 4, 5})
SUNDAY_WEEK = frozenset({7, 1, 2, 3, 4})
MAY_DAY = PublicHoliday(date(2030, 5, 1), "May Day")


def make_wish(**fields: object) -> Wish:
    """Return a wish for three days in the first three weeks of May 2030, which begins on a Wednesday."""
    calendars = {
        name: CityCalendar(f"cities/{name}", WEEK, {2030: [MAY_DAY] if name == "host" else []})
        for name in ("host", "guest")
    }
    values = {"first": date(2030, 4, 29), "last": date(2030, 5, 17), "working_days": 3, **calendars, **fields}
    return Wish(**values)  # type: ignore[arg-type]


def kinds(window: Window) -> set[Kind]:
    """Return the kinds of what speaks for and against a window."""
    return {reason.kind for reason in window.reasons}


def test_the_best_window_has_only_working_days_and_the_earlier_comes_first() -> None:
    windows = propose(make_wish())
    assert (windows[0].first, windows[0].last) == (date(2030, 5, 6), date(2030, 5, 8))
    assert (windows[0].cost, kinds(windows[0])) == (0, {Kind.ALL_WORK})
    assert [window.cost for window in windows] == sorted(window.cost for window in windows)


def test_a_holiday_within_lengthens_the_window_and_speaks_against_it() -> None:
    window = next(window for window in propose(make_wish()) if window.first == date(2030, 4, 29))
    assert window.last == date(2030, 5, 2)
    (reason,) = window.reasons
    assert (reason.kind, reason.subject, reason.title) == (Kind.PUBLIC_HOLIDAY, "cities/host", "May Day")


def test_the_guests_week_counts_too() -> None:
    guest = CityCalendar("cities/guest", SUNDAY_WEEK, {2030: []})
    windows = {window.first: window for window in propose(make_wish(guest=guest))}
    assert windows[date(2030, 5, 7)].cost == 0
    (reason,) = windows[date(2030, 5, 8)].reasons
    assert (reason.kind, reason.first, reason.subject) == (Kind.DAY_OFF, date(2030, 5, 10), "cities/guest")


def test_a_year_without_data_is_unknown_and_not_free() -> None:
    guest = CityCalendar("cities/guest", WEEK, {2030: None})
    assert all(Kind.HOLIDAYS_UNKNOWN in kinds(window) for window in propose(make_wish(guest=guest)))
    assert all(Kind.ALL_WORK not in kinds(window) for window in propose(make_wish(guest=guest)))


def test_blocked_days_are_never_proposed() -> None:
    blocked = [Period(date(2030, 5, 7), date(2030, 5, 7))]
    assert all(not window.first <= date(2030, 5, 7) <= window.last for window in propose(make_wish(blocked=blocked)))


def test_who_is_busy_and_who_has_another_visit_speak_against() -> None:
    wish = make_wish(
        busy={"Mayor": {date(2030, 5, 6): timedelta(hours=5)}, "Controller": {}},
        visits={"visits/1": Period(date(2030, 5, 13), date(2030, 5, 14), "Kilis")},
    )
    windows = {window.first: window for window in propose(wish)}
    assert kinds(windows[date(2030, 5, 6)]) == {Kind.ALL_WORK, Kind.BUSY}
    assert kinds(windows[date(2030, 5, 13)]) == {Kind.ALL_WORK, Kind.EVERYBODY_FREE, Kind.OTHER_VISIT}
    assert windows[date(2030, 5, 7)].cost == 0


def test_a_short_appointment_speaks_against_less_than_a_long_one() -> None:
    lengths = {date(2030, 5, 6): timedelta(hours=1), date(2030, 5, 13): timedelta(hours=9)}
    windows = {window.first: window for window in propose(make_wish(busy={"Mayor": lengths}))}
    short, long = windows[date(2030, 5, 6)], windows[date(2030, 5, 13)]
    assert Kind.BUSY in kinds(short)
    assert 0 < short.cost < long.cost


@given(
    st.dates(date(2028, 1, 1), date(2031, 12, 31)),
    st.integers(0, 60),
    st.integers(1, 12),
    st.frozensets(st.integers(1, 7), min_size=1),
    st.frozensets(st.dates(date(2028, 1, 1), date(2032, 12, 31)), max_size=5),
)
def test_every_window_has_as_many_working_days_as_asked(
    first: date, length: int, working_days: int, week: frozenset[int], off: frozenset[date]
) -> None:
    by_year = {year: [PublicHoliday(day, "x") for day in sorted(off) if day.year == year] for year in range(2028, 2033)}
    host = CityCalendar("cities/host", week, by_year)
    last = first + timedelta(days=length)
    for window in propose(make_wish(first=first, last=last, working_days=working_days, host=host)):
        days = [window.first + timedelta(days=number) for number in range((window.last - window.first).days + 1)]
        assert sum(map(host.works, days)) == working_days
        assert host.works(days[0])
        assert host.works(days[-1])
        assert first <= days[0] <= days[-1] <= last


@pytest.mark.parametrize(
    ("code", "language", "day", "name"),
    [
        ("DE-BW", "de", date(2030, 1, 6), "Heilige Drei Könige"),
        ("DE-BW", "en", date(2030, 5, 1), "Labor Day"),
        ("GB-SWA", "en", date(2030, 12, 25), "Christmas Day"),
        ("PL", "de-AT", date(2030, 5, 3), "Nationalfeiertag am 3. Mai"),
    ],
)
def test_holidays_are_named_in_the_readers_language_where_the_library_has_it(
    code: str, language: str, day: date, name: str
) -> None:
    (holidays,) = list_public_holidays(code, [2030], language).values()
    assert {each.day: each.name for each in holidays or ()}[day] == name


@pytest.mark.parametrize(
    ("code", "estimated", "certain"),
    [("PS", date(2030, 2, 4), date(2030, 12, 25)), ("SG", date(2030, 2, 4), date(2030, 12, 25))],
)
def test_a_day_that_the_moon_decides_is_an_estimate(code: str, estimated: date, certain: date) -> None:
    (holidays,) = list_public_holidays(code, [2030], "en").values()
    found = {each.day: each for each in holidays or ()}
    assert (found[estimated].is_estimated, found[certain].is_estimated) == (True, False)
    assert "estimated" not in found[estimated].name


@pytest.mark.parametrize(("code", "year"), [("DE", 2200), ("XX", 2030)])
def test_of_some_years_nothing_is_known(code: str, year: int) -> None:
    assert list_public_holidays(code, [year], "en") == {year: None}


def test_school_holidays_are_read_as_openholidays_has_them(tmp_path: Path) -> None:
    entry = {
        "startDate": "2030-04-15",
        "endDate": "2030-04-27",
        "type": "School",
        "name": [{"language": "DE", "text": "Osterferien"}, {"language": "EN", "text": "Easter Holidays"}],
        "nationwide": False,
        "subdivisions": [{"code": "DE-BW", "shortName": "BW"}],
    }
    Path(tmp_path, "DE.json").write_text(json.dumps([entry]))
    school = SchoolHolidays(tmp_path)
    assert school.list_of("DE-BW", "de") == [Period(date(2030, 4, 15), date(2030, 4, 27), "Osterferien")]
    assert school.list_of("DE-BW", "tr")[0].title == "Easter Holidays"
    assert school.list_of("DE-BY", "de") == []
    Path(tmp_path, "GB.json").write_text('{"no": "list"}')
    with pytest.raises(ValueError, match=r"GB\.json"):
        SchoolHolidays(tmp_path)


def ask(**fields: object) -> pb.ProposeDatesRequest:
    """Return a question for three days in May 2030 with Swansea."""
    values = {
        "city": "cities/swansea",
        "working_days": 3,
        "earliest_date": Date(year=2030, month=4, day=29),
        "latest_date": Date(year=2030, month=5, day=31),
        **fields,
    }
    return pb.ProposeDatesRequest(**values)  # type: ignore[arg-type]


@pytest.fixture
async def swansea(coordinator: Caller) -> City:
    """A partner city."""
    return await factories.city(coordinator, "swansea", holiday_calendar="GB-WLS")


async def test_dates_are_proposed_by_both_cities_holidays(coordinator: Caller, swansea: City) -> None:
    answer = await coordinator.ProposeDates(ask(language="de", page_size=100))
    assert answer.total_size == len(answer.windows) > 10
    assert answer.windows[0].cost == 0
    told = {(reason.subject, reason.title) for window in answer.windows for reason in window.reasons}
    assert {("cities/mannheim", "Erster Mai"), ("cities/mannheim", "Christi Himmelfahrt")} <= told
    assert any(subject == swansea.name and title for subject, title in told)


async def test_other_visits_of_the_department_and_of_people_speak_against(coordinator: Caller, swansea: City) -> None:
    visit = await factories.visit(coordinator)
    person = await factories.person(coordinator)
    await factories.agenda_item(coordinator, visit.name, people=[person.name])
    dates = {"earliest_date": visit.start_date, "latest_date": visit.end_date, "working_days": 1}
    typed_otherwise = f" {visit.host_department.upper()} "
    for asked in ({"department": visit.host_department}, {"department": typed_otherwise}, {"people": [person.name]}):
        answer = await coordinator.ProposeDates(ask(**dates, **asked))
        assert answer.windows
        for window in answer.windows:
            assert (visit.name, visit.title) in {(reason.subject, reason.title) for reason in window.reasons}
    elsewhere = await coordinator.ProposeDates(ask(**dates, department="Water works"))
    assert visit.name not in {reason.subject for window in elsewhere.windows for reason in window.reasons}


async def test_a_postponed_visit_speaks_against_its_new_dates_alone(coordinator: Caller, swansea: City) -> None:
    visit = await factories.visit(coordinator)
    dates = {
        "earliest_date": visit.start_date,
        "latest_date": factories.day(FIRST_DAY + timedelta(days=9)),
        "working_days": 1,
    }

    async def list_against() -> set[int]:
        answer = await coordinator.ProposeDates(ask(**dates, department=visit.host_department))
        return {
            window.start_date.day
            for window in answer.windows
            if visit.name in {reason.subject for reason in window.reasons}
        }

    assert await list_against() == {12, 13, 14, 15, 16}
    await factories.take(coordinator, visit.name, "postpone")
    assert await list_against() == set()
    first, last = [factories.day(FIRST_DAY + timedelta(days=days)) for days in (7, 8)]
    moved = PostponeVisitRequest(name=visit.name, reason="Still ill", start_date=first, end_date=last)
    await coordinator.PostponeVisit(moved)
    assert await list_against() == {19, 20}


async def test_what_dates_cannot_be_asked_for_is_told_by_field(coordinator: Caller, swansea: City) -> None:
    with refused("INVALID_ARGUMENT", "SPAN_TOO_LONG") as refusal:
        await coordinator.ProposeDates(ask(latest_date=Date(year=2032, month=1, day=1)))
    assert refusal.fields == ["latest_date"]
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await coordinator.ProposeDates(ask(city="cities/atlantis"))
    assert refusal.fields == ["city"]
    with refused("INVALID_ARGUMENT", "CITY_IS_HOME") as refusal:
        await coordinator.ProposeDates(ask(city="cities/mannheim"))
    assert refusal.fields == ["city"]
    with refused("INVALID_ARGUMENT", "CALENDAR_INCOMPLETE") as refusal:
        await coordinator.ProposeDates(ask(calendars=[pb.PersonCalendar(person="Mayor", ics="BEGIN:VCALENDAR")]))
    assert refusal.fields == ["calendars[0].ics"]
    outgoing = await coordinator.ProposeDates(ask(direction=Visit.DIRECTION_OUTGOING, page_size=1))
    assert len(outgoing.windows) == 1
