"""Members of a delegation who accompany another."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller
from tests.refusals import refused


async def update(caller: Caller, delegate: pb.Delegate, **fields: Any) -> pb.Delegate:
    changed = pb.Delegate(name=delegate.name, **fields)
    return await caller.UpdateDelegate(
        pb.UpdateDelegateRequest(delegate=changed, update_mask=FieldMask(paths=list(fields)))
    )


async def get(caller: Caller, delegate: pb.Delegate) -> pb.Delegate:
    return await caller.GetDelegate(pb.GetDelegateRequest(name=delegate.name))


async def test_a_delegate_is_the_companion_of_another_until_that_one_is_removed(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor = await factories.delegate(coordinator, visit.name, function="Lord Mayor")
    spouse = await factories.delegate(coordinator, visit.name, function="Spouse", companion_of=mayor.name)
    assert spouse.companion_of == mayor.name
    (listed,) = [
        each
        for each in (await coordinator.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))).delegates
        if each.name == spouse.name
    ]
    assert listed.companion_of == mayor.name
    await coordinator.DeleteDelegate(pb.DeleteDelegateRequest(name=mayor.name))
    assert (await get(coordinator, spouse)).companion_of == ""


async def test_a_companion_can_be_changed_and_taken_away(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor, envoy, spouse = [await factories.delegate(coordinator, visit.name) for _ in range(3)]
    for other in (mayor.name, envoy.name, ""):
        assert (await update(coordinator, spouse, companion_of=other)).companion_of == other


async def test_nobody_accompanies_themselves_or_somebody_of_another_visit(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    delegate = await factories.delegate(coordinator, visit.name)
    stranger = await factories.delegate(coordinator, other.name)
    for name in (delegate.name, stranger.name, f"{visit.name}/delegates/nobody"):
        with refused("INVALID_ARGUMENT") as refusal:
            await update(coordinator, delegate, companion_of=name)
        assert refusal.reasons == {"delegate.companion_of": "NOT_IN_DELEGATION"}


async def test_a_companion_travels_with_the_delegation_of_the_same_city(coordinator: Caller) -> None:
    second = (await factories.city(coordinator)).name
    visit = await factories.visit(coordinator, other_guest_cities=[second])
    mayor = await factories.delegate(coordinator, visit.name)
    fields = {"function": "Spouse", "city": second, "companion_of": mayor.name}
    with refused("INVALID_ARGUMENT") as refusal:
        await factories.delegate(coordinator, visit.name, **fields)
    assert refusal.reasons == {"delegate.companion_of": "NOT_IN_DELEGATION"}


async def test_who_changes_the_delegation_leaves_companions_behind(coordinator: Caller) -> None:
    second = (await factories.city(coordinator)).name
    visit = await factories.visit(coordinator, other_guest_cities=[second])
    mayor = await factories.delegate(coordinator, visit.name)
    spouse = await factories.delegate(coordinator, visit.name, companion_of=mayor.name)
    await update(coordinator, mayor, city=second)
    assert (await get(coordinator, spouse)).companion_of == ""
    await update(coordinator, spouse, city=second, companion_of=mayor.name)
    assert (await update(coordinator, spouse, city=visit.guest_city)).companion_of == ""


async def test_a_table_of_rows_removes_one_and_changes_the_companion(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    mayor = await factories.delegate(coordinator, visit.name)
    spouse = await factories.delegate(coordinator, visit.name, companion_of=mayor.name)
    changed = pb.Delegate(name=spouse.name, etag=spouse.etag, function="Guest of honour")
    answer = await coordinator.BatchEditDelegates(
        pb.BatchEditDelegatesRequest(
            parent=visit.name,
            deletions=[pb.DeleteDelegateRequest(name=mayor.name, etag=mayor.etag)],
            changes=[pb.UpdateDelegateRequest(delegate=changed, update_mask=FieldMask(paths=["function"]))],
        )
    )
    assert [(each.function, each.companion_of) for each in answer.changed] == [("Guest of honour", "")]
