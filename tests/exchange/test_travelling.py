"""One person, one delegation at a time: the database refuses the second, and the answer says what is in the way."""

import asyncio
from datetime import date, timedelta
from typing import Any

import grpc
import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis.identity import Role
from chassis.status import from_rpc_error
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import FIRST_DAY, day
from tests.refusals import refused

NAME = "Rhiannon Price"


@pytest.fixture
async def exchange_name(coordinator: Caller) -> str:
    """An exchange with Swansea."""
    swansea = await factories.city(coordinator, "swansea")
    return (await factories.exchange(coordinator, (await factories.partnership(coordinator, swansea.name)).name)).name


def days(first: int, last: int) -> dict[str, Any]:
    """Return the dates of a visit, counted from the first day of the usual one, which lasts until day 4."""
    return {
        "start_date": day(FIRST_DAY + timedelta(days=first)),
        "end_date": day(FIRST_DAY + timedelta(days=last)),
    }


async def outcome(call: Any) -> str:
    try:
        await call
    except grpc.RpcError as error:
        return from_rpc_error(error).reason
    return "OK"


async def test_nobody_is_in_two_delegations_on_one_day(coordinator: Caller, exchange_name: str) -> None:
    first = await factories.visit(coordinator, exchange_name, title="Controllers in Mannheim")
    there = await factories.delegate(coordinator, first.name, display_name=NAME)
    second = await factories.visit(coordinator, exchange_name, **days(4, 8))
    for name in (NAME, "  rhiannon   PRICE "):
        with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY") as refusal:
            await factories.delegate(coordinator, second.name, display_name=name)
        assert refusal.metadata == {
            "clashes_0_delegate_title": NAME,
            "clashes_0_start_date": "2031-05-12",
            "clashes_0_end_date": "2031-05-16",
            "clashes_0_conflict": there.name,
            "clashes_0_conflict_title": "Controllers in Mannheim",
            "clashes": "1",
        }
    renamed = await factories.delegate(coordinator, second.name, display_name="Somebody else")
    change = pb.UpdateDelegateRequest(delegate=pb.Delegate(name=renamed.name, display_name=NAME))
    with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
        await coordinator.UpdateDelegate(change)
    await coordinator.DeleteDelegate(pb.DeleteDelegateRequest(name=there.name))
    assert (await coordinator.UpdateDelegate(change)).display_name == NAME


async def test_other_days_other_cities_and_people_without_a_name_are_no_clash(
    coordinator: Caller, exchange_name: str
) -> None:
    first = await factories.visit(coordinator, exchange_name)
    for name in (NAME, ""):
        await factories.delegate(coordinator, first.name, display_name=name)
    later = await factories.visit(coordinator, exchange_name, **days(5, 8))
    elsewhere = await factories.visit(coordinator)
    abroad = await factories.visit(coordinator, exchange_name, direction=pb.Visit.DIRECTION_OUTGOING)
    for visit in (later, elsewhere, abroad):
        for name in (NAME, ""):
            await factories.delegate(coordinator, visit.name, display_name=name)


async def test_new_dates_do_not_bring_anybody_into_two_delegations(coordinator: Caller, exchange_name: str) -> None:
    first = await factories.visit(coordinator, exchange_name)
    later = await factories.visit(coordinator, exchange_name, **days(10, 12))
    for visit in (first, later):
        await factories.delegate(coordinator, visit.name, display_name=NAME)
    earlier = pb.UpdateVisitRequest(visit=pb.Visit(name=later.name, **days(4, 12)))
    with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY") as refusal:
        await coordinator.UpdateVisit(earlier)
    assert refusal.metadata["clashes_0_conflict"].startswith(first.name)
    await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=pb.Visit(name=first.name, **days(-5, 3))))
    moved = await coordinator.UpdateVisit(earlier)
    assert moved.start_date == day(FIRST_DAY + timedelta(days=4))
    (delegate,) = (await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=later.name))).delegates
    assert delegate.etag == "1", "new dates are no change of a delegate"


@pytest.mark.parametrize("verb", ["cancel", "postpone"])
async def test_a_visit_that_does_not_take_place_holds_nobody(
    coordinator: Caller, exchange_name: str, verb: str
) -> None:
    first = await factories.visit(coordinator, exchange_name)
    await factories.delegate(coordinator, first.name, display_name=NAME)
    await factories.take(coordinator, first.name, verb)
    second = await factories.visit(coordinator, exchange_name)
    await factories.delegate(coordinator, second.name, display_name=NAME)
    if verb == "postpone":
        with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
            await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=pb.Visit(name=first.name, **days(2, 6))))
        await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=pb.Visit(name=first.name, **days(12, 16))))
        third = await factories.visit(coordinator, exchange_name, **days(14, 14))
        with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
            await factories.delegate(coordinator, third.name, display_name=NAME)


async def test_of_many_who_add_one_person_at_once_exactly_one_does(coordinator: Caller, exchange_name: str) -> None:
    visits = [await factories.visit(coordinator, exchange_name) for _ in range(6)]
    outcomes = await asyncio.gather(
        *(outcome(factories.delegate(coordinator, visit.name, display_name=NAME)) for visit in visits)
    )
    assert sorted(outcomes) == ["DELEGATE_TRAVELS_ALREADY"] * 5 + ["OK"]


async def test_a_partner_adds_its_people_by_the_same_rule(
    exchange: RunningService, coordinator: Caller, exchange_name: str
) -> None:
    partner = exchange.as_(Role.PARTNER, city="cities/swansea")
    visits = [await factories.visit(coordinator, exchange_name) for _ in range(2)]
    await factories.delegate(partner, visits[0].name, display_name=NAME)
    with refused("ALREADY_EXISTS", "DELEGATE_TRAVELS_ALREADY"):
        await factories.delegate(partner, visits[1].name, display_name=NAME)


async def test_the_database_itself_refuses_a_second_delegation(
    exchange: RunningService, coordinator: Caller, exchange_name: str
) -> None:
    first = await factories.visit(coordinator, exchange_name)
    second = await factories.visit(coordinator, exchange_name, **days(30, 31))
    for visit in (first, second):
        await factories.delegate(coordinator, visit.name, display_name=NAME)
    values = {"visit": second.name.removeprefix("visits/"), "first": FIRST_DAY, "last": date(2031, 5, 20)}
    with pytest.raises(IntegrityError, match="ex_delegates_traveller_days_away_visit_id"):
        async with exchange.database.begin() as session:
            await session.execute(
                text("UPDATE delegates SET days_away = daterange(:first, :last) WHERE visit_id = :visit"), values
            )
