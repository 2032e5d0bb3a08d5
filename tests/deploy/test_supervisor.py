"""What is kept alive, with real processes: when it is started again, and when that is given up."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from deploy import embedded
from deploy.embedded import HOST, CannotStart, free_port
from deploy.supervisor import PAUSES, TRIES, Command, Death, KeptServer, Processes
from tests.small_disk import small_disk

SECONDS = 60
# Notes its process id in a file.
BORN = "import os, pathlib, signal, socket, sys; pathlib.Path('born').open('a').write(f'{os.getpid()}\\n'); "


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are stopped after the test."""
    kept = Processes(tmp_path / "record.json")
    yield kept
    kept.stop()


def command(folder: Path, code: str) -> Command:
    """Return a program that notes its id in ``folder``, and does something else then."""
    return Command("victim", [sys.executable, "-c", BORN + code], os.environ, folder, "victim | ")


def born(folder: Path) -> list[int]:
    """Return the ids that a program had, in order."""
    return [int(line) for line in (folder / "born").read_text().split()] if (folder / "born").exists() else []


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port; whoever listened there to find out would take it from them."""
    with suppress(OSError), socket.create_connection((HOST, port)):
        return True
    return False


def death_of(processes: Processes) -> Death:
    """Wait until a program is given up, and return how it ended."""
    death = processes.death(SECONDS)
    assert death
    return death


def test_one_that_is_killed_is_started_again_however_often_and_told_in_one_line_each(
    processes: Processes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    processes.start(command(tmp_path, "signal.pause()"))
    for lives in range(1, 4):
        wait_until(lambda lives=lives: len(born(tmp_path)) == lives)
        os.kill(born(tmp_path)[-1], signal.SIGKILL)
    wait_until(lambda: len(born(tmp_path)) == 4)
    assert processes.death(0) is None
    assert capsys.readouterr().out.splitlines() == [
        "victim was killed by SIGKILL; starting it again in 0.2 s",
        "victim was killed by SIGKILL; starting it again in 0.5 s",
        "victim was killed by SIGKILL; starting it again in 1 s",
    ]


def test_one_whose_first_life_ends_with_an_error_is_given_up_with_its_last_words(
    processes: Processes, tmp_path: Path
) -> None:
    processes.start(command(tmp_path, "print('the port', 'is taken', sep='\\n'); sys.exit(3)"))
    death = death_of(processes)
    assert str(death) == "victim ended with code 3; its last words:\n    the port\n    is taken"
    assert len(born(tmp_path)) == 1


@pytest.mark.parametrize("end", ["sys.exit(0)", "os.kill(os.getpid(), signal.SIGABRT)"])
def test_one_that_ends_again_and_again_is_given_up(processes: Processes, tmp_path: Path, end: str) -> None:
    processes.start(command(tmp_path, f"print('no'); sys.stdout.flush(); {end}"))
    assert death_of(processes).last_words == ["no"]
    assert len(born(tmp_path)) == TRIES


def test_one_that_was_killed_may_fail_some_times_before_it_lives(processes: Processes, tmp_path: Path) -> None:
    lives = "open('born').read().count('\\n')"
    processes.start(command(tmp_path, f"sys.exit(1) if 1 < {lives} < 4 else signal.pause()"))
    wait_until(lambda: len(born(tmp_path)) == 1)
    os.kill(born(tmp_path)[0], signal.SIGKILL)
    wait_until(lambda: len(born(tmp_path)) == 4)
    assert processes.death(0.5) is None


def test_children_of_a_dead_process_do_not_keep_its_port(processes: Processes, tmp_path: Path) -> None:
    port = free_port()
    listen = f"server = socket.create_server(('{HOST}', {port})); os.fork(); signal.pause()"
    processes.start(command(tmp_path, listen))
    for lives in (1, 2):
        wait_until(lambda lives=lives: len(born(tmp_path)) == lives)
        wait_until(lambda: listens(port))
        os.kill(born(tmp_path)[-1], signal.SIGKILL)
    wait_until(lambda: len(born(tmp_path)) == 3)
    wait_until(lambda: listens(port))
    assert processes.death(0.5) is None


def test_a_program_that_does_not_exist_cannot_start(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="No such file"):
        processes.start(Command("nothing", [str(tmp_path / "nothing")], {}, tmp_path))


def test_nothing_is_started_again_while_everything_stops(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "record.json")
    processes.start(command(tmp_path, "signal.pause()"))
    wait_until(lambda: born(tmp_path))
    os.kill(born(tmp_path)[0], signal.SIGKILL)
    processes.stop()
    assert len(born(tmp_path)) <= 2
    for pid in born(tmp_path):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not (tmp_path / "record.json").exists()


def test_a_killed_postgresql_comes_back_on_its_port_with_its_data(processes: Processes, tmp_path: Path) -> None:
    postgres = KeptServer("PostgreSQL", lambda port: embedded.postgres(tmp_path / "postgres", ["city"], port=port))
    processes.start(postgres)
    first = postgres.server
    with psycopg.connect(first.url_for("city")) as connection:
        connection.execute("CREATE TABLE visit (id int)")
        connection.execute("INSERT INTO visit VALUES (1)")
        connection.commit()
        os.kill(first.pid, signal.SIGKILL)  # While somebody is connected.
        wait_until(lambda: postgres.server is not first)
    with psycopg.connect(first.url_for("city")) as connection:
        assert connection.execute("SELECT id FROM visit").fetchall() == [(1,)]


def test_a_killed_nats_comes_back_on_its_port(processes: Processes, tmp_path: Path) -> None:
    nats = KeptServer("NATS", lambda port: embedded.nats(tmp_path / "nats", port=port))
    processes.start(nats)
    first = nats.server
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: nats.server is not first)
    assert nats.server.url == first.url
    with closing(socket.create_connection((HOST, first.port))) as connection:
        assert connection.recv(5) == b"INFO "


def test_a_server_that_dies_while_its_disk_is_full_waits_for_room(
    processes: Processes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 64) as made:
        nats = KeptServer("NATS", lambda port: embedded.nats(made.path / "nats", port=port))
        processes.start(nats)
        first = nats.server.pid
        made.fill()
        os.kill(first, signal.SIGKILL)
        # Longer than it takes to give up one that cannot start for another reason.
        assert processes.death(sum(PAUSES[:TRIES]) + 2) is None
        assert capsys.readouterr().out.count("NATS waits for room") == 1
        made.free()
        wait_until(lambda: nats.server.pid != first)
        # Before the disk goes.
        processes.stop()


def test_a_postgresql_that_cannot_come_back_is_given_up_with_its_reason(processes: Processes, tmp_path: Path) -> None:
    postgres = KeptServer("PostgreSQL", lambda port: embedded.postgres(tmp_path / "postgres", port=port))
    processes.start(postgres)
    (tmp_path / "postgres/cluster/PG_VERSION").write_text("8\n")
    os.kill(postgres.server.pid, signal.SIGKILL)
    death = death_of(processes)
    assert re.match(r"PostgreSQL did not start; its last words:\n    .*incompatible with server", str(death))
