"""Runs of the planner on the programme of a visit: what they find, and what applying them changes."""

from datetime import UTC, timedelta

from austausch.exchange.v1 import exchange_pb2 as pb
from austausch.exchange.v1 import schedule_runs_pb2 as runs_pb
from austausch.exchange.v1.scheduling_pb2 import SchedulingRequirement
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.model import now
from services.exchange.model import ScheduleRun
from tests import factories
from tests.calls import Caller, RunningService
from tests.exchange.planned import LUNCH, State, apply, change, list_items, plan
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused


async def test_a_programme_is_planned_shown_and_applied(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    small, large = [
        await factories.room(coordinator, seats=seats, equipment=["beamer"], step_free=True) for seats in (10, 40)
    ]
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    host = await factories.person(coordinator, absences=[pb.Person.Absence(start_time=at(9), end_time=at(11))])
    guest = await factories.delegate(coordinator, visit.name)
    needs = {"needs_room": True, "equipment": ["beamer"], "step_free": True}
    welcome = await factories.unplaced_item(
        coordinator, visit.name, title="Welcome", whole_delegation=True, people=[host.name], seats=20, **needs
    )
    after = [pb.AgendaItem.Predecessor(agenda_item=welcome.name, gap_minutes=30)]
    tour = await factories.unplaced_item(
        coordinator,
        visit.name,
        title="Tour",
        duration_minutes=90,
        people=[guest.name],
        after=after,
        interpretation_languages=["ar", "de"],
        **needs,
    )
    run = await plan(coordinator, visit, breaks=[LUNCH])
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_SCHEDULED, ["apply"])
    assert run.plan.optimal
    assert (run.plan.gap, run.plan.seconds > 0) == (0, True)
    first, second = run.plan.items
    assert (first.agenda_item, first.title, first.room) == (welcome.name, "Welcome", large.name)
    assert (second.agenda_item, second.interpreter) == (tour.name, amira.name)
    assert {first.change, second.change} == {runs_pb.PlannedItem.CHANGE_PLACED}
    assert second.room in (small.name, large.name)
    assert first.start_time.seconds >= at(11).seconds
    assert second.start_time.seconds >= first.end_time.seconds + 30 * 60
    lunch = range(at(12).seconds, at(13).seconds)
    assert not any(
        each.start_time.seconds < lunch.stop and lunch.start < each.end_time.seconds for each in run.plan.items
    )
    untouched = await list_items(coordinator, visit)
    assert not any(item.HasField("start_time") for item in untouched.values()), "a plan is no programme yet"
    applied = await apply(coordinator, run)
    assert (applied.state, list(applied.allowed_transitions)) == (State.STATE_APPLIED, [])
    items = await list_items(coordinator, visit)
    assert (items[welcome.name].start_time, items[welcome.name].room) == (first.start_time, first.room)
    assert (items[tour.name].end_time, items[tour.name].interpreter) == (second.end_time, amira.name)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(
            coordinator, visit.name, people=[amira.name], start_time=second.start_time, end_time=second.end_time
        )


async def test_what_others_have_booked_is_taken_and_what_is_fixed_stays(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    other = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator)
    await factories.agenda_item(coordinator, other.name, room=room.name, start_time=at(9), end_time=at(16))
    fixed = await factories.agenda_item(
        coordinator, visit.name, room=room.name, start_time=at(16), end_time=at(16, 30), fixed=True
    )
    dinner = await factories.agenda_item(
        coordinator, visit.name, room=room.name, start_time=at(17, 45), end_time=at(20)
    )
    item = await factories.unplaced_item(coordinator, visit.name, room=room.name)
    run = await plan(coordinator, visit)
    assert [each.agenda_item for each in run.plan.items] == [item.name]
    assert run.plan.items[0].start_time == at(16, 30)
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert (items[fixed.name], items[dinner.name]) == (fixed, dinner)


async def test_nothing_is_placed_on_days_that_are_left_out(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY + timedelta(days=2)))
    first, middle, last = [day(FIRST_DAY + timedelta(days=number)) for number in range(3)]
    market = await factories.agenda_item(coordinator, visit.name, start_time=at(10), end_time=at(11))
    item = await factories.unplaced_item(coordinator, visit.name, duration_minutes=8 * 60)
    run = await plan(coordinator, visit, except_dates=[first, last])
    assert list(run.except_dates) == [first, last]
    assert [each.agenda_item for each in run.plan.items] == [item.name]
    assert run.plan.items[0].start_time.seconds in range(at(9, days=1).seconds, at(10, days=1).seconds + 1)
    await apply(coordinator, run)
    assert (await list_items(coordinator, visit))[market.name] == market
    with refused("INVALID_ARGUMENT") as refusal:
        await plan(coordinator, visit, except_dates=[first, middle, last])
    assert refusal.reasons == {"schedule_run.except_dates": "NO_DAY_TO_PLAN"}


