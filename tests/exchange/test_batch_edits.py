"""A whole table at once: what is removed, changed and added takes effect together, or not at all."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.identity import Role
from tests import factories
from tests.calls import Caller, RunningService
from tests.factories import at
from tests.refusals import refused

ONCE = "0f7c2f5e-4f43-4a35-9d0f-6a2f9b1c7d11"


def change(item: pb.AgendaItem, **fields: Any) -> pb.UpdateAgendaItemRequest:
    """Return the change of these fields of an item as the caller has seen it."""
    changed = pb.AgendaItem(name=item.name, etag=item.etag, **fields)
    return pb.UpdateAgendaItemRequest(agenda_item=changed, update_mask=FieldMask(paths=list(fields)))


def after(*names: str) -> list[pb.AgendaItem.Predecessor]:
    return [pb.AgendaItem.Predecessor(agenda_item=name) for name in names]


async def edit(caller: Caller, visit: pb.Visit, **lists: Any) -> pb.BatchEditAgendaItemsResponse:
    return await caller.BatchEditAgendaItems(pb.BatchEditAgendaItemsRequest(parent=visit.name, **lists))


async def list_items(caller: Caller, visit: pb.Visit) -> list[pb.AgendaItem]:
    return list((await caller.ListAgendaItems(pb.ListAgendaItemsRequest(parent=visit.name))).agenda_items)


async def list_delegates(caller: Caller, visit: pb.Visit) -> list[pb.Delegate]:
    return list((await caller.ListDelegates(pb.ListDelegatesRequest(parent=visit.name))).delegates)


async def test_items_are_removed_changed_and_added_together_and_once(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    removed, changed = [await factories.unplaced_item(coordinator, visit.name) for _ in range(2)]
    lists = {
        "deletions": [pb.DeleteAgendaItemRequest(name=removed.name, etag=removed.etag)],
        "changes": [change(changed, title="Walk", duration_minutes=90)],
        "additions": [pb.AgendaItem(title="Debrief", duration_minutes=30)],
    }
    first, second = [await edit(coordinator, visit, **lists, request_id=ONCE) for _ in range(2)]
    assert first == second
    assert [(item.title, item.duration_minutes) for item in await list_items(coordinator, visit)] == [
        ("Walk", 90),
        ("Debrief", 30),
    ]


async def test_two_items_change_places_and_a_room_that_is_given_up_is_free(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    room = (await factories.room(coordinator)).name
    early, late = [
        await factories.agenda_item(coordinator, visit.name, room=room, start_time=at(hour), end_time=at(hour + 1))
        for hour in (9, 11)
    ]
    gone = await factories.agenda_item(coordinator, visit.name, room=room, start_time=at(14), end_time=at(15))
    answer = await edit(
        coordinator,
        visit,
        deletions=[pb.DeleteAgendaItemRequest(name=gone.name)],
        changes=[
            change(early, start_time=at(11), duration_minutes=60),
            change(late, start_time=at(9), duration_minutes=60),
        ],
        additions=[pb.AgendaItem(title="New", room=room, start_time=at(14), duration_minutes=60)],
    )
    assert [item.start_time for item in answer.changed] == [late.start_time, early.start_time]
    assert len(await list_items(coordinator, visit)) == 3


async def test_an_order_is_turned_round_and_new_items_take_part_in_it(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first = await factories.unplaced_item(coordinator, visit.name)
    second = await factories.unplaced_item(coordinator, visit.name, after=after(first.name))
    new = f"{visit.name}/agendaItems/new-1"
    answer = await edit(
        coordinator,
        visit,
        changes=[change(first, after=after(second.name, new)), change(second, after=[])],
        additions=[pb.AgendaItem(name=new, title="Welcome", duration_minutes=30)],
    )
    (welcome,) = answer.added
    assert welcome.name != new
    assert {each.agenda_item for each in answer.changed[0].after} == {second.name, welcome.name}
    with refused("INVALID_ARGUMENT", "PRECEDENCE_CYCLE") as refusal:
        await edit(coordinator, visit, changes=[change(answer.changed[1], after=after(first.name))])
    assert refusal.fields == ["changes[0].agenda_item.after[0].agenda_item"]


async def test_a_refusal_says_of_which_entry_it_is_and_leaves_everything_as_it_was(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    room = (await factories.room(coordinator)).name
    ill = (await factories.person(coordinator, absences=[pb.Person.Absence(start_time=at(8), end_time=at(20))])).name
    held = await factories.agenda_item(coordinator, visit.name, room=room)
    free = await factories.unplaced_item(coordinator, visit.name)
    stranger = await factories.unplaced_item(coordinator, other.name)
    new = pb.AgendaItem(title="New", duration_minutes=30)
    for lists, field in (
        ({"additions": [new, pb.AgendaItem(title="x")]}, "additions[1].duration_minutes"),
        ({"additions": [new, pb.AgendaItem(duration_minutes=3)]}, "additions[1].title"),
        ({"changes": [change(free, title="")]}, "changes[0].agenda_item.title"),
        ({"changes": [change(stranger, title="x")]}, "changes[0].agenda_item.name"),
        ({"deletions": [pb.DeleteAgendaItemRequest(name=stranger.name)]}, "deletions[0].name"),
    ):
        with refused("INVALID_ARGUMENT") as refusal:
            await edit(coordinator, visit, **lists)
        assert refusal.fields == [field]
    stale = change(free, title="x")
    stale.agenda_item.etag = "99"
    at_nine: dict[str, Any] = {"start_time": at(9), "duration_minutes": 30}
    unseen, away = pb.DeleteAgendaItemRequest(name=free.name, etag="99"), change(free, people=[ill], **at_nine)
    taken = pb.AgendaItem(title="x", room=room, **at_nine)
    for lists, code, reason, entry in (
        ({"additions": [new, taken]}, "ALREADY_EXISTS", "DOUBLE_BOOKING", "additions[1]"),
        ({"changes": [away]}, "FAILED_PRECONDITION", "PERSON_ABSENT", "changes[0].agenda_item"),
        ({"changes": [change(held, title="y"), stale]}, "ABORTED", "ETAG_MISMATCH", "changes[1].agenda_item"),
        ({"deletions": [unseen]}, "ABORTED", "ETAG_MISMATCH", "deletions[0]"),
    ):
        with refused(code, reason) as refusal:
            await edit(coordinator, visit, **lists)
        assert refusal.metadata["entry"] == entry
    assert await list_items(coordinator, visit) == [held, free]


async def test_nobody_is_in_a_delegation_twice(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    price = await factories.delegate(coordinator, visit.name, display_name="Rhiannon Price")
    evans = await factories.delegate(coordinator, visit.name, display_name="Owain Evans")
    again = pb.Delegate(function="Interpreter", display_name=" rhiannon  PRICE")

    def rename(delegate: pb.Delegate, display_name: str) -> pb.UpdateDelegateRequest:
        return pb.UpdateDelegateRequest(delegate=pb.Delegate(name=delegate.name, display_name=display_name))

    known = {"delegate": price.name, "delegate_title": "Rhiannon Price – Head of controlling"}
    batch: dict[str, Any] = {"parent": visit.name}
    for call, entry in (
        (coordinator.CreateDelegate(pb.CreateDelegateRequest(parent=visit.name, delegate=again)), {}),
        (coordinator.UpdateDelegate(rename(evans, "Rhiannon Price")), {}),
        (
            coordinator.BatchCreateDelegates(pb.BatchCreateDelegatesRequest(**batch, delegates=[again])),
            {"entry": "delegates[0]"},
        ),
        (
            coordinator.BatchEditDelegates(
                pb.BatchEditDelegatesRequest(**batch, changes=[rename(evans, "Rhiannon Price")])
            ),
            {"entry": "changes[0].delegate"},
        ),
    ):
        with refused("ALREADY_EXISTS", "DELEGATE_NAMED_TWICE") as refusal:
            await call
        assert refusal.metadata == known | entry
    new = pb.Delegate(function="Driver", display_name="Ann Lloyd")
    with refused("ALREADY_EXISTS", "DELEGATE_NAMED_TWICE") as refusal:
        await coordinator.BatchCreateDelegates(
            pb.BatchCreateDelegatesRequest(parent=visit.name, delegates=[new, pb.Delegate(function="x"), new])
        )
    assert refusal.metadata["entry"] == "delegates[2]"
    swapped = pb.BatchEditDelegatesRequest(
        **batch, changes=[rename(price, "Owain Evans"), rename(evans, "Rhiannon Price")]
    )
    answer = await coordinator.BatchEditDelegates(swapped)
    assert [each.display_name for each in answer.changed] == ["Owain Evans", "Rhiannon Price"]
    nameless = pb.Delegate(function="Driver")
    await coordinator.BatchCreateDelegates(pb.BatchCreateDelegatesRequest(**batch, delegates=[nameless, nameless]))


async def test_the_mark_of_the_head_passes_on_and_who_leaves_frees_it(
    exchange: RunningService, coordinator: Caller
) -> None:
    visit = await factories.visit(coordinator)
    mayor = await factories.delegate(coordinator, visit.name, function="Mayor", head=True)
    deputy = await factories.delegate(coordinator, visit.name, function="Deputy")

    def mark(delegate: pb.Delegate, *, head: bool) -> pb.UpdateDelegateRequest:
        marked = pb.Delegate(name=delegate.name, head=head)
        return pb.UpdateDelegateRequest(delegate=marked, update_mask=FieldMask(paths=["head"]))

    partner = exchange.as_(Role.PARTNER, city=visit.guest_city)
    request = pb.BatchEditDelegatesRequest(
        parent=visit.name, changes=[mark(deputy, head=True), mark(mayor, head=False)]
    )
    answer = await partner.BatchEditDelegates(request)
    assert [(each.function, each.head) for each in answer.changed] == [("Deputy", True), ("Mayor", False)]
    with refused("ALREADY_EXISTS", "SECOND_HEAD") as refusal:
        await coordinator.BatchEditDelegates(
            pb.BatchEditDelegatesRequest(parent=visit.name, additions=[pb.Delegate(function="Third", head=True)])
        )
    assert refusal.metadata["entry"] == "additions[0]"
    await coordinator.BatchEditDelegates(
        pb.BatchEditDelegatesRequest(
            parent=visit.name,
            deletions=[pb.DeleteDelegateRequest(name=deputy.name)],
            additions=[pb.Delegate(function="Third", head=True)],
        )
    )
    heads = {each.function: each.head for each in await list_delegates(coordinator, visit)}
    assert heads == {"Mayor": False, "Third": True}


async def test_delegates_who_change_their_group_are_booked_with_it(coordinator: Caller) -> None:
    visit, other = await factories.visit(coordinator), await factories.visit(coordinator)
    guest = await factories.delegate(coordinator, visit.name, group=pb.Delegate.GROUP_STAFF)
    await factories.agenda_item(coordinator, visit.name, groups=[pb.Delegate.GROUP_POLITICS])
    moved = pb.Delegate(name=guest.name, group=pb.Delegate.GROUP_POLITICS)
    await coordinator.BatchEditDelegates(
        pb.BatchEditDelegatesRequest(parent=visit.name, changes=[pb.UpdateDelegateRequest(delegate=moved)])
    )
    with refused("ALREADY_EXISTS", "DOUBLE_BOOKING"):
        await factories.agenda_item(coordinator, visit.name, people=[guest.name])
    stranger = await factories.delegate(coordinator, other.name)
    with refused("INVALID_ARGUMENT", "NOT_IN_DELEGATION") as refusal:
        await coordinator.BatchEditDelegates(
            pb.BatchEditDelegatesRequest(parent=visit.name, deletions=[pb.DeleteDelegateRequest(name=stranger.name)])
        )
    assert refusal.fields == ["deletions[0].name"]


async def test_what_is_changed_twice_in_one_batch_is_refused(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    item = await factories.unplaced_item(coordinator, visit.name)
    delegate = await factories.delegate(coordinator, visit.name)
    twice = [change(item, title=title) for title in ("First", "Second")]
    batch = pb.BatchUpdateAgendaItemsRequest(parent=visit.name, requests=twice)
    members = [pb.UpdateDelegateRequest(delegate=pb.Delegate(name=delegate.name, function=each)) for each in "AB"]
    for call, field in (
        (edit(coordinator, visit, changes=twice), "changes[1].agenda_item.name"),
        (coordinator.BatchUpdateAgendaItems(batch), "requests[1].agenda_item.name"),
        (
            coordinator.BatchEditDelegates(pb.BatchEditDelegatesRequest(parent=visit.name, changes=members)),
            "changes[1].delegate.name",
        ),
    ):
        with refused("INVALID_ARGUMENT") as refusal:
            await call
        assert refusal.reasons == {field: "NAMED_TWICE"}
    assert await list_items(coordinator, visit) == [item]
    assert await list_delegates(coordinator, visit) == [delegate]
