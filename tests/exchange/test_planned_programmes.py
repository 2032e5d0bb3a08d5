"""Whatever the planner proposes for programmes of any kind, the database takes; and it is what was asked for."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb

from tests import factories
from tests.calls import Caller
from tests.exchange.planned import LUNCH, State, apply, list_items, plan
from tests.factories import FIRST_DAY, at, day

PAIRS = ["ar-de", "en-de"]


class World:
    """Rooms, people and a delegation, with what others have booked of them already."""

    def __init__(self, caller: Caller, chance: Random) -> None:
        self.caller = caller
        self.chance = chance

    async def fill(self) -> pb.Visit:
        """Make all of it, and return the visit that is to be planned: three days."""
        caller, chance = self.caller, self.chance
        exchange = (await factories.exchange(caller)).name
        self.visit = await factories.visit(caller, exchange, end_date=day(FIRST_DAY + timedelta(days=2)))
        other = await factories.visit(caller, exchange)
        self.rooms = [await factories.room(caller, seats=chance.choice([10, 20, 40])) for _ in range(3)]
        self.hosts = [await factories.person(caller, absences=self.some_absences()) for _ in range(3)]
        self.interpreters = [
            await factories.person(caller, language_pairs=pairs) for pairs in ([PAIRS[0]], [PAIRS[1]], PAIRS)
        ]
        groups = [pb.Delegate.GROUP_POLITICS, pb.Delegate.GROUP_STAFF, pb.Delegate.GROUP_COMPANIONS]
        self.delegates = [
            await factories.delegate(caller, self.visit.name, group=groups[number % 3]) for number in range(6)
        ]
        for number in range(5):
            start = 9 + 2 * number % 8
            await factories.agenda_item(
                caller,
                other.name,
                start_time=at(start, days=number % 3),
                end_time=at(start + 1, 30, days=number % 3),
                room=self.rooms[number % 3].name,
                people=[self.interpreters[number % 3].name],
            )
        return self.visit

    def some_absences(self) -> list[pb.Person.Absence]:
        if self.chance.random() < 0.5:
            return []
        days, hour = self.chance.randrange(3), self.chance.randrange(9, 15)
        return [pb.Person.Absence(start_time=at(hour, days=days), end_time=at(hour + 3, days=days))]

    async def add_item(self, before: list[pb.AgendaItem]) -> pb.AgendaItem:
        chance = self.chance
        fields: dict[str, Any] = {"duration_minutes": chance.choice([30, 45, 60, 90])}
        match chance.randrange(4):
            case 0:
                fields["whole_delegation"] = True
            case 1:
                fields["groups"] = [chance.choice([pb.Delegate.GROUP_POLITICS, pb.Delegate.GROUP_STAFF])]
            case _:
                fields["people"] = [each.name for each in chance.sample(self.delegates, 2)]
        if chance.random() < 0.5:
            fields["people"] = [*fields.get("people", []), chance.choice(self.hosts).name]
        if chance.random() < 0.4:
            fields["interpretation_languages"] = chance.choice(PAIRS).split("-")
        if chance.random() < 0.2:
            # Somebody who could interpret elsewhere takes part here.
            fields["people"] = [*fields.get("people", []), chance.choice(self.interpreters).name]
        if chance.random() < 0.6:
            fields |= {"needs_room": True, "seats": chance.choice([0, 8])}
        if before and chance.random() < 0.3:
            other = chance.choice(before).name
            fields["after"] = [pb.AgendaItem.Predecessor(agenda_item=other, gap_minutes=chance.choice([0, 15]))]
        return await factories.unplaced_item(self.caller, self.visit.name, **fields)


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_planned_can_be_applied_and_planned_again(coordinator: Caller, seed: int) -> None:
    chance = Random(seed)
    world = World(coordinator, chance)
    visit = await world.fill()
    items: list[pb.AgendaItem] = []
    for _ in range(10):
        items.append(await world.add_item(items))
    run = await plan(coordinator, visit, breaks=[LUNCH], time_limit_seconds=3)
    assert run.state == State.STATE_SCHEDULED, [each.text for each in run.plan.requirements]
    await apply(coordinator, run)
    placed = await list_items(coordinator, visit)
    for item in placed.values():
        assert item.start_time.seconds % 900 == 0
        assert item.end_time.seconds - item.start_time.seconds == item.duration_minutes * 60
        assert bool(item.room) == item.needs_room
        for each in item.after:
            before = placed[each.agenda_item]
            assert before.end_time.seconds + each.gap_minutes * 60 <= item.start_time.seconds
    again = await plan(coordinator, visit, breaks=[LUNCH], time_limit_seconds=3)
    assert {each.change for each in again.plan.items} == {runs_pb.PlannedItem.CHANGE_KEPT}
    away = [pb.Person.Absence(start_time=at(0), end_time=at(13))]
    ill = chance.choice(world.hosts)
    await coordinator.UpdatePerson(pb.UpdatePersonRequest(person=pb.Person(name=ill.name, absences=away)))
    changed = await plan(coordinator, visit, breaks=[LUNCH], time_limit_seconds=2)
    if changed.allowed_transitions:
        await apply(coordinator, changed)
