"""Items of a programme that come after others."""

from typing import Any

from austausch.exchange.v1 import exchange_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests import factories
from tests.calls import Caller
from tests.refusals import refused


async def put_after(caller: Caller, item: pb.AgendaItem, *others: pb.AgendaItem, **fields: Any) -> pb.AgendaItem:
    """Let an item come after others, and no more after any else."""
    after = [pb.AgendaItem.Predecessor(agenda_item=other.name, **fields) for other in others]
    changed = pb.AgendaItem(name=item.name, after=after)
    mask = FieldMask(paths=["after"])
    return await caller.UpdateAgendaItem(pb.UpdateAgendaItemRequest(agenda_item=changed, update_mask=mask))


async def test_an_item_comes_after_others_with_a_gap(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first, second = [await factories.unplaced_item(coordinator, visit.name) for _ in range(2)]
    after = [pb.AgendaItem.Predecessor(agenda_item=first.name, gap_minutes=15)]
    last = await factories.unplaced_item(coordinator, visit.name, after=after)
    assert list(last.after) == after
    both = await put_after(coordinator, last, first, second)
    assert {each.agenda_item for each in both.after} == {first.name, second.name}
    assert {each.gap_minutes for each in both.after} == {0}
    assert await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=last.name)) == both
    assert not (await put_after(coordinator, last)).after


async def test_an_item_that_is_removed_stands_before_no_other(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first, last = [await factories.unplaced_item(coordinator, visit.name) for _ in range(2)]
    await put_after(coordinator, last, first)
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=first.name))
    assert not (await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=last.name))).after
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=last.name))


async def test_what_followed_an_item_that_is_removed_follows_what_came_before_it(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    items = [await factories.unplaced_item(coordinator, visit.name) for _ in range(4)]
    first, second, third, last = items
    for before, item, minutes in ((first, second, 10), (second, third, 20), (third, last, 30)):
        await put_after(coordinator, item, before, gap_minutes=minutes)

    async def get_order(item: pb.AgendaItem) -> list[tuple[str, int]]:
        stored = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=item.name))
        return [(each.agenda_item, each.gap_minutes) for each in stored.after]

    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=second.name))
    assert await get_order(third) == [(first.name, 30)]
    seen = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=last.name))
    changes = [pb.UpdateAgendaItemRequest(
        agenda_item=pb.AgendaItem(name=last.name, etag=seen.etag, title="Last"), update_mask=FieldMask(paths=["title"])
    )]  # fmt: skip
    deletions = [pb.DeleteAgendaItemRequest(name=third.name)]
    edit = pb.BatchEditAgendaItemsRequest(parent=visit.name, deletions=deletions, changes=changes)
    (changed,) = (await coordinator.BatchEditAgendaItems(edit)).changed
    assert await get_order(last) == [(first.name, 60)]
    assert changed == await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=last.name))


async def test_an_order_that_there_is_already_stays_when_what_lies_between_is_removed(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first, second, last = [await factories.unplaced_item(coordinator, visit.name) for _ in range(3)]
    await put_after(coordinator, second, first, gap_minutes=10)
    await put_after(coordinator, last, first, second, gap_minutes=5)
    await coordinator.DeleteAgendaItem(pb.DeleteAgendaItemRequest(name=second.name))
    stored = await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=last.name))
    assert [(each.agenda_item, each.gap_minutes) for each in stored.after] == [(first.name, 5)]


async def test_nothing_comes_after_itself(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    items = [await factories.unplaced_item(coordinator, visit.name, title=title) for title in ("A", "B", "C")]
    first, second, third = items
    await put_after(coordinator, second, first)
    await put_after(coordinator, third, second)
    for item, before in ((first, first), (first, second), (first, third)):
        with refused("INVALID_ARGUMENT", "PRECEDENCE_CYCLE") as refusal:
            await put_after(coordinator, item, before)
        (violation,) = refusal.error.violations
        assert violation.field == "agenda_item.after[0].agenda_item"
        assert violation.metadata == {"agenda_item_title": before.title}


async def test_what_comes_before_is_of_the_same_programme_and_named_once(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first, last = [await factories.unplaced_item(coordinator, visit.name) for _ in range(2)]
    stranger = await factories.unplaced_item(coordinator, (await factories.visit(coordinator)).name)
    with refused("INVALID_ARGUMENT", "NOT_IN_PROGRAMME"):
        await put_after(coordinator, last, first, stranger)
    with refused("INVALID_ARGUMENT", "NAMED_TWICE"):
        await put_after(coordinator, last, first, first)
    assert not (await coordinator.GetAgendaItem(pb.GetAgendaItemRequest(name=last.name))).after


async def test_another_order_is_another_version_whoever_changes_it(coordinator: Caller) -> None:
    visit = await factories.visit(coordinator)
    first, second, last = [await factories.unplaced_item(coordinator, visit.name) for _ in range(3)]
    ordered = await put_after(coordinator, last, first)
    assert ordered.etag != last.etag
    assert (await put_after(coordinator, last, first)).etag == ordered.etag
    assert (await put_after(coordinator, last, second)).etag != ordered.etag
