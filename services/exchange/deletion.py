"""What nothing refers to can be deleted; a refusal names what does."""

from typing import Any

from sqlalchemy import Select

from chassis.database import Session
from chassis.errors import FailedPrecondition
from chassis.model import Resource
from chassis.referrers import describe_referrers
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
    if referrers := await describe_referrers(session, uses, _get_title):
        raise FailedPrecondition(
            f"{row.name} is in use: {referrers['referrers']} others refer to it.",
            reason="RESOURCE_IN_USE",
            metadata={"resource": row.name, **referrers},
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
