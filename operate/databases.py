"""The four databases as an operator sees them: whose they are, what schema they have, what is in them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from chassis.database import Database
from chassis.database_urls import LIBPQ_KEEPALIVE, require_primary
from operate.settings import DatabaseSettings

CONNECT_SECONDS = 10

_SELECT_TABLES: LiteralString = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    " AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid"
    " AND deptype = 'e') ORDER BY relname"
)


@dataclass(frozen=True)
class Owner:
    """
    A process that has a database.

    Attributes:
        process: Its name.
        package: Where its migrations are.
        messaging: Whether its database has an outbox and an inbox.
    """

    process: str
    package: str
    messaging: bool = True


# Who consumes events before who produces them: of a backup taken in this order, no database knows of an event that
# another one's outbox has not.
OWNERS = (
    Owner("knowledge", "services.knowledge"),
    Owner("forum", "services.forum"),
    Owner("exchange", "services.exchange"),
    Owner("gateway", "gateway.accounts", messaging=False),
)


def list_urls(settings: DatabaseSettings) -> dict[str, str]:
    """Return process → URL of its database, in the order of `OWNERS`."""
    return {owner.process: settings.get_url(owner.process) for owner in OWNERS}


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """
    Yield a connection to a database; each statement is a transaction unless the caller begins one.

    Raises:
        psycopg.Error: It does not answer.
    """
    with psycopg.connect(
        make_conninfo(require_primary(url), **LIBPQ_KEEPALIVE),
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="austausch operator",
    ) as connection:
        yield connection


@contextmanager
def read_at_one_moment(url: str) -> Iterator[psycopg.Connection]:
    """
    Yield a connection in a transaction that sees the database as it is now, and changes nothing.

    However long it takes, and however long it waits for its caller, no limit of the server, the database or the role
    ends it; ``pg_dump`` lifts the same limits for itself.

    Raises:
        psycopg.Error: The database does not answer.
    """
    with connected(url) as connection:
        # Not SET: before PostgreSQL 17 there is no transaction_timeout.
        connection.execute(
            "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_in_transaction_session_timeout',"
            " 'transaction_timeout', 'statement_timeout', 'lock_timeout')"
        )
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Yield the database of a service, as the chassis knows it."""
    database = Database(url, pool_size=1)
    try:
        yield database
    finally:
        await database.dispose()


def list_tables(connection: psycopg.Connection) -> list[str]:
    """Return the names of the tables, without those of extensions."""
    return [name for (name,) in connection.execute(_SELECT_TABLES)]


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Return table → number of its rows."""
    return {table: _count(connection, table) for table in list_tables(connection)}


def _count(connection: psycopg.Connection, table: str) -> int:
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    return cast(tuple[int], connection.execute(statement).fetchone())[0]


def list_present_revisions(connection: psycopg.Connection) -> list[str]:
    """Return the revisions of the schema, one for each branch of migrations; none in a database without a schema."""
    if "alembic_version" not in list_tables(connection):
        return []
    return [name for (name,) in connection.execute("SELECT version_num FROM alembic_version ORDER BY version_num")]


def list_others(connection: psycopg.Connection) -> Mapping[str, int]:
    """Return name of a program → how many connections to the same database it has, beside this one."""
    return dict(
        connection.execute(
            "SELECT coalesce(nullif(application_name, ''), 'unnamed'), count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " GROUP BY 1"
        ).fetchall()
    )
