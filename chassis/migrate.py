"""
Schema migrations with Alembic.

The chassis's own tables (outbox, inbox, request ids) and a service's tables are two branches in one database, so a new
version of the chassis brings its migration to every service.
"""

import asyncio
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text

from chassis.database import Database, async_engine

CHASSIS = Path(__file__).parent / "migrations"
# Two processes that migrate the same database at once take turns.
LOCK = 5_206_000_001


def _config(package: str, *, messaging: bool = True) -> Config:
    folder = Path(str(import_module(package).__file__)).parent / "migrations" / "versions"
    config = Config()
    config.set_main_option("script_location", str(CHASSIS))
    config.set_main_option("path_separator", "newline")
    locations = [str(CHASSIS / "versions")] if messaging else []
    config.set_main_option("version_locations", "\n".join([*locations, str(folder)]))
    return config


def migrate(url: str, package: str, *, messaging: bool = True, revision: str = "heads") -> None:
    """
    Bring a database to the newest schema, or up to a revision; nothing happens when it is there already.

    Args:
        url: ``postgresql://…`` of the database.
        package: The service's package, e.g. ``services.exchange``; its migrations are in ``migrations/versions``.
        messaging: Whether the database needs the chassis's tables; the gateway's does not.

    Raises:
        OSError: The database does not answer.
    """
    asyncio.run(_upgrade(url, _config(package, messaging=messaging), revision))


async def _upgrade(url: str, config: Config, revision: str) -> None:
    def upgrade(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = async_engine(url, {"timeout": 10}, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def list_revisions(package: str, *, messaging: bool = True) -> set[str]:
    """Return every revision of a database's schema that this version of the code knows; arguments as of `migrate`."""
    scripts = ScriptDirectory.from_config(_config(package, messaging=messaging))
    return {script.revision for script in scripts.walk_revisions()}


def list_heads(package: str, *, messaging: bool = True) -> set[str]:
    """Return the revisions that a database has after `migrate`; arguments as of it."""
    return set(ScriptDirectory.from_config(_config(package, messaging=messaging)).get_heads())


async def is_current(database: Database, package: str) -> bool:
    """
    Return whether a service's database has the schema that this version of the code needs, or a newer one.

    A newer version of the code migrates while older ones still run, and these may start again meanwhile.
    """
    scripts = ScriptDirectory.from_config(_config(package))
    wanted = set(scripts.get_heads())
    known = {script.revision for script in scripts.walk_revisions()}

    def heads(connection: Connection) -> set[str]:
        return set(MigrationContext.configure(connection).get_current_heads())

    async with database.engine.connect() as connection:
        present = await connection.run_sync(heads)
    return wanted <= present or not present <= known
