"""Lists of what a forum has, in one statement each."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select

from chassis.database import Session
from chassis.paging import page
from services.forum.model import Forum
from services.forum.rights import over_every_forum, see

Model = TypeVar("Model", bound=Any)


async def page_of_forum(
    session: Session,
    statement: Select[Model],
    model: type[Model],
    request: Any,
    orderings: Mapping[str, Any],
    default: str,
) -> tuple[Sequence[Model], str, int]:
    """
    Return one page of what the request's ``parent`` has, as `page` does; an empty list asks for the parent.

    Args:
        statement: From `of_forum`, with the request's filters.

    Raises:
        PermissionDenied: The caller may not see the forum, if it exists; reason NOT_ON_PANEL.
        NotFound: There is no such forum.
        InvalidArgument: As `page`.
    """
    rows, token, total = await page(session, statement, model, request, orderings, default)
    if not total and not over_every_forum(model, request.parent):
        await see(session, Forum, request.parent)
    return rows, token, total
