"""How much of rooms' and people's time is booked on each day, and who may see it."""

from datetime import UTC, timedelta

import pytest
from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1 import exchange_pb2
from sqlalchemy import text

from chassis.convert import date_of
from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.refusals import refused

Kinds = pb.ListOccupanciesRequest
FIRST = factories.FIRST_DAY


def ask(kind: int, days: int = 5, **fields: object) -> pb.ListOccupanciesRequest:
    """Return the request for so many days from the visits' first day on."""
    span = {"from_date": factories.day(FIRST), "to_date": factories.day(FIRST + timedelta(days=days - 1))}
    return pb.ListOccupanciesRequest(kind=kind, **span, **fields)  # type: ignore[arg-type]


def said(answer: pb.ListOccupanciesResponse) -> dict[str, list[tuple[int, int, int]]]:
    """Return title → day of the visit, minutes and items."""
    return {
        each.title: [((date_of(day.date) - FIRST).days, day.minutes, day.items) for day in each.days]
        for each in answer.occupancies
    }


async def test_what_is_booked_is_added_up_by_day_and_what_is_free_is_listed_too(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    chamber = await factories.room(coordinator, display_name="Council chamber")
    await factories.room(coordinator, display_name="Turm")
    for start, end in ((factories.at(9), factories.at(10)), (factories.at(14), factories.at(15, 30))):
        await factories.agenda_item(coordinator, visit.name, room=chamber.name, start_time=start, end_time=end)
    late = {"start_time": factories.at(23, days=1), "end_time": factories.at(1, days=2)}
    await factories.agenda_item(coordinator, visit.name, room=chamber.name, **late)
    assert said(await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM))) == {
        "Council chamber": [(0, 150, 2), (1, 120, 1)],
        "Turm": [],
    }
    # What began on the day before the span counts there.
    first = factories.day(FIRST + timedelta(days=2))
    later = ask(Kinds.KIND_ROOM)
    later.from_date.CopyFrom(first)
    assert said(await coordinator.ListOccupancies(later))["Council chamber"] == []


async def test_what_the_release_before_has_booked_is_added_up_as_well(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    room = await factories.room(coordinator, display_name="Turm")
    for hour in (9, 11):
        start, end = factories.at(hour), factories.at(hour + 1)
        await factories.agenda_item(coordinator, visit.name, room=room.name, start_time=start, end_time=end)
    async with exchange.database.begin() as session:
        await session.execute(
            text("UPDATE bookings SET home_day = NULL WHERE lower(period) = :start"),
            {"start": factories.at(9).ToDatetime(UTC)},
        )
    assert said(await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM))) == {"Turm": [(0, 120, 2)]}


async def test_a_new_time_zone_of_the_home_city_changes_the_days(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    room = await factories.room(coordinator, display_name="Turm")
    late = {"start_time": factories.at(23, 30), "end_time": factories.at(1, days=1)}
    await factories.agenda_item(coordinator, visit.name, room=room.name, **late)
    assert said(await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM))) == {"Turm": [(0, 90, 1)]}
    home = await coordinator.GetCity(exchange_pb2.GetCityRequest(name="cities/mannheim"))
    home.time_zone = "Europe/Helsinki"
    await coordinator.UpdateCity(exchange_pb2.UpdateCityRequest(city=home, update_mask={"paths": ["time_zone"]}))
    assert said(await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM))) == {"Turm": [(1, 90, 1)]}


async def test_a_cancelled_visit_occupies_nothing(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    room = await factories.room(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    await factories.take(coordinator, visit.name, "cancel")
    assert said(await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM))) == {room.display_name: []}


async def test_interpreters_are_people_with_pairs_of_languages(coordinator: Caller, member: Caller) -> None:
    visit = await factories.visit(coordinator)
    interpreter = await factories.person(coordinator, function="Interpreter", language_pairs=["de-en"])
    mayor = await factories.person(coordinator, function="Mayor", languages=["de", "en"])
    await factories.agenda_item(coordinator, visit.name, people=[interpreter.name, mayor.name])
    assert said(await member.ListOccupancies(ask(Kinds.KIND_INTERPRETER))) == {"Interpreter": [(0, 60, 1)]}
    assert said(await member.ListOccupancies(ask(Kinds.KIND_PERSON))) == {
        "Interpreter": [(0, 60, 1)],
        "Mayor": [(0, 60, 1)],
    }


async def test_administrators_see_rooms_and_not_people(coordinator: Caller, exchange: RunningService) -> None:
    administrator = exchange.as_(Role.ADMINISTRATOR)
    assert said(await administrator.ListOccupancies(ask(Kinds.KIND_ROOM))) == {}
    for kind in (Kinds.KIND_PERSON, Kinds.KIND_INTERPRETER):
        with refused("PERMISSION_DENIED", "ROLE_MISSING"):
            await administrator.ListOccupancies(ask(kind))


async def test_rooms_are_listed_before_there_is_a_home_city(exchange: RunningService) -> None:
    office = exchange.as_(Role.COORDINATOR)
    await factories.room(office, display_name="Turm")
    assert said(await office.ListOccupancies(ask(Kinds.KIND_ROOM))) == {"Turm": []}


async def test_occupancies_come_by_pages(coordinator: Caller) -> None:
    for name in ("Aula", "Bibliothek", "Turm"):
        await factories.room(coordinator, display_name=name)
    first = await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM, page_size=2))
    second = await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM, page_size=2, page_token=first.next_page_token))
    assert [list(said(first)), list(said(second))] == [["Aula", "Bibliothek"], ["Turm"]]
    assert (first.total_size, second.next_page_token) == (3, "")


@pytest.mark.parametrize(("days", "reason"), [(0, "SPAN_REVERSED"), (734, "SPAN_TOO_LONG")])
async def test_a_span_is_two_years_at_most(coordinator: Caller, days: int, reason: str) -> None:
    with refused("INVALID_ARGUMENT", reason) as refusal:
        await coordinator.ListOccupancies(ask(Kinds.KIND_ROOM, days))
    assert refusal.fields == ["to_date"]
