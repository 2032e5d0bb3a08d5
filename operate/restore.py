"""``austausch restore``: a backup, into databases that are empty."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg
from sqlalchemy.exc import DBAPIError

from chassis.outbox import remember_applied, republish
from chassis.schema import read_revisions
from operate import messages
from operate.databases import OWNERS, connected, count_rows, list_others, list_tables, list_urls, opened
from operate.manifest import Dump, Manifest, ManifestRefused, check_files, read_manifest
from operate.messages import MessagesUnreachable
from operate.postgres_programs import ProgramFailed, find_restorer, run_program
from operate.settings import PlatformSettings, load

# Every event that a dump has is published again, however long ago its backup was made.
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
RESTORE_OPTIONS = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")


class RestoreRefused(Exception):
    """A backup cannot be restored as things are; nothing was changed."""


@click.command("restore", short_help="Bring a backup back.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--replace", is_flag=True, help="Delete what the databases hold; else they have to be empty.")
def restore_command(folder: Path, replace: bool) -> None:
    """
    Bring the databases back to what FOLDER holds, while the four processes do not run.

    What lies in NATS is deleted, but for dead letters: it tells of what the databases no longer know. When the
    processes start, the events of the backup are published again, so that effects which it lacks come to pass.
    """
    settings = load(PlatformSettings)
    try:
        events = restore(list_urls(settings), settings.nats_url, folder, replace=replace)
    except (RestoreRefused, ManifestRefused) as refused:
        raise click.ClickException(f"{refused} Nothing was changed.") from None
    except MessagesUnreachable as away:
        raise click.ClickException(f"{away}. Nothing was changed.") from None
    except (ProgramFailed, psycopg.Error, DBAPIError, OSError) as error:
        said = messages.describe(error.orig if isinstance(error, DBAPIError) and error.orig else error)
        raise click.ClickException(f"{said} – not all is restored: mend that, and restore with --replace.") from None
    click.echo(f"restored; {events} events will be published again")


def restore(urls: Mapping[str, str], nats_url: str, folder: Path, *, replace: bool = False) -> int:
    """
    Restore a backup, and return how many events will be published again.

    Nothing is changed before all that can be known beforehand is known. Then each database is restored in one
    transaction.

    Args:
        urls: Process → URL of its database.
        nats_url: URL of the message server.
        folder: The backup.
        replace: Whether databases may hold something, which is deleted.

    Raises:
        ManifestRefused: The folder is no backup, is damaged, or of a newer version.
        MessagesUnreachable: NATS does not answer, or does not delete its streams.
        RestoreRefused: A process runs, a database does not answer or is not empty, its PostgreSQL is older than the
            backup's, or no ``pg_restore`` here can read the dump and reach the database.
        ProgramFailed: ``pg_restore`` failed, or the database holds something else now than the backup.
        psycopg.Error, sqlalchemy.exc.DBAPIError, OSError: A database no longer answers.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    _check_versions(manifest)
    programs = {
        dump.process: _check_database(dump, urls[dump.process], folder, replace=replace) for dump in manifest.dumps
    }
    asyncio.run(_forget_messages(nats_url))
    for dump in manifest.dumps:
        _restore_database(dump, urls[dump.process], folder, programs[dump.process])
    return sum(asyncio.run(_let_events_come_again(urls[owner.process])) for owner in OWNERS if owner.messaging)


def _check_versions(manifest: Manifest) -> None:
    for dump in manifest.dumps:
        owner = next(owner for owner in OWNERS if owner.process == dump.process)
        known, _newest = read_revisions(owner.package, messaging=owner.messaging)
        if unknown := set(dump.revisions) - known:
            raise ManifestRefused(
                f"The backup was made by version {manifest.version}, which is newer than this one: it does not know the"
                f" schema {', '.join(sorted(unknown))} of {dump.process}. Restore it with that version."
            )


def _check_database(dump: Dump, url: str, folder: Path, *, replace: bool) -> Path:
    """Look whether a dump can be restored, and return the ``pg_restore`` that can."""
    try:
        major = _check_target(dump, url, replace=replace)
    except psycopg.Error as error:
        raise RestoreRefused(f"The database of {dump.process}: {' '.join(str(error).split())}.") from None
    try:
        program = find_restorer(major, dump.program_major)
    except ProgramFailed as missing:
        raise RestoreRefused(f"The backup of {dump.process} cannot be restored: {missing}") from None
    try:
        # All of a restore but the restoring: reads the archive, connects with its own libpq, and sends its settings.
        run_program(program, url, *RESTORE_OPTIONS, f"--use-list={os.devnull}", str(folder / dump.file))
    except ProgramFailed as failed:
        raise RestoreRefused(
            f"{program} cannot restore the backup of {dump.process}: {failed}. Where PostgreSQL asks for TLS, install"
            f" the package postgresql-client-{major}."
        ) from None
    return program


def _check_target(dump: Dump, url: str, *, replace: bool) -> int:
    """Look whether a database may be restored into, and return the major version of its PostgreSQL."""
    with connected(url) as connection:
        if (major := connection.info.server_version // 10_000) < dump.server_major:
            raise RestoreRefused(
                f"The backup of {dump.process} is from PostgreSQL {dump.server_major}, and the database is of version"
                f" {major}."
            )
        if others := list_others(connection):
            raise RestoreRefused(
                f"The database of {dump.process} is in use, by {', '.join(sorted(others))}: stop the four processes."
            )
        if not replace and list_tables(connection):
            raise RestoreRefused(
                f"The database of {dump.process} is not empty; to delete what it holds, restore with --replace."
            )
    return major


async def _forget_messages(nats_url: str) -> None:
    async with messages.connected(nats_url) as client:
        await messages.forget_messages(client)


def _restore_database(dump: Dump, url: str, folder: Path, program: Path) -> None:
    with connected(url) as connection:
        if list_tables(connection):
            with connection.transaction():
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
    run_program(program, url, *RESTORE_OPTIONS, str(folder / dump.file))
    with connected(url) as connection:
        if (rows := count_rows(connection)) != dump.rows:
            wrong = sorted(table for table in rows.keys() | dump.rows.keys() if rows.get(table) != dump.rows.get(table))
            raise ProgramFailed(f"The database of {dump.process} has other rows than the backup, in {', '.join(wrong)}")
        # Until then plans are made without knowing how large the tables are.
        connection.execute("ANALYZE")


async def _let_events_come_again(url: str) -> int:
    async with opened(url) as database:
        await remember_applied(database)
        return await republish(database, ALWAYS)
