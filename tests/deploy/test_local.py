"""`make run`: what it says when it cannot start, what it leaves behind, and how it stops."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chassis.identity import new_private_key
from deploy.credentials import DATABASES
from deploy.embedded import HOST, exclusive, free_port
from tests.stack import Stack, running, start

# Databases of the operator's, so that none of ours is started.
AWAY = {f"{process.upper()}_DATABASE_URL": f"postgresql://x:x@{HOST}:1/x" for process in DATABASES}


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


def is_running(pid: int) -> bool:
    """Tell whether a process runs: one that has ended and was not yet collected does not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def servers_of(data: Path) -> list[int]:
    """Return the ids of the processes that the supervisor of ``data`` started."""
    started = [pid for pid, _created in json.loads((data / "processes.json").read_text())]
    own = [int((data / file).read_text().split()[0]) for file in ("postgres/cluster/postmaster.pid", "nats/nats.pid")]
    return started + own


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Listen on a port, from the moment that it is free until the block ends."""
    while True:
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            yield
            return


def test_a_taken_port_is_told_in_one_line_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        code, said = outcome(start(tmp_path / "data", port))
    assert (code, said) == (
        1,
        f"cannot start: port {port}: Address already in use; choose another one with PORT=…\n",
    )
    assert not (tmp_path / "data").exists()


def test_a_port_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    code, said = outcome(start(tmp_path / "data", 0))
    assert (code, said) == (1, "cannot start: PORT is '0', which is no TCP port\n")


def test_a_data_directory_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = outcome(start(tmp_path / "file" / "data", free_port()))
    assert (code, said) == (1, f"cannot start: cannot write to {tmp_path}/file/data: Not a directory\n")


def test_a_data_directory_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with exclusive(tmp_path / "data"):
        code, said = outcome(start(tmp_path / "data", free_port()))
    assert (code, said) == (
        1,
        f"cannot start: {tmp_path}/data is in use by process {os.getpid()}; choose another one with DATA_DIR=…\n",
    )


@pytest.mark.parametrize("content", ["broken\n", "", new_private_key("gateway")], ids=["broken", "empty", "of another"])
def test_a_broken_signing_key_is_told_in_one_line_with_its_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "forum-key.pem").write_text(content)
    code, said = outcome(start(tmp_path, free_port(), NATS_URL="nats://127.0.0.1:1", **AWAY))
    (line,) = said.splitlines()
    assert (code, line.startswith(f"cannot start: {tmp_path}/forum-key.pem")) == (1, True)


@pytest.mark.parametrize(("server", "others"), [("postgres", {}), ("nats", AWAY)])
def test_an_empty_password_of_a_server_is_told_in_one_line_with_its_file(
    tmp_path: Path, server: str, others: dict[str, str]
) -> None:
    (tmp_path / server).mkdir()
    (tmp_path / server / "password").touch()
    code, said = outcome(start(tmp_path, free_port(), **others))
    assert (code, said) == (1, f"cannot start: {tmp_path}/{server}/password is empty; put back what was in it\n")


def test_a_failed_start_says_why_and_stops_what_it_had_started(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody:nothing@{HOST}:{free_port()}/forum"
    code, said = outcome(start(tmp_path, free_port(), FORUM_DATABASE_URL=nowhere))
    assert code == 1
    assert said.splitlines()[-1].startswith("cannot start: migrating forum: ")
    assert not (tmp_path / "postgres/cluster/postmaster.pid").exists()
    assert not is_running(int((tmp_path / "nats/nats.pid").read_text()))


def test_secrets_are_readable_by_the_owner_only(stack: Stack) -> None:
    secrets = (
        "gateway-key.pem",
        "forum-key.pem",
        "knowledge-key.pem",
        "secret-key",
        "settings.env",
        "postgres/password",
        "nats/password",
    )
    for file in secrets:
        assert stat.S_IMODE((stack.data / file).stat().st_mode) == 0o600, file
    assert stat.S_IMODE((stack.data / "nats").stat().st_mode) == 0o700


def test_a_second_copy_runs_beside_the_first_one_and_stops_when_asked(stack: Stack, used_data: Path) -> None:
    with running(used_data) as second:
        for copy in (stack, second):
            with urllib.request.urlopen(f"{copy.url}/readyz") as answer:
                assert json.load(answer)["status"] == "ready"
        pids = servers_of(used_data)
        assert all(map(is_running, pids))
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(60) == 0
    assert not any(map(is_running, pids))
    # Only a start that loads the demo data says so.
    said = [(used_data / log).read_text() for log in ("first-start.log", "stack.log")]
    assert ["loading the demo data" in lines for lines in said] == [True, False]
    assert said[1].splitlines()[-1] == "stopped"


def test_a_line_of_a_process_names_it_and_its_time_once(stack: Stack) -> None:
    urllib.request.urlopen(f"{stack.url}/sign-in").close()
    lines: list[str] = []
    until = time.monotonic() + 60
    while not lines and time.monotonic() < until:
        said = (stack.data / "stack.log").read_text().splitlines()
        lines = [line for line in said if "gateway" in line and "path=/sign-in" in line]
    assert lines
    assert [len(re.findall(r"\d\d:\d\d:\d\d", line)) for line in lines] == [1] * len(lines)


def test_a_process_that_cannot_start_ends_the_start_with_its_last_words(used_data: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = f"{HOST}:{other.getsockname()[1]}"
        code, said = outcome(start(used_data, free_port(), FORUM_LISTEN=taken))
    assert code == 1
    assert said.endswith(
        "cannot start: forum ended with code 1; its last words:\n"
        f"    forum: {taken} can't be listened on: it is taken, or not an address of this machine\n"
    )
    assert not (used_data / "processes.json").exists()


def test_a_process_that_cannot_live_any_more_ends_the_run_with_its_last_words(used_data: Path) -> None:
    port = free_port()
    with running(used_data, EXCHANGE_LISTEN=f"{HOST}:{port}") as copy:
        pids = servers_of(used_data)
        victim = next(pid for pid in pids if "services.exchange" in psutil.Process(pid).cmdline())
        os.kill(victim, signal.SIGKILL)
        with listening(port):
            assert copy.process.wait(60) == 1
    said = (used_data / "stack.log").read_text().splitlines()
    again = [line for line in said if line.startswith("exchange ended with code 1 (") and "; starting it again" in line]
    assert len(again) == 4
    assert said[-2] == "stopped: exchange ended with code 1; its last words:"
    assert said[-1].startswith(f"    exchange: {HOST}:{port} can't be listened on")
    assert not any(map(is_running, pids))


def test_a_killed_supervisor_is_no_obstacle_for_the_next_one(used_data: Path) -> None:
    with running(used_data) as copy:
        pids = servers_of(used_data)
        copy.process.kill()
        copy.process.wait()
    assert all(map(is_running, pids))
    with running(used_data):
        assert not any(map(is_running, pids))
