"""Holidays of cities within a span: which days, in which language, what is estimated, and what is not known."""

import json
from datetime import date
from pathlib import Path

import pytest
from austausch.exchange.v1 import calendars_pb2 as pb

from chassis.convert import date_of
from chassis.identity import Role
from deploy.embedded import Nats
from tests import factories
from tests.calls import Caller, Keys, RunningService
from tests.conftest import run_service
from tests.refusals import refused

Kind = pb.DateReason


def ask(*cities: str, first: date, last: date, **fields: object) -> pb.ListHolidaysRequest:
    """Return the request for the holidays of cities from one day to another."""
    days = {"from_date": factories.day(first), "to_date": factories.day(last)}
    return pb.ListHolidaysRequest(cities=[f"cities/{city}" for city in cities], **days, **fields)  # type: ignore[arg-type]


def said(answer: pb.ListHolidaysResponse) -> list[tuple[str, int, date, date, str]]:
    """Return city, kind, first and last day, and title of what is listed."""
    return [
        (each.subject, each.kind, date_of(each.start_date), date_of(each.end_date), each.title)
        for each in answer.holidays
    ]


async def test_public_holidays_and_days_off_come_in_order_in_the_readers_language(coordinator: Caller) -> None:
    answer = await coordinator.ListHolidays(
        ask("mannheim", first=date(2031, 12, 24), last=date(2031, 12, 28), language="de")
    )
    assert said(answer) == [
        ("cities/mannheim", Kind.KIND_PUBLIC_HOLIDAY, *[date(2031, 12, 25)] * 2, "Erster Weihnachtstag"),
        ("cities/mannheim", Kind.KIND_PUBLIC_HOLIDAY, *[date(2031, 12, 26)] * 2, "Zweiter Weihnachtstag"),
        ("cities/mannheim", Kind.KIND_DAY_OFF, date(2031, 12, 27), date(2031, 12, 28), ""),
    ]


async def test_cities_come_in_the_order_asked_for_each_with_its_own_week(coordinator: Caller) -> None:
    await factories.city(
        coordinator, "haifa", country_code="IL", time_zone="Asia/Jerusalem", working_week=[7, 1, 2, 3, 4]
    )
    span = {"first": date(2031, 7, 4), "last": date(2031, 7, 6)}
    answer = await coordinator.ListHolidays(ask("haifa", "mannheim", **span))
    assert said(answer) == [
        ("cities/haifa", Kind.KIND_DAY_OFF, date(2031, 7, 4), date(2031, 7, 5), ""),
        ("cities/mannheim", Kind.KIND_DAY_OFF, date(2031, 7, 5), date(2031, 7, 6), ""),
    ]
    assert said(await coordinator.ListHolidays(ask("haifa", "mannheim", **span, without_days_off=True))) == []


async def test_a_year_without_data_is_told_and_a_day_that_the_moon_decides_is_marked(coordinator: Caller) -> None:
    await factories.city(coordinator, "hebron", country_code="PS", time_zone="Asia/Hebron")
    moon = await coordinator.ListHolidays(
        ask("hebron", first=date(2030, 2, 1), last=date(2030, 2, 6), without_days_off=True)
    )
    assert [each.estimated for each in moon.holidays if each.kind == Kind.KIND_PUBLIC_HOLIDAY] == [True] * 3
    unknown = await coordinator.ListHolidays(
        ask("mannheim", first=date(2199, 12, 31), last=date(2200, 1, 1), without_days_off=True)
    )
    years = [date(2199, 12, 31), date(2200, 1, 1)]
    assert said(unknown) == [("cities/mannheim", Kind.KIND_HOLIDAYS_UNKNOWN, day, day, "") for day in years]


async def test_what_holidays_cannot_be_asked_for_is_told_by_field(coordinator: Caller) -> None:
    first = date(2031, 1, 1)
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await coordinator.ListHolidays(ask("mannheim", "atlantis", first=first, last=first))
    assert refusal.fields == ["cities[1]"]
    with refused("INVALID_ARGUMENT", "SPAN_TOO_LONG") as refusal:
        await coordinator.ListHolidays(ask("mannheim", first=first, last=date(2033, 1, 3)))
    assert refusal.fields == ["to_date"]
    with refused("INVALID_ARGUMENT", "SPAN_REVERSED"):
        await coordinator.ListHolidays(ask("mannheim", first=first, last=date(2030, 12, 31)))


@pytest.fixture
def school_holidays(tmp_path: Path) -> Path:
    """A folder with German school holidays."""
    entry = {
        "startDate": "2031-04-07",
        "endDate": "2031-04-19",
        "name": [{"language": "DE", "text": "Osterferien"}],
        "nationwide": True,
    }
    (tmp_path / "DE.json").write_text(json.dumps([entry]))
    return tmp_path


async def test_school_holidays_are_cut_to_the_span(
    school_holidays: Path, coordinator: Caller, exchange: RunningService, nats_server: Nats, keys: Keys
) -> None:
    folder = {"EXCHANGE_SCHOOL_HOLIDAYS": str(school_holidays)}
    async with run_service("exchange", exchange.settings.database_url, nats_server, keys, **folder) as schooled:
        answer = await schooled.as_(Role.EXPERT).ListHolidays(
            ask("mannheim", first=date(2031, 4, 9), last=date(2031, 4, 10))
        )
    assert said(answer) == [
        ("cities/mannheim", Kind.KIND_SCHOOL_HOLIDAYS, date(2031, 4, 9), date(2031, 4, 10), "Osterferien")
    ]
