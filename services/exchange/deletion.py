"""What nothing refers to can be deleted; a refusal names what does."""

from typing import Any

from sqlalchemy import Select, func, select

from chassis.database import Session
from chassis.error_metadata import MAX_LISTED, flatten_indexed
from chassis.errors import FailedPrecondition
from chassis.model import Resource
from services.exchange.model import AgendaItem, Exchange, Partnership, Room, Venue, Visit

Referrer = Partnership | Exchange | Visit | AgendaItem | Room | Venue


async def delete_unused(session: Session, row: Resource, *uses: Select[Any]) -> None:
    """
    Delete a row, which is locked, so that nothing begins to refer to it.

    Raises:
        FailedPrecondition: As for `require_unused`.
    """
    await require_unused(session, row, *uses)
    await session.delete(row)
    await session.flush()


async def require_unused(session: Session, row: Resource, *uses: Select[Any]) -> None:
    """
    Raise if something refers to a row.

    Args:
        uses: Statements for the rows that refer to it, each of one kind.

    Raises:
        FailedPrecondition: Something does; reason RESOURCE_IN_USE, and the metadata names what.
    """
    found: list[Referrer] = []
    total = 0
    for use in uses:
        total += await session.scalar(select(func.count()).select_from(use.subquery())) or 0
        if len(found) < MAX_LISTED:
            found += await session.scalars(use.limit(MAX_LISTED - len(found)))
    if total:
        named = [{"name": each.name, "title": _get_title(each)} for each in found]
        titles = ", ".join(f"“{each['title']}”" for each in named)
        raise FailedPrecondition(
            f"{row.name} is in use: {titles} refer to it.",
            reason="RESOURCE_IN_USE",
            metadata={"resource": row.name, **flatten_indexed("referrers", named), "referrers": str(total)},
        )


def _get_title(row: Referrer) -> str:
    """Return what people call a row; an agenda item, whose visit has to be loaded, by its visit, too."""
    match row:
        case Partnership():
            return row.city_display_name
        case AgendaItem():
            return f"{row.visit.title}: {row.title}"
        case Room() | Venue():
            return row.display_name
    return row.title
