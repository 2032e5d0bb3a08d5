"""The whole platform as an operator starts it: the program behind ``make run``, on free ports and data of its own."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.credentials import DATABASES
from deploy.embedded import HOST, Postgres, free_port

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 60
MEANING_SECONDS = 120
# What a developer's shell may set must not reach the processes under test.
OURS = ("EXCHANGE_", "FORUM_", "KNOWLEDGE_", "GATEWAY_", "NATS_", "IDENTITY_", "LOG_", "OTLP_", "PYTHONPATH")


@dataclass(frozen=True)
class Stack:
    """A running platform: the URL of its start page, its data, and the supervisor."""

    url: str
    data: Path
    process: subprocess.Popen[str]


def start(data: Path, port: int, checkout: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
    """Start the supervisor of a checkout; what it prints, errors included, is in its ``stdout``."""
    return subprocess.Popen(
        [get_python(checkout), "-m", "deploy.local"],
        cwd=checkout,
        env={**read_shell(), "PORT": str(port), "DATA_DIR": str(data), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def get_python(checkout: Path) -> str:
    """Return the Python of a checkout."""
    return sys.executable if checkout == ROOT else str(checkout / ".venv" / "bin" / "python")


def read_shell() -> dict[str, str]:
    """Return the variables of this process, without settings of the platform."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def make_settings(
    postgres: Postgres, nats_url: str, ports: Mapping[str, int], addresses: Mapping[str, str]
) -> dict[str, str]:
    """
    Return the settings of a platform that works with given servers.

    Args:
        ports: Name of a service → port that it listens on.
        addresses: Name of a service → where the others call it.
    """
    return {
        **{f"{process.upper()}_DATABASE_URL": postgres.url_for(name) for process, name in DATABASES.items()},
        **{f"{name.upper()}_LISTEN": f"{HOST}:{port}" for name, port in ports.items()},
        **{f"GATEWAY_{name.upper()}_ADDRESS": address for name, address in addresses.items()},
        "NATS_URL": nats_url,
        "FORUM_EXCHANGE_ADDRESS": addresses["exchange"],
        "KNOWLEDGE_EXCHANGE_ADDRESS": addresses["exchange"],
        "KNOWLEDGE_FORUM_ADDRESS": addresses["forum"],
    }


@contextlib.contextmanager
def running(data: Path, checkout: Path = ROOT, **environment: str) -> Iterator[Stack]:
    """
    Run the platform of a checkout on ``data`` until the block ends; what it prints goes to ``stack.log`` there.

    Raises:
        RuntimeError: It did not become ready; the message is all it printed.
    """
    port = free_port()
    process = start(data, port, checkout, **environment)
    output = process.stdout
    assert output
    said = ""
    while line := output.readline():
        said += line
        if line == f"ready: http://localhost:{port}\n":
            break
    else:
        raise RuntimeError(f"the platform did not become ready:\n{said}")
    data.mkdir(exist_ok=True)
    log = (data / "stack.log").open("w")
    log.write(said)
    log.flush()  # Before what the processes say from now on.
    # Somebody has to read on, or the processes wait for room in the pipe.
    copier = subprocess.Popen(["cat"], stdin=output, stdout=log)
    try:
        yield Stack(f"http://localhost:{port}", data, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
        output.close()
        copier.wait()
        log.close()


def keep_demo_data(folder: Path) -> Path:
    """
    Return data of a platform that was started on nothing, has loaded the demo data, and was stopped.

    The first process that asks makes it in ``folder``; the others wait for it. What it printed is in its
    ``first-start.log``. What the learnings mean is known, so that no copy has to find that out.
    """
    data, making = folder / "demo-data", folder / "demo-data.new"
    # Who holds the lock ends by the deadlines of the start, and its death releases it.
    with (folder / "demo-data.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not data.exists():
            shutil.rmtree(making, ignore_errors=True)
            with running(making) as platform:
                _await_meaning(platform.url)
            (making / "stack.log").rename(making / "first-start.log")
            making.rename(data)
    return data


def _await_meaning(url: str) -> None:
    """Wait until the meaning of all learnings is known, or there is no language model."""
    until = time.monotonic() + MEANING_SECONDS
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{url}/readyz", timeout=STOP_SECONDS) as answer:
            if json.load(answer)["meaning"] in ("complete", "off"):
                return
        time.sleep(0.1)
    raise RuntimeError(f"the meaning of the demo data is not known within {MEANING_SECONDS} s")


def copy_data(data: Path, target: Path) -> Path:
    """Copy the data of a platform that does not run, owners included, to ``target``, and return that."""
    subprocess.run(["cp", "--archive", data, target], check=True, timeout=STOP_SECONDS)
    return target


def find_process(data: Path, name: str) -> int:
    """
    Return the id of the process that runs now: ``gateway``, ``exchange``, ``forum``, ``knowledge``, ``PostgreSQL`` or
    ``NATS``.

    Raises:
        LookupError: None does.
    """
    files = {"PostgreSQL": "postgres/cluster/postmaster.pid", "NATS": "nats/nats.pid"}
    if name in files:
        return int((data / files[name]).read_text().split()[0])
    module = "gunicorn" if name == "gateway" else f"services.{name}"  # The gateway becomes its web server.
    for pid, _created in json.loads((data / "processes.json").read_text()):
        with contextlib.suppress(psutil.Error):
            if psutil.Process(pid).cmdline()[1:3] == ["-m", module]:
                return int(pid)
    raise LookupError(name)


def suspend(pid: int) -> None:
    """Let a process hang; returns when it does, for on a busy machine it goes on for a moment after the signal."""
    psutil.Process(pid).suspend()
    until = time.monotonic() + STOP_SECONDS
    while any(_read_state(thread) not in "TZX" for thread in Path(f"/proc/{pid}/task").iterdir()):
        if time.monotonic() > until:
            raise RuntimeError(f"process {pid} does not stop within {STOP_SECONDS} s")
        time.sleep(0.001)


def _read_state(thread: Path) -> str:
    """Return the letter for what a thread does; as of one that is stopped where it has ended."""
    try:
        return (thread / "stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return "T"


@contextlib.contextmanager
def hanging(pid: int) -> Iterator[None]:
    """Let a process and its children hang until the block ends."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        suspend(process.pid)
    try:
        yield
    finally:
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
