"""A standby of a running PostgreSQL, which follows it by streaming and can be promoted."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg

from deploy import embedded
from deploy.embedded import HOST, Postgres
from deploy.secret_files import write_secret


@contextlib.contextmanager
def standby_of(primary: Postgres, folder: Path) -> Iterator[Postgres]:
    """Run a standby on data in ``folder`` until the block ends; the primary waits for it with every commit."""
    folder.mkdir(mode=0o700)
    write_secret(folder / "password", primary.password)
    cluster = folder / "cluster"
    try:
        embedded.run_postgres(
            "pg_basebackup", f"--pgdata={cluster}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
            f"--host={HOST}", f"--port={primary.port}", "--username=postgres", env={"PGPASSWORD": primary.password},
        )  # fmt: skip
        with embedded.postgres(folder) as standby:
            with psycopg.connect(primary.url_for("postgres"), autocommit=True) as admin:
                admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                admin.execute("ALTER SYSTEM SET synchronous_commit = on")
                admin.execute("SELECT pg_reload_conf()")
            yield standby
    finally:
        shutil.rmtree(cluster, ignore_errors=True)


def promote(standby: Postgres) -> None:
    """Make a standby the primary; returns when it is."""
    with psycopg.connect(standby.url_for("postgres"), autocommit=True) as admin:
        assert admin.execute("SELECT pg_promote()").fetchone() == (True,)