async def test_as_few_items_as_possible_move_when_somebody_falls_ill(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    person = await factories.person(coordinator)
    morning, noon = [
        await factories.agenda_item(
            coordinator, visit.name, people=[person.name], start_time=at(hour), end_time=at(hour + 1)
        )
        for hour in (9, 14)
    ]
    ill = [pb.Person.Absence(start_time=at(0), end_time=at(13))]
    await coordinator.UpdatePerson(pb.UpdatePersonRequest(person=pb.Person(name=person.name, absences=ill)))
    run = await plan(coordinator, visit)
    changes = {each.agenda_item: each.change for each in run.plan.items}
    assert changes == {morning.name: runs_pb.PlannedItem.CHANGE_MOVED, noon.name: runs_pb.PlannedItem.CHANGE_KEPT}
    assert run.plan.fewest_moves_proven
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert items[noon.name] == noon
    assert items[morning.name].start_time.seconds >= at(13).seconds
    freely = await plan(coordinator, visit, from_scratch=True)
    assert runs_pb.PlannedItem.CHANGE_PLACED not in {each.change for each in freely.plan.items}


async def test_when_it_cannot_be_done_the_run_says_why(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    person = await factories.person(coordinator, absences=[pb.Person.Absence(start_time=at(9), end_time=at(17, 30))])
    item = await factories.unplaced_item(coordinator, visit.name, people=[person.name])
    run = await plan(coordinator, visit)
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_INFEASIBLE, [])
    assert run.plan.minimal
    absence, required = (
        next(each for each in run.plan.requirements if each.kind == kind)
        for kind in (SchedulingRequirement.ABSENCE, SchedulingRequirement.REQUIRED_PERSON)
    )
    assert (list(absence.people), absence.start_time, absence.end_time) == ([person.name], at(9), at(17, 30))
    assert (list(required.agenda_items), list(required.people)) == ([item.name], [person.name])
    with refused("FAILED_PRECONDITION", "NO_PLAN_TO_APPLY"):
        await apply(coordinator, run)


async def test_what_stays_and_is_in_the_order_is_named_and_nothing_else(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    other = await factories.unplaced_item(coordinator, visit.name)
    early = await factories.unplaced_item(coordinator, visit.name)
    before = [pb.AgendaItem.Predecessor(agenda_item=each.name, gap_minutes=30) for each in (other, early)]
    fixed = await factories.agenda_item(
        coordinator, visit.name, start_time=at(10), end_time=at(11), fixed=True, after=before[1:]
    )
    last = await factories.unplaced_item(
        coordinator, visit.name, after=[*before[:1], pb.AgendaItem.Predecessor(agenda_item=fixed.name)]
    )
    run = await plan(coordinator, visit)
    (order,) = [each for each in run.plan.requirements if each.kind == SchedulingRequirement.PRECEDENCE]
    assert (list(order.agenda_items), order.minutes) == ([early.name, fixed.name], 30)
    assert (order.standing_item, order.start_time, order.end_time) == (fixed.name, at(10), at(11))
    assert run.plan.minimal
    await change(coordinator, fixed, "after")
    times = {each.agenda_item: each.start_time.seconds for each in (await plan(coordinator, visit)).plan.items}
    assert times[last.name] >= at(11).seconds


async def test_of_a_programme_that_fits_no_more_it_says_what_to_leave_out(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    guest = await factories.delegate(coordinator, visit.name)
    for hour in (9, 13):
        await factories.agenda_item(
            coordinator, visit.name, people=[guest.name], start_time=at(hour), end_time=at(hour + 4)
        )
    late = await factories.unplaced_item(coordinator, visit.name, people=[guest.name], duration_minutes=240)
    run = await plan(coordinator, visit)
    assert (run.state, list(run.allowed_transitions)) == (State.STATE_INFEASIBLE, ["apply"])
    (dropped,) = run.plan.dropped
    await apply(coordinator, run)
    items = await list_items(coordinator, visit)
    assert [name for name, item in items.items() if not item.HasField("start_time")] == [dropped]
    assert late.name in items


async def test_a_programme_that_changed_meanwhile_is_not_overwritten(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    changed = await factories.unplaced_item(coordinator, visit.name, title="Port")
    gone = await factories.unplaced_item(coordinator, visit.name, title="Theatre")
    run = await plan(coordinator, visit)
    await change(coordinator, changed, title="Harbour")
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=gone.name))
    added = await factories.unplaced_item(coordinator, visit.name, title="Zoo")
    with refused("FAILED_PRECONDITION", "PROGRAMME_CHANGED") as refusal:
        await apply(coordinator, run)
    told = {
        (refusal.metadata[f"items_{index}_title"], refusal.metadata[f"items_{index}_change"])
        for index in range(int(refusal.metadata["items"]))
    }
    assert told == {("Harbour", "CHANGED"), ("Theatre", "REMOVED"), ("Zoo", "ADDED")}
    assert not any(item.HasField("start_time") for item in (await list_items(coordinator, visit)).values())
    assert added.name


async def test_what_somebody_booked_meanwhile_refuses_the_whole_plan(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator, end_date=day(FIRST_DAY)), await factories.visit(coordinator)
    room = await factories.room(coordinator)
    for _ in range(2):
        await factories.unplaced_item(coordinator, visit.name, room=room.name)
    run = await plan(coordinator, visit)
    last = run.plan.items[1]
    await factories.agenda_item(
        coordinator, other.name, room=room.name, start_time=last.start_time, end_time=last.end_time
    )
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await apply(coordinator, run)
    assert not any(item.HasField("start_time") for item in (await list_items(coordinator, visit)).values())


async def test_a_kept_item_gets_the_room_and_the_interpreter_that_it_lacked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator)
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    item = await factories.agenda_item(coordinator, visit.name, needs_room=True, interpretation_languages=["ar", "de"])
    run = await plan(coordinator, visit)
    assert [each.change for each in run.plan.items] == [runs_pb.PlannedItem.CHANGE_MOVED]
    await apply(coordinator, run)
    stored = (await list_items(coordinator, visit))[item.name]
    assert (stored.start_time, stored.room, stored.interpreter) == (item.start_time, room.name, amira.name)


async def test_a_fixed_item_still_gets_an_interpreter_or_the_run_says_why_not(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    amira = await factories.person(coordinator, language_pairs=["ar-de"])
    spoken = {"interpretation_languages": ["ar", "de"]}
    fixed = await factories.agenda_item(coordinator, visit.name, fixed=True, **spoken)
    run = await plan(coordinator, visit)
    assert [(each.agenda_item, each.interpreter) for each in run.plan.items] == [(fixed.name, amira.name)]
    assert run.plan.items[0].start_time == fixed.start_time
    await factories.agenda_item(coordinator, visit.name, fixed=True, title="Also", **spoken)
    impossible = await plan(coordinator, visit)
    assert impossible.state == State.STATE_INFEASIBLE
    kinds = {each.kind for each in impossible.plan.requirements}
    assert SchedulingRequirement.INTERPRETATION in kinds


async def test_a_room_or_an_interpreter_that_is_gone_refuses_the_plan(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator)
    interpreter = await factories.person(coordinator, language_pairs=["ar-de"])
    first = await factories.unplaced_item(coordinator, visit.name, title="Port", needs_room=True)
    needed = {"title": "Talk", "interpretation_languages": ["ar", "de"]}
    second = await factories.unplaced_item(coordinator, visit.name, **needed)
    for delete, item in (
        (coordinator.DeleteRoom(pb.DeleteRoomRequest(name=room.name)), first),
        (coordinator.DeletePerson(pb.DeletePersonRequest(name=interpreter.name)), second),
    ):
        run = await plan(coordinator, visit)
        await delete
        with refused("FAILED_PRECONDITION", "PROGRAMME_CHANGED") as refusal:
            await apply(coordinator, run)
        assert (refusal.metadata["items_0_title"], refusal.metadata["items"]) == (item.title, "1")
        await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=item.name))


