"""What is fixed and lacks something gets it where the planner can, and is named where it cannot."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement as Kind

from tests import factories
from tests.calls import Caller
from tests.exchange.planned import State, apply, list_items, plan
from tests.factories import FIRST_DAY, at, day

ARABIC = {"interpretation_languages": ["ar", "de"]}


async def a_visit(caller: Caller) -> pb.Visit:
    """Return a visit of one day, with something to place."""
    visit = await factories.visit(caller, end_date=day(FIRST_DAY))
    await factories.unplaced_item(caller, visit.name)
    return visit


async def fix(caller: Caller, visit: pb.Visit, hour: int, **fields: Any) -> pb.AgendaItem:
    times = {"start_time": at(hour), "end_time": at(hour + 1)}
    return await factories.agenda_item(caller, visit.name, fixed=True, **times, **fields)


async def be_away(caller: Caller, person: pb.Person) -> None:
    absences = [pb.Person.Absence(start_time=at(0), end_time=at(23))]
    await caller.UpdatePerson(pb.UpdatePersonRequest(person=pb.Person(name=person.name, absences=absences)))


def unmet_of(run: runs_pb.ScheduleRun) -> list[tuple[str, int, str]]:
    return [(each.agenda_item, each.kind, each.subject) for each in run.plan.unmet]


async def test_a_fixed_item_gets_the_room_that_it_lacks_at_its_time(coordinator: Caller) -> None:
    visit = await a_visit(coordinator)
    room = await factories.room(coordinator)
    item = await fix(coordinator, visit, 13, needs_room=True)
    run = await plan(coordinator, visit)
    planned = {each.agenda_item: each for each in run.plan.items}[item.name]
    assert (planned.start_time, planned.room, unmet_of(run)) == (at(13), room.name, [])
    await apply(coordinator, run)
    stored = (await list_items(coordinator, visit))[item.name]
    assert (stored.start_time, stored.room, stored.fixed) == (at(13), room.name, True)


async def test_the_interpreter_of_a_fixed_item_who_is_away_is_replaced(coordinator: Caller) -> None:
    visit = await a_visit(coordinator)
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    item = await fix(coordinator, visit, 13, interpreter=amira.name, **ARABIC)
    badr = await factories.person(coordinator, language_pairs=["ar-de"])
    await be_away(coordinator, amira)
    run = await plan(coordinator, visit)
    planned = {each.agenda_item: each for each in run.plan.items}[item.name]
    assert (planned.start_time, planned.interpreter) == (at(13), badr.name)
    await apply(coordinator, run)
    assert (await list_items(coordinator, visit))[item.name].interpreter == badr.name


async def test_what_stays_and_lacks_something_is_named_with_the_plan(coordinator: Caller) -> None:
    visit = await a_visit(coordinator)
    small = await factories.room(coordinator, seats=10)
    speaker = await factories.person(coordinator)
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    items = [
        await fix(coordinator, visit, 10, people=[speaker.name]),
        await fix(coordinator, visit, 11, interpreter=amira.name, **ARABIC),
        await fix(coordinator, visit, 12, room=small.name, seats=40, equipment=["beamer"], step_free=True),
        await fix(coordinator, visit, 13, needs_room=True, seats=40),
    ]
    for person in (speaker, amira):
        await be_away(coordinator, person)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    assert not {each.agenda_item for each in run.plan.items} & {item.name for item in items}
    assert unmet_of(run) == [
        (items[0].name, Kind.REQUIRED_PERSON, speaker.name),
        (items[1].name, Kind.INTERPRETATION, amira.name),
        (items[2].name, Kind.SEATS, small.name),
        (items[2].name, Kind.EQUIPMENT, "beamer"),
        (items[2].name, Kind.EQUIPMENT, "step-free"),
        (items[3].name, Kind.ROOM_NEEDED, ""),
    ]


async def test_two_fixed_items_in_the_wrong_order_are_named(coordinator: Caller) -> None:
    visit = await a_visit(coordinator)
    await factories.room(coordinator)
    first = await fix(coordinator, visit, 13)
    after = [pb.AgendaItem.Predecessor(agenda_item=first.name)]
    second = await fix(coordinator, visit, 9, after=after, needs_room=True)
    run = await plan(coordinator, visit)
    assert run.state == State.STATE_SCHEDULED
    wrong = [(each.agenda_item, each.subject) for each in run.plan.unmet if each.kind == Kind.PRECEDENCE]
    assert wrong == [(second.name, first.name)]


async def test_who_is_taken_by_what_stays_is_told_with_what_it_is(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    expert = await factories.person(coordinator)
    fixed = await factories.agenda_item(
        coordinator, visit.name, fixed=True, people=[expert.name], start_time=at(9), end_time=at(17, 30)
    )
    await factories.unplaced_item(coordinator, visit.name, people=[expert.name])
    run = await plan(coordinator, visit)
    (absence,) = [each for each in run.plan.requirements if each.kind == Kind.ABSENCE]
    assert (list(absence.people), absence.standing_item) == ([expert.name], fixed.name)


async def test_equipment_is_the_same_however_it_is_typed(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator, equipment=["Beamer"])
    item = await factories.unplaced_item(coordinator, visit.name, needs_room=True, equipment=["BEAMER"])
    run = await plan(coordinator, visit)
    assert [each.room for each in run.plan.items] == [room.name]
    await apply(coordinator, run)
    assert (await list_items(coordinator, visit))[item.name].room == room.name
