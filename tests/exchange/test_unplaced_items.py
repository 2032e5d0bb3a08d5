"""Items of a programme that have no time yet, or that get and lose it."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller
from tests.factories import at
from tests.refusals import refused

NO_TIME = {"start_time", "end_time"}


async def change(caller: Caller, item: pb.AgendaItem, *paths: str, **fields: Any) -> pb.AgendaItem:
    """Set fields of an item: those in `paths`, or all that are given."""
    request = pb.UpdateAgendaItemRequest(
        agenda_item=pb.AgendaItem(name=item.name, **fields), update_mask=FieldMask(paths=paths)
    )
    return await caller.UpdateAgendaItem(request)


def times(item: pb.AgendaItem) -> tuple[Any, Any, int]:
    """Return start, end and duration of an item; None for what it does not have."""
    start, end = (getattr(item, field) if item.HasField(field) else None for field in ("start_time", "end_time"))
    return start, end, item.duration_minutes


async def test_an_item_needs_times_or_a_duration(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await factories.unplaced_item(coordinator, visit.name, duration_minutes=0)
    assert refusal.fields == ["agenda_item.duration_minutes"]
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await factories.unplaced_item(coordinator, visit.name, duration_minutes=0, start_time=at(9))
    assert refusal.fields == ["agenda_item.end_time"]
    with refused("INVALID_ARGUMENT", "END_WITHOUT_START") as refusal:
        await factories.unplaced_item(coordinator, visit.name, end_time=at(9))
    assert refusal.fields == ["agenda_item.end_time"]
    with refused("INVALID_ARGUMENT", "DURATION_OTHER_THAN_TIMES") as refusal:
        await factories.agenda_item(coordinator, visit.name, duration_minutes=61)
    assert refusal.fields == ["agenda_item.duration_minutes"]
    assert times(await factories.unplaced_item(coordinator, visit.name)) == (None, None, 60)
    assert times(await factories.agenda_item(coordinator, visit.name, duration_minutes=60)) == (at(9), at(10), 60)
    started = await factories.unplaced_item(coordinator, visit.name, start_time=at(9), duration_minutes=45)
    assert times(started) == (at(9), at(9, 45), 45)


async def test_what_was_read_of_an_item_whose_times_have_seconds_can_be_sent_back(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    end = factories.moment(at(9, 20).ToDatetime(UTC) + timedelta(seconds=30))
    item = await factories.agenda_item(coordinator, visit.name, end_time=end)
    assert times(item) == (at(9), end, 21)
    item.title = "Tour of the port"
    changed = await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=item))
    assert (changed.title, times(changed)) == ("Tour of the port", (at(9), end, 21))


async def test_an_item_gets_and_loses_its_time(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    item = await factories.unplaced_item(coordinator, visit.name)
    assert times(await change(coordinator, item, start_time=at(9))) == (at(9), at(10), 60)
    assert times(await change(coordinator, item, duration_minutes=90)) == (at(9), at(10, 30), 90)
    assert times(await change(coordinator, item, start_time=at(8))) == (at(8), at(10, 30), 150)
    assert times(await change(coordinator, item, start_time=at(14), end_time=at(15))) == (at(14), at(15), 60)
    assert times(await change(coordinator, item, *NO_TIME)) == (None, None, 60)
    assert times(await change(coordinator, item, start_time=at(9))) == (at(9), at(10), 60)
    assert times(await change(coordinator, item, "start_time")) == (None, None, 60)


async def test_an_item_without_a_time_books_nothing_until_it_is_placed(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    room = await factories.room(coordinator)
    person = await factories.person(coordinator)
    held = await factories.agenda_item(coordinator, visit.name, room=room.name, people=[person.name])
    waiting = await factories.unplaced_item(coordinator, visit.name, room=room.name, people=[person.name])
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING") as refusal:
        await change(coordinator, waiting, start_time=at(9, 30))
    assert refusal.metadata["clashes"] == "2"
    await change(coordinator, held, *NO_TIME)
    assert times(await change(coordinator, waiting, start_time=at(9, 30))) == (at(9, 30), at(10, 30), 60)


async def test_who_interprets_may_be_open_until_an_item_has_a_time(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    guest = await factories.delegate(coordinator, visit.name, languages=["ar"])
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    item = await factories.unplaced_item(
        coordinator, visit.name, people=[guest.name], interpretation_languages=["ar", "de"]
    )
    with refused("INVALID_ARGUMENT", "INTERPRETER_LANGUAGES"):
        await change(coordinator, item, start_time=at(9))
    await change(coordinator, item, start_time=at(9), interpreter=amira.name)


async def test_items_without_a_time_come_last_in_the_programme_over_pages(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    waiting = [await factories.unplaced_item(coordinator, visit.name) for _ in range(3)]
    placed = [
        await factories.agenda_item(coordinator, visit.name, start_time=at(hour), end_time=at(hour + 1))
        for hour in (9, 14)
    ]
    names, token = [], ""
    while True:
        request = pb.ListAgendaItemsRequest(parent=visit.name, page_size=2, page_token=token)
        page = await coordinator.ListAgendaItems(request)
        names += [item.name for item in page.agenda_items]
        token = page.next_page_token
        if not token:
            break
    assert names == [item.name for item in placed] + sorted(item.name for item in waiting)
    programme = await coordinator.GetProgramme(pb.GetProgrammeRequest(name=f"{visit.name}/programme"))
    assert [item.name for item in programme.agenda_items] == names


async def test_a_visit_may_get_shorter_while_items_wait_for_a_time(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.unplaced_item(coordinator, visit.name)
    shorter = pb.Visit(name=visit.name, end_date=visit.start_date)
    assert (await coordinator.UpdateVisit(pb.UpdateVisitRequest(visit=shorter))).end_date == visit.start_date


async def test_what_an_item_needs_comes_back_as_it_was_sent(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, head_count=12)
    assert visit.head_count == 12
    guest = await factories.delegate(coordinator, visit.name, group=pb.Delegate.GROUP_STAFF, email="a@b.example")
    assert (guest.group, guest.email) == (pb.Delegate.GROUP_STAFF, "a@b.example")
    fields = {
        "optional_people": [guest.name],
        "groups": [pb.Delegate.GROUP_POLITICS, pb.Delegate.GROUP_COMPANIONS],
        "fixed": True,
        "earliest_start_time": at(9),
        "latest_end_time": at(17),
        "needs_room": True,
        "seats": 30,
        "step_free": True,
        "equipment": ["beamer", "flip chart"],
        "open_end": True,
        "rain_place": "Kunsthalle",
        "transport": pb.AgendaItem.TRANSPORT_TRAIN,
    }
    item = await factories.unplaced_item(coordinator, visit.name, **fields)
    sent = pb.AgendaItem(**fields)
    assert {field: getattr(item, field) for field in fields} == {field: getattr(sent, field) for field in fields}
    cleared = await change(coordinator, item, *fields)
    assert {field: getattr(cleared, field) for field in fields} == {
        field: getattr(pb.AgendaItem(), field) for field in fields
    }
    room = await factories.room(coordinator, equipment=["beamer", "hearing loop"])
    assert list(room.equipment) == ["beamer", "hearing loop"]


@pytest.mark.parametrize("field", ["optional_people", "people"])
async def test_only_the_hosts_people_and_this_delegation_take_part(coordinator: Caller, field: str) -> None:
    visit = await factories.visit(coordinator)
    stranger = await factories.delegate(coordinator, (await factories.visit(coordinator)).name)
    with refused("INVALID_ARGUMENT", "NOT_OF_VISIT") as refusal:
        await factories.unplaced_item(coordinator, visit.name, **{field: [stranger.name]})
    assert refusal.fields == [f"agenda_item.{field}"]
