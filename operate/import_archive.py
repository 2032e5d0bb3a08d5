"""``austausch import``: what `operate.export` wrote, into an installation that is empty."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import click
import psycopg
from psycopg import sql

from operate.databases import OWNERS, connected, count_rows, list_present_revisions, list_urls
from operate.open_format import FORMAT, LEFT_OUT, SCHEMA, SEEDED, Table, read_tables
from operate.settings import DatabaseSettings, load


class ImportRefused(Exception):
    """An archive cannot be imported as things are; nothing was changed."""


@click.command("import", short_help="Read an export into an empty installation.")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
def import_command(archive: Path) -> None:
    """
    Read ARCHIVE, which `export` wrote, into databases that are migrated and empty.

    Accounts come without their passwords: create-admin makes one that gives the others new ones.
    """
    try:
        rows = import_archive(list_urls(load(DatabaseSettings)), archive)
    except ImportRefused as refused:
        raise click.ClickException(f"{refused} Nothing was changed.") from None
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise click.ClickException(f"{said} – not all is imported: begin again with empty databases.") from None
    click.echo(f"{rows} rows")


def import_archive(urls: Mapping[str, str], archive: Path) -> int:
    """
    Read an export into databases, each in one transaction, and return how many rows there were.

    Args:
        urls: Process → URL of its database.
        archive: The file.

    Raises:
        ImportRefused: It is no export, is damaged, or of another version; or a database is not empty.
        psycopg.Error: A database does not answer, or refuses a row.
    """
    databases = _check(urls, archive)
    with ZipFile(archive) as source:
        return sum(
            _import_database(owner.process, urls[owner.process], databases[owner.process], source)
            for owner in reversed(OWNERS)
        )


def _check(urls: Mapping[str, str], archive: Path) -> dict[str, Any]:
    """Return what the archive says of each database."""
    try:
        with ZipFile(archive) as source:
            if damaged := source.testzip():
                raise ImportRefused(f"{archive} is damaged, in {damaged}.")
            schema = json.loads(source.read(SCHEMA))
            if schema.get("format") != FORMAT:
                raise ImportRefused(f"{archive} is of version {schema.get('version')}, which this one does not read.")
            databases: dict[str, Any] = schema["databases"]
            for owner in OWNERS:
                _check_lines(owner.process, databases[owner.process], source)
                try:
                    _check_database(owner.process, urls[owner.process], databases[owner.process])
                except psycopg.Error as error:
                    said = " ".join(str(error).split())
                    raise ImportRefused(f"The database of {owner.process}: {said}.") from None
    except OSError as error:
        raise ImportRefused(f"{archive}: {error.strerror}.") from None
    except (BadZipFile, ValueError, LookupError, AttributeError):
        raise ImportRefused(f"{archive} is no export.") from None
    return databases


def _check_lines(process: str, described: dict[str, Any], source: ZipFile) -> None:
    for table in described["tables"]:
        with source.open(f"{process}/{table['name']}.jsonl") as lines:
            if sum(1 for _ in lines) != table["rows"]:
                raise ImportRefused(f"Not all rows of {process}/{table['name']} are in the archive.")


def _check_database(process: str, url: str, described: dict[str, Any]) -> None:
    with connected(url) as connection:
        present, made_with = list_present_revisions(connection), described["revisions"]
        if present != made_with:
            raise ImportRefused(
                f"The archive was made with the schema {' '.join(made_with)} of {process}, and the database has"
                f" {' '.join(present) or 'none'}: import it with the version that made it, then upgrade."
            )
        filled = [table for table, rows in count_rows(connection).items() if rows and table not in LEFT_OUT | SEEDED]
        if filled:
            raise ImportRefused(f"The database of {process} is not empty: there are rows in {', '.join(filled)}.")


def _import_database(process: str, url: str, described: dict[str, Any], source: ZipFile) -> int:
    with connected(url) as connection, connection.transaction():
        tables = read_tables(connection)
        for table in reversed(tables):
            if table.name in SEEDED:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
        connection.execute("CREATE TEMPORARY TABLE lines (line jsonb) ON COMMIT DROP")
        for table in tables:
            _import_table(connection, table, f"{process}/{table.name}.jsonl", source)
    return sum(table["rows"] for table in described["tables"])


def _import_table(connection: psycopg.Connection, table: Table, file: str, source: ZipFile) -> None:
    with source.open(file) as lines, connection.cursor().copy("COPY lines FROM STDIN") as copy:
        for line in lines:
            copy.write_row([line.decode()])
    columns = list(table.columns)
    values: list[sql.Composable] = [sql.SQL("r.{}").format(sql.Identifier(column)) for column in columns]
    if table.name == "accounts":
        columns.append("password_hash")
        values.append(sql.Literal(_hash_of_no_password()))
    # All rows at once: they may refer to each other.
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM lines, jsonb_populate_record(NULL::{}, line) AS r")
    name = sql.Identifier(table.name)
    connection.execute(
        statement.format(name, sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join(values), name)
    )
    connection.execute("TRUNCATE lines")


def _hash_of_no_password() -> str:
    """Return the hash of a password that nobody knows."""
    from gateway.accounts.passwords import hash_password

    return hash_password(secrets.token_urlsafe(32))
