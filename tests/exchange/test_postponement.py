"""A visit that is postponed takes its programme along, as far as that can be."""

from datetime import date, timedelta
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from tests import factories
from tests.calls import Caller
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused


async def postpone(caller: Caller, visit: pb.Visit, days: int | None = None, length: int = 5) -> pb.Visit:
    """Postpone a visit by some days; its new dates are not known where `days` is None."""
    dates: dict[str, Any] = {}
    if days is not None:
        first = FIRST_DAY + timedelta(days=days)
        dates = {"start_date": day(first), "end_date": day(first + timedelta(days=length - 1))}
    return await caller.PostponeVisit(pb.PostponeVisitRequest(name=visit.name, reason="The mayor is ill.", **dates))


async def list_items(caller: Caller, visit: pb.Visit) -> list[pb.AgendaItem]:
    listed = await caller.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))
    return list(listed.agenda_items)


async def test_with_new_dates_the_programme_moves_to_the_same_time_of_the_day(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    item = await factories.agenda_item(
        coordinator, visit.name, room=room.name, earliest_start_time=at(8), latest_end_time=at(18)
    )
    # Over the end of summer time, which is on 26 October 2031.
    moved = await postpone(coordinator, visit, 175)
    assert (moved.state, moved.start_date) == (pb.Visit.STATE_POSTPONED, day(FIRST_DAY + timedelta(days=175)))
    assert "agree" in moved.allowed_transitions
    stored = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))
    assert (stored.start_time, stored.end_time) == (at(9, days=175), at(10, days=175))
    assert (stored.earliest_start_time, stored.latest_end_time) == (at(8, days=175), at(18, days=175))
    await factories.agenda_item(coordinator, other.name, room=room.name)
    late = await factories.visit(coordinator, start_date=moved.start_date, end_date=moved.end_date)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(
            coordinator, late.name, room=room.name, start_time=at(9, days=175), end_time=at(10, days=175)
        )


