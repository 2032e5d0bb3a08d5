"""Departments as the rows of services name them: people type their names, so that one has several spellings."""

from typing import Any

from sqlalchemy import Select

from chassis.database import Session
from chassis.identity import same_department


async def list_spellings(session: Session, rows: Select[Any], column: Any, department: str) -> list[str]:
    """
    Return how some rows name a department.

    Args:
        rows: Statement for them.
        column: Of the name of a department.
        department: However it is typed; "" is none.
    """
    # What names the same is decided here: PostgreSQL takes ß and SS for different letters.
    names = await session.scalars(rows.with_only_columns(column).distinct()) if department else ()
    return [name for name in names if same_department(name, department)]
