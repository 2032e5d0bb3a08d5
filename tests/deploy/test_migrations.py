"""
What a migration does not do to the version before it, which runs beside the new one while its processes are replaced.

A migration expands: what is there keeps its name, its type and its defaults, and nothing new has to be said. What
no version needs any more, a later release takes away; such a migration says so before the statement, with
``-- squawk-ignore ban-drop-column``.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, event

from chassis.migrate import migrate
from deploy.embedded import Postgres
from tests.stack import ROOT

PACKAGES = ("services.exchange", "services.forum", "services.knowledge", "gateway.accounts")
# The last migration of each branch in the first release: before it there was no version that could run beside it.
FIRST_RELEASE = {"accounts": 4, "chassis": 2, "exchange": 14, "forum": 5, "knowledge": 8}
SQUAWK = Path(sys.executable).with_name("squawk")
APPLIED = re.compile(r"(?:INSERT INTO|UPDATE) alembic_version .*?'(\w+)'")


@contextmanager
def recording() -> Iterator[dict[str, list[str]]]:
    """Note the statements of every migration that runs in the block, by its revision."""
    statements: list[str] = []
    migrations: dict[str, list[str]] = {}

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if applied := APPLIED.match(statement):
            migrations[applied[1]] = statements.copy()
            statements.clear()
        elif "alembic_version" not in statement:
            statements.append(statement.strip().rstrip(";"))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield migrations
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def migrations(postgres_server: Postgres) -> dict[str, list[str]]:
    """The statements of all migrations, as they run in an empty database."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        name = f"recorded_{package.rpartition('.')[2]}"
        with psycopg.connect(postgres_server.url_for("postgres"), autocommit=True) as admin, recording() as recorded:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            migrate(postgres_server.url_for(name), package, messaging=package.startswith("services."))
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        found |= recorded
    return found


def find_breaks(statements: list[str]) -> set[str]:
    """Return the rules of squawk that statements break."""
    text = ";\n".join([*statements, ""])
    command = [str(SQUAWK), "--config", str(ROOT / ".squawk.toml"), "--reporter", "gcc"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    broken = set(re.findall(r"^stdin:\d+:\d+: \w+: ([\w-]+)", done.stdout, re.MULTILINE))
    assert (done.returncode != 0) == bool(broken), done.stdout + done.stderr
    return broken


def test_the_version_before_can_run_beside_a_migration(migrations: dict[str, list[str]]) -> None:
    numbers = {name: (name.rpartition("_")[0], int(name.rpartition("_")[2])) for name in migrations}
    assert {branch for branch, _ in numbers.values()} == set(FIRST_RELEASE)
    later = [name for name, (branch, number) in numbers.items() if number > FIRST_RELEASE[branch]]
    assert {name: broken for name in later if (broken := find_breaks(migrations[name]))} == {}


def test_a_migration_that_drops_what_is_needed_is_found(migrations: dict[str, list[str]]) -> None:
    assert find_breaks(migrations["exchange_0002"]) == {"ban-drop-default"}
    assert "ban-drop-column" in find_breaks(migrations["exchange_0013"])


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("ALTER TABLE visits ADD COLUMN theme text", set()),
        ("ALTER TABLE visits ADD COLUMN theme text DEFAULT '' NOT NULL", set()),
        ("CREATE TABLE themes (id text NOT NULL, PRIMARY KEY (id))", set()),
        ("CREATE INDEX ix_visits_theme ON visits (theme)", set()),
        ("-- squawk-ignore ban-drop-column\nALTER TABLE visits DROP COLUMN theme", set()),
        ("ALTER TABLE visits DROP COLUMN theme", {"ban-drop-column"}),
        ("ALTER TABLE visits ADD COLUMN theme text NOT NULL", {"adding-required-field"}),
        ("ALTER TABLE visits ALTER COLUMN theme TYPE integer", {"changing-column-type"}),
        ("ALTER TABLE visits ALTER COLUMN theme SET NOT NULL", {"adding-not-nullable-field"}),
        ("ALTER TABLE visits RENAME COLUMN theme TO subject", {"renaming-column"}),
        ("ALTER TABLE visits RENAME TO stays", {"renaming-table"}),
        ("DROP TABLE visits", {"ban-drop-table"}),
    ],
)
def test_a_migration_may_add_and_not_take_away(statement: str, rules: set[str]) -> None:
    assert find_breaks([statement]) == rules
