"""A machine's own PostgreSQL and NATS: they keep their data, keep others out and clean up after a kill."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import nats as nats_client
import nats.errors
import psutil
import psycopg
import pytest
from nats.js.api import StorageType

from deploy import embedded, nats_health
from deploy.embedded import HOST, CannotStart, exclusive, free_port, nats, port_is_free, postgres
from tests.chassis.nats_servers import disk

# Holds the servers of a data directory until it is killed.
HOLDER = """
import sys, time
from pathlib import Path
from deploy.embedded import nats, postgres
data = Path(sys.argv[1])
with postgres(data / "postgres", ["kept"], durable=False) as server, nats(data / "nats") as bus:
    print(server.pid, server.url_for("kept"), bus.pid, flush=True)
    time.sleep(600)
"""

# Takes every port of a range, and keeps them although it listens on none.
TAKER = """
import sys
from deploy import embedded, nats_health
embedded.PORTS = range(int(sys.argv[1]), int(sys.argv[2]))
try:
    while True:
        print(embedded.free_port(), flush=True)
except embedded.CannotStart:
    print("no more", flush=True)
sys.stdin.read()
"""


def is_running(pid: int) -> bool:
    """Tell whether a process runs: one that has ended and was not yet collected does not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_postgres_keeps_what_was_written_over_a_restart(tmp_path: Path) -> None:
    with postgres(tmp_path / "data", ["visits"], durable=False) as server:
        with psycopg.connect(server.url_for("visits")) as connection:
            connection.execute("CREATE TABLE visit (title text)")
            connection.execute("INSERT INTO visit VALUES ('Swansea')")
        pid = server.pid
    assert not psutil.pid_exists(pid)
    with (
        postgres(tmp_path / "data", ["visits", "forums"]) as server,
        psycopg.connect(server.url_for("visits")) as connection,
        psycopg.connect(server.url_for("forums")),
    ):
        assert connection.execute("SELECT title FROM visit").fetchall() == [("Swansea",)]


def test_postgres_offers_what_double_bookings_and_umlauts_need(tmp_path: Path) -> None:
    with (
        postgres(tmp_path / "data", durable=False) as server,
        psycopg.connect(server.url_for("postgres")) as connection,
    ):
        connection.execute("CREATE EXTENSION btree_gist")
        assert connection.execute("SELECT lower('Ä')").fetchone() == ("ä",)


def test_the_servers_refuse_whoever_has_no_password(tmp_path: Path) -> None:
    with postgres(tmp_path / "postgres", durable=False) as server, nats(tmp_path / "nats") as bus:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=HOST, port=server.port, user="postgres", password="postgres", dbname="postgres")

        async def connect() -> None:
            await nats_client.connect(f"nats://{HOST}:{bus.port}", allow_reconnect=False, connect_timeout=30)

        with pytest.raises(nats_client.errors.Error, match=r"(?i)authorization"):
            asyncio.run(connect())
    for password in (tmp_path / "postgres/password", tmp_path / "nats/password", tmp_path / "nats/nats.conf"):
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
    for data_dir in (tmp_path / "postgres", tmp_path / "nats"):
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


async def test_nats_keeps_its_streams_over_a_restart_on_the_same_port(tmp_path: Path) -> None:
    with nats(tmp_path / "data") as server:
        client = await nats_client.connect(server.url)
        await client.jetstream().add_stream(name="facts", subjects=["facts.>"], storage=StorageType.FILE)
        await client.jetstream().publish("facts.visit", b"reported")
        await client.close()
    with nats(tmp_path / "data", port=server.port) as again:
        assert again.url == server.url
        client = await nats_client.connect(again.url)
        assert (await client.jetstream().stream_info("facts")).state.messages == 1
        await client.close()


