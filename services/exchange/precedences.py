"""Which items of a programme have to have ended before others start."""

from collections import defaultdict
from collections.abc import Sequence

from austausch.exchange.v1 import exchange_pb2 as pb
from sqlalchemy import select

from chassis.database import Session
from chassis.errors import InvalidArgument
from chassis.model import now
from services.exchange.model import AgendaItem, Precedence

FIELD = "agenda_item.after"


async def replace(session: Session, item: AgendaItem, wanted: Sequence[pb.AgendaItem.Predecessor]) -> None:
    """
    Let an item, of a visit that is locked, start after other items, and no others any more.

    Raises:
        InvalidArgument: One is not of the same visit (reason NOT_IN_PROGRAMME, metadata `agenda_item`), is named
            twice (NAMED_TWICE), or would have to start after this one itself (PRECEDENCE_CYCLE, metadata
            `agenda_item_title`).
    """
    if not wanted and not item.after:
        return
    items = select(AgendaItem.id, AgendaItem.title).where(AgendaItem.visit_id == item.visit_id)
    titles = dict((await session.execute(items)).all())
    gaps: dict[str, int] = {}
    for index, each in enumerate(wanted):
        name, field = each.agenda_item, f"{FIELD}.{index}.agenda_item"
        before_id = name.rpartition("/")[2]
        if before_id not in titles or name != f"visits/{item.visit_id}/agendaItems/{before_id}":
            words = f"{name} is not in this programme"
            raise InvalidArgument(field, words, reason="NOT_IN_PROGRAMME", metadata={"agenda_item": name})
        if before_id in gaps:
            raise InvalidArgument(field, "is named twice", reason="NAMED_TWICE")
        gaps[before_id] = each.gap_minutes
    await _require_no_cycle(session, item, gaps, titles)
    known = {each.before_id: each for each in item.after}
    if gaps != {before_id: each.gap_minutes for before_id, each in known.items()}:
        # The order is kept in rows of its own: the item is changed all the same.
        item.update_time = now()
    item.after = [
        known.get(before_id) or Precedence(after_id=item.id, before_id=before_id) for before_id in sorted(gaps)
    ]
    for precedence in item.after:
        precedence.gap_minutes = gaps[precedence.before_id]
    await session.flush()


async def _require_no_cycle(
    session: Session, item: AgendaItem, befores: dict[str, int], titles: dict[str, str]
) -> None:
    """Raise where one of `befores` comes after the item already, directly or not."""
    rows = await session.execute(
        select(Precedence.before_id, Precedence.after_id)
        .join(AgendaItem, AgendaItem.id == Precedence.before_id)
        .where(AgendaItem.visit_id == item.visit_id, Precedence.after_id != item.id)
    )
    followers = defaultdict(set)
    for before_id, after_id in rows:
        followers[before_id].add(after_id)
    later, waiting = set(), [item.id]
    while waiting:
        each = waiting.pop()
        if each not in later:
            later.add(each)
            waiting += followers[each]
    for index, before_id in enumerate(befores):
        if before_id in later:
            title = titles[before_id]
            raise InvalidArgument(
                f"{FIELD}.{index}.agenda_item",
                f"“{title}” comes after this item, so that it cannot come before it",
                reason="PRECEDENCE_CYCLE",
                metadata={"agenda_item_title": title},
            )
