"""Backup and restore: a platform with the demo data, into a new cluster, and on from there."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import embedded
from deploy.credentials import DATABASES
from deploy.embedded import Nats, Postgres
from operate.databases import OWNERS
from tests import stack
from tests.conftest import FreshDatabase
from tests.journeys.openapi_client import Program
from tests.operate.austausch import COMMAND, austausch, empty_databases, find_arguments, read_rows, succeed

FILES = {"manifest.json", *(f"{process}.dump" for process in DATABASES)}
# Published again after a restore, so when and where NATS had it is no longer there.
NOT_THE_SAME = {"outbox": ("publish_time", "stream_sequence")}

Rows = dict[str, dict[str, tuple[int, str]]]
NOTHING: Rows = {process: {} for process in DATABASES}


def rows_of(settings: dict[str, str]) -> Rows:
    return {process: read_rows(settings[f"{process.upper()}_DATABASE_URL"], NOT_THE_SAME) for process in DATABASES}


def execute(url: str, statement: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def backup(used_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    """A backup of the demo platform's databases, and the rows that they had."""
    with embedded.postgres(used_data / "postgres") as postgres:
        settings = {f"{process.upper()}_DATABASE_URL": postgres.url_for(name) for process, name in DATABASES.items()}
        said = succeed(settings, "backup", "--to", tmp_path_factory.mktemp("backups"))
        return Path(said.rstrip("\n")), rows_of(settings)


@pytest.fixture
def place(postgres_server: Postgres, nats_server: Nats) -> Iterator[dict[str, str]]:
    """Empty databases, and a new NATS."""
    with empty_databases(postgres_server) as urls:
        yield {**urls, "NATS_URL": nats_server.url}


