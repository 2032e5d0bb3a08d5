"""
Which migrations a database has, and which this version of the code has.

Told without Alembic, whose import takes longer than the question: most starts find that there is nothing to migrate.
"""

import re
from importlib import import_module
from pathlib import Path

import asyncpg

from chassis.database_urls import connect

CHASSIS_VERSIONS = Path(__file__).parent / "migrations" / "versions"
# As each migration names itself and the one before it.
_REVISION = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)


def version_folders(package: str, *, messaging: bool = True) -> list[Path]:
    """
    Return the folders of the migrations that a database needs.

    Args:
        package: The package of a process, e.g. ``services.exchange``; its migrations are in ``migrations/versions``.
        messaging: Whether the database needs the chassis's tables; the gateway's does not.
    """
    own = Path(str(import_module(package).__file__)).parent / "migrations" / "versions"
    return [CHASSIS_VERSIONS, own] if messaging else [own]


def read_revisions(package: str, *, messaging: bool = True) -> tuple[frozenset[str], frozenset[str]]:
    """
    Return all migrations that the code has for a database, and the newest of each branch; arguments as above.

    Raises:
        ValueError: A file does not name its revision and the one before it, a line each.
    """
    known: set[str] = set()
    replaced: set[str] = set()
    for folder in version_folders(package, messaging=messaging):
        for file in folder.glob("*.py"):
            named = dict(_REVISION.findall(file.read_text()))
            if not named.get("revision") or "down_revision" not in named:
                raise ValueError(f"{file} does not name its revision and the one before it")
            known.add(named["revision"])
            replaced.add(named["down_revision"])
    return frozenset(known), frozenset(known - replaced)


async def is_current(url: str, package: str, *, messaging: bool = True) -> bool:
    """
    Return whether a database has the schema that this version of the code needs, or a newer one.

    A newer version of the code migrates while older ones still run, and these may start again meanwhile.

    Args:
        url: ``postgresql://…`` of the database; it may name several hosts (`chassis.database_urls`).
        package: As for `version_folders`.
        messaging: As for `version_folders`.

    Raises:
        OSError, TimeoutError: The database does not answer.
        asyncpg.PostgresError: It refuses.
        asyncpg.InternalClientError: None of several hosts fits ``target_session_attrs``.
    """
    known, newest = read_revisions(package, messaging=messaging)
    present = await _read_present(url)
    return newest <= present or not present <= known


async def _read_present(url: str) -> set[str]:
    connection = await connect(url)
    try:
        return {row["version_num"] for row in await connection.fetch("SELECT version_num FROM alembic_version")}
    except asyncpg.UndefinedTableError:
        return set()
    finally:
        await connection.close()
