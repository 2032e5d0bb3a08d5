"""Export and import: everything in open formats, and a platform that runs on what was imported."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest
from psycopg import sql

from deploy import embedded
from deploy.credentials import DATABASES
from deploy.embedded import Nats, Postgres
from tests import stack
from tests.conftest import FreshDatabase
from tests.journeys.openapi_client import Program, Refused
from tests.operate.austausch import COMMAND, austausch, succeed
from tests.operate.test_backup import eventually

PACKAGES = {"gateway": "gateway.accounts"}
WAITS = "SELECT FROM pg_locks WHERE relation = 'visits'::regclass AND NOT granted"
# What proves who somebody is, and what only the running platform needs.
NOT_EXPORTED = {
    "alembic_version", "inbox", "learning_vectors", "outbox", "outbox_tasks", "request_ids", "sign_in_attempts",
    "tokens", "used_signatures",
}  # fmt: skip
EXPORTED = {
    "accounts", "agenda_items", "applications", "bookings", "calendars", "cities", "conclusion_nodes",
    "conclusion_working_groups", "conclusions", "date_options", "delegates", "deleted_learnings",
    "eligibility_checks", "exchanges", "forums", "fulfilments", "installations", "known_visits", "learnings",
    "memberships", "ownerships", "panelists", "partnerships", "people", "precedences", "programme_templates",
    "publications", "recommendations", "rooms", "schedule_runs", "sent_learnings", "subject_nodes", "topic_imports",
    "topic_labels", "topics", "venues", "visit_lessons", "visits", "ways", "working_groups",
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(used_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """An export of the demo platform, and the number of rows of each table that it had: ``exchange/visits`` → 53."""
    file = tmp_path_factory.mktemp("export") / "everything.zip"
    with embedded.postgres(used_data / "postgres") as postgres:
        settings = {f"{process.upper()}_DATABASE_URL": postgres.url_for(name) for process, name in DATABASES.items()}
        succeed(settings, "export", file)
        return file, count_rows(settings)


@pytest.fixture
def place(fresh_database: FreshDatabase, nats_server: Nats) -> dict[str, str]:
    """Databases of a new installation, migrated, and a new NATS."""
    packages = {process: PACKAGES.get(process, f"services.{process}") for process in DATABASES}
    urls = {f"{process.upper()}_DATABASE_URL": fresh_database(package) for process, package in packages.items()}
    return {**urls, "NATS_URL": nats_server.url}


def count_rows(settings: dict[str, str]) -> dict[str, int]:
    counts = {}
    for process in DATABASES:
        with psycopg.connect(settings[f"{process.upper()}_DATABASE_URL"]) as connection:
            names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            for (table,) in connection.execute(names).fetchall():
                (count,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone() or (0,)  # noqa: S608
                counts[f"{process}/{table}"] = count
    return counts


def lines_of(archive: Path) -> dict[str, list[str]]:
    """Return ``exchange/visits`` → its lines."""
    with ZipFile(archive) as source:
        names = [name for name in source.namelist() if name.endswith(".jsonl")]
        return {name.removesuffix(".jsonl"): source.read(name).decode().splitlines() for name in names}


def test_everything_is_in_the_archive_but_what_proves_who_somebody_is(archive: tuple[Path, dict[str, int]]) -> None:
    file, counts = archive
    lines = lines_of(file)
    expected = {table: count for table, count in counts.items() if table.rpartition("/")[2] not in NOT_EXPORTED}

    assert {table: len(rows) for table, rows in lines.items()} == expected
    assert expected["exchange/visits"] > 10
    assert "Mannheim" in json.loads(lines["exchange/cities"][0])["display_name"] or len(lines["exchange/cities"]) > 1
    with ZipFile(file) as source:
        everything = b"".join(source.read(name) for name in source.namelist())
        schema = json.loads(source.read("schema.json"))
        readme = source.read("README.md").decode()
    assert b"argon2" not in everything
    assert "JSON Lines" in readme
    described = {
        f"{process}/{table['name']}": table for process, it in schema["databases"].items() for table in it["tables"]
    }
    for table, rows in lines.items():
        for row in rows[:3]:
            assert json.loads(row).keys() == described[table]["columns"].keys()
    visits = described["exchange/visits"]
    assert (visits["primary_key"], visits["columns"]["start_date"]) == (["id"], "date")
    assert {reference["table"] for reference in visits["references"]} >= {"exchanges"}
    assert file.stat().st_mode & 0o077 == 0


def test_of_every_table_it_is_decided_whether_it_is_exported(place: dict[str, str]) -> None:
    tables = {table.rpartition("/")[2] for table in count_rows(place)}
    assert tables - NOT_EXPORTED == EXPORTED
    assert tables >= NOT_EXPORTED


def test_an_export_takes_longer_than_the_server_lets_transactions_take(place: dict[str, str], tmp_path: Path) -> None:
    with psycopg.connect(place["EXCHANGE_DATABASE_URL"], autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        for limit in ("transaction_timeout", "statement_timeout", "lock_timeout"):
            admin.execute(sql.SQL("ALTER DATABASE {} SET {} = '1s'").format(name, sql.Identifier(limit)))
        with admin.transaction():
            admin.execute("LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
            export = subprocess.Popen([COMMAND, "export", tmp_path / "everything.zip"], env=place)
            try:
                eventually(lambda: admin.execute(WAITS).fetchall())
                time.sleep(1.5)
            except BaseException:
                export.kill()
                raise

    assert export.wait(60) == 0
    assert "exchange/visits" in lines_of(tmp_path / "everything.zip")


@pytest.mark.parametrize("command", [["export", "everything.zip"], ["backup", "--to", "."]])
def test_what_is_broken_off_leaves_nothing_behind(place: dict[str, str], tmp_path: Path, command: list[str]) -> None:
    (folder := tmp_path / "folder").mkdir()
    with psycopg.connect(place["EXCHANGE_DATABASE_URL"], autocommit=True) as admin, admin.transaction():
        admin.execute("LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
        running = subprocess.Popen([COMMAND, *command], env=place, cwd=folder)
        try:
            eventually(lambda: admin.execute(WAITS).fetchall())
            assert list(folder.iterdir())
            running.terminate()
            assert running.wait(60) == 128 + signal.SIGTERM
        finally:
            running.kill()
            running.wait()

    assert list(folder.iterdir()) == []


def test_a_new_installation_has_all_of_it_and_runs(
    archive: tuple[Path, dict[str, int]], place: dict[str, str], tmp_path: Path
) -> None:
    file, _ = archive

    succeed(place, "import", file)

    again = tmp_path / "again.zip"
    succeed(place, "export", again)
    assert lines_of(again) == lines_of(file)
    succeed(place, "create-admin", "--email", "new@city.example", "--name", "Office", given="a long password\n")
    with stack.running(tmp_path / "data", **place) as platform:
        office = Program(platform.url)
        with pytest.raises(Refused):
            office.sign_in("coordinator@mannheim.example", "demo")
        office.sign_in("new@city.example", "a long password")
        assert office("ListVisits", pageSize=1)["totalSize"] == len(lines_of(file)["exchange/visits"])
        eventually(lambda: office("SearchLearnings", query="Mannheim", pageSize=1)["results"])


@pytest.fixture
def empty_place(postgres_server: Postgres) -> dict[str, str]:
    """A database without a schema for everybody: enough to be refused."""
    return {f"{process.upper()}_DATABASE_URL": postgres_server.url_for("postgres") for process in DATABASES}


def cut(archive: Path, copy: Path) -> None:
    copy.write_bytes(archive.read_bytes()[:-2000])


def be_something_else(_archive: Path, copy: Path) -> None:
    copy.write_text("no archive")


def lose_a_row(archive: Path, copy: Path) -> None:
    with ZipFile(archive) as source, ZipFile(copy, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(
                name, b"".join(content.splitlines(keepends=True)[1:]) if "visits.jsonl" in name else content
            )


def be_whole(archive: Path, copy: Path) -> None:
    copy.write_bytes(archive.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut, "is no export."),
        (be_something_else, "is no export."),
        (lose_a_row, "visits are in the archive."),
        (be_whole, "and the database has none: import it with the version that made it"),
    ],
)
def test_what_is_damaged_or_does_not_fit_is_refused(
    spoil: Callable[[Path, Path], None],
    reason: str,
    archive: tuple[Path, dict[str, int]],
    empty_place: dict[str, str],
    tmp_path: Path,
) -> None:
    spoil(archive[0], tmp_path / "spoilt.zip")

    refused = austausch(empty_place, "import", tmp_path / "spoilt.zip")

    assert refused.returncode == 1
    assert reason in refused.stderr
    assert refused.stderr.rstrip().endswith("Nothing was changed.")


def test_an_installation_that_is_used_is_refused(archive: tuple[Path, dict[str, int]], place: dict[str, str]) -> None:
    succeed(place, "create-admin", "--email", "new@city.example", "--name", "Office", given="a long password\n")

    refused = austausch(place, "import", archive[0])

    assert refused.returncode == 1
    assert "The database of gateway is not empty: there are rows in accounts." in refused.stderr


def test_a_file_that_is_there_is_not_overwritten(archive: tuple[Path, dict[str, int]], place: dict[str, str]) -> None:
    before = archive[0].read_bytes()

    refused = austausch(place, "export", archive[0])

    assert refused.returncode == 1
    assert "File exists" in refused.stderr
    assert archive[0].read_bytes() == before


def test_a_database_that_is_away_is_refused_before_anything_is_changed(
    archive: tuple[Path, dict[str, int]], place: dict[str, str]
) -> None:
    away = f"postgresql://accounts:hidden@{embedded.HOST}:{embedded.free_port()}/accounts"

    refused = austausch({**place, "GATEWAY_DATABASE_URL": away}, "import", archive[0])

    assert refused.returncode == 1
    assert "The database of gateway: connection failed" in refused.stderr
    assert refused.stderr.rstrip().endswith("Nothing was changed.")
    assert "hidden" not in refused.stderr