async def test_a_room_or_an_interpreter_that_does_no_more_refuses_the_plan(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    room = await factories.room(coordinator, equipment=["beamer"], display_name="Hall")
    await factories.unplaced_item(coordinator, visit.name, needs_room=True, equipment=["beamer"])
    run = await plan(coordinator, visit)
    bare = pb.UpdateRoomRequest(room=pb.Room(name=room.name), update_mask=FieldMask(paths=["equipment"]))
    await coordinator.UpdateRoom(bare)
    with refused("FAILED_PRECONDITION", "PROGRAMME_CHANGED") as refusal:
        await apply(coordinator, run)
    assert refusal.metadata["items_0_title"] == "Hall"


async def test_a_plan_of_yesterday_is_not_applied(exchange: RunningService, coordinator: Caller) -> None:
    today = now().date()
    visit = await factories.visit(
        coordinator, start_date=day(today - timedelta(days=3)), end_date=day(today + timedelta(days=3))
    )
    await factories.unplaced_item(coordinator, visit.name)
    run = await plan(coordinator, visit)
    (planned,) = run.plan.items
    past = factories.moment(planned.start_time.ToDatetime(UTC) - timedelta(days=5))
    async with exchange.database.begin() as session:
        row = await session.get_by_name(ScheduleRun, run.name)
        times = {"start_time": past.ToJsonString(), "end_time": factories.moment(now()).ToJsonString()}
        row.plan = {**(row.plan or {}), "items": [{**(row.plan or {})["items"][0], **times}]}
    with refused("FAILED_PRECONDITION", "PLAN_OUT_OF_DATE"):
        await apply(coordinator, run)