@pytest.fixture
def new_cluster(nats_server: Nats, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Empty databases in a cluster that has never held anything else, and a new NATS."""
    with embedded.postgres(tmp_path / "postgres") as postgres, empty_databases(postgres) as urls:
        yield {**urls, "NATS_URL": nats_server.url}


def test_a_backup_is_four_dumps_and_a_manifest_for_its_owner_only(backup: tuple[Path, Rows]) -> None:
    folder, rows = backup
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {file.name for file in folder.iterdir()} == FILES
    assert folder.stat().st_mode & 0o077 == 0
    assert {file.name: file.stat().st_mode & 0o077 for file in folder.iterdir()} == dict.fromkeys(FILES, 0)
    assert [dump["process"] for dump in manifest["dumps"]] == ["knowledge", "forum", "exchange", "gateway"]
    assert all(dump["revisions"] for dump in manifest["dumps"])
    counted = {process: {table: count for table, (count, _) in rows[process].items()} for process in DATABASES}
    assert {dump["process"]: dump["rows"] for dump in manifest["dumps"]} == counted
    assert counted["exchange"]["visits"] > 10


@pytest.fixture
def published(used_data: Path) -> int:
    """How many events the demo platform had published when it stopped: perhaps not the last of them."""
    statement = "SELECT count(*) FROM outbox WHERE publish_time IS NOT NULL"
    with embedded.postgres(used_data / "postgres") as postgres:
        owners = [owner.process for owner in OWNERS if owner.messaging]
        return sum(int(execute(postgres.url_for(DATABASES[name]), statement)[0][0]) for name in owners)


def test_a_platform_is_restored_into_a_new_cluster_row_by_row_and_runs_on(
    backup: tuple[Path, Rows], published: int, new_cluster: dict[str, str], tmp_path: Path
) -> None:
    folder, rows = backup

    said = succeed(new_cluster, "restore", folder)

    assert rows_of(new_cluster) == rows
    assert f"{published} events will be published again" in said
    for process in (owner.process for owner in OWNERS if owner.messaging):
        assert count_waiting(new_cluster[f"{process.upper()}_DATABASE_URL"]) == rows[process]["outbox"][0]
    learnings = rows["knowledge"]["learnings"][0]
    with stack.running(tmp_path / "data", **new_cluster) as platform:
        office = Program(platform.url)
        office.sign_in("coordinator@mannheim.example", "demo")
        for process in ("exchange", "forum"):
            eventually(lambda process=process: not count_waiting(new_cluster[f"{process.upper()}_DATABASE_URL"]))
        eventually(lambda: office("SearchLearnings", query="Mannheim", pageSize=1)["results"])
        # The events that came once more had no second effect.
        eventually(lambda: office("ListLearnings", pageSize=1)["totalSize"] == learnings)
        assert execute(new_cluster["KNOWLEDGE_DATABASE_URL"], "SELECT count(*) FROM learnings") == [(learnings,)]
    assert succeed(new_cluster, "dead-letters", "list") == ""


def count_waiting(url: str) -> int:
    ((count,),) = execute(url, "SELECT count(*) FROM outbox WHERE publish_time IS NULL")
    return int(count)


def eventually(holds: Callable[[], Any]) -> None:
    deadline = datetime.now(UTC).timestamp() + 60
    while not holds():
        assert datetime.now(UTC).timestamp() < deadline
        time.sleep(0.1)


def test_databases_that_hold_something_are_replaced_only_when_asked(
    backup: tuple[Path, Rows], place: dict[str, str]
) -> None:
    folder, rows = backup
    succeed(place, "restore", folder)
    # As a newer version might have left it.
    execute(place["EXCHANGE_DATABASE_URL"], "CREATE TABLE newer (id int)")
    execute(place["EXCHANGE_DATABASE_URL"], "DELETE FROM delegates")
    before = rows_of(place)

    refused = austausch(place, "restore", folder)

    assert refused.returncode == 1
    assert "The database of knowledge is not empty" in refused.stderr
    assert rows_of(place) == before
    succeed(place, "restore", folder, "--replace")
    assert rows_of(place) == rows


def test_nothing_is_restored_while_a_process_runs(backup: tuple[Path, Rows], place: dict[str, str]) -> None:
    with psycopg.connect(place["FORUM_DATABASE_URL"], application_name="austausch"):
        refused = austausch(place, "restore", backup[0])

    assert refused.returncode == 1
    assert "The database of forum is in use, by austausch: stop the four processes." in refused.stderr
    assert rows_of(place) == NOTHING


def test_nothing_is_restored_while_nats_is_away(backup: tuple[Path, Rows], place: dict[str, str]) -> None:
    away = f"nats://austausch:hidden@{embedded.HOST}:{embedded.free_port()}"

    refused = austausch({**place, "NATS_URL": away}, "restore", backup[0])

    assert refused.returncode == 1
    assert "NATS does not answer" in refused.stderr
    assert "hidden" not in refused.stderr
    assert rows_of(place) == NOTHING


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "forum.dump").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "forum.dump").write_bytes(content)


def lose_a_file(folder: Path) -> None:
    (folder / "exchange.dump").unlink()


def cut_the_manifest(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:-20])


def change_manifest(folder: Path, **changes: object) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))


def come_from_a_newer_format(folder: Path) -> None:
    change_manifest(folder, format=2, version="9.0")


def come_from_a_newer_schema(folder: Path) -> None:
    dumps = json.loads((folder / "manifest.json").read_text())["dumps"]
    dumps[1]["revisions"] = ["forum_9999"]
    change_manifest(folder, version="9.0", dumps=dumps)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (flip_a_byte, "forum.dump is damaged: it is not what the backup wrote."),
        (lose_a_file, "exchange.dump: No such file or directory."),
        (cut_the_manifest, "manifest.json is damaged: it is no JSON."),
        (come_from_a_newer_format, "was made by version 9.0, in a format that this version cannot read"),
        (come_from_a_newer_schema, "it does not know the schema forum_9999 of forum"),
        (shutil.rmtree, "is no backup"),
    ],
)
def test_what_is_damaged_or_newer_is_refused_before_anything_is_changed(
    spoil: Callable[[Path], object], reason: str, backup: tuple[Path, Rows], place: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(backup[0], folder)
    spoil(folder)

    refused = austausch(place, "restore", folder, "--replace")

    assert refused.returncode == 1
    assert reason in refused.stderr
    assert refused.stderr.rstrip().endswith("Nothing was changed.")
    assert rows_of(place) == NOTHING


def test_a_backup_that_fails_leaves_nothing_behind_and_tells_no_password(place: dict[str, str], tmp_path: Path) -> None:
    url = place["EXCHANGE_DATABASE_URL"]
    settings = {**place, "EXCHANGE_DATABASE_URL": url.replace("pass-exchange", "wrong-password")}

    failed = austausch(settings, "backup", "--to", tmp_path / "backups")

    assert failed.returncode == 1
    assert "password authentication failed" in failed.stderr
    assert "wrong-password" not in failed.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_backup_that_takes_longer_than_the_server_lets_transactions_be_idle_is_whole(
    place: dict[str, str], tmp_path: Path
) -> None:
    url = place["KNOWLEDGE_DATABASE_URL"]
    execute(url, "ALTER ROLE knowledge SET idle_in_transaction_session_timeout = '200ms'")
    execute(url, "CREATE VIEW held_up AS SELECT 1 AS one")
    with psycopg.connect(url) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        # pg_dump waits for it, and the transaction whose snapshot it reads waits for pg_dump.
        connection.execute("LOCK TABLE held_up IN ACCESS EXCLUSIVE MODE")
        backup = subprocess.Popen([COMMAND, "backup", "--to", tmp_path / "backups"], env=place)
        try:
            eventually(lambda: find_arguments("pg_dump", str(tmp_path)))
            time.sleep(1)
        finally:
            connection.rollback()
            code = backup.wait(60)

    assert code == 0
    (folder,) = (tmp_path / "backups").iterdir()
    assert {file.name for file in folder.iterdir()} == FILES


def restic(repository: Path, *arguments: str | Path) -> str:
    """Run restic as the documentation does, with a password from a file."""
    password = repository.with_name("restic-password")
    password.write_text("a password of the repository")
    environment = {
        **os.environ, "RESTIC_REPOSITORY": str(repository), "RESTIC_PASSWORD_FILE": str(password),
        "RESTIC_CACHE_DIR": str(repository.with_name("restic-cache")),
    }  # fmt: skip
    done = subprocess.run(
        ["restic", *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_restic_keeps_backups_encrypted_and_expires_them(
    backup: tuple[Path, Rows], place: dict[str, str], tmp_path: Path
) -> None:
    if shutil.which("restic") is None:
        pytest.skip("no restic: apt-get install restic")
    repository, backups = tmp_path / "repository", tmp_path / "backups"
    shutil.copytree(backup[0], backups / backup[0].name)
    restic(repository, "init")
    for _ in range(2):
        restic(repository, "backup", "--tag", "austausch", backups)

    restic(repository, "forget", "--tag", "austausch", "--keep-daily", "7", "--prune")

    assert len(json.loads(restic(repository, "snapshots", "--json"))) == 1
    plain = b"PGDMP"
    assert plain in (backup[0] / "exchange.dump").read_bytes()
    assert not [file for file in repository.rglob("*") if file.is_file() and plain in file.read_bytes()]
    restic(repository, "restore", "latest", "--target", tmp_path / "restored")
    (folder,) = (tmp_path / "restored").glob(f"**/{backup[0].name}")
    succeed(place, "restore", folder)
    assert rows_of(place) == backup[1]


def test_an_old_backup_remembers_what_was_applied_when_its_events_come_once_more(
    fresh_database: FreshDatabase, place: dict[str, str], tmp_path: Path
) -> None:
    packages = {process: f"services.{process}" for process in DATABASES} | {"gateway": "gateway.accounts"}
    old = {f"{process.upper()}_DATABASE_URL": fresh_database(package) for process, package in packages.items()}
    # As in a backup of seventy days ago; a service forgets at its start what it applied more than sixty days ago.
    execute(old["EXCHANGE_DATABASE_URL"], insert_into("outbox", "'e1', 'type', '{}', '', moment, moment"))
    execute(old["KNOWLEDGE_DATABASE_URL"], insert_into("inbox", "'e1', 'type', moment"))

    succeed(place, "restore", succeed(old, "backup", "--to", tmp_path).strip())

    waiting = "SELECT id FROM outbox WHERE publish_time IS NULL"
    assert execute(place["EXCHANGE_DATABASE_URL"], waiting) == [("e1",)]
    remembered = "SELECT event_id FROM inbox WHERE receive_time > now() - interval '1 day'"
    assert execute(place["KNOWLEDGE_DATABASE_URL"], remembered) == [("e1",)]


def insert_into(table: str, values: str) -> str:
    columns = {
        "outbox": "id, type, headers, payload, create_time, publish_time",
        "inbox": "event_id, type, receive_time",
    }
    past = "(SELECT now() - interval '70 days' AS moment) AS past"
    return f"INSERT INTO {table} ({columns[table]}) SELECT {values} FROM {past}"  # noqa: S608
