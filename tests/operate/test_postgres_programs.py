"""Which of PostgreSQL's programs are called, and how."""

import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from deploy.embedded import Postgres
from operate.postgres_programs import ProgramFailed, find_program, find_restorer, run_program
from tests.operate.austausch import COMMAND, empty_databases, find_arguments


def version_of(program: Path) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split(") ")[1].split(".")[0])


def test_a_program_is_not_older_than_the_server(postgres_server: Postgres) -> None:
    with psycopg.connect(postgres_server.url_for("postgres")) as connection:
        server = connection.info.server_version // 10_000
    assert version_of(find_program("pg_dump", server)) >= server
    with pytest.raises(ProgramFailed, match="install the package postgresql-client-99"):
        find_program("pg_dump", 99)


def test_what_a_newer_program_dumped_is_not_restored_into_a_server_that_is_too_old_for_it() -> None:
    with pytest.raises(
        ProgramFailed, match="can be restored into PostgreSQL 17 or newer, and the server is of version 16"
    ):
        find_restorer(16, 18)
    assert version_of(find_restorer(17, 18)) >= 18


def test_what_a_program_complains_of_is_told(postgres_server: Postgres, tmp_path: Path) -> None:
    (tmp_path / "nothing.dump").write_text("nothing")
    with pytest.raises(ProgramFailed, match="does not appear to be a valid archive"):
        run_program(find_program("pg_restore", 18), postgres_server.url_for("postgres"), str(tmp_path / "nothing.dump"))


def test_nobody_on_the_machine_can_read_the_password_from_the_arguments(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    with empty_databases(postgres_server) as urls, psycopg.connect(urls["KNOWLEDGE_DATABASE_URL"]) as connection:
        connection.execute("CREATE VIEW held_up AS SELECT 1 AS one")
        connection.commit()
        # pg_dump waits for it, so there is time to look.
        connection.execute("LOCK TABLE held_up IN ACCESS EXCLUSIVE MODE")
        backup = subprocess.Popen([COMMAND, "backup", "--to", tmp_path / "backups"], env=urls)
        try:
            deadline = time.monotonic() + 60
            while not (found := find_arguments("pg_dump", str(tmp_path))):
                assert time.monotonic() < deadline
                assert backup.poll() is None
        finally:
            connection.rollback()
            assert backup.wait(60) == 0
    assert "dbname=knowledge" in found[0]
    assert "pass-knowledge" not in found[0]
