"""Which items of a programme have to have ended before others start."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from chassis.database import Session
from chassis.errors import InvalidArgument
from chassis.model import now
from services.exchange.model import AgendaItem, Precedence

FIELD = "agenda_item"
MAX_GAP_MINUTES = 14_400
"""As the contract has it."""


@dataclass(frozen=True, slots=True)
class Order:
    """After which items one has to start: (name, minutes between them); `field` is where it stands in the request."""

    item: AgendaItem
    after: Sequence[tuple[str, int]]
    field: str = FIELD

    def name_field(self, index: int) -> str:
        """Return the path of the predecessor at an index."""
        return f"{self.field}.after[{index}].agenda_item"


async def replace(session: Session, orders: Sequence[Order]) -> None:
    """
    Let items, of one visit that is locked, start after other items, and no others any more.

    Raises:
        InvalidArgument: A predecessor is not of the same visit (reason NOT_IN_PROGRAMME, metadata `agenda_item`), is
            named twice (NAMED_TWICE), or would have to start after the item itself (PRECEDENCE_CYCLE, metadata
            `agenda_item_title`).
    """
    orders = [order for order in orders if order.after or order.item.after]
    if not orders:
        return
    visit_id = orders[0].item.visit_id
    items = select(AgendaItem.id, AgendaItem.title).where(AgendaItem.visit_id == visit_id)
    titles = dict((await session.execute(items)).all())
    gaps = {order.item.id: _read_gaps(order, titles) for order in orders}
    followers = await _read_followers(session, visit_id, gaps)
    for order in orders:
        _require_no_cycle(order, list(gaps[order.item.id]), followers, titles)
    for order in orders:
        _assign(order.item, gaps[order.item.id])
    await session.flush()


async def read_bridges(session: Session, visit_id: str, removed: Collection[str]) -> dict[str, dict[str, int]]:
    """
    Return which orders take the place of those that go with items, so that what follows them still comes after what
    came before: id of the later item → id of the earlier → minutes between them, those of both orders.

    Args:
        removed: Ids of items of the visit, which is locked.
    """
    rows = await session.execute(
        select(Precedence.after_id, Precedence.before_id, Precedence.gap_minutes)
        .join(AgendaItem, AgendaItem.id == Precedence.before_id)
        .where(AgendaItem.visit_id == visit_id)
    )
    befores, stored = defaultdict[str, dict[str, int]](dict), set[tuple[str, str]]()
    for after_id, before_id, minutes in rows:
        befores[after_id][before_id] = minutes
        stored.add((after_id, before_id))
    bridges = defaultdict[str, dict[str, int]](dict)
    for gone in removed:
        earlier = befores.pop(gone, {})
        for after_id, before in befores.items():
            if (gap := before.pop(gone, None)) is None:
                continue
            for before_id, minutes in earlier.items():
                if (after_id, before_id) not in stored:
                    before[before_id] = max(before.get(before_id, 0), min(gap + minutes, MAX_GAP_MINUTES))
                    bridges[after_id][before_id] = before[before_id]
    return {
        after_id: left
        for after_id, before in bridges.items()
        if after_id not in removed and (left := {each: gap for each, gap in before.items() if each not in removed})
    }


async def bridge(session: Session, bridges: Mapping[str, Mapping[str, int]]) -> None:
    """Let items come after others in the place of those that went; as `read_bridges` has it."""
    if not bridges:
        return
    for item in await session.scalars(select(AgendaItem).where(AgendaItem.id.in_(bridges))):
        _assign(item, {**{each.before_id: each.gap_minutes for each in item.after}, **bridges[item.id]})
    await session.flush()


def _read_gaps(order: Order, titles: Mapping[str, str]) -> dict[str, int]:
    """Return minutes by the id of each predecessor, in the order in which they are named; raises as `replace`."""
    gaps: dict[str, int] = {}
    for index, (name, minutes) in enumerate(order.after):
        before_id = name.rpartition("/")[2]
        if before_id not in titles or name != f"visits/{order.item.visit_id}/agendaItems/{before_id}":
            words = f"{name} is not in this programme"
            raise InvalidArgument(
                order.name_field(index), words, reason="NOT_IN_PROGRAMME", metadata={"agenda_item": name}
            )
        if before_id in gaps:
            raise InvalidArgument(order.name_field(index), "is named twice", reason="NAMED_TWICE")
        gaps[before_id] = minutes
    return gaps


async def _read_followers(session: Session, visit_id: str, gaps: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Return which items come after each, by id; `gaps` are the new predecessors of those that change."""
    rows = await session.execute(
        select(Precedence.before_id, Precedence.after_id)
        .join(AgendaItem, AgendaItem.id == Precedence.before_id)
        .where(AgendaItem.visit_id == visit_id, Precedence.after_id.not_in(gaps))
    )
    followers = defaultdict[str, set[str]](set)
    for before_id, after_id in [*rows.all(), *((before, item) for item, befores in gaps.items() for before in befores)]:
        followers[before_id].add(after_id)
    return followers


def _require_no_cycle(
    order: Order, befores: Sequence[str], followers: Mapping[str, set[str]], titles: Mapping[str, str]
) -> None:
    """Raise where one of `befores` comes after the item already, directly or not."""
    later, waiting = set[str](), [order.item.id]
    while waiting:
        each = waiting.pop()
        if each not in later:
            later.add(each)
            waiting += followers.get(each, ())
    for index, before_id in enumerate(befores):
        if before_id in later:
            title = titles[before_id]
            words = f"“{title}” comes after this item, so that it cannot come before it"
            metadata = {"agenda_item_title": title}
            raise InvalidArgument(order.name_field(index), words, reason="PRECEDENCE_CYCLE", metadata=metadata)


def _assign(item: AgendaItem, gaps: Mapping[str, int]) -> None:
    """Let an item start after others by so many minutes each."""
    known = {each.before_id: each for each in item.after}
    if gaps != {before_id: each.gap_minutes for before_id, each in known.items()}:
        # The order is kept in rows of its own: the item is changed all the same.
        item.update_time = now()
    item.after = [
        known.get(before_id) or Precedence(after_id=item.id, before_id=before_id) for before_id in sorted(gaps)
    ]
    for precedence in item.after:
        precedence.gap_minutes = gaps[precedence.before_id]