async def test_what_cannot_take_place_on_the_new_days_loses_its_time(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    taken = {"room": room.name, "start_time": at(9, days=2), "end_time": at(10, days=2)}
    await factories.agenda_item(coordinator, other.name, **taken)
    clashes = await factories.agenda_item(coordinator, visit.name, room=room.name)
    fits = await factories.agenda_item(coordinator, visit.name, start_time=at(14), end_time=at(15))
    too_late = await factories.agenda_item(coordinator, visit.name, start_time=at(9, days=4), end_time=at(10, days=4))
    await postpone(coordinator, visit, 2, length=4)
    items = await list_items(coordinator, visit)
    assert [item.name for item in items][:1] == [fits.name]
    assert {item.name for item in items if not item.HasField("start_time")} == {clashes.name, too_late.name}
    assert {item.duration_minutes for item in items} == {60}


async def test_without_new_dates_every_item_loses_its_time_and_frees_what_it_held(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    postponed = await postpone(coordinator, visit)
    (item,) = await list_items(coordinator, visit)
    assert not (item.HasField("start_time") or item.HasField("end_time"))
    assert (item.duration_minutes, item.room) == (60, room.name)
    await factories.agenda_item(coordinator, other.name, room=room.name)
    assert list(postponed.allowed_transitions) == ["cancel", "postpone"]


async def test_a_postponed_visit_without_days_gets_them_by_being_postponed_again(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, earliest_start_time=at(8), latest_end_time=at(18))
    await postpone(coordinator, visit)
    dated = await postpone(coordinator, visit, 14)
    assert (dated.state, dated.start_date) == (pb.Visit.STATE_POSTPONED, day(FIRST_DAY + timedelta(days=14)))
    assert "agree" in dated.allowed_transitions
    (item,) = await list_items(coordinator, visit)
    # Its time is lost since the first time; what bounds it has come along.
    assert not item.HasField("start_time")
    assert (item.earliest_start_time, item.latest_end_time) == (at(8, days=14), at(18, days=14))
    assert (await factories.take(coordinator, visit.name, "agree")).state == pb.Visit.STATE_AGREED


async def test_a_postponed_visit_is_postponed_to_other_days_and_takes_its_programme_along(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    await postpone(coordinator, visit, 7)
    request = pb.PostponeVisitRequest(
        name=visit.name, reason="A strike", start_date=day(FIRST_DAY + timedelta(days=21)),
        end_date=day(FIRST_DAY + timedelta(days=25)),
    )  # fmt: skip
    again = await coordinator.PostponeVisit(request)
    assert (again.reason, again.start_date) == ("A strike", request.start_date)
    (item,) = await list_items(coordinator, visit)
    assert (item.start_time, item.end_time) == (at(9, days=21), at(10, days=21))
    # The room is free on the days that the visit was taken off last.
    other = await factories.visit(coordinator, start_date=day(FIRST_DAY + timedelta(days=7)), end_date=again.end_date)
    times = {"start_time": at(9, days=7), "end_time": at(10, days=7)}
    await factories.agenda_item(coordinator, other.name, room=room.name, **times)


async def test_the_new_days_of_a_postponed_visit_may_turn_out_to_be_open(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.delegate(coordinator, visit.name, display_name="Rhiannon Price")
    await factories.agenda_item(coordinator, visit.name)
    await postpone(coordinator, visit, 7)
    lost = await postpone(coordinator, visit)
    assert "agree" not in lost.allowed_transitions
    (item,) = await list_items(coordinator, visit)
    assert not item.HasField("start_time")
    with refused("FAILED_PRECONDITION", "NEW_DATES_DUE"):
        await factories.take(coordinator, visit.name, "agree")
    # Who was to travel is free on the days that the visit was taken off.
    other = await factories.visit(
        coordinator, visit.exchange, start_date=lost.start_date, end_date=lost.end_date, title="Another"
    )
    await factories.delegate(coordinator, other.name, display_name="Rhiannon Price")


async def test_the_days_that_a_postponed_visit_has_are_no_new_ones(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await postpone(coordinator, visit, 7)
    with refused("INVALID_ARGUMENT", "DATES_UNCHANGED"):
        await postpone(coordinator, visit, 7)
    await postpone(coordinator, visit)
    with refused("INVALID_ARGUMENT", "DATES_UNCHANGED"):
        await postpone(coordinator, visit, 7)
    assert (await postpone(coordinator, visit, 0)).start_date == day(FIRST_DAY)


async def test_one_new_date_or_the_old_ones_are_refused_and_nothing_changes(coordinator: Caller) -> None:
    name = (await factories.visit(coordinator)).name
    await factories.agenda_item(coordinator, name)
    visit = await coordinator.GetVisit(pb.GetVisitRequest(name=name))
    for given, missing in (("start_date", "end_date"), ("end_date", "start_date")):
        request = pb.PostponeVisitRequest(name=visit.name, reason="Ill", **{given: day(FIRST_DAY)})
        with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
            await coordinator.PostponeVisit(request)
        assert refusal.fields == [missing]
    with refused("INVALID_ARGUMENT", "DATES_UNCHANGED"):
        await postpone(coordinator, visit, 0)
    with refused("INVALID_ARGUMENT", "LAST_DAY_BEFORE_FIRST"):
        await postpone(coordinator, visit, 2, length=0)
    assert await coordinator.GetVisit(pb.GetVisitRequest(name=visit.name)) == visit
    assert (await list_items(coordinator, visit))[0].start_time == at(9)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [(at(2, 30), at(3), 30), (at(23), at(5, days=1), 360), (at(1), at(1, days=1), 1440)],
)
async def test_an_item_lasts_as_long_on_the_day_on_which_the_clocks_change(
    coordinator: Caller, start: Timestamp, end: Timestamp, minutes: int
) -> None:
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, start_time=start, end_time=end)
    for first in (date(2031, 3, 30), date(2031, 10, 25), date(2031, 10, 26)):
        copy = await factories.visit(coordinator)
        await factories.agenda_item(coordinator, copy.name, start_time=start, end_time=end)
        request = pb.PostponeVisitRequest(
            name=copy.name, reason="x", start_date=day(first), end_date=day(first + timedelta(days=4))
        )
        await coordinator.PostponeVisit(request)
        (moved,) = await list_items(coordinator, copy)
        assert moved.end_time.seconds - moved.start_time.seconds == 60 * minutes
        assert moved.duration_minutes == minutes == item.duration_minutes
        renamed = pb.UpdateAgendaItemRequest(agenda_item=pb.AgendaItem(name=moved.name, title="Renamed"))
        await coordinator.UpdateAgendaItem(renamed)


async def test_what_bounds_an_item_waits_for_the_new_days_with_it(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, earliest_start_time=at(9), latest_end_time=at(12, days=1))
    await postpone(coordinator, visit)
    first = FIRST_DAY + timedelta(days=14)
    dates = pb.Visit(name=visit.name, start_date=day(first), end_date=day(first + timedelta(days=4)))
    await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=dates))
    (item,) = await list_items(coordinator, visit)
    assert (item.earliest_start_time, item.latest_end_time) == (at(9, days=14), at(12, days=15))


async def test_a_day_more_at_the_beginning_moves_no_bounds(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    bounds = {"earliest_start_time": at(9, days=2), "latest_end_time": at(18, days=2)}
    await factories.unplaced_item(coordinator, visit.name, **bounds)
    for days in (-1, 1, 0):
        longer = pb.Visit(name=visit.name, start_date=day(FIRST_DAY + timedelta(days=days)))
        await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=longer))
        (item,) = (await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))).agenda_items
        assert (item.earliest_start_time, item.latest_end_time) == (at(9, days=2), at(18, days=2))
    week = {field: day(FIRST_DAY + timedelta(days=days)) for field, days in (("start_date", 7), ("end_date", 11))}
    await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=pb.Visit(name=visit.name, **week)))
    (item,) = (await coordinator.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))).agenda_items
    assert item.earliest_start_time == at(9, days=9)
