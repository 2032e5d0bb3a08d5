"""Who has to be at an item: people by name, groups of the delegation, interpreters; and who is away."""

from typing import Any

import pytest
from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller
from tests.factories import at
from tests.refusals import refused


async def take_on(caller: Caller, delegate: pb.Delegate, group: Any) -> pb.Delegate:
    """Put a delegate into another group."""
    changed = pb.Delegate(name=delegate.name, group=group)
    return await caller.UpdateDelegate(
        pb.UpdateDelegateRequest(delegate=changed, update_mask=FieldMask(paths=["group"]))
    )


async def test_the_whole_delegation_is_one_choice_and_holds_for_who_joins_later(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first = await factories.delegate(coordinator, visit.name)
    await factories.agenda_item(coordinator, visit.name, whole_delegation=True)
    later = await factories.delegate(coordinator, visit.name)
    for delegate in (first, later):
        with refused("ALREADY_EXISTS", "DOUBLE_BOOKING") as refusal:
            await factories.agenda_item(coordinator, visit.name, people=[delegate.name])
        assert refusal.metadata["clashes_0_resource"] == delegate.name


async def test_a_group_is_booked_as_it_is_now(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor = await factories.delegate(coordinator, visit.name, group=pb.Delegate.GROUP_POLITICS)
    engineer = await factories.delegate(coordinator, visit.name, group=pb.Delegate.GROUP_STAFF)
    await factories.agenda_item(coordinator, visit.name, groups=[pb.Delegate.GROUP_POLITICS])
    other = await factories.agenda_item(coordinator, visit.name, people=[engineer.name])
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await take_on(coordinator, engineer, pb.Delegate.GROUP_POLITICS)
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=other.name))
    await take_on(coordinator, engineer, pb.Delegate.GROUP_POLITICS)
    await take_on(coordinator, mayor, pb.Delegate.GROUP_UNSPECIFIED)
    await factories.agenda_item(coordinator, visit.name, people=[mayor.name])
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, people=[engineer.name])


async def test_a_delegate_by_name_stays_booked_whatever_the_group(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor = await factories.delegate(coordinator, visit.name, group=pb.Delegate.GROUP_POLITICS)
    await factories.agenda_item(coordinator, visit.name, people=[mayor.name], groups=[pb.Delegate.GROUP_POLITICS])
    await take_on(coordinator, mayor, pb.Delegate.GROUP_COMPANIONS)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, people=[mayor.name])


async def test_two_items_for_the_whole_delegation_cannot_be_at_one_time(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    await factories.agenda_item(coordinator, visit.name, whole_delegation=True)
    await factories.agenda_item(coordinator, visit.name, whole_delegation=True)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.delegate(coordinator, visit.name)
    listed = await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))
    assert listed.total_size == 0, "a refused delegate is not there"


async def test_who_may_be_there_is_not_booked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    person = await factories.person(coordinator)
    guest = await factories.delegate(coordinator, visit.name)
    for _ in range(2):
        item = await factories.agenda_item(coordinator, visit.name, optional_people=[person.name, guest.name])
    await coordinator.DeleteDelegate(pb.DeleteDelegateRequest(name=guest.name))
    item = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))
    assert list(item.optional_people) == [person.name]
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
        await coordinator.DeletePerson(pb.DeletePersonRequest(name=person.name))


async def test_an_interpreter_is_accepted_for_pairs_that_the_person_has(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    amira = await factories.person(
        coordinator, display_name="Amira", languages=["ar", "de", "en"], language_pairs=["ar-de"]
    )
    for languages in (["en", "de"], ["ar", "en"], []):
        with refused("INVALID_ARGUMENT", "INTERPRETER_PAIR") as refusal:
            await factories.agenda_item(
                coordinator, visit.name, interpreter=amira.name, interpretation_languages=languages
            )
        assert refusal.fields == ["agenda_item.interpreter"]
    item = await factories.agenda_item(
        coordinator, visit.name, interpreter=amira.name, interpretation_languages=["de-DE", "ar"]
    )
    assert (item.interpreter, item.interpreter_function) == (amira.name, amira.function)
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, people=[amira.name])
    with refused("INVALID_ARGUMENT", "REFERENCE_NOT_FOUND") as refusal:
        await factories.agenda_item(coordinator, visit.name, interpreter="people/nobody")
    assert refusal.fields == ["agenda_item.interpreter"]
    with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
        await coordinator.DeletePerson(pb.DeletePersonRequest(name=amira.name))


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"language_pairs": ["de-de"]}, "LANGUAGE_PAIR_OF_ONE", "person.language_pairs[0]"),
        ({"language_pairs": ["German"]}, "INVALID_FIELD", "person.language_pairs"),
        (
            {"absences": [pb.Person.Absence(start_time=at(9), end_time=at(9))]},
            "END_NOT_AFTER_START",
            "person.absences[0].end_time",
        ),
        ({"email": "nobody"}, "INVALID_FIELD", "person.email"),
    ],
)
async def test_what_nobody_can_be_is_refused_by_name(
    coordinator: Caller, fields: dict[str, Any], reason: str, field: str
) -> None:
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.person(coordinator, **fields)
    (violation,) = refusal.error.violations
    assert violation.field.startswith(field)
    assert reason in ("INVALID_FIELD", violation.reason)


async def test_somebody_who_is_away_is_not_booked(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    away = [
        pb.Person.Absence(start_time=at(9, 30), end_time=at(12)),
        pb.Person.Absence(start_time=at(12), end_time=at(13)),
    ]
    person = await factories.person(coordinator, display_name="Kim", absences=away)
    assert list(person.absences) == [pb.Person.Absence(start_time=at(9, 30), end_time=at(13))], "what touches is one"
    with refused("FAILED_PRECONDITION", "PERSON_ABSENT") as refusal:
        await factories.agenda_item(coordinator, visit.name, people=[person.name])
    assert refusal.metadata == {
        "absences": "1",
        "absences_0_resource": person.name,
        "absences_0_resource_title": "Kim",
        "absences_0_start_time": "2031-05-12T07:30:00Z",
        "absences_0_end_time": "2031-05-12T11:00:00Z",
    }
    await factories.agenda_item(coordinator, visit.name, people=[person.name], end_time=at(9, 30))


async def test_who_falls_ill_may_be_booked_already(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    person = await factories.person(coordinator)
    item = await factories.agenda_item(coordinator, visit.name, people=[person.name])
    ill = pb.Person(name=person.name, absences=[pb.Person.Absence(start_time=at(0), end_time=at(0, days=1))])
    assert len((await coordinator.UpdatePerson(pb.UpdatePersonRequest(person=ill))).absences) == 1
    renamed = pb.AgendaItem(name=item.name, title="Without Kim")
    await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=renamed))
    moved = pb.AgendaItem(name=item.name, start_time=at(11), end_time=at(12))
    with refused("FAILED_PRECONDITION", "PERSON_ABSENT"):
        await coordinator.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=moved))


async def test_somebody_of_a_group_may_interpret_as_well(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    host = await factories.person(coordinator, languages=["de"])
    await factories.delegate(coordinator, visit.name, languages=["de", "ar"])
    fields = {"people": [host.name], "interpretation_languages": ["ar", "de"]}
    with refused("INVALID_ARGUMENT", "INTERPRETER_LANGUAGES"):
        await factories.agenda_item(coordinator, visit.name, **fields)
    await factories.agenda_item(coordinator, visit.name, whole_delegation=True, **fields)
