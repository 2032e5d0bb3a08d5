"""The operator's command as operators call it, and the places that it works on."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.credentials import DATABASES
from deploy.databases import create_databases, wanted
from deploy.embedded import HOST, Postgres
from tests.stack import OURS

COMMAND = Path(sys.executable).with_name("austausch")


def austausch(settings: Mapping[str, str], *arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``austausch`` with settings, and nothing of the developer's shell, to its end."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [str(COMMAND), *map(str, arguments)], env={**shell, **settings}, input=given, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip


def succeed(settings: Mapping[str, str], *arguments: str | Path, given: str = "") -> str:
    """Run ``austausch``, and return what it prints; an error in the test where it fails."""
    done = austausch(settings, *arguments, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def empty_databases(postgres: Postgres) -> Iterator[dict[str, str]]:
    """
    Create what a new installation has, as ``deploy.databases`` does, until the block ends.

    Yields:
        The URLs, as settings, of empty databases whose owners are no superusers.
    """
    urls = {
        f"{process.upper()}_DATABASE_URL": f"postgresql://{name}:pass-{name}@{HOST}:{postgres.port}/{name}"
        for process, name in DATABASES.items()
    }
    create_databases(postgres.url_for("postgres"), [wanted(url) for url in urls.values()])
    try:
        yield urls
    finally:
        with psycopg.connect(postgres.url_for("postgres"), autocommit=True) as admin:
            for name in DATABASES.values():
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def read_rows(url: str, leave_out: Mapping[str, Sequence[str]] | None = None) -> dict[str, tuple[int, str]]:
    """
    Return table → number of its rows, and the digest of them all with every column, in the order of their texts.

    Args:
        leave_out: Table → columns that may differ.
    """
    rows = {}
    with psycopg.connect(url) as connection:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        for (table,) in connection.execute(names).fetchall():
            name = sql.Identifier(table)
            left_out = list((leave_out or {}).get(table, ()))
            select = sql.SQL("SELECT (to_jsonb({}) - {}::text[])::text FROM {} ORDER BY 1")
            texts = [text for (text,) in connection.execute(select.format(name, sql.Literal(left_out), name))]
            rows[table] = (len(texts), hashlib.sha256("\n".join(texts).encode()).hexdigest())
    return rows


def find_arguments(name: str, about: str) -> list[str]:
    """Return the arguments of the running programs of a name that have a text in them."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # It has ended meanwhile.
            continue
        if Path(arguments[0]).name == name and about in "".join(arguments):
            found.append(" ".join(arguments))
    return found


def settings_of(data: Path) -> dict[str, str]:
    """Return the settings that ``make run`` told its processes, as a shell reads them from their file."""
    script = 'set -a; . "$1"; exec env --null'
    said = subprocess.run(
        ["sh", "-c", script, "sh", str(data / "settings.env")], env={}, capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split("=", 1) for line in said.split("\0") if line.startswith((*OURS, "PLATFORM_")))