def test_the_next_run_stops_what_a_killed_one_left_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        pid, url, bus_pid = holder.stdout.readline().split()
        with pytest.raises(CannotStart, match=f"in use by process {holder.pid}"), postgres(tmp_path / "postgres"):
            pass
        with pytest.raises(CannotStart, match=f"in use by process {holder.pid}"), nats(tmp_path / "nats"):
            pass
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE visit (title text)")
        holder.kill()
    assert is_running(int(pid))
    assert is_running(int(bus_pid))
    with postgres(tmp_path / "postgres", ["kept"]) as server, nats(tmp_path / "nats"):
        assert not is_running(int(pid))
        assert not is_running(int(bus_pid))
        with psycopg.connect(server.url_for("kept")) as connection:
            assert connection.execute("SELECT count(*) FROM visit").fetchone() == (0,)


def test_a_stranger_that_has_the_id_of_an_old_server_is_left_alone(tmp_path: Path) -> None:
    with nats(tmp_path / "data"):
        pass
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (tmp_path / "data/nats.pid").write_text(str(stranger.pid))
        with nats(tmp_path / "data"):
            assert stranger.poll() is None
        stranger.send_signal(signal.SIGTERM)


def test_an_interrupted_first_start_leaves_no_half_made_cluster(tmp_path: Path) -> None:
    half_made = tmp_path / "data" / "cluster.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18")
    with postgres(tmp_path / "data", durable=False) as server:
        psycopg.connect(server.url_for("postgres")).close()
    assert not half_made.exists()


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with nats(tmp_path / "first") as server:
        assert not port_is_free(server.port)
        with (
            pytest.raises(CannotStart, match="address already in use") as refusal,
            nats(tmp_path / "second", port=server.port),
        ):
            pass
        assert "\n" not in str(refusal.value)
        with (
            pytest.raises(CannotStart, match="PostgreSQL cannot start"),
            postgres(tmp_path / "third", durable=False, port=server.port),
        ):
            pass
    assert port_is_free(free_port())


def test_no_two_processes_are_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = range(19900, 19908)
    command = [sys.executable, "-c", TAKER, str(ports.start), str(ports.stop)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as taker:
        assert taker.stdout
        taken = list(iter(taker.stdout.readline, "no more\n"))
        assert len(set(taken)) == len(taken) > 1
        monkeypatch.setattr(embedded, "PORTS", ports)
        with pytest.raises(CannotStart, match="no free TCP port"):
            free_port()
        taker.communicate("")
    assert free_port() in ports


def test_a_data_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot write to"), exclusive(tmp_path / "file" / "data"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root adds a user for the server")
def test_first_starts_at_the_same_moment_agree_on_the_user_of_the_server() -> None:
    name = f"austausch_test_{os.getpid()}"
    code = f"from deploy import embedded; embedded.SERVER_USER = '{name}'; print(embedded._server_user().pw_uid)"
    try:
        starts = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        said = [start.communicate() for start in starts]
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)
    assert [errors for _, errors in said if errors] == []
    assert len({uid for uid, _ in said}) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a directory that others may not enter")
def test_postgres_and_its_data_may_lie_where_only_root_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = embedded._postgres_bin().parent.parent
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(part, closed / part.name)
    monkeypatch.setattr(embedded, "_postgres_bin", lambda: closed / wheel.name / "pginstall" / "bin")
    with postgres(closed / "data", durable=False) as server:
        psycopg.connect(server.url_for("postgres")).close()
        assert psutil.Process(server.pid).uids().effective != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_nats_that_could_not_write_ends_once_its_disk_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_health, "LOOK_SECONDS", 0.2)

    async def fill(url: str) -> None:
        connection = await nats_client.connect(url)
        stream = connection.jetstream(timeout=2)
        await stream.add_stream(name="kept", subjects=["kept.>"])
        with suppress(nats_client.errors.Error, TimeoutError):
            while True:
                await stream.publish("kept.x", b"x" * 20_000)
        await connection.close()

    with disk(tmp_path, 64) as made:
        ballast = made.path / "ballast"
        ballast.write_bytes(bytes(40 * 1024**2))
        with nats(made.path / "nats") as server:
            asyncio.run(fill(server.url))
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(3)
            ballast.unlink()
            assert server.process.wait(60) == -signal.SIGKILL
        with nats(made.path / "nats", port=server.port) as again:
            assert again.process.poll() is None
