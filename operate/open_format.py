"""
What an export is: a ZIP archive with a file of JSON Lines for each table, ``schema.json``, which describes them, and
``README.md``.

Of the databases it holds what people entered and what came of it, and not what only the running platform needs, nor
what proves who somebody is.
"""

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import psycopg

from operate.databases import list_tables

FORMAT = 1
SCHEMA, README = "schema.json", "README.md"

# The platform's own: messages on their way, requests that must not come twice, sign-ins, and vectors, which are
# computed anew.
LEFT_OUT = frozenset(
    {
        "alembic_version", "inbox", "learning_vectors", "outbox", "outbox_tasks", "request_ids", "sign_in_attempts",
        "tokens", "used_signatures",
    }
)  # fmt: skip
# A number of the transaction that wrote the row, and what a password is checked against.
LEFT_OUT_COLUMNS = frozenset(
    {("learnings", "revision"), ("deleted_learnings", "revision"), ("accounts", "password_hash")}
)
# What a migration brings; an import replaces it.
SEEDED = frozenset({"topic_imports", "topic_labels", "topics"})

README_TEXT = """\
# Everything that the Austausch platform knew

Exported on {time} by version {version}, for whoever wants to read it, keep it, or take it elsewhere. It holds personal
data, and addresses of calendars that may be secret.

One folder for each part of the platform: `exchange` (cities, partnerships, exchanges, visits with their programmes and
delegations, venues, rooms, people), `forum` (expert forums), `knowledge` (learnings, their applications, the vocabulary
of topics) and `gateway` (accounts, without passwords).

Learnings with an `original_uri` are of other cities, which published them here: `installations` are those cities'
platforms, `publications` what each of them published, and `sent_learnings` what this platform told a hub of its own.

In it is a file for each table, one row a line, as a JSON object (JSON Lines, UTF-8). `schema.json` tells for each table
its columns with their types of PostgreSQL, its primary key, what its columns refer to, and how many rows there are.

Moments are in UTC (RFC 3339), days as YYYY-MM-DD, ranges as PostgreSQL writes them: `["2026-05-12 08:00:00+00",…)`. A
resource that the REST interface calls `visits/018f…` is the row of the table `visits` with the `id` `018f…`.

`austausch import` reads this archive into an empty installation of the same version.
"""


@dataclass(frozen=True)
class Table:
    """
    A table as an export has it.

    Attributes:
        name: Its name.
        columns: Column → its type in PostgreSQL; those that are computed from others are left out.
        primary_key: The columns of its primary key.
        references: Columns, the table that they refer to, and the columns there.
    """

    name: str
    columns: dict[str, str]
    primary_key: list[str]
    references: list[dict[str, Any]]


def read_tables(connection: psycopg.Connection) -> list[Table]:
    """
    Return the tables that are exported, those that others refer to first.

    Raises:
        graphlib.CycleError: Tables refer to each other in a circle.
    """
    tables = {name: _read_table(connection, name) for name in list_tables(connection) if name not in LEFT_OUT}
    graph = {
        table.name: {reference["table"] for reference in table.references} - {table.name} for table in tables.values()
    }
    return [tables[name] for name in TopologicalSorter(graph).static_order()]


def _read_table(connection: psycopg.Connection, name: str) -> Table:
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        [name],
    ).fetchall()
    constraints = connection.execute(
        "SELECT contype::text, confrelid::regclass::text, (SELECT array_agg(attname::text ORDER BY place)"
        " FROM unnest(conkey) WITH ORDINALITY AS key (number, place)"
        " JOIN pg_attribute ON attrelid = conrelid AND attnum = number),"
        " (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS key (number, place)"
        " JOIN pg_attribute ON attrelid = confrelid AND attnum = number)"
        " FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'f') ORDER BY conname",
        [name],
    ).fetchall()
    return Table(
        name,
        {column: kind for column, kind in columns if (name, column) not in LEFT_OUT_COLUMNS},
        next((own for kind, _, own, _ in constraints if kind == "p"), []),
        [
            {"columns": own, "table": table, "columns_there": there}
            for kind, table, own, there in constraints
            if kind == "f"
        ],
    )
