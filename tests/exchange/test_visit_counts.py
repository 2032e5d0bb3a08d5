"""How many visits begin in each month, week or day of a span, by city, and for whom."""

from datetime import date, timedelta
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb

from chassis.convert import date_of
from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.refusals import refused

Period = pb.CountVisitsRequest


def ask(period: int, first: date, last: date, **fields: Any) -> pb.CountVisitsRequest:
    """Return the request to count by a period from one day to another."""
    days = {"from_date": factories.day(first), "to_date": factories.day(last)}
    return pb.CountVisitsRequest(period=period, **days, **fields)


def said(answer: pb.CountVisitsResponse) -> list[tuple[str, date, int]]:
    """Return what is counted: city, first day, number."""
    return [(each.city.removeprefix("cities/"), date_of(each.start_date), each.visits) for each in answer.counts]


async def add_visits(coordinator: Caller, city: str, *days: tuple[date, int]) -> pb.Exchange:
    """Create a city with visits: the first day of each, and how many days it goes on; return their exchange."""
    place = await factories.city(coordinator, city)
    exchange = await factories.exchange(coordinator, (await factories.partnership(coordinator, place.name)).name)
    for first, more in days:
        last = factories.day(first + timedelta(days=more))
        await factories.visit(coordinator, exchange.name, start_date=factories.day(first), end_date=last)
    return exchange


@pytest.mark.parametrize(
    ("period", "counted"),
    [
        # The first of April 2031 is a Tuesday.
        (Period.PERIOD_MONTH, [(date(2031, 4, 1), 3), (date(2031, 5, 1), 1)]),
        (Period.PERIOD_WEEK, [(date(2031, 4, 1), 2), (date(2031, 4, 7), 1), (date(2031, 4, 28), 1)]),
        (
            Period.PERIOD_DAY,
            [(date(2031, 4, 1), 1), (date(2031, 4, 6), 1), (date(2031, 4, 7), 1), (date(2031, 5, 1), 1)],
        ),
    ],
)
async def test_visits_are_counted_where_they_begin_and_older_ones_at_the_beginning(
    period: int, counted: list[tuple[date, int]], coordinator: Caller
) -> None:
    await add_visits(
        coordinator,
        "swansea",
        (date(2031, 3, 1), 30),  # over before the span begins
        (date(2031, 3, 30), 3),
        (date(2031, 4, 6), 0),
        (date(2031, 4, 7), 40),
        (date(2031, 5, 1), 0),
        (date(2031, 7, 1), 0),
    )
    answer = await coordinator.CountVisits(ask(period, date(2031, 4, 1), date(2031, 6, 30)))
    assert said(answer) == [("swansea", day, number) for day, number in counted]


async def test_counts_have_the_filters_of_the_list(coordinator: Caller) -> None:
    day = date(2031, 5, 14)
    swansea = await add_visits(coordinator, "swansea", (day, 0), (day, 0))
    await add_visits(coordinator, "haifa", (day, 0))
    span = (Period.PERIOD_MONTH, date(2031, 1, 1), date(2031, 12, 31))
    all_of = [("haifa", date(2031, 5, 1), 1), ("swansea", date(2031, 5, 1), 2)]
    assert said(await coordinator.CountVisits(ask(*span))) == all_of
    for filters, counted in (
        ({"city": "cities/haifa"}, all_of[:1]),
        ({"exchange": swansea.name}, all_of[1:]),
        ({"state": pb.Visit.STATE_IDEA, "direction": pb.Visit.DIRECTION_INCOMING}, all_of),
        ({"state": pb.Visit.STATE_CLOSED}, []),
        ({"direction": pb.Visit.DIRECTION_OUTGOING}, []),
    ):
        assert said(await coordinator.CountVisits(ask(*span, **filters))) == counted, filters


async def test_a_partner_is_told_of_its_own_city_only(coordinator: Caller, exchange: RunningService) -> None:
    for city in ("swansea", "haifa"):
        await add_visits(coordinator, city, (date(2031, 5, 14), 0))
    partner = exchange.as_(Role.PARTNER, city="cities/haifa")
    answer = await partner.CountVisits(ask(Period.PERIOD_MONTH, date(2031, 1, 1), date(2031, 12, 31)))
    assert said(answer) == [("haifa", date(2031, 5, 1), 1)]


@pytest.mark.parametrize(
    ("last", "reason"), [(date(2030, 12, 31), "SPAN_REVERSED"), (date(2033, 1, 3), "SPAN_TOO_LONG")]
)
async def test_what_cannot_be_counted_is_told(coordinator: Caller, last: date, reason: str) -> None:
    with refused("INVALID_ARGUMENT", reason) as refusal:
        await coordinator.CountVisits(ask(Period.PERIOD_DAY, date(2031, 1, 1), last))
    assert refusal.fields == ["to_date"]
