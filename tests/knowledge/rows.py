"""Learnings written into PostgreSQL, past the service: many at once, or as nobody writes them."""

import itertools
from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert

from chassis.database import Session
from services.knowledge.model import Learning

PIECE = 1_000


async def write_learnings(session: Session, ids: Iterable[str], **fields: Any) -> None:
    """Write learnings, without events and tasks."""
    # In pieces: a statement that takes longer than any call is ended.
    values = {"language": "de", "observation": "Wasser", "author": "accounts/anna", "updater": "Anna", **fields}
    rest = iter(ids)
    while piece := list(itertools.islice(rest, PIECE)):
        await session.execute(insert(Learning), [{"id": id_, "title": f"Schule {id_}", **values} for id_ in piece])
