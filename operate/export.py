"""``austausch export``: everything in open formats, so that no office is tied to this platform."""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import click
import psycopg
from psycopg import sql

from operate.databases import OWNERS, list_present_revisions, list_urls, read_at_one_moment
from operate.manifest import read_version
from operate.open_format import FORMAT, README, README_TEXT, SCHEMA, Table, read_tables
from operate.settings import DatabaseSettings, load

ROWS_AT_ONCE = 2_000


@click.command("export", short_help="Write everything in open formats.")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
def export_command(archive: Path) -> None:
    """
    Write everything that people entered, and what came of it, into the new file ARCHIVE (ZIP with JSON Lines).

    It holds personal data, and no passwords, sessions or access tokens.
    """
    try:
        rows = export(list_urls(load(DatabaseSettings)), archive)
    except psycopg.Error as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    except OSError as error:
        raise click.ClickException(f"{archive}: {error.strerror}") from None
    click.echo(f"{archive}: {rows} rows")


def export(urls: Mapping[str, str], archive: Path) -> int:
    """
    Write an export, and return how many rows it has; the file is there whole or not at all.

    The databases are read in the order of a backup, each at one moment.

    Args:
        urls: Process → URL of its database.
        archive: The file to make.

    Raises:
        FileExistsError: It is there already.
        OSError: It cannot be written.
        psycopg.Error: A database does not answer.
    """
    now, version = datetime.now(UTC).isoformat(timespec="seconds"), read_version()
    if archive.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    partial = archive.with_name(f"{archive.name}.partial")
    partial.unlink(missing_ok=True)
    # Made here, so that nobody else can read it.
    partial.touch(mode=0o600, exist_ok=False)
    try:
        with ZipFile(partial, "w", ZIP_DEFLATED) as target:
            target.writestr(README, README_TEXT.format(time=now, version=version))
            databases = {
                owner.process: _export_database(owner.process, urls[owner.process], target) for owner in OWNERS
            }
            schema = {"format": FORMAT, "version": version, "export_time": now, "databases": databases}
            target.writestr(SCHEMA, json.dumps(schema, indent=2, ensure_ascii=False))
        partial.rename(archive)
    except BaseException:
        partial.unlink()
        raise
    return sum(table["rows"] for database in databases.values() for table in database["tables"])


def _export_database(process: str, url: str, target: ZipFile) -> dict[str, Any]:
    with read_at_one_moment(url) as connection:
        connection.execute("SET LOCAL timezone = 'UTC'")
        tables = [
            {**asdict(table), "rows": _export_table(connection, table, f"{process}/{table.name}.jsonl", target)}
            for table in read_tables(connection)
        ]
        return {"revisions": list_present_revisions(connection), "tables": tables}


def _export_table(connection: psycopg.Connection, table: Table, file: str, target: ZipFile) -> int:
    """Write the rows of a table, in the order of its key, and return how many they are."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    order = sql.SQL(", ").join(map(sql.Identifier, table.primary_key or table.columns))
    statement = sql.SQL("SELECT to_jsonb(r)::text FROM (SELECT {} FROM {} ORDER BY {}) AS r")
    rows = 0
    with target.open(file, "w", force_zip64=True) as output, connection.cursor(name="export") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement.format(columns, sql.Identifier(table.name), order))
        for (text,) in cursor:
            output.write(f"{text}\n".encode())
            rows += 1
    return rows
