"""
What changed in a table since one looked last, whatever order transactions commit in.

A row carries the id of the transaction that changed it last (`revision`, written by a trigger). A *round* reads the
rows whose revision is not below where the last round began to be unsure: the oldest transaction that still ran then. So
none is missed; a few rows are read twice. A round ends at the first transaction that had not begun when it started:
it ends even while others write without a pause.

Transaction ids are a database's own. After a restore into another cluster its rows carry ids of the old one, above all
that the new one has given out yet, and would be read again in every round: `stamp_foreign_rows` gives them new ones.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import Row, Select, Table, text, tuple_
from sqlalchemy.orm import DeclarativeBase

from chassis.database import Database

BATCH = 2_000
_FOREIGN_BATCH = 5_000

# Which database this is, its oldest running transaction, and the id that the next one will get. A promoted standby
# (timeline) may lack what the old primary had committed.
_SELECT_HORIZON = text(
    "SELECT (SELECT system_identifier::text FROM pg_control_system())"
    " || ':' || (SELECT timeline_id FROM pg_control_checkpoint())"
    " || ':' || (SELECT oid FROM pg_database WHERE datname = current_database()),"
    " pg_snapshot_xmin(snapshot)::text::bigint, pg_snapshot_xmax(snapshot)::text::bigint"
    " FROM pg_current_snapshot() AS snapshot"
)

# Until its statistics know of a large transaction, PostgreSQL takes it for a small one: it would read all of it
# that is left for each batch, and sort it.
_READ_IN_ORDER = text("SET LOCAL enable_sort = off")


class Position(NamedTuple):
    """A place in the order in which rows are read; what comes before it has been read."""

    revision: int
    id: str


START = Position(0, "")


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to where a database can be read at a moment."""

    database: str
    """Which one it is: system identifier of the cluster, timeline, and oid."""
    oldest: int
    """All that transactions before this one changed can be seen."""
    next: int
    """No transaction from this one on had begun."""


async def read_horizon(database: Database) -> Horizon:
    """Return up to where the database can be read now."""
    async with database.read_once() as session:
        return Horizon(*(await session.execute(_SELECT_HORIZON)).one())


async def stamp_foreign_rows(database: Database, table: Table) -> int:
    """Give rows whose revision no transaction of this cluster can have a new one, and return how many there were."""
    # A transaction that can be seen began before the snapshot's end.
    statement = text(
        f"UPDATE {table.name} SET revision = revision WHERE id IN (SELECT id FROM {table.name}"  # noqa: S608
        " WHERE revision >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        f" ORDER BY revision, id LIMIT {_FOREIGN_BATCH} FOR UPDATE SKIP LOCKED)"
    )
    total = 0
    while True:
        async with database.begin() as session:
            result = await session.execute(statement)
            count: int = result.rowcount  # type: ignore[attr-defined]
        total += count
        if not count:
            return total


def get_table(model: type[DeclarativeBase]) -> Table:
    """Return the table of a model."""
    return cast(Table, model.__table__)


class Changes:
    """
    Follows one table.

    Args:
        statement: Selects columns of the table, `id` and `revision` among them, one row for each of its rows.
        position: Where to begin.
    """

    def __init__(self, database: Database, table: Table, statement: Select[Any], position: Position = START) -> None:
        self._database = database
        self._table = table
        self._statement = statement
        self.position = position
        """Where the next round begins."""
        # What has been read beyond the position: id → revision.
        self._seen: dict[str, int] = {}

    async def read_round(self, horizon: Horizon) -> AsyncIterator[Sequence[Row[Any]]]:
        """
        Yield the rows that changed, batch by batch.

        When the next batch is asked for, the last one counts as read. After the round, `position` is where the next one
        has to begin.
        """
        position = self.position
        while rows := await self._read_batch(position, horizon):
            fresh = [row for row in rows if self._seen.get(row.id) != row.revision]
            if fresh:
                yield fresh
            self._seen |= {row.id: row.revision for row in fresh if row.revision >= horizon.oldest}
            position = Position(rows[-1].revision, rows[-1].id)
            if position.revision < horizon.oldest:
                self.position = position
        self.position = max(self.position, Position(horizon.oldest, ""))
        # What is older is not read again, so there is nothing to keep about it.
        self._seen = {id_: revision for id_, revision in self._seen.items() if revision >= horizon.oldest}

    async def _read_batch(self, position: Position, horizon: Horizon) -> Sequence[Row[Any]]:
        columns = self._table.c
        statement = (
            self._statement.where(
                tuple_(columns.revision, columns.id) > tuple(position), columns.revision < horizon.next
            )
            .order_by(columns.revision, columns.id)
            .limit(BATCH)
        )
        async with self._database.read() as session:
            await session.execute(_READ_IN_ORDER)
            return (await session.execute(statement)).all()
