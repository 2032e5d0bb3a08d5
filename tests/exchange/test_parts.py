"""What people do at an item beside attending it: some receive, some speak; and groups that may come as well."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller
from tests.exchange.planned import list_items, plan
from tests.factories import FIRST_DAY, at, day
from tests.refusals import refused


async def change(caller: Caller, item: pb.AgendaItem, **fields: Any) -> pb.AgendaItem:
    changed = pb.AgendaItem(name=item.name, **fields)
    return await caller.UpdateAgendaItem(
        pb.UpdateAgendaItemRequest(agenda_item=changed, update_mask=FieldMask(paths=list(fields)))
    )


async def test_who_receives_or_speaks_has_to_be_there_and_is_booked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor = await factories.person(coordinator, function="Lord Mayor")
    guest = await factories.delegate(coordinator, visit.name)
    item = await factories.agenda_item(
        coordinator, visit.name, receiving_people=[mayor.name], speaking_people=[guest.name]
    )
    assert (list(item.receiving_people), list(item.speaking_people)) == ([mayor.name], [guest.name])
    assert list(item.people) == [mayor.name, guest.name]
    assert list(item.people_functions) == ["Lord Mayor", ""]
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, people=[mayor.name])


async def test_who_may_be_there_can_have_a_part_without_being_booked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    rector = await factories.person(coordinator, function="Rector")
    fields = {"optional_people": [rector.name], "speaking_people": [rector.name]}
    item = await factories.agenda_item(coordinator, visit.name, **fields)
    assert (list(item.people), list(item.optional_people)) == ([], [rector.name])
    assert list(item.optional_people_functions) == ["Rector"]
    await factories.agenda_item(coordinator, visit.name, people=[rector.name])


async def test_who_takes_no_part_any_more_has_none(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor, deputy = [await factories.person(coordinator) for _ in range(2)]
    item = await factories.agenda_item(
        coordinator, visit.name, receiving_people=[mayor.name], speaking_people=[mayor.name, deputy.name]
    )
    item = await change(coordinator, item, people=[deputy.name])
    assert (list(item.receiving_people), list(item.speaking_people)) == ([], [deputy.name])
    item = await change(coordinator, item, receiving_people=[mayor.name])
    assert list(item.people) == [deputy.name, mayor.name]
    await factories.agenda_item(coordinator, visit.name, start_time=at(11), end_time=at(12), people=[mayor.name])
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await change(coordinator, item, start_time=at(11), end_time=at(12))
    item = await change(coordinator, item, people=[deputy.name], receiving_people=[])
    assert list(item.people) == [deputy.name]
    await change(coordinator, item, start_time=at(11), end_time=at(12))


async def test_a_delegate_who_is_removed_leaves_their_part(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    guest, other = [await factories.delegate(coordinator, visit.name) for _ in range(2)]
    item = await factories.agenda_item(
        coordinator,
        visit.name,
        optional_people=[other.name],
        receiving_people=[other.name],
        speaking_people=[guest.name],
    )
    for each in (guest, other):
        await coordinator.DeleteDelegate(pb.DeleteDelegateRequest(name=each.name))
    left = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))
    assert not [*left.people, *left.optional_people, *left.receiving_people, *left.speaking_people]


async def test_only_hosts_and_delegates_of_the_visit_have_a_part(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    stranger = await factories.delegate(coordinator, other.name)
    for field in ("receiving_people", "speaking_people"):
        with refused("INVALID_ARGUMENT") as refusal:
            await factories.agenda_item(coordinator, visit.name, **{field: [stranger.name]})
        assert refusal.reasons == {f"agenda_item.{field}": "NOT_OF_VISIT"}


async def test_a_group_may_come_and_is_not_booked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    staff, companions = pb.Delegate.GROUP_STAFF, pb.Delegate.GROUP_COMPANIONS
    spouse = await factories.delegate(coordinator, visit.name, group=companions)
    item = await factories.agenda_item(coordinator, visit.name, groups=[staff], optional_groups=[staff, companions])
    assert (list(item.groups), list(item.optional_groups)) == ([staff], [companions])
    await factories.agenda_item(coordinator, visit.name, people=[spouse.name])


async def test_a_plan_keeps_the_time_of_speakers_and_that_of_optional_groups_where_it_can(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator, end_date=day(FIRST_DAY))
    busy = [pb.Person.Absence(start_time=at(9), end_time=at(16))]
    speaker = await factories.person(coordinator, absences=busy)
    spouse = await factories.delegate(coordinator, visit.name, group=pb.Delegate.GROUP_COMPANIONS)
    talk = await factories.unplaced_item(
        coordinator, visit.name, speaking_people=[speaker.name], optional_groups=[pb.Delegate.GROUP_COMPANIONS]
    )
    tour = await factories.unplaced_item(coordinator, visit.name, people=[spouse.name], duration_minutes=120)
    run = await plan(coordinator, visit)
    planned = {each.agenda_item: each for each in run.plan.items}
    assert planned[talk.name].start_time.seconds >= at(16).seconds
    first, second = sorted((planned[talk.name], planned[tour.name]), key=lambda each: each.start_time.seconds)
    assert first.end_time.seconds <= second.start_time.seconds, "the companion can be at both"
    assert not any(item.HasField("start_time") for item in (await list_items(coordinator, visit)).values())


async def test_parts_of_hosts_are_copied_and_those_of_delegates_stay_behind(coordinator: Caller) -> None:
    source, target = await factories.visit(coordinator), await factories.visit(coordinator)
    mayor = await factories.person(coordinator)
    guest = await factories.delegate(coordinator, source.name)
    await factories.unplaced_item(
        coordinator,
        source.name,
        receiving_people=[mayor.name],
        speaking_people=[guest.name, mayor.name],
        optional_groups=[pb.Delegate.GROUP_STAFF],
    )
    (copied,) = (
        await coordinator.CopyProgramme(pb.CopyProgrammeRequest(name=target.name, source=source.name))
    ).agenda_items
    assert (list(copied.receiving_people), list(copied.speaking_people)) == ([mayor.name], [mayor.name])
    assert (list(copied.people), list(copied.optional_groups)) == ([mayor.name], [pb.Delegate.GROUP_STAFF])
