"""
Schema migrations with Alembic.

The chassis's own tables (outbox, inbox, request ids) and a service's tables are two branches in one database, so a new
version of the chassis brings its migration to every service.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from alembic import command
from alembic.config import Config
from asyncpg import PostgresError
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError

from chassis.database import async_engine
from chassis.database_urls import driver_url
from chassis.schema import CHASSIS_VERSIONS, is_current, version_folders

# Two processes that migrate the same database at once take turns.
LOCK = 5_206_000_001
# Whoever asks for a table that a migration waits for waits behind it. So it waits no longer than this, and tries again.
LOCK_SECONDS = 2
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 300
LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED = "55P03", "40P01"

log = structlog.get_logger(__name__)


def _config(package: str, *, messaging: bool = True) -> Config:
    config = Config()
    config.set_main_option("script_location", str(CHASSIS_VERSIONS.parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, version_folders(package, messaging=messaging))))
    return config


def migrate(url: str, package: str, *, messaging: bool = True, revision: str = "heads") -> None:
    """
    Bring a database to the newest schema, or up to a revision; nothing happens when it is there already.

    It happens whole or not at all. While transactions of others hold the tables, it is tried again and again.

    Args:
        url: ``postgresql://…`` of the database.
        package: The service's package, e.g. ``services.exchange``; its migrations are in ``migrations/versions``.
        messaging: Whether the database needs the chassis's tables; the gateway's does not.

    Raises:
        OSError: The database does not answer.
        ValueError: As `driver_url`.
        sqlalchemy.exc.DBAPIError: It refuses, or the tables were in use for `PATIENCE_SECONDS`.
    """
    driver_url(url, "asyncpg")
    asyncio.run(_migrate(url, package, messaging, revision))


@contextmanager
def failing_in_one_line(process: str) -> Iterator[None]:
    """
    Migrate the database of a process inside the block.

    Raises:
        SystemExit: With code 1 and one line that says why it failed.
    """
    try:
        yield
    except (OSError, ValueError, DBAPIError, PostgresError) as error:
        reason = str(getattr(error, "orig", error)) or type(error).__name__
        sys.exit(f"{process}: the database can't be migrated: {reason}")


async def _migrate(url: str, package: str, messaging: bool, revision: str) -> None:
    if revision == "heads" and await is_current(url, package, messaging=messaging):
        return
    config = _config(package, messaging=messaging)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            await _upgrade(url, config, revision)
            return
        except DBAPIError as error:
            in_use = getattr(error.orig, "sqlstate", "") in (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED)
            if not in_use or time.monotonic() > deadline:
                raise
            log.info("migration.waiting", reason=str(error.orig))
        await asyncio.sleep(PAUSE_SECONDS)


async def _upgrade(url: str, config: Config, revision: str) -> None:
    def upgrade(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = async_engine(url, {}, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()
