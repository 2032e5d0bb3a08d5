"""
``make run``: the whole platform on this machine, with its own PostgreSQL and NATS, until Ctrl-C.

Environment:

- ``PORT``: port of the pages and the API on 127.0.0.1; 8000.
- ``DATA_DIR``: everything that is kept, secrets with mode 0600; ``.data``. Its file ``settings.env`` has the settings
  of the running processes, for the operator's command: ``(set -a; . .data/settings.env; austausch doctor)``.
- ``SERVICES=together``: the three services in one process, which saves memory.
- ``EXCHANGE_DATABASE_URL``, ``FORUM_…``, ``KNOWLEDGE_…``, ``GATEWAY_DATABASE_URL``, ``NATS_URL``: servers of the
  operator's; for what is not named, an embedded one is started.
- Any setting of a process: it goes before the value that this module chooses.

Whatever of it dies is started again (`deploy.supervisor`).

Exit code 0 when asked to stop (SIGINT, SIGTERM, SIGHUP), 1 when something cannot start or cannot live.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import asyncpg

from chassis.probe import open_directly
from chassis.schema import is_current
from deploy import embedded
from deploy.credentials import DATABASES, ISSUERS, keep_keys
from deploy.embedded import HOST, CannotStart, InUse
from deploy.secret_files import Unusable, write_secret
from deploy.supervisor import Command, Death, KeptServer, Processes, stop_left_behind
from gateway.demo import accounts as demo_accounts
from services.knowledge.vocabulary.importing import has_own_topics

ROOT = Path(__file__).resolve().parent.parent
# Module of a process; with ``migrate`` it migrates its database.
MODULES = {
    "exchange": "services.exchange",
    "forum": "services.forum",
    "knowledge": "services.knowledge",
    "gateway": "gateway",
}
# How the names of settings begin.
SETTINGS = (*(f"{process.upper()}_" for process in MODULES), "NATS_", "IDENTITY_")
READY_SECONDS = 120
# With ``SERVICES=together``: module of a process.
TOGETHER = {"services": "deploy.together", "gateway": "gateway"}
FIRST_COLOUR = 32  # of a terminal's; red is for errors
COMMAND_SECONDS = 120


class Asked(BaseException):
    """The operator asked to stop."""


@dataclass(frozen=True)
class Place:
    """Where this run listens and keeps its data."""

    port: int
    data: Path

    @property
    def url(self) -> str:
        """URL of the start page."""
        return f"http://localhost:{self.port}"


def main() -> int:
    """Run everything until asked to stop; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ask)
    try:
        with contextlib.ExitStack() as stack:
            # Registered first, so called last: until then nothing interrupts the stopping.
            try:
                death = _run(_place(), stack)
            finally:
                _ignore_signals()
    except Asked:
        with contextlib.suppress(OSError):  # The terminal may be gone.
            print("stopped", flush=True)
        return 0
    except CannotStart as reason:
        print(f"cannot start: {reason}", file=sys.stderr, flush=True)
        return 1
    print(f"stopped: {death}", file=sys.stderr, flush=True)
    return 1


def _run(place: Place, stack: contextlib.ExitStack) -> Death:
    """Start everything, entering it into ``stack``, and return how the first process ended that cannot live."""
    record = place.data / "processes.json"
    was_killed = record.exists()
    if not was_killed:  # Else it may be the last run's gateway that has the port.
        _check_port(place.port)
    try:
        stack.enter_context(embedded.exclusive(place.data))
    except InUse as reason:
        raise CannotStart(f"{reason}; choose another one with DATA_DIR=…") from None
    if was_killed:
        stop_left_behind(record)
        _check_port(place.port)
    environment = dict(os.environ)
    processes = Processes(record)
    stack.callback(processes.stop)
    _add_servers(environment, place, processes)
    _add_settings(environment, place)
    _tell_settings(environment, place)
    to_migrate, has_demo = asyncio.run(_look_into(environment))
    with _phase("migrating the databases"):
        _run_all({f"migrating {process}": [MODULES[process], "migrate"] for process in to_migrate}, environment, place)
    with _phase("starting the processes"):
        processes.start(*_commands(environment))
        _await_ready(environment, place, processes)
    if not has_demo:  # It says itself when it loads.
        _run_all({"loading the demo data": ["gateway.demo"]}, environment, place)
    print(f"ready: {place.url}", flush=True)
    while True:
        if death := processes.death(seconds=3600):
            return death


