"""What still refers to a row that somebody wants to delete, as a refusal names it."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Select, func, select

from chassis.database import Session
from chassis.error_metadata import MAX_LISTED, flatten_indexed


async def describe_referrers(
    session: Session, uses: Iterable[Select[Any]], get_title: Callable[[Any], str]
) -> dict[str, str]:
    """
    Return what refers to a row: the first ten by name and title, and the number of all; nothing where nothing does.

    Args:
        uses: Statements for the resources that refer to it, each of one kind.
        get_title: Tells what people call such a resource.
    """
    found: list[Any] = []
    total = 0
    for use in uses:
        total += await session.scalar(select(func.count()).select_from(use.subquery())) or 0
        if len(found) < MAX_LISTED:
            found += await session.scalars(use.limit(MAX_LISTED - len(found)))
    if not total:
        return {}
    named = [{"name": each.name, "title": get_title(each)} for each in found]
    return {**flatten_indexed("referrers", named), "referrers": str(total)}
