"""``austausch backup``: the four databases, each in one piece, into a new folder."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click
import psycopg

from operate.databases import OWNERS, count_rows, list_present_revisions, list_urls, read_at_one_moment
from operate.manifest import Dump, Manifest, compute_checksum, read_version
from operate.postgres_programs import ProgramFailed, find_program, read_major, run_program
from operate.settings import DatabaseSettings, load


@click.command("backup", short_help="Write the databases into a new folder.")
@click.option(
    "--to", "parent", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="Where the folder of the backup is made.",
)  # fmt: skip
def backup_command(parent: Path) -> None:
    """
    Write the four databases into a new folder, while the platform runs.

    The last line printed is the folder's name. It holds personal data and no passwords of PostgreSQL. Secrets are not
    in it: keep a copy of them elsewhere.
    """
    try:
        folder = back_up(list_urls(load(DatabaseSettings)), parent)
    except (ProgramFailed, psycopg.Error) as error:
        said = " ".join(str(error).split())
        raise click.ClickException(f"The backup failed, and nothing of it is left: {said}") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    click.echo(folder)


def back_up(urls: Mapping[str, str], parent: Path) -> Path:
    """
    Dump the databases into a new folder, and return it; it has its name only when it is whole.

    Who consumes events is dumped before who produces them (see `OWNERS`): an event whose effect a dump lacks is in the
    outbox of a later one, from where it is sent again after a restore.

    Args:
        urls: Process → URL of its database.
        parent: Gets the folder; made where it is missing, for its owner only.

    Raises:
        OSError: The folder cannot be written.
        ProgramFailed: ``pg_dump`` failed.
        psycopg.Error: A database does not answer.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    start = datetime.now(UTC)
    folder = parent / start.strftime("%Y-%m-%dT%H-%M-%SZ")
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir(mode=0o700)
    try:
        dumps = [_dump(owner.process, urls[owner.process], partial) for owner in OWNERS]
        Manifest(
            version=read_version(),
            start_time=start.isoformat(),
            end_time=datetime.now(UTC).isoformat(),
            dumps=dumps,
        ).write(partial)
        return partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _dump(process: str, url: str, folder: Path) -> Dump:
    file = folder / f"{process}.dump"
    # What is counted is what is dumped.
    with read_at_one_moment(url) as connection:
        snapshot = cast(tuple[str], connection.execute("SELECT pg_export_snapshot()").fetchone())[0]
        version = connection.info.server_version
        rows, revisions = count_rows(connection), list_present_revisions(connection)
        program = find_program("pg_dump", version // 10_000)
        run_program(
            program, url, f"--snapshot={snapshot}", f"--file={file}", "--format=custom",
            # Who owns what, and may what, is decided where it is restored. Who stores backups compresses them, and
            # keeps what two have in common once, which nobody can of a compressed file.
            "--no-owner", "--no-privileges", "--compress=0",
        )  # fmt: skip
    return Dump(
        process=process,
        file=file.name,
        size=file.stat().st_size,
        sha256=compute_checksum(file),
        server_version=version,
        program_major=read_major(program),
        revisions=revisions,
        rows=rows,
    )