def _place() -> Place:
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT is {text!r}, which is no TCP port")
    return Place(int(text), Path(os.environ.get("DATA_DIR") or ".data").absolute())


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            raise CannotStart(f"port {port}: {error.strerror}; choose another one with PORT=…") from None


def _add_servers(environment: dict[str, str], place: Place, processes: Processes) -> None:
    """Start the servers that the operator does not name, and add their URLs to ``environment``."""
    wanted = {
        f"{process.upper()}_DATABASE_URL": database
        for process, database in DATABASES.items()
        if not _is_given(environment, f"{process.upper()}_DATABASE_URL")
    }
    if wanted:
        databases = list(wanted.values())
        postgres = KeptServer(
            "PostgreSQL", lambda port: embedded.postgres(place.data / "postgres", databases, port=port)
        )
        with _phase("starting PostgreSQL"):
            processes.start(postgres)
        environment |= {variable: postgres.server.url_for(database) for variable, database in wanted.items()}
    if not _is_given(environment, "NATS_URL"):
        nats = KeptServer("NATS", lambda port: embedded.nats(place.data / "nats", port=port))
        with _phase("starting NATS"):
            processes.start(nats)
        environment["NATS_URL"] = nats.server.url


async def _look_into(environment: Mapping[str, str]) -> tuple[list[str], bool]:
    """
    Return the processes whose databases are to be migrated, and whether the demo data is there.

    Most starts find nothing to do, and to start the programs that do it would take half of the time until `ready`.
    """
    *current, has_demo = await asyncio.gather(
        *(_holds(_is_current, process, environment) for process in MODULES),
        _holds(lambda _, url: demo_accounts.are_present(url), "gateway", environment),
    )
    return [process for process, is_there in zip(MODULES, current, strict=True) if not is_there], has_demo


async def _is_current(process: str, url: str) -> bool:
    """Return whether a database has all that its ``migrate`` brings."""
    match process:
        case "gateway":
            return await is_current(url, "gateway.accounts", messaging=False)
        case "knowledge":
            return await is_current(url, MODULES[process]) and await has_own_topics(url)
        case _:
            return await is_current(url, MODULES[process])


