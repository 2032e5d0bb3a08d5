"""Programmes are used again: those of other visits, and those that are kept as templates."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import programme_templates_pb2 as templates_pb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.calls import Caller
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused

LATER = 28
INTERPRETER = {"languages": ["de", "en"], "language_pairs": ["de-en"]}


async def later_visit(caller: Caller, *, days: int = LATER, length: int = 5, **fields: Any) -> pb.Visit:
    """Create a visit that begins some days after the usual one."""
    first = FIRST_DAY + timedelta(days=days)
    dates = {"start_date": day(first), "end_date": day(first + timedelta(days=length - 1))}
    return await factories.visit(caller, **{**dates, **fields})


async def copy(caller: Caller, visit: pb.Visit, source: str, **fields: Any) -> list[pb.AgendaItem]:
    request = pb.CopyProgrammeRequest(name=visit.name, source=source, **fields)
    return list((await caller.CopyProgramme(request)).agenda_items)


async def keep(caller: Caller, visit: pb.Visit, title: str = "First visit") -> templates_pb.ProgrammeTemplate:
    template = templates_pb.ProgrammeTemplate(title=title)
    return await caller.CreateProgrammeTemplate(
        templates_pb.CreateProgrammeTemplateRequest(programme_template=template, source=visit.name)
    )


async def list_items(caller: Caller, visit: pb.Visit) -> list[pb.AgendaItem]:
    listed = await caller.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name, page_size=1000))
    return list(listed.agenda_items)


async def source_of(caller: Caller, visit: pb.Visit, kind: str) -> str:
    """Return the name of what is copied: the visit, or a template of it."""
    return visit.name if kind == "visit" else (await keep(caller, visit)).name


EACH_SOURCE = pytest.mark.parametrize("kind", ["visit", "template"])


@EACH_SOURCE
async def test_items_come_with_all_that_they_need_on_the_same_day_at_the_same_time(
    coordinator: Caller, kind: str
) -> None:
    room = await factories.room(coordinator, seats=50, equipment=["beamer"])
    host, interpreter = await factories.person(coordinator), await factories.person(coordinator, **INTERPRETER)
    visit = await factories.visit(coordinator)
    needs = {
        "notes": "Bring the budget.", "place": "Town hall", "rain_place": "Foyer", "needs_room": True, "seats": 40,
        "equipment": ["beamer"], "open_end": True, "transport": pb.AgendaItem.TRANSPORT_BUS,
        "groups": [pb.Delegate.GROUP_POLITICS], "optional_people": [host.name],
        "interpretation_languages": ["de", "en"],
    }  # fmt: skip
    await factories.agenda_item(
        coordinator, visit.name, room=room.name, people=[host.name], interpreter=interpreter.name, **needs,
        earliest_start_time=at(8), latest_end_time=at(18), start_time=at(9, 15), end_time=at(10, 45), fixed=True,
    )  # fmt: skip
    target = await later_visit(coordinator)
    (item,) = await copy(coordinator, target, await source_of(coordinator, visit, kind))
    assert (item.start_time, item.end_time) == (at(9, 15, days=LATER), at(10, 45, days=LATER))
    assert (item.earliest_start_time, item.latest_end_time) == (at(8, days=LATER), at(18, days=LATER))
    assert (item.room, item.people, item.interpreter) == (room.name, [host.name], interpreter.name)
    assert (item.people_functions, item.duration_minutes) == ([host.function], 90)
    assert {field: getattr(item, field) for field in needs} == needs
    # That its time was promised holds for the other visit.
    assert not item.fixed
    assert item.name.startswith(f"{target.name}/agendaItems/")
    assert await list_items(coordinator, target) == [item]
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        other = await later_visit(coordinator)
        taken = {"start_time": at(10, days=LATER), "end_time": at(11, days=LATER)}
        await factories.agenda_item(coordinator, other.name, room=room.name, **taken)


@EACH_SOURCE
async def test_what_comes_before_what_comes_along(coordinator: Caller, kind: str) -> None:
    visit = await factories.visit(coordinator)
    arrival = await factories.unplaced_item(coordinator, visit.name, title="Arrival")
    after = [pb.AgendaItem.Predecessor(agenda_item=arrival.name, gap_minutes=30)]
    await factories.agenda_item(coordinator, visit.name, title="Reception", after=after)
    target = await later_visit(coordinator)
    reception, copied = await copy(coordinator, target, await source_of(coordinator, visit, kind))
    assert (reception.title, copied.title) == ("Reception", "Arrival")
    assert list(reception.after) == [pb.AgendaItem.Predecessor(agenda_item=copied.name, gap_minutes=30)]
    assert not copied.HasField("start_time")
    assert copied.duration_minutes == 60


async def test_what_cannot_take_place_is_still_to_be_placed(coordinator: Caller) -> None:
    room, hall = await factories.room(coordinator), await factories.room(coordinator)
    away = pb.Person.Absence(start_time=at(0, days=LATER), end_time=at(0, days=LATER + 1))
    person = await factories.person(coordinator, absences=[away])
    visit = await factories.visit(coordinator)
    other = await later_visit(coordinator)
    await factories.agenda_item(
        coordinator, other.name, room=room.name, start_time=at(9, days=LATER), end_time=at(10, days=LATER)
    )
    for fields in (
        {"title": "room", "room": room.name},
        {"title": "person", "people": [person.name], "start_time": at(11), "end_time": at(12)},
        {"title": "late", "start_time": at(9, days=4), "end_time": at(10, days=4)},
        {"title": "night", "start_time": at(23, days=2), "end_time": at(1, days=3)},
        {"title": "fits", "room": hall.name},
    ):
        await factories.agenda_item(coordinator, visit.name, **fields)
    items = await copy(coordinator, await later_visit(coordinator, length=3), visit.name)
    assert [item.title for item in items if item.HasField("start_time")] == ["fits"]
    lost = {item.title: item for item in items if not item.HasField("start_time")}
    assert lost.keys() == {"room", "person", "late", "night"}
    assert (lost["room"].room, list(lost["person"].people)) == (room.name, [person.name])
    assert {item.duration_minutes for item in items} == {60, 120}


async def test_in_a_shorter_visit_nothing_is_bound_to_a_day_that_it_does_not_have(coordinator: Caller) -> None:
    visit, target = await factories.visit(coordinator), await later_visit(coordinator, length=2)
    for days in (1, 3):
        bounds = {"earliest_start_time": at(0, days=days), "latest_end_time": at(0, days=days + 1)}
        await factories.unplaced_item(coordinator, visit.name, title=f"{days}", **bounds)
    second, fourth = sorted(await copy(coordinator, target, visit.name), key=lambda item: item.title)
    assert (second.earliest_start_time, second.latest_end_time) == (at(0, days=LATER + 1), at(0, days=LATER + 2))
    assert (fourth.HasField("earliest_start_time"), fourth.HasField("latest_end_time")) == (False, False)


async def test_members_of_the_other_delegation_stay_behind(coordinator: Caller) -> None:
    visit, host = await factories.visit(coordinator), await factories.person(coordinator)
    mayor = await factories.delegate(coordinator, visit.name, languages=["de", "en"])
    await factories.agenda_item(
        coordinator, visit.name, title="Talk", people=[mayor.name, host.name], optional_people=[mayor.name]
    )
    silent = await factories.person(coordinator, languages=["de"])
    await factories.agenda_item(
        coordinator, visit.name, title="Interpreted by the mayor", people=[mayor.name, silent.name],
        interpretation_languages=["de", "en"], start_time=at(14), end_time=at(15),
    )  # fmt: skip
    talk, interpreted = await copy(coordinator, await later_visit(coordinator), visit.name)
    assert (list(talk.people), list(talk.optional_people)) == ([host.name], [])
    assert talk.HasField("start_time")
    # Nobody who is left speaks both languages.
    assert (list(interpreted.people), interpreted.HasField("start_time")) == ([silent.name], False)


async def test_the_new_delegation_is_expected_with_its_groups(coordinator: Caller) -> None:
    visit, target = await factories.visit(coordinator), await later_visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, whole_delegation=True)
    guest = await factories.delegate(coordinator, target.name)
    (item,) = await copy(coordinator, target, visit.name)
    assert item.whole_delegation
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(
            coordinator, target.name, people=[guest.name], start_time=item.start_time, end_time=item.end_time
        )


@EACH_SOURCE
async def test_delegations_of_cities_that_do_not_travel_stay_behind(coordinator: Caller, kind: str) -> None:
    exchange = await factories.exchange(coordinator)
    guests = [(await factories.city(coordinator)).name for _each in range(2)]
    visit = await factories.visit(coordinator, exchange.name, other_guest_cities=guests)
    await factories.agenda_item(coordinator, visit.name, delegations=[exchange.city, *guests])
    target = await later_visit(coordinator, exchange_name=exchange.name, other_guest_cities=guests[:1])
    guest = await factories.delegate(coordinator, target.name, city=guests[0])
    (item,) = await copy(coordinator, target, await source_of(coordinator, visit, kind))
    assert list(item.delegations) == [exchange.city, guests[0]]
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(
            coordinator, target.name, people=[guest.name], start_time=item.start_time, end_time=item.end_time
        )


@EACH_SOURCE
async def test_rooms_stay_behind_where_the_other_side_travels(coordinator: Caller, kind: str) -> None:
    room, host = await factories.room(coordinator), await factories.person(coordinator)
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, room=room.name, people=[host.name])
    abroad = await later_visit(coordinator, direction=pb.Visit.DIRECTION_OUTGOING)
    (item,) = await copy(coordinator, abroad, await source_of(coordinator, visit, kind))
    assert (item.room, list(item.people)) == ("", [host.name])
    # At nine as the clocks of the host show it, which is another city now.
    assert item.start_time == at(9, days=LATER, zone="Europe/London")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    later=st.integers(-400, 400), start_day=st.integers(0, 2), hour=st.integers(4, 22), minutes=st.integers(1, 1440),
    length=st.integers(1, 5),
)  # fmt: skip
async def test_a_copy_is_at_the_same_clock_of_the_same_day_or_has_no_time(
    coordinator: Caller, later: int, start_day: int, hour: int, minutes: int, length: int
) -> None:
    visit = await factories.visit(coordinator)
    start = at(hour, days=start_day)
    end = pb.AgendaItem(start_time=start).start_time
    end.seconds += minutes * 60
    await factories.agenda_item(coordinator, visit.name, start_time=start, end_time=end)
    target = await later_visit(coordinator, days=later, length=length)
    (item,) = await copy(coordinator, target, visit.name)
    wanted = at(hour, days=later + start_day)
    fits = wanted.seconds + minutes * 60 <= at(0, days=later + length).seconds
    assert item.HasField("start_time") == fits
    if fits:
        assert (item.start_time, item.end_time.seconds - item.start_time.seconds) == (wanted, minutes * 60)
    assert item.duration_minutes == minutes


async def test_a_repeat_adds_nothing_more(coordinator: Caller) -> None:
    visit, target = await factories.visit(coordinator), await later_visit(coordinator)
    await factories.agenda_item(coordinator, visit.name)
    request_id = str(uuid4())
    first, second = await asyncio.gather(
        copy(coordinator, target, visit.name, request_id=request_id),
        copy(coordinator, target, visit.name, request_id=request_id),
    )
    assert first == second == await list_items(coordinator, target)
    assert (await coordinator.GetVisit(pb.GetVisitRequest(name=target.name))).last_changer == "International office"


async def test_what_would_be_added_is_told_and_nothing_is(coordinator: Caller) -> None:
    room = await factories.room(coordinator)
    visit, target = await factories.visit(coordinator), await later_visit(coordinator, length=1)
    await factories.agenda_item(coordinator, visit.name, room=room.name)
    await factories.agenda_item(
        coordinator, visit.name, title="Later", start_time=at(9, days=1), end_time=at(10, days=1)
    )
    before = await coordinator.GetVisit(pb.GetVisitRequest(name=target.name))
    told = await copy(coordinator, target, visit.name, validate_only=True, request_id=str(uuid4()))
    assert await list_items(coordinator, target) == []
    assert await coordinator.GetVisit(pb.GetVisitRequest(name=target.name)) == before
    added = await copy(coordinator, target, visit.name)
    assert [(item.title, item.start_time) for item in told] == [(item.title, item.start_time) for item in added]
    assert [item.HasField("start_time") for item in added] == [True, False]


async def test_two_copies_never_hold_one_room_at_once(coordinator: Caller) -> None:
    room, visit = await factories.room(coordinator), await factories.visit(coordinator)
    for hour in range(8, 16):
        times = {"start_time": at(hour), "end_time": at(hour + 1)}
        await factories.agenda_item(coordinator, visit.name, room=room.name, **times)
    targets = [await later_visit(coordinator) for _each in range(3)]
    copies = await asyncio.gather(*(copy(coordinator, target, visit.name) for target in targets))
    placed = [item.start_time.seconds for items in copies for item in items if item.HasField("start_time")]
    assert sorted(placed) == [at(hour, days=LATER).seconds for hour in range(8, 16)]


async def test_two_visits_can_take_from_each_other_at_once(coordinator: Caller) -> None:
    visits = [await factories.visit(coordinator), await later_visit(coordinator)]
    for visit in visits:
        await factories.unplaced_item(coordinator, visit.name)
    first, second = visits
    await asyncio.gather(copy(coordinator, first, second.name), copy(coordinator, second, first.name))
    # Who reads last may find what was added in between.
    assert {len(await list_items(coordinator, visit)) for visit in visits} <= {2, 3}


async def test_who_may_not_change_the_visit_adds_no_programme(
    coordinator: Caller, member: Caller, other_member: Caller
) -> None:
    visit, target = await factories.visit(coordinator), await later_visit(coordinator)
    await factories.unplaced_item(coordinator, visit.name)
    with refused("PERMISSION_DENIED", "NOT_DEPARTMENT_IN_CHARGE"):
        await copy(other_member, target, visit.name)
    with refused("PERMISSION_DENIED", "ROLE_MISSING"):
        await keep(member, visit)
    assert len(await copy(member, target, visit.name)) == 1


async def test_a_source_that_is_none_is_refused(coordinator: Caller) -> None:
    visit, target = await factories.visit(coordinator), await later_visit(coordinator)
    with refused("FAILED_PRECONDITION", "PROGRAMME_EMPTY"):
        await copy(coordinator, target, visit.name)
    with refused("FAILED_PRECONDITION", "PROGRAMME_EMPTY"):
        await keep(coordinator, visit)
    with refused("INVALID_ARGUMENT", "SOURCE_IS_TARGET") as refusal:
        await copy(coordinator, target, target.name)
    assert refusal.fields == ["source"]
    for source in ("visits/none", "programmeTemplates/none"):
        with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
            await copy(coordinator, target, source)
        assert refusal.fields == ["source"]
    with refused("INVALID_ARGUMENT", "INVALID_FIELD"):
        await copy(coordinator, target, "rooms/none")
    await factories.unplaced_item(coordinator, visit.name)
    await factories.take(coordinator, target.name, "cancel")
    with refused("FAILED_PRECONDITION", "VISIT_OVER"):
        await copy(coordinator, target, visit.name)


async def test_a_programme_of_more_than_200_items_is_not_copied(coordinator: Caller) -> None:
    visit, target = await factories.visit(coordinator), await later_visit(coordinator)
    batch = [pb.AgendaItem(title=f"Item {number}", duration_minutes=15) for number in range(100)]
    for _each in range(2):
        request = pb.BatchCreateAgendaItemsRequest(parent=visit.name, agenda_items=batch)
        await coordinator.BatchCreateAgendaItems(request)
    assert len(await copy(coordinator, target, visit.name)) == 200
    await factories.unplaced_item(coordinator, visit.name)
    with refused("FAILED_PRECONDITION", "PROGRAMME_TOO_LONG") as refusal:
        await copy(coordinator, await later_visit(coordinator), visit.name)
    assert refusal.metadata == {"items": "201", "max_items": "200"}


async def test_a_template_is_listed_renamed_and_deleted(coordinator: Caller, member: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, start_time=at(9, days=2), end_time=at(10, days=2))
    await factories.unplaced_item(coordinator, visit.name)
    template = await keep(coordinator, visit, "A three-day visit")
    assert (template.item_count, template.day_count) == (2, 3)
    assert template.direction == pb.Visit.DIRECTION_INCOMING
    assert (template.items[0].start.day, template.items[0].start.time) == (3, "09:00")
    assert not template.items[1].HasField("start")
    get = templates_pb.GetProgrammeTemplateRequest(name=template.name)
    assert await member.GetProgrammeTemplate(get) == template
    listed = (await member.ListProgrammeTemplates(templates_pb.ListProgrammeTemplatesRequest())).programme_templates
    (found,) = [each for each in listed if each.name == template.name]
    assert (found.title, found.item_count, list(found.items)) == ("A three-day visit", 2, [])
    named = templates_pb.ProgrammeTemplate(name=template.name, title="Short visit", etag=template.etag)
    update = templates_pb.UpdateProgrammeTemplateRequest(programme_template=named)
    renamed = await coordinator.UpdateProgrammeTemplate(update)
    assert (renamed.title, list(renamed.items)) == ("Short visit", list(template.items))
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.UpdateProgrammeTemplate(update)
    with refused("ABORTED", "ETAG_MISMATCH"):
        await coordinator.DeleteProgrammeTemplate(
            templates_pb.DeleteProgrammeTemplateRequest(name=template.name, etag=template.etag)
        )
    await coordinator.DeleteProgrammeTemplate(templates_pb.DeleteProgrammeTemplateRequest(name=template.name))
    with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await coordinator.GetProgrammeTemplate(get)


async def test_a_template_outlives_the_visit_and_what_its_items_name(coordinator: Caller) -> None:
    room, person = await factories.room(coordinator), await factories.person(coordinator, **INTERPRETER)
    visit = await factories.visit(coordinator)
    item = await factories.agenda_item(
        coordinator, visit.name, room=room.name, people=[person.name], interpreter=person.name,
        interpretation_languages=["de", "en"],
    )  # fmt: skip
    template = await keep(coordinator, visit)
    await coordinator.DeleteVisit(pb.DeleteVisitRequest(name=visit.name))
    await coordinator.DeleteRoom(pb.DeleteRoomRequest(name=room.name))
    await coordinator.DeletePerson(pb.DeletePersonRequest(name=person.name))
    (copied,) = await copy(coordinator, await later_visit(coordinator), template.name)
    assert (copied.title, copied.start_time) == (item.title, at(9, days=LATER))
    assert (copied.room, list(copied.people), copied.interpreter) == ("", [], "")


async def test_an_interpreter_who_gave_up_the_languages_does_not_come_along(coordinator: Caller) -> None:
    visit, person = await factories.visit(coordinator), await factories.person(coordinator, **INTERPRETER)
    await factories.agenda_item(coordinator, visit.name, interpreter=person.name, interpretation_languages=["de", "en"])
    changed = pb.Person(name=person.name, language_pairs=["de-pl"])
    await coordinator.UpdatePerson(pb.UpdatePersonRequest(person=changed))
    (copied,) = await copy(coordinator, await later_visit(coordinator), visit.name)
    assert (copied.interpreter, list(copied.interpretation_languages)) == ("", ["de", "en"])
    assert copied.HasField("start_time")


async def test_a_template_needs_a_title(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.unplaced_item(coordinator, visit.name)
    with refused("INVALID_ARGUMENT", "INVALID_FIELD") as refusal:
        await keep(coordinator, visit, "")
    assert refusal.fields == ["programme_template.title"]
    template = templates_pb.ProgrammeTemplate(title="Of no visit")
    request = templates_pb.CreateProgrammeTemplateRequest(programme_template=template, source="visits/none")
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await coordinator.CreateProgrammeTemplate(request)
    assert refusal.fields == ["source"]
