"""What visits hold of rooms and people, by which items, and who may see it."""

import pytest
from austausch.exchange.v1 import calendars_pb2 as pb
from austausch.exchange.v1.exchange_pb2 import Visit

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.refusals import refused


def ask(start: object = None, end: object = None, **fields: object) -> pb.ListBookingsRequest:
    """Return the request for a span; for the visits' first day unless another is given."""
    return pb.ListBookingsRequest(
        start_time=start or factories.at(0),  # type: ignore[arg-type]
        end_time=end or factories.at(0, days=1),  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )


def said(answer: pb.ListBookingsResponse) -> set[tuple[str, str, str]]:
    """Return what is booked, by which item, and of which visit."""
    return {(each.resource, each.agenda_item_title, each.visit_title) for each in answer.bookings}


async def test_what_visits_hold_is_listed_with_the_items_that_hold_it(coordinator: Caller) -> None:
    spring, autumn = [await factories.visit(coordinator, title=title) for title in ("Spring", "Autumn")]
    room, person = await factories.room(coordinator), await factories.person(coordinator)
    guest = await factories.delegate(coordinator, spring.name)
    people = [person.name, guest.name]
    talk = await factories.agenda_item(coordinator, spring.name, title="Talk", room=room.name, people=people)
    at_two = {"start_time": factories.at(14), "end_time": factories.at(15)}
    await factories.agenda_item(coordinator, autumn.name, title="Tour", room=room.name, **at_two)
    await factories.unplaced_item(coordinator, autumn.name, title="Somewhen", room=room.name)

    answer = await coordinator.ListBookings(ask())

    assert said(answer) == {
        (person.name, "Talk", "Spring"),
        (room.name, "Talk", "Spring"),
        (room.name, "Tour", "Autumn"),
    }
    first = answer.bookings[0]
    assert (first.agenda_item, first.start_time, first.end_time) == (talk.name, talk.start_time, talk.end_time)


async def test_what_only_touches_the_span_is_not_in_it(coordinator: Caller) -> None:
    visit, room = await factories.visit(coordinator), await factories.room(coordinator)
    await factories.agenda_item(coordinator, visit.name, title="Talk", room=room.name)
    for start, end, found in [
        (factories.at(8), factories.at(9), 0),
        (factories.at(8), factories.at(9, 1), 1),
        (factories.at(9, 59), factories.at(11), 1),
        (factories.at(10), factories.at(11), 0),
    ]:
        assert (await coordinator.ListBookings(ask(start, end))).total_size == found


async def test_an_evening_abroad_is_found_on_the_day_that_it_is_at_home(coordinator: Caller) -> None:
    auckland = await factories.city(coordinator, time_zone="Pacific/Auckland", country_code="NZ")
    exchange = await factories.exchange(coordinator, (await factories.partnership(coordinator, auckland.name)).name)
    visit = await factories.visit(coordinator, exchange.name, direction=Visit.DIRECTION_OUTGOING)
    person = await factories.person(coordinator)
    # Nine o'clock on the first day there is eleven o'clock in the evening before here.
    early = {
        "start_time": factories.at(9, zone=auckland.time_zone),
        "end_time": factories.at(10, zone=auckland.time_zone),
    }
    await factories.agenda_item(coordinator, visit.name, people=[person.name], **early)
    evening_before = ask(factories.at(0, days=-1), factories.at(0))
    assert (await coordinator.ListBookings(evening_before)).total_size == 1


async def test_bookings_come_by_pages(coordinator: Caller) -> None:
    visit, room = await factories.visit(coordinator), await factories.room(coordinator)
    for hour in range(9, 14):
        times = {"start_time": factories.at(hour), "end_time": factories.at(hour + 1)}
        await factories.agenda_item(coordinator, visit.name, title=f"At {hour}", room=room.name, **times)
    titles, token = [], ""
    while True:
        answer = await coordinator.ListBookings(ask(page_size=2, page_token=token))
        titles += [each.agenda_item_title for each in answer.bookings]
        assert answer.total_size == 5
        token = answer.next_page_token
        if not token:
            break
    assert sorted(titles) == sorted(f"At {hour}" for hour in range(9, 14))


async def test_partners_see_what_visits_of_their_city_hold(exchange: RunningService, coordinator: Caller) -> None:
    visits = [await factories.visit(coordinator, title=title) for title in ("Ours", "Theirs")]
    for visit, hour in zip(visits, (9, 11), strict=True):
        room = await factories.room(coordinator)
        times = {"start_time": factories.at(hour), "end_time": factories.at(hour + 1)}
        await factories.agenda_item(coordinator, visit.name, room=room.name, **times)
    partner = exchange.as_(Role.PARTNER, city=visits[0].guest_city)
    assert {visit for _, _, visit in said(await partner.ListBookings(ask()))} == {"Ours"}


@pytest.mark.parametrize(("days", "reason"), [(-1, "SPAN_REVERSED"), (63, "SPAN_TOO_LONG")])
async def test_a_span_that_is_none_or_too_long_is_refused(coordinator: Caller, days: int, reason: str) -> None:
    with refused("INVALID_ARGUMENT", reason) as refusal:
        await coordinator.ListBookings(ask(end=factories.at(0, days=days)))
    assert refusal.fields == ["end_time"]


async def test_administrators_are_told_what_is_held_of_rooms_and_not_of_people(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    room, person = await factories.room(coordinator), await factories.person(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name, people=[person.name])
    assert (await coordinator.ListBookings(ask())).total_size == 2

    answer = await exchange.as_(Role.ADMINISTRATOR).ListBookings(ask())

    assert ([each.resource for each in answer.bookings], answer.total_size) == ([room.name], 1)