async def _holds(claim: Callable[[str, str], Awaitable[bool]], process: str, environment: Mapping[str, str]) -> bool:
    """Return whether something is known to be so of a process's database; what is wrong with it, other programs say."""
    try:
        return await claim(process, environment[f"{process.upper()}_DATABASE_URL"])
    except (KeyError, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return False


def _commands(environment: dict[str, str]) -> list[Command]:
    """Return the processes of the platform, each with its name, in a colour where there are some, before its lines."""
    modules = TOGETHER if environment.get("SERVICES") == "together" else MODULES
    width = max(map(len, modules))
    commands = []
    for number, (name, module) in enumerate(modules.items()):
        label = f" {name:<{width}} | "
        if sys.stdout.isatty():
            label = f"\033[{FIRST_COLOUR + number}m{label}\033[0m"
        commands.append(Command(name, [sys.executable, "-m", module], environment, ROOT, label))
    return commands


def _add_settings(environment: dict[str, str], place: Place) -> None:
    """Add the settings of the processes that the operator does not give; make the keys and secrets they name."""
    try:
        keep_keys(place.data)
    except Unusable as reason:
        raise CannotStart(str(reason)) from None
    except OSError as error:
        raise CannotStart(f"{error.filename}: {error.strerror}") from None
    listen = {
        process: environment.get(f"{process.upper()}_LISTEN") or f"{HOST}:{embedded.free_port()}"
        for process in MODULES
        if process != "gateway"
    }
    settings = {
        # An open page must not hold up Ctrl-C.
        **{f"{process.upper()}_SHUTDOWN_SECONDS": "3" for process in MODULES},
        **{f"{process.upper()}_LISTEN": address for process, address in listen.items()},
        **{f"GATEWAY_{process.upper()}_ADDRESS": address for process, address in listen.items()},
        **{f"{issuer.upper()}_SIGNING_KEY_FILE": str(place.data / f"{issuer}-key.pem") for issuer in ISSUERS},
        "FORUM_EXCHANGE_ADDRESS": listen["exchange"],
        "GATEWAY_LISTEN": f"{HOST}:{place.port}",
        "GATEWAY_SECRET_KEY_FILE": str(place.data / "secret-key"),
        "IDENTITY_TRUSTED_KEYS": str(place.data / "trusted-keys.json"),
        "KNOWLEDGE_EXCHANGE_ADDRESS": listen["exchange"],
        "KNOWLEDGE_FORUM_ADDRESS": listen["forum"],
        "KNOWLEDGE_INDEX_PATH": str(place.data / "index"),
        "KNOWLEDGE_PUBLIC_URL": place.url,
    }
    for variable, value in settings.items():
        if not _is_given(environment, variable.removesuffix("_FILE")):
            environment[variable] = value
    environment["PYTHONUNBUFFERED"] = "1"
    # As in the Makefile: who starts us otherwise may have it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])


def _tell_settings(environment: dict[str, str], place: Place) -> None:
    """Write what the processes are told where the operator's shell can read it."""
    names = sorted(name for name in environment if name.startswith(SETTINGS))
    lines = [f"{name}={shlex.quote(environment[name])}\n" for name in names]
    lines.append(f"PLATFORM_URL={place.url}\n")
    write_secret(place.data / "settings.env", "".join(lines))


def _is_given(environment: dict[str, str], setting: str) -> bool:
    return setting in environment or f"{setting}_FILE" in environment


def _run_all(modules: dict[str, list[str]], environment: dict[str, str], place: Place) -> None:
    """Run Python modules with their arguments side by side to their end; their standard error goes into log files."""
    logs = {task: place.data / f"{task.replace(' ', '-')}.log" for task in modules}
    with contextlib.ExitStack() as stack:
        running = {}
        for task, command in modules.items():
            output = stack.enter_context(logs[task].open("w"))
            running[task] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,
            )
            stack.callback(_end, running[task])
        deadline = time.monotonic() + COMMAND_SECONDS
        for task, process in running.items():
            try:
                code = process.wait(deadline - time.monotonic())
            except subprocess.TimeoutExpired:
                raise CannotStart(f"{task} takes longer than {COMMAND_SECONDS} s ({logs[task]})") from None
            if code:
                raise CannotStart(f"{task}: {embedded.reason(logs[task].read_text())} ({logs[task]})")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # Without effect on one that has ended.
    process.wait()


def _await_ready(environment: Mapping[str, str], place: Place, processes: Processes) -> None:
    """Wait until the services listen, and the gateway says that every part is ready."""
    _await_listening(environment, processes)
    deadline = time.monotonic() + READY_SECONDS
    said = "it does not answer"
    while time.monotonic() < deadline:
        if death := processes.death(seconds=0.1):
            raise CannotStart(str(death))
        try:
            with open_directly(f"http://{HOST}:{place.port}/readyz", 5):
                return
        except urllib.error.HTTPError as answer:
            said = " ".join(answer.read().decode(errors="replace").split())
        except OSError:
            continue
    raise CannotStart(f"the gateway is not ready within {READY_SECONDS} s: {said}")


def _await_listening(environment: Mapping[str, str], processes: Processes) -> None:
    """Wait until every service has its port, a while at most; until then the gateway would log that it is not ready."""
    deadline = time.monotonic() + READY_SECONDS
    addresses = [environment.get(f"{process.upper()}_LISTEN", "") for process in MODULES]
    for host, _, port in [address.rpartition(":") for address in addresses if address]:
        while time.monotonic() < deadline:
            if death := processes.death(seconds=0.05):
                raise CannotStart(str(death))
            with contextlib.suppress(OSError, ValueError):
                socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
                break


@contextlib.contextmanager
def _phase(what: str) -> Iterator[None]:
    """Say what is going on, if it takes longer than a second."""
    timer = threading.Timer(1.0, print, args=(f"{what} …",), kwargs={"flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _ask(_number: int, _frame: FrameType | None) -> NoReturn:
    _ignore_signals()
    raise Asked


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
